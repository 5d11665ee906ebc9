package study

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"moslava/internal/atomicfile"
	"moslava/internal/spreadsheet"
)

// Files of a report, beside the plots.
const (
	reportFile  = "report.md"
	cellsFile   = "cells.csv"
	summaryFile = "summary.csv"
	ratesFile   = "rates.csv"
)

// report writes the report of what is there.
func (s *sitting) report() error {
	if s.model == "" && len(s.shared) > 0 {
		if r, err := s.sharedRecipe(); err != nil {
			return err
		} else {
			s.model = sharedModel(r)
		}
	}
	sum, err := s.summarise()
	if err != nil {
		return err
	}
	if err := atomicfile.MkdirAll(s.opt.Report); err != nil {
		return err
	}
	for name, write := range map[string]func(io.Writer) error{
		cellsFile: sum.writeCells, summaryFile: sum.writeSummary, ratesFile: sum.writeRates,
	} {
		if err := atomicfile.WriteFile(filepath.Join(s.opt.Report, name), write); err != nil {
			return err
		}
	}
	plots, err := sum.plots(s.opt.Report)
	if err != nil {
		return err
	}
	if err := atomicfile.WriteFile(filepath.Join(s.opt.Report, reportFile), func(w io.Writer) error { return sum.markdown(w, plots) }); err != nil {
		return err
	}
	fmt.Fprintf(s.opt.Out, "%d of %d cells are finished; report: %s\n", sum.Finished, sum.Total, filepath.Join(s.opt.Report, reportFile))
	return nil
}

// num writes a number for CSV, empty if it is not known.
func num(x float64) string {
	if math.IsNaN(x) {
		return ""
	}
	return strconv.FormatFloat(x, 'g', 6, 64)
}

func writeCSV(w io.Writer, rows [][]string) error {
	out := csv.NewWriter(w)
	if err := out.WriteAll(spreadsheet.GuardAll(rows)); err != nil {
		return err
	}
	return out.Error()
}

// writeCells has a row for each evaluated cell and suite.
func (s *Summary) writeCells(w io.Writer) error {
	rows := [][]string{{"method", "rank", "learning_rate", "seed", "fraction", "suite", "questions", "accuracy", "validation_loss",
		"steps", "adapter_parameters", "other_parameters", "train_seconds", "median_step_seconds", "evaluate_seconds", "peak_bytes"}}
	for _, g := range s.Groups {
		for _, c := range g.Cells {
			for i := range c.Suites {
				q := &c.Suites[i]
				rows = append(rows, []string{c.Method, strconv.Itoa(c.Rank), num(c.Rate), strconv.FormatUint(c.Seed, 10), num(c.Fraction), q.Name,
					strconv.Itoa(len(q.IDs)), num(q.Accuracy()), num(c.Validation), strconv.Itoa(c.Steps), strconv.Itoa(c.Adapters), strconv.Itoa(c.Others),
					num(c.Train), num(c.Step), num(c.Ask), strconv.FormatInt(c.Peak, 10)})
			}
		}
	}
	return writeCSV(w, rows)
}

// writeSummary has a row for each group and suite.
func (s *Summary) writeSummary(w io.Writer) error {
	rows := [][]string{{"method", "rank", "learning_rate", "fraction", "suite", "questions", "seeds", "mean", "deviation", "low", "high",
		"pairs", "difference", "difference_low", "difference_high", "contains_zero"}}
	for _, g := range s.Groups {
		for _, st := range g.Stats {
			row := []string{g.Method, strconv.Itoa(g.Rank), num(g.Rate), num(g.Fraction), st.Suite, strconv.Itoa(st.Questions), strconv.Itoa(len(g.Cells)),
				num(st.Accuracy.Mean), num(st.Deviation), num(st.Accuracy.Low), num(st.Accuracy.High), strconv.Itoa(st.Pairs)}
			if st.Pairs > 0 {
				row = append(row, num(st.Against.Mean), num(st.Against.Low), num(st.Against.High), strconv.FormatBool(st.Against.HasZero()))
			} else {
				row = append(row, "", "", "", "")
			}
			rows = append(rows, row)
		}
	}
	return writeCSV(w, rows)
}

// writeRates has a row for each learning rate that was tried.
func (s *Summary) writeRates(w io.Writer) error {
	rows := [][]string{{"method", "rank", "learning_rate", "validation_loss", "chosen"}}
	for _, c := range s.Choices {
		for i, lr := range c.Rates {
			rows = append(rows, []string{c.Method, strconv.Itoa(c.Rank), num(lr), num(c.Losses[i]), strconv.FormatBool(lr == c.Rate)})
		}
	}
	return writeCSV(w, rows)
}

// label is how a group is called in tables and plots.
func (s *Summary) label(method string, rank int) string {
	if len(s.Study.Ranks) < 2 {
		return method
	}
	return fmt.Sprintf("%s r%d", method, rank)
}

// hours writes seconds for people.
func hours(seconds float64) string {
	if seconds < 3600 {
		return fmt.Sprintf("%.0f minutes", seconds/60)
	}
	return fmt.Sprintf("%.1f hours", seconds/3600)
}

// join lists words.
func list[T any](values []T) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = fmt.Sprint(v)
	}
	return strings.Join(words, ", ")
}
