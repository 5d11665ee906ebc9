package study

import (
	"math"
	"path/filepath"
	"slices"

	"moslava/pipelines/report"
)

// plots draws the study into a directory and returns the names of the pictures for a page; each is there as PNG, too.
func (s *Summary) plots(dir string) ([]string, error) {
	if len(s.Groups) == 0 {
		return nil, nil
	}
	drawn := map[string]report.Plot{"accuracy": s.accuracyPlot(), "difference": s.differencePlot()}
	order := []string{"accuracy", "difference"}
	if len(s.Study.Fractions) > 1 {
		drawn["fractions"], order = s.fractionPlot(), append(order, "fractions")
	}
	if len(s.Study.LearningRates) > 1 {
		drawn["rates"], order = s.ratePlot(), append(order, "rates")
	}
	var names []string
	for _, name := range order {
		if err := drawn[name].Write(filepath.Clean(dir), name); err != nil {
			return nil, err
		}
		names = append(names, name+".svg")
	}
	return names, nil
}

// whole are the groups with all of the data.
func (s *Summary) whole() []Group {
	return slices.DeleteFunc(slices.Clone(s.Groups), func(g Group) bool { return g.Fraction != 1 })
}

// accuracyPlot has each group's mean with its interval, and a point for each seed.
func (s *Summary) accuracyPlot() report.Plot {
	p := report.Plot{Title: "Accuracy, all of the data", Y: "questions answered right, %"}
	var all, seeds report.Series
	seeds.Small = true
	for i, g := range s.whole() {
		t := g.Stats[0]
		p.Names = append(p.Names, s.label(g.Method, g.Rank))
		all.X, all.Y = append(all.X, float64(i)), append(all.Y, 100*t.Accuracy.Mean)
		all.Low, all.High = append(all.Low, 100*t.Accuracy.Low), append(all.High, 100*t.Accuracy.High)
		for _, a := range t.ByCell {
			seeds.X, seeds.Y = append(seeds.X, float64(i)+0.15), append(seeds.Y, 100*a)
		}
	}
	p.Series = []report.Series{all, seeds}
	return p
}

// differencePlot has the difference of each group from the baseline.
func (s *Summary) differencePlot() report.Plot {
	p := report.Plot{Title: "Difference from " + s.Study.Baseline + ", in pairs", Y: "points", Zero: true}
	var d report.Series
	for _, g := range s.whole() {
		t := g.Stats[0]
		if t.Pairs == 0 {
			continue
		}
		d.X, d.Y = append(d.X, float64(len(p.Names))), append(d.Y, 100*t.Against.Mean)
		d.Low, d.High = append(d.Low, 100*t.Against.Low), append(d.High, 100*t.Against.High)
		p.Names = append(p.Names, s.label(g.Method, g.Rank))
	}
	p.Series = []report.Series{d}
	return p
}

// fractionPlot has a curve for each method and rank.
func (s *Summary) fractionPlot() report.Plot {
	p := report.Plot{Title: "Accuracy by share of the data", X: "% of the data", Y: "questions answered right, %", LogX: true}
	for _, c := range s.Choices {
		curve := report.Series{Name: s.label(c.Method, c.Rank), Line: true}
		for _, f := range slices.Sorted(slices.Values(s.Study.Fractions)) {
			g := s.group(c.Method, c.Rank, f)
			if g == nil {
				continue
			}
			curve.X, curve.Y = append(curve.X, 100*f), append(curve.Y, 100*g.Stats[0].Accuracy.Mean)
			curve.Low, curve.High = append(curve.Low, 100*g.Stats[0].Accuracy.Low), append(curve.High, 100*g.Stats[0].Accuracy.High)
		}
		p.Series = append(p.Series, curve)
	}
	return p
}

// ratePlot has the validation loss over the learning rate.
func (s *Summary) ratePlot() report.Plot {
	p := report.Plot{Title: "Loss on the validation share", X: "learning rate", Y: "nats a target", LogX: true}
	for _, c := range s.Choices {
		if slices.ContainsFunc(c.Losses, func(l float64) bool { return !math.IsNaN(l) }) {
			p.Series = append(p.Series, report.Series{Name: s.label(c.Method, c.Rank), X: c.Rates, Y: c.Losses, Line: true})
		}
	}
	return p
}
