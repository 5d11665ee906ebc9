package report

import (
	"bytes"
	"fmt"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
)

// Bars is a histogram.
type Bars struct {
	Title, X, Y string
	Bars        []Bar
	Line        float64 // where a vertical line stands; 0: there is none
}

// A Bar stands from From to To.
type Bar struct{ From, To, Height float64 }

// Write draws the histogram as NAME.svg and NAME.png in a directory.
func (b Bars) Write(dir, name string) error {
	g, err := b.draw()
	if err != nil {
		return fmt.Errorf("plot %s: %w", name, err)
	}
	return save(g, dir, name)
}

// SVG is the histogram as a picture for a page.
func (b Bars) SVG() ([]byte, error) {
	g, err := b.draw()
	if err != nil {
		return nil, err
	}
	w, err := g.WriterTo(plotWidth*2/3, plotHeight*2/3, "svg")
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	_, err = w.WriteTo(&out)
	return out.Bytes(), err
}

func (b Bars) draw() (*plot.Plot, error) {
	g := plot.New()
	g.Title.Text, g.X.Label.Text, g.Y.Label.Text = b.Title, b.X, b.Y
	h := &plotter.Histogram{FillColor: plotutil.SoftColors[2], LineStyle: plotter.DefaultLineStyle}
	top := 0.0
	for _, bar := range b.Bars {
		h.Bins = append(h.Bins, plotter.HistogramBin{Min: bar.From, Max: bar.To, Weight: bar.Height})
		h.Width = bar.To - bar.From
		top = max(top, bar.Height)
	}
	if len(b.Bars) > 0 {
		g.Add(plotter.NewGrid(), h)
	}
	if b.Line > 0 && top > 0 {
		l, err := plotter.NewLine(plotter.XYs{{X: b.Line, Y: 0}, {X: b.Line, Y: top}})
		if err != nil {
			return nil, err
		}
		l.Color, l.Dashes, l.Width = plotutil.Color(0), plotutil.Dashes(1), vg.Points(1.5)
		g.Add(l)
	}
	g.Y.Min = 0
	return g, nil
}
