package suitedir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"moslava/internal/atomicfile"
	"moslava/internal/remote"
	"moslava/pipelines/eval"
	"moslava/pipelines/eval/records"
	"moslava/pipelines/eval/score"
	"moslava/pipelines/eval/suites"
	"moslava/pipelines/inputs"
	"moslava/pipelines/run"
)

// write writes what is made of the suite's verdicts: predictions, accuracies, and the result last.
func (d *Dir) write(res *score.Result) error {
	if err := d.recordPlaces(res); err != nil {
		return err
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

// recordPlaces writes down where the suite and its pictures are.
func (d *Dir) recordPlaces(res *score.Result) error {
	var failed error
	place := func(path string) string {
		if remote.Is(path) || inputs.SuitePath(path) == "" {
			return path
		}
		abs, err := filepath.Abs(path)
		if err != nil {
			failed = errors.Join(failed, err)
			return path
		}
		if d.opt.Record != nil {
			abs = d.opt.Record(abs)
		}
		return abs
	}
	text := func(s string) string { return s }
	if d.opt.Mask != nil {
		text = d.opt.Mask
	}
	if d.opt.Data != nil {
		res.Data = d.opt.Data.Written(place, text)
		return failed
	}
	table := d.table
	if inputs.SuitePath(table) == "" {
		table = filepath.Join(d.path, inputs.QuestionsFile)
	}
	res.Table = place(table)
	for _, folder := range d.opt.Images {
		res.Images = append(res.Images, place(folder))
	}
	return failed
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
	result, verdicts := filepath.Join(dir, score.ResultFile), filepath.Join(dir, eval.VerdictsFile)
	if err := run.Intact(context.Background(), result, verdicts); err != nil {
		return nil, err
	}
	res, err := score.ReadResult(result)
	if err != nil {
		return nil, err
	}
	res.Verdicts, err = eval.ReadVerdicts(verdicts)
	return res, err
}

// recordedData are the samples that a result says it is on; nil if it is on a table.
func recordedData(res *score.Result) *suites.Data {
	if res.Data == nil {
		return nil
	}
	return res.Data.Written(run.Expanded, run.Expanded)
}

// OpenTable opens the table or samples that a result says it is on. The suite is to be closed.
func OpenTable(ctx context.Context, res *score.Result) (*suites.Suite, error) {
	if d := recordedData(res); d != nil {
		return inputs.OpenQuestions(ctx, d, res.Suite)
	}
	var images []string
	for _, path := range res.Images {
		images = append(images, run.Expanded(path))
	}
	return eval.OpenSuite(run.Expanded(res.Table), suites.Options{Name: res.Suite, Images: images})
}
