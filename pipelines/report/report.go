// Package report turns a finished run into something to read: one HTML file that needs nothing beside it, Markdown for
// a README, and a small table for the terminal. It knows tables, curves and pictures as they are given to it. It reads
// no run and computes no score; pipelines/runreport and the demonstration collect what is shown.
package report

import (
	"bytes"
	"fmt"
	"math"
)

// Names of a report in the directory that it is on.
const (
	HTMLFile     = "report.html"
	MarkdownFile = "report.md"
)

// Run is what a report shows. Empty parts are left out.
type Run struct {
	Title   string
	Summary []KV     // model and recipe, a line each
	Curves  []Curve  // losses and the like over steps
	Columns []string // of Table, usually Columns()
	Table   []Row    // accuracies; each row has a cell for each of Columns
	Gallery []QA     // questions with the model's answers
	Files   []string // paths of the run's files, relative to the report
	Notes   []string
}

// Columns of the usual table: what a blind guesser gets, the model with its projector aligned, the same training with the
// projector alone, the tuned model, and the tuned model shown grey pictures.
func Columns() []string {
	return []string{"chance", "after align", "control", "after tune", "blank"}
}

// KV is a line of the summary.
type KV struct{ Key, Value string }

// Curve is a quantity over steps. Values that are not finite leave a gap in the line and are counted under it.
type Curve struct {
	Chart  string // curves with the same chart share axes; a chart of its own, called Name, when empty
	Name   string
	X, Y   string // axis labels; "step" and "loss" when empty
	Steps  []float64
	Values []float64 // as many as Steps
}

// Row is a line of the table.
type Row struct {
	Name  string
	N     int  // questions; not shown when 0
	Total bool // set off from the others
	Cells []Cell
}

// Cell is an accuracy as a fraction from 0 to 1. The zero value was not measured.
type Cell struct {
	Measured  bool
	Value     float64
	Low, High float64 // confidence interval; none when both are 0
}

// Value is a cell without an interval.
func Value(v float64) Cell { return Cell{Measured: true, Value: v} }

// Interval is a cell with a confidence interval.
func Interval(v, low, high float64) Cell { return Cell{Measured: true, Value: v, Low: low, High: high} }

func (c Cell) hasInterval() bool { return c.Measured && (c.Low != 0 || c.High != 0) }

// text is the cell in per cent.
func (c Cell) text() string {
	if !c.Measured {
		return "–"
	}
	return fmt.Sprintf("%.1f", 100*c.Value)
}

// interval is the confidence interval in whole per cent, empty if there is none.
func (c Cell) interval() string {
	if !c.hasInterval() {
		return ""
	}
	return fmt.Sprintf("%.0f–%.0f", 100*c.Low, 100*c.High)
}

// QA is a question put to the model.
type QA struct {
	PNG      []byte // the picture; JPEG, GIF and WebP will do, too; none if empty
	Question string
	Options  []string // texts of A, B, C..; none for an open or yes/no question
	Answer   string   // what the model said
	Want     string   // the right answer, a letter when there are options
	Correct  bool
}

// check finds what cannot be shown, before anything is written.
func (r Run) check() error {
	for i, row := range r.Table {
		if len(row.Cells) != len(r.Columns) {
			return fmt.Errorf("report %q: table row %d (%s): found %d cells, expected %d, one a column", r.Title, i, row.Name, len(row.Cells), len(r.Columns))
		}
		for k, c := range row.Cells {
			for _, v := range []float64{c.Value, c.Low, c.High} {
				if math.IsNaN(v) || v < 0 || v > 1 {
					return fmt.Errorf("report %q: table row %d (%s), column %s: found %v, expected a fraction from 0 to 1", r.Title, i, row.Name, r.Columns[k], v)
				}
			}
		}
	}
	for _, c := range r.Curves {
		if len(c.Steps) != len(c.Values) {
			return fmt.Errorf("report %q: curve %s: found %d steps and %d values, expected as many", r.Title, c.Name, len(c.Steps), len(c.Values))
		}
		for i, x := range c.Steps {
			if !finite(x) || (i > 0 && x < c.Steps[i-1]) {
				return fmt.Errorf("report %q: curve %s: found step %v at place %d, expected finite steps in order", r.Title, c.Name, x, i)
			}
		}
	}
	for i, q := range r.Gallery {
		if len(q.PNG) > 0 && mediaType(q.PNG) == "" {
			return fmt.Errorf("report %q: gallery picture %d starts with % x, expected PNG, JPEG, GIF or WebP", r.Title, i, q.PNG[:min(8, len(q.PNG))])
		}
		if len(q.Options) > 26 {
			return fmt.Errorf("report %q: gallery question %d: found %d options, expected at most 26", r.Title, i, len(q.Options))
		}
	}
	return nil
}

// mediaType tells a picture's type by its first bytes, empty if it is none that browsers show.
func mediaType(b []byte) string {
	switch {
	case bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n")):
		return "image/png"
	case bytes.HasPrefix(b, []byte("\xff\xd8\xff")):
		return "image/jpeg"
	case bytes.HasPrefix(b, []byte("GIF8")):
		return "image/gif"
	case len(b) > 12 && string(b[:4]) == "RIFF" && string(b[8:12]) == "WEBP":
		return "image/webp"
	}
	return ""
}
