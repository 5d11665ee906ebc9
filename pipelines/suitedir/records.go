package suitedir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"moslava/internal/atomicfile"
	"moslava/pipelines/eval"
	"moslava/pipelines/eval/records"
	"moslava/pipelines/eval/score"
	"moslava/pipelines/eval/suites"
	"moslava/pipelines/inputs"
	"moslava/pipelines/run"
)

// write writes what is made of the suite's verdicts: predictions, accuracies, and the result last.
func (d *Dir) write(res *score.Result) error {
	table := d.table
	if inputs.SuitePath(table) == "" {
		table = filepath.Join(d.path, inputs.QuestionsFile)
	}
	var err error
	if res.Table, err = filepath.Abs(table); err != nil {
		return err
	}
	for _, folder := range d.opt.Images {
		abs, err := filepath.Abs(folder)
		if err != nil {
			return err
		}
		res.Images = append(res.Images, abs)
	}
	if d.opt.Record != nil {
		res.Table = d.opt.Record(res.Table)
		for i := range res.Images {
			res.Images[i] = d.opt.Record(res.Images[i])
		}
	}
	t, err := records.NewTable(d.suite.Family, d.suite.Items, res.Verdicts)
	if err != nil {
		return err
	}
	changed, err := t.WriteXLSX(filepath.Join(d.path, records.XLSXFile))
	if err != nil {
		return err
	}
	guarded, err := t.WriteTSV(filepath.Join(d.path, records.TSVFile))
	if err != nil {
		return err
	}
	res.Notes = append(res.Notes, note(changed, "cells of "+records.XLSXFile+" are not verbatim")...)
	res.Notes = append(res.Notes, note(guarded, "cells of "+records.TSVFile+" have an apostrophe before what a spreadsheet would evaluate")...)
	if err := writeAccuracies(filepath.Join(d.path, score.AccuraciesFile), res); err != nil {
		return err
	}
	return res.WriteJSON(filepath.Join(d.path, score.ResultFile))
}

// writeAccuracies writes the table of accuracies, unless there is none because the suite has no answers.
func writeAccuracies(path string, res *score.Result) error {
	if res.Overall.N > 0 {
		return atomicfile.WriteFile(path, res.WriteCSV)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// note counts cells and names the first.
func note(cells []string, what string) []string {
	if len(cells) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%d %s, the first is %s", len(cells), what, cells[0])}
}

// Read reads the result in a suite's directory with its verdicts. What a finished stage recorded of them must agree.
func Read(dir string) (*score.Result, error) {
	if err := run.Intact(context.Background(), filepath.Join(dir, score.ResultFile), filepath.Join(dir, eval.VerdictsFile)); err != nil {
		return nil, err
	}
	res, err := score.ReadResult(filepath.Join(dir, score.ResultFile))
	if err != nil {
		return nil, err
	}
	res.Verdicts, err = eval.ReadVerdicts(filepath.Join(dir, eval.VerdictsFile))
	return res, err
}

// OpenTable opens the table that a result says it is on.
func OpenTable(res *score.Result) (*suites.Suite, error) {
	var images []string
	for _, path := range res.Images {
		images = append(images, run.Expanded(path))
	}
	return eval.OpenSuite(run.Expanded(res.Table), suites.Options{Name: res.Suite, Images: images})
}
