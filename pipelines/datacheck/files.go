package datacheck

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"path/filepath"
	"strings"
	"unicode"

	"moslava/internal/atomicfile"
	"moslava/pipelines/report"
)

// Files of a report, beside which each stage has plots.
const (
	HTMLFile = "data.html"
	JSONFile = "data.json"
)

//go:embed page.html.tmpl
var pageSource string

var page = template.Must(template.New("data").Funcs(template.FuncMap{
	"jpeg": func(b []byte) template.URL { return dataURL("image/jpeg", b) },
	"svg": func(b report.Bars) (template.URL, error) {
		svg, err := b.SVG()
		return dataURL("image/svg+xml", svg), err
	},
	"short": shorten,
	"line":  Counts.line,
}).Parse(pageSource))

func dataURL(kind string, b []byte) template.URL {
	return template.URL("data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(b))
}

// WriteFiles leaves the report in a directory: one page that needs nothing beside it, JSON, and each histogram as PNG and SVG.
func (r *Report) WriteFiles(dir string) error {
	if err := atomicfile.MkdirAll(dir); err != nil {
		return err
	}
	for i := range r.Stages {
		s := &r.Stages[i]
		for name, b := range map[string]report.Bars{"tokens": s.TokenBars(), "pictures": s.SideBars()} {
			if len(b.Bars) == 0 {
				continue
			}
			if err := b.Write(dir, fmt.Sprintf("%02d-%s-%s", i, fileName(s.Name), name)); err != nil {
				return err
			}
		}
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := atomicfile.WriteBytes(filepath.Join(dir, JSONFile), append(text, '\n')); err != nil {
		return err
	}
	var b bytes.Buffer
	if err := page.Execute(&b, r); err != nil {
		return fmt.Errorf("the page of %s: %w", r.Recipe, err)
	}
	return atomicfile.WriteBytes(filepath.Join(dir, HTMLFile), bytes.Map(visible, b.Bytes()))
}

// visible replaces the control characters that HTML forbids.
func visible(r rune) rune {
	if unicode.IsControl(r) && r != '\n' && r != '\t' {
		return unicode.ReplacementChar
	}
	return r
}

// fileName is a stage's name with nothing in it that names of files cannot have.
func fileName(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("._-", r) {
			return r
		}
		return '_'
	}, name)
}

// TokenBars is the histogram of the lengths of samples, with a line at max_length.
func (s *Stage) TokenBars() report.Bars {
	return report.Bars{Title: s.Name + ": tokens of a sample", X: "tokens", Y: "samples", Bars: s.Lengths.chart(),
		Line: s.lineAt()}
}

// lineAt is max_length, if it is near enough to what there is.
func (s *Stage) lineAt() float64 {
	if s.MaxLength > 2*s.Lengths.Quantile(1) {
		return 0
	}
	return float64(s.MaxLength)
}

// SideBars is the histogram of the longest sides of pictures.
func (s *Stage) SideBars() report.Bars {
	return report.Bars{Title: s.Name + ": longest side of a picture", X: "pixels", Y: "pictures", Bars: s.Sides.chart()}
}

func (c Counts) chart() (out []report.Bar) {
	for _, b := range c.Bins() {
		out = append(out, report.Bar{From: float64(b.From), To: float64(b.To), Height: float64(b.Count)})
	}
	return out
}
