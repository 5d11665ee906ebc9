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
		for i, unit := range r.Series.Y {
			if i == 0 && name != "tokens" {
				continue // steps and rows are about memory
			}
			kind := [...]string{"time", "memory"}[i]
			if err := one(filepath.Join(out, fmt.Sprintf("%s-%s.svg", kind, name)), unit, i, r); err != nil {
				return err
			}
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

func one(path, unit string, column int, r result) error {
	if column > 1 {
		return errors.New("a series has two columns")
	}
	p := plot.New()
	p.Title.Text = fmt.Sprintf("%s, %.10s", r.Machine.CPU, r.Date)
	if r.Quick {
		p.Title.Text += " (quick run: means nothing)"
	}
	p.X.Label.Text, p.Y.Label.Text = r.Series.X, unit
	p.X.Min, p.Y.Min = 0, 0
	var xys plotter.XYs
	for _, pt := range r.Series.Points {
		xys = append(xys, plotter.XY{X: pt[0], Y: pt[1+column]})
	}
	if err := plotutil.AddLinePoints(p, xys); err != nil {
		return err
	}
	p.Add(plotter.NewGrid())
	p.X.Min, p.Y.Min = 0, 0
	return p.Save(16*vg.Centimeter, 10*vg.Centimeter, path)
}
