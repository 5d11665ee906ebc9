package study

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"path"
	"path/filepath"
	"slices"
)

// markdown writes the report for people. plots are files beside it.
func (s *Summary) markdown(w io.Writer, plots []string) error {
	var b bytes.Buffer
	st := s.Study
	fmt.Fprintf(&b, "# Study %s\n\n", st.writtenName())
	fmt.Fprintf(&b, "    moslava study %s\n\n", filepath.Base(st.file))
	fmt.Fprintf(&b, "%d methods, ranks %s, seeds %s, learning rates %s, fractions of the data %s; the base recipe is `%s`.\n",
		len(st.Methods), list(st.Ranks), list(st.Seeds), list(st.LearningRates), list(st.Fractions), path.Base(st.environment.Written("base", filepath.ToSlash(string(st.Base)))))
	fmt.Fprintf(&b, "%d of %d cells are finished; training and evaluating them took %s.\n", s.Finished, s.Total, hours(s.Seconds))
	if s.Finished < s.Total {
		fmt.Fprintf(&b, "**This study is not finished: the numbers are those of the cells that are.**\n")
	}
	for i, suite := range s.Suites {
		s.suite(&b, i, suite)
	}
	s.losses(&b)
	s.cost(&b)
	s.rates(&b)
	s.fractions(&b)
	fmt.Fprintf(&b, "\n## How it was done\n\n")
	fmt.Fprintf(&b, "* With one seed, every method has the same data in the same order, and starts from the same model: what comes before the varied stage is run once.\n")
	fmt.Fprintf(&b, "* Learning rates are chosen for each method and rank by the loss on samples that are held out of the training data, never on a suite.\n")
	fmt.Fprintf(&b, "* Accuracy is that of whole questions: all rotations answered right, where a suite rotates options.\n")
	fmt.Fprintf(&b, "* Intervals of %g %% are bootstrap percentiles of %d draws (seed %d). Each draw takes seeds and questions anew, both with replacement; a difference from %s is taken within the same seed and question, so both are drawn in pairs.\n",
		100*st.Bootstrap.Level, st.Bootstrap.Draws, st.Bootstrap.Seed, st.Baseline)
	fmt.Fprintf(&b, "* They are not adjusted for the number of comparisons: of twenty differences that are nothing, one is expected to look like something.\n")
	fmt.Fprintf(&b, "* The same file and program give the same numbers but for time and memory; `cells.csv`, `summary.csv` and `rates.csv` have them all.\n")
	for i, p := range plots {
		if i == 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "![%s](%s)\n", p, p)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// suite is the table of one suite with all of the data.
func (s *Summary) suite(b *bytes.Buffer, i int, name string) {
	base := s.Study.Baseline
	fmt.Fprintf(b, "\n## Accuracy on %s\n\n", name)
	fmt.Fprintf(b, "| method | learning rate | seeds | mean %% | deviation | interval | common seeds | minus %s | interval | |\n|---|---|---|---|---|---|---|---|---|---|\n", base)
	for _, g := range s.Groups {
		if g.Fraction != 1 || i >= len(g.Stats) {
			continue
		}
		t := g.Stats[i]
		fmt.Fprintf(b, "| %s | %g | %d | %.2f | %.2f | %s | ", s.label(g.Method, g.Rank), g.Rate, len(g.Cells), 100*t.Accuracy.Mean, 100*t.Deviation, between(t.Accuracy, "%.2f"))
		s.difference(b, t)
	}
	if s.uneven(i, func(g Group) bool { return g.Fraction == 1 }) {
		s.apart(b)
	}
	s.floor(b, i)
	b.WriteByte('\n')
	for _, g := range s.Groups {
		if g.Fraction == 1 && i < len(g.Stats) && g.Stats[i].Pairs > 0 {
			t := g.Stats[i]
			switch {
			case t.Against.HasZero():
				fmt.Fprintf(b, "* %s: the interval contains zero. No difference from %s is shown by %s and %d questions.\n", s.label(g.Method, g.Rank), base, seeds(t.Pairs), t.Questions)
			case t.Pairs == 1:
				fmt.Fprintf(b, "* %s: %+.2f points from %s with one seed. The interval knows nothing of other seeds: it shows no difference between the methods.\n", s.label(g.Method, g.Rank), 100*t.Against.Mean, base)
			case t.Against.Mean > 0:
				fmt.Fprintf(b, "* %s: better than %s by %.2f points, and the interval does not contain zero.\n", s.label(g.Method, g.Rank), base, 100*t.Against.Mean)
			default:
				fmt.Fprintf(b, "* %s: worse than %s by %.2f points, and the interval does not contain zero.\n", s.label(g.Method, g.Rank), base, -100*t.Against.Mean)
			}
		}
	}
}

// difference ends a row: what a method has over the baseline, on the seeds that both have.
func (s *Summary) difference(b *bytes.Buffer, t Stat) {
	if t.Pairs == 0 {
		fmt.Fprintf(b, "| | | |\n")
		return
	}
	fmt.Fprintf(b, "%d | %+.2f | %s | %s |\n", t.Pairs, 100*t.Against.Mean, between(t.Against, "%+.2f"), verdict(t.Against))
}

// uneven says whether some group has other seeds than the baseline: then differences are not those of the means.
func (s *Summary) uneven(suite int, of func(g Group) bool) bool {
	return slices.ContainsFunc(s.Groups, func(g Group) bool {
		base := s.group(s.Study.Baseline, g.Rank, g.Fraction)
		return of(g) && suite < len(g.Stats) && g.Method != s.Study.Baseline && base != nil &&
			(g.Stats[suite].Pairs < len(g.Cells) || g.Stats[suite].Pairs < len(base.Cells))
	})
}

// apart says why means and differences do not add up.
func (s *Summary) apart(b *bytes.Buffer) {
	fmt.Fprintf(b, "\nMeans, deviations and their intervals are of all seeds that a method has finished; differences are of the common seeds alone, those that %s has, too. Where the two numbers of seeds differ, a difference is not that of the means.\n", s.Study.Baseline)
}

func between(i Interval, form string) string {
	return fmt.Sprintf("["+form+", "+form+"]", 100*i.Low, 100*i.High)
}

func seeds(n int) string {
	if n == 1 {
		return "one seed"
	}
	return fmt.Sprintf("%d seeds", n)
}

func verdict(i Interval) string {
	if i.HasZero() {
		return "contains zero"
	}
	return "does not contain zero"
}

// cost is the table of parameters, time and memory, with all of the data.
func (s *Summary) cost(b *bytes.Buffer) {
	fmt.Fprintf(b, "\n## Parameters, time and memory\n\n| method | adapter parameters | others trained | step s (median) | training s | peak MiB |\n|---|---|---|---|---|---|\n")
	for _, g := range s.Groups {
		if g.Fraction != 1 {
			continue
		}
		var step, train []float64
		var peak int64
		for _, c := range g.Cells {
			step, train = append(step, c.Step), append(train, c.Train)
			peak = max(peak, c.Peak)
		}
		slices.Sort(step)
		memory := "not measured"
		if peak > 0 {
			memory = fmt.Sprintf("%.0f", float64(peak)/(1<<20))
		}
		fmt.Fprintf(b, "| %s | %d | %d | %.3f | %.0f | %s |\n", s.label(g.Method, g.Rank), g.Cells[0].Adapters, g.Cells[0].Others, quantile(step, 0.5), mean([][]float64{train}), memory)
	}
	fmt.Fprintf(b, "\nTime is what the clock said: it means little where other programs ran beside the study. The peak is that of resident memory in training, pages of mapped files included.\n")
}

// rates is the table of learning rates.
func (s *Summary) rates(b *bytes.Buffer) {
	if len(s.Study.LearningRates) < 2 {
		return
	}
	fmt.Fprintf(b, "\n## Learning rates: loss on the validation share\n\n| method |")
	rule := "|---|"
	for _, lr := range s.Choices[0].Rates {
		fmt.Fprintf(b, " %g |", lr)
		rule += "---|"
	}
	fmt.Fprintf(b, " chosen |\n%s---|\n", rule)
	edge := false
	for _, c := range s.Choices {
		fmt.Fprintf(b, "| %s |", s.label(c.Method, c.Rank))
		for _, l := range c.Losses {
			if math.IsNaN(l) {
				fmt.Fprintf(b, " |")
			} else {
				fmt.Fprintf(b, " %.4f |", l)
			}
		}
		if c.Rate == 0 {
			fmt.Fprintf(b, " not yet |\n")
			continue
		}
		mark := ""
		if c.Edge {
			mark, edge = "*", true
		}
		fmt.Fprintf(b, " %g%s |\n", c.Rate, mark)
	}
	fmt.Fprintf(b, "\nMean over tuning seeds %s.\n", list(s.Study.TuningSeeds))
	if edge {
		fmt.Fprintf(b, "\\* The lowest or highest that was tried: a rate beyond it might be better still.\n")
	}
}

// fractions is the table of accuracy by share of the data, on the first suite.
func (s *Summary) fractions(b *bytes.Buffer) {
	if len(s.Study.Fractions) < 2 || len(s.Suites) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## Shares of the data: accuracy on %s\n\n", s.Suites[0])
	fmt.Fprintf(b, "At the learning rate chosen for all of it; with `epochs` in the base recipe, fewer data are fewer steps. Seeds %s for shares below 100 %%, all seeds of the study for 100 %%: along a curve compare means only of groups with the same seeds.\n\n", list(s.Study.FractionSeeds))
	fmt.Fprintf(b, "| method | data %% | seeds | mean %% | deviation | common seeds | minus %s | interval | |\n|---|---|---|---|---|---|---|---|---|\n", s.Study.Baseline)
	for _, g := range s.Groups {
		t := g.Stats[0]
		fmt.Fprintf(b, "| %s | %s | %d | %.2f | %.2f | ", s.label(g.Method, g.Rank), percent(g.Fraction), len(g.Cells), 100*t.Accuracy.Mean, 100*t.Deviation)
		s.difference(b, t)
	}
	if s.uneven(0, func(Group) bool { return true }) {
		s.apart(b)
	}
}
