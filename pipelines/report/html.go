package report

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/url"
	"path/filepath"
	"strconv"
	"unicode"

	"moslava/internal/atomicfile"
)

//go:embed report.html.tmpl
var pageSource string

var page = template.Must(template.New("report").Parse(pageSource))

// WriteHTML writes the report as one HTML file, whole or not at all. Pictures and curves are in it, nothing is fetched when
// it is opened, and every text is escaped. Tables with rows of the wrong length, fractions outside 0..1, steps out of order
// and pictures that no browser shows are errors, and nothing is written then.
func WriteHTML(path string, r Run) error {
	if err := r.check(); err != nil {
		return err
	}
	var b bytes.Buffer
	if err := page.Execute(&b, newView(r)); err != nil {
		return fmt.Errorf("report %q: %w", r.Title, err)
	}
	return atomicfile.WriteBytes(path, bytes.Map(visible, b.Bytes()))
}

// visible replaces the control characters that HTML forbids, which a model's answer may hold.
func visible(r rune) rune {
	if unicode.IsControl(r) && r != '\n' && r != '\t' {
		return '\uFFFD'
	}
	return r
}

// view is a Run as the template wants it.
type view struct {
	Run
	Charts  []chart
	Counted bool
	Rows    []viewRow
	Cards   []card
	Right   int
	Links   []link
}

type viewRow struct {
	Row
	Count string
	Cells []viewCell
}

type viewCell struct {
	Column, Text, Interval string
	Percent                float64
	Measured               bool
}

type card struct {
	QA
	Source  template.URL // data URI of the picture
	Choices []choice
}

type choice struct {
	Letter, Text string
	Want, Picked bool
}

type link struct {
	Name string
	To   string // empty: a name only
}

func newView(r Run) view {
	v := view{Run: r, Charts: charts(r.Curves)}
	for _, row := range r.Table {
		vr := viewRow{Row: row}
		if row.N > 0 {
			v.Counted = true
			vr.Count = strconv.Itoa(row.N)
		}
		for i, c := range row.Cells {
			vr.Cells = append(vr.Cells, viewCell{r.Columns[i], c.text(), c.interval(), round(100 * c.Value), c.Measured})
		}
		v.Rows = append(v.Rows, vr)
	}
	for _, q := range r.Gallery {
		v.Cards = append(v.Cards, newCard(q))
		if q.Correct {
			v.Right++
		}
	}
	for _, f := range r.Files {
		l := link{Name: f}
		if filepath.IsLocal(f) {
			l.To = (&url.URL{Path: "./" + filepath.ToSlash(f)}).String()
		}
		v.Links = append(v.Links, l)
	}
	return v
}

func newCard(q QA) card {
	c := card{QA: q}
	if len(q.PNG) > 0 {
		c.Source = template.URL("data:" + mediaType(q.PNG) + ";base64," + base64.StdEncoding.EncodeToString(q.PNG))
	}
	for i, text := range q.Options {
		letter := string(rune('A' + i))
		c.Choices = append(c.Choices, choice{letter, text, letter == q.Want, letter == q.Answer})
	}
	return c
}
