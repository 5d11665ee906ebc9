package suites

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"slices"
	"strconv"

	"moslava/internal/atomicfile"
	"moslava/internal/terminal"
	"moslava/pipelines/eval/score"
	"moslava/pipelines/eval/suites"
)

//go:embed page.html.tmpl
var pageSource string

var page = template.Must(template.New("suites").Funcs(template.FuncMap{
	"image": dataURI, "percent": percent, "accuracy": accuracy, "chance": chance, "p": pValue, "range95": interval, "short": short,
}).Parse(pageSource))

// WriteHTML writes the page as one HTML file, whole or not at all. Pictures and charts are in it, nothing is fetched when it is
// opened, it holds no script, and every text is escaped.
func WriteHTML(path string, p Page) error {
	var b bytes.Buffer
	v := view{Page: p}
	for _, s := range p.Sections {
		v.Views = append(v.Views, newView(p, s))
	}
	if err := page.Execute(&b, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return atomicfile.WriteBytes(path, bytes.Map(visible, b.Bytes()))
}

// visible replaces control characters, which HTML forbids and a model's answer may hold, and those that turn the
// direction of text.
func visible(r rune) rune {
	if terminal.Control(r) {
		return '\uFFFD'
	}
	return r
}

type view struct {
	Page
	Views []sectionView
}

// sectionView is a section as the template wants it.
type sectionView struct {
	Section
	Run, Other string
	Measure    string // what the accuracy counts
	Total      row
	Charts     []chart
	Tables     []table
}

type table struct {
	Name string
	Open bool
	Rows []row
}

// row is a line of a table, with the other run's tally and the pairs where there are two.
type row struct {
	Name  string
	Total bool
	Tally score.Tally
	Other *score.Tally
	Pair  *score.Paired
}

func measure(k suites.Kind) string {
	if k == suites.Circular {
		return "circular accuracy: a question counts when every pass is right"
	}
	return "accuracy: each row counts by itself"
}

func newView(p Page, s Section) sectionView {
	v := sectionView{Section: s, Run: p.Run, Other: p.Against, Measure: measure(s.Result.Kind)}
	v.Total = row{Name: "all", Total: true, Tally: s.Result.Overall.Tally}
	var otherL2, otherCategory []score.Bucket
	var pairL2, pairCategory []score.PairedBucket
	if s.Against != nil {
		o := &s.Against.Overall
		v.Total.Other, v.Total.Pair = &o.Tally, &s.Compare.Paired
		otherL2, otherCategory, pairL2, pairCategory = o.L2, o.Category, s.Compare.L2, s.Compare.Category
	}
	v.add("l2-category", s.Result.Overall.L2, otherL2, pairL2)
	v.add("category", s.Result.Overall.Category, otherCategory, pairCategory)
	if len(v.Tables) == 0 && s.Result.Overall.N > 0 {
		v.Charts = append(v.Charts, newChart("all", []row{v.Total}))
	}
	return v
}

// rowsOfChart is how many rows a chart of categories has at most.
const rowsOfChart = 12

func (v *sectionView) add(name string, buckets, other []score.Bucket, pairs []score.PairedBucket) {
	if len(buckets) == 0 {
		return
	}
	var rows []row
	for _, b := range buckets {
		r := row{Name: b.Name, Tally: b.Tally}
		for i := range other {
			if other[i].Name == b.Name {
				r.Other = &other[i].Tally
			}
		}
		for i := range pairs {
			if pairs[i].Name == b.Name {
				r.Pair = &pairs[i].Paired
			}
		}
		rows = append(rows, r)
	}
	title := "by " + name
	if v.Total.Tally.N == 0 { // nothing is scored: there is nothing to draw
		v.Tables = append(v.Tables, table{title, len(v.Tables) == 0, append(rows, v.Total)})
		return
	}
	if len(v.Charts) == 0 {
		v.Charts = append(v.Charts, newChart(title, append([]row{v.Total}, rows...)))
	} else {
		parts := (len(rows) + rowsOfChart - 1) / rowsOfChart // as long as the first, beside it where there is room
		for some := range slices.Chunk(rows, (len(rows)+parts-1)/parts) {
			v.Charts = append(v.Charts, newChart(title, some))
			title += ", continued"
		}
	}
	v.Tables = append(v.Tables, table{"by " + name, len(v.Tables) == 0, append(rows, v.Total)})
}

// Difference is that of the two accuracies in points.
func (r row) Difference() string {
	if r.Other == nil || r.Tally.N == 0 || r.Other.N == 0 {
		return ""
	}
	return fmt.Sprintf("%+.1f", 100*(r.Tally.Circular-r.Other.Circular))
}

func dataURI(b []byte) template.URL {
	kind := "image/jpeg"
	if bytes.HasPrefix(b, []byte("\x89PNG")) {
		kind = "image/png"
	}
	return template.URL("data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(b))
}

// short is an answer for a cell of a table.
func short(text string) string {
	const longest = 80 // runes
	if r := []rune(text); len(r) > longest {
		return string(r[:longest]) + " […]"
	}
	return text
}

// percent is a fraction in per cent.
func percent(f float64) string { return strconv.FormatFloat(100*f, 'f', 1, 64) }

// accuracy and chance are a tally's in per cent with their sign, "-" where no question has an answer in the suite.
func accuracy(t score.Tally) string { return percentOf(t, float64(t.Circular)) }

func chance(t score.Tally) string { return percentOf(t, t.ChanceSteady) }

func percentOf(t score.Tally, f float64) string {
	if t.N == 0 {
		return "-"
	}
	return percent(f)
}

// interval is a tally's 95 % interval.
func interval(t score.Tally) string {
	if t.N == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f–%.1f", 100*t.Low, 100*t.High)
}

// pValue is a p-value as papers give it.
func pValue(p float64) string {
	if p < 0.001 {
		return "< 0.001"
	}
	return strconv.FormatFloat(p, 'f', 3, 64)
}
