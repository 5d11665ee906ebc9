// Command plot draws what a step costs against tokens, steps and rows of data, from the series in results.jsonl.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
	drawing "gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// result is what is drawn of a line: points are x, seconds and MiB.
type result struct {
	Case    string `json:"case"`
	Date    string `json:"date"`
	Quick   bool   `json:"quick"`
	Machine struct {
		CPU string `json:"cpu"`
	} `json:"machine"`
	Series *struct {
		X      string       `json:"x"`
		Y      []string     `json:"y"`
		Points [][3]float64 `json:"points"`
	} `json:"series"`
}

func main() {
	results := flag.String("results", "docs/bench/results.jsonl", "lines that scripts/bench/run.sh wrote")
	out := flag.String("out", "docs/bench", "directory of the plots")
	flag.Parse()
	if err := draw(*results, *out); err != nil {
		fmt.Fprintln(os.Stderr, "plot:", err)
		os.Exit(1)
	}
}

// draw makes cost-CASE.svg of the last series of each case, of a full run if there is one.
func draw(results, out string) error {
	last, err := read(results)
	if err != nil {
		return err
	}
	for name, r := range last {
		if err := one(filepath.Join(out, fmt.Sprintf("cost-%s.svg", name)), r); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func read(path string) (map[string]result, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	last := map[string]result{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<26)
	for lines.Scan() {
		var r result
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, err
		}
		if old, there := last[r.Case]; r.Series != nil && (!there || old.Quick || !r.Quick) {
			last[r.Case] = r
		}
	}
	return last, lines.Err()
}

// one draws time and memory side by side.
func one(path string, r result) error {
	if len(r.Series.Y) != 2 {
		return errors.New("a series has two columns")
	}
	row := make([]*plot.Plot, 2)
	for column, unit := range r.Series.Y {
		p, err := panel(unit, column, r)
		if err != nil {
			return err
		}
		row[column] = p
	}
	image := vgsvg.New(26*vg.Centimeter, 10*vg.Centimeter)
	tiles := drawing.Tiles{Rows: 1, Cols: 2, PadX: 6 * vg.Millimeter, PadRight: 5 * vg.Millimeter, PadTop: 2 * vg.Millimeter, PadBottom: 2 * vg.Millimeter}
	canvases := plot.Align([][]*plot.Plot{row}, tiles, drawing.New(image))
	for i, p := range row {
		p.Draw(canvases[0][i])
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = image.WriteTo(f)
	return errors.Join(err, f.Close())
}

func panel(unit string, column int, r result) (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text = fmt.Sprintf("%s, %.10s", r.Machine.CPU, r.Date)
	if r.Quick {
		p.Title.Text += " (quick run: means nothing)"
	}
	p.X.Label.Text, p.Y.Label.Text = r.Series.X, unit
	xys := plotter.XYs{}
	most := 0.0
	for _, pt := range r.Series.Points {
		xys = append(xys, plotter.XY{X: pt[0], Y: pt[1+column]})
		most = max(most, pt[1+column])
	}
	if err := plotutil.AddLinePoints(p, xys); err != nil {
		return nil, err
	}
	p.Add(plotter.NewGrid())
	p.X.Min, p.Y.Min, p.Y.Max = 0, 0, 1.1*most // from zero, so that what is flat looks flat
	return p, nil
}
