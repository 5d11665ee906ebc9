package report

import (
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/palette/moreland"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"moslava/internal/atomicfile"
)

// Plot is a picture of numbers, for files beside a Markdown report.
type Plot struct {
	Title, X, Y string
	LogX        bool     // all X must be above 0
	Names       []string // if not empty, what stands at X = 0, 1, 2, ...
	Zero        bool     // draw the line Y = 0
	Series      []Series
}

// Series is one set of points. Those whose Y is not finite are left out.
type Series struct {
	Name      string
	X, Y      []float64
	Low, High []float64 // ends of the bars through the points; nil: no bars
	Line      bool      // join the points
	Small     bool      // small grey points without an entry in the legend
}

// Sizes of plots.
const (
	plotWidth  = 18 * vg.Centimeter
	plotHeight = 11 * vg.Centimeter
)

// Write draws the plot as NAME.svg and NAME.png in a directory.
func (p Plot) Write(dir, name string) error {
	g := plot.New()
	g.Title.Text, g.X.Label.Text, g.Y.Label.Text = p.Title, p.X, p.Y
	g.Legend.Top, g.Legend.Left = true, true
	g.Add(plotter.NewGrid())
	if p.LogX {
		g.X.Scale, g.X.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	}
	if p.Zero {
		line := plotter.NewFunction(func(float64) float64 { return 0 })
		line.Dashes = plotutil.Dashes(1)
		g.Add(line)
	}
	colour := 0
	for _, s := range p.Series {
		if err := s.draw(g, colour); err != nil {
			return fmt.Errorf("plot %s: %s: %w", name, s.Name, err)
		}
		if !s.Small {
			colour++
		}
	}
	if len(p.Names) > 0 {
		g.NominalX(p.Names...)
		g.X.Min, g.X.Max = -0.5, float64(len(p.Names))-0.5
	}
	return save(g, dir, name)
}

// draw adds a series to a plot.
func (s Series) draw(g *plot.Plot, colour int) error {
	if len(s.X) != len(s.Y) || s.Low != nil && (len(s.Low) != len(s.Y) || len(s.High) != len(s.Y)) {
		return errors.New("a series has as many X, Y, Low and High")
	}
	var pts bars
	for i, y := range s.Y {
		if math.IsNaN(y) || math.IsInf(y, 0) {
			continue
		}
		pts.XYs = append(pts.XYs, plotter.XY{X: s.X[i], Y: y})
		if s.Low != nil {
			pts.ends = append(pts.ends, [2]float64{y - s.Low[i], s.High[i] - y})
		}
	}
	if len(pts.XYs) == 0 {
		return nil
	}
	dots, err := plotter.NewScatter(pts.XYs)
	if err != nil {
		return err
	}
	dots.GlyphStyle.Shape, dots.GlyphStyle.Color, dots.GlyphStyle.Radius = draw.CircleGlyph{}, plotutil.Color(colour), 3
	if s.Small {
		dots.GlyphStyle.Color, dots.GlyphStyle.Radius = plotutil.SoftColors[len(plotutil.SoftColors)-1], 1.5
	}
	if s.Low != nil {
		e, err := plotter.NewYErrorBars(pts)
		if err != nil {
			return err
		}
		e.Color = plotutil.Color(colour)
		g.Add(e)
	}
	if s.Line {
		l, err := plotter.NewLine(pts.XYs)
		if err != nil {
			return err
		}
		l.Color, l.Dashes = plotutil.Color(colour), plotutil.Dashes(colour/len(plotutil.DefaultColors))
		g.Add(l)
	}
	g.Add(dots)
	if s.Name != "" && !s.Small {
		g.Legend.Add(s.Name, dots)
	}
	return nil
}

// bars are points with the lengths of their bars, downwards and upwards.
type bars struct {
	plotter.XYs
	ends [][2]float64
}

// YError implements plotter.YErrorer.
func (b bars) YError(i int) (low, high float64) { return b.ends[i][0], b.ends[i][1] }

// Heat is a table of numbers from 0 to 1 as colours, row 0 at the bottom.
type Heat struct {
	Title, X, Y string
	Values      [][]float64
}

// Write draws the table as NAME.svg and NAME.png in a directory; rows and columns count from 1.
func (h Heat) Write(dir, name string) error {
	g := plot.New()
	g.Title.Text, g.X.Label.Text, g.Y.Label.Text = h.Title, h.X, h.Y
	m := plotter.NewHeatMap(grid(h.Values), moreland.Kindlmann().Palette(64))
	m.Min, m.Max = 0, 1
	g.Add(m)
	return save(g, dir, name)
}

// Dims, Z, X and Y implement plotter.GridXYZ.
func (h grid) Dims() (columns, rows int) { return len(h[0]), len(h) }
func (h grid) Z(column, row int) float64 { return h[row][column] }
func (h grid) X(column int) float64      { return float64(column + 1) }
func (h grid) Y(row int) float64         { return float64(row + 1) }

// grid is a Heat's values as the plotter asks for them.
type grid [][]float64

// save writes both forms, each whole or not at all.
func save(g *plot.Plot, dir, name string) error {
	for _, format := range []string{"svg", "png"} {
		w, err := g.WriterTo(plotWidth, plotHeight, format)
		if err != nil {
			return fmt.Errorf("plot %s: %w", name, err)
		}
		write := func(out io.Writer) error {
			_, err := w.WriteTo(out)
			return err
		}
		if err := atomicfile.WriteFile(filepath.Join(dir, name+"."+format), write); err != nil {
			return err
		}
	}
	return nil
}
