package pipelines

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"moslava/internal/atomicfile"
	"moslava/internal/infile"
	"moslava/internal/interrupt"
	"moslava/internal/output"
	"moslava/pipelines/eval"
	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/eval/records"
	"moslava/pipelines/eval/score"
	"moslava/pipelines/eval/suites"
	"moslava/pipelines/progress"
)

// Files of a suite's directory, besides the prediction files of pipelines/eval/records.
const (
	resultFile   = "result.json"
	verdictsFile = "verdicts.jsonl"
	accuracyFile = "acc.csv"
)

// answersKept is what an interrupted evaluation says.
const answersKept = "what was answered is kept; the same command asks the rest"

// suiteOptions say how a suite is opened and shown.
type suiteOptions struct {
	name     string // of the suite; empty: that of its file
	protocol string
	images   []string            // folders of pictures that are named by path, before the table's own
	title    string              // of the bar
	record   func(string) string // paths as records have them; nil: they stay
	out      io.Writer
}

// askSuite asks a suite, from the table at path, and writes everything about it to dir. Run again, it goes on after the last
// whole verdict there.
func askSuite(ctx context.Context, dir, path string, a eval.Answerer, opt eval.Options, so suiteOptions) (*score.Result, error) {
	suite, protocol, err := so.open(path, dir)
	if err != nil {
		return nil, err
	}
	return so.ask(ctx, dir, path, suite, a, opt, protocol)
}

// open opens a suite, from the table at path, or draws it into dir, and says how it is asked.
func (so *suiteOptions) open(path, dir string) (suite *suites.Suite, p protocols.Protocol, err error) {
	if suite, err = openSuite(path, so.name, dir, so.images...); err == nil {
		p, err = protocols.ForSuite(suite, so.protocol)
	}
	return suite, p, err
}

// undrawn removes the table of a suite of scenes from a directory in which it was not asked.
func undrawn(dir string) error {
	if asked, err := infile.Exists(filepath.Join(dir, verdictsFile)); asked || err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(dir, questionsFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// ask asks a suite that is open, as askSuite does.
func (so *suiteOptions) ask(ctx context.Context, dir, path string, suite *suites.Suite, a eval.Answerer, opt eval.Options, p protocols.Protocol) (*score.Result, error) {
	opt.Protocol = p
	opt.VerdictsPath = filepath.Join(dir, verdictsFile)
	var bar *progress.Bar
	opt.Begin = func(done, total int) {
		for _, n := range suite.Notes { // before hours of work, not after
			fmt.Fprintf(so.out, "%s: %s\n", so.title, n)
		}
		bar = progress.New(so.out, so.title, total)
		bar.Skip(done)
	}
	what := "right"
	if suite.Kind == suites.Circular {
		what = "circular"
	}
	opt.Progress = func(_, _ int, running score.Share) {
		suffix := ""
		if running != score.NotKnown {
			suffix = what + " " + running.Percent() + " %"
		}
		bar.Step(1, suffix)
	}
	end := interrupt.Begin(ctx, interrupt.Work{Answer: func() string { return "saving answers" }, Kept: answersKept})
	res, err := eval.Run(ctx, suite, a, opt)
	end()
	if bar != nil {
		bar.Done()
	}
	if err != nil && ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
		return nil, fmt.Errorf("suite %s: %w: %s", suite.Name, context.Cause(ctx), answersKept)
	}
	if err != nil {
		return nil, err
	}
	return res, writeRecords(dir, path, suite, res, *so)
}

// writeRecords writes what is made of a suite's verdicts: predictions, accuracies, and the result last.
func writeRecords(dir, path string, suite *suites.Suite, res *score.Result, so suiteOptions) error {
	if suitePath(path) == "" {
		path = filepath.Join(dir, questionsFile)
	}
	var err error
	if res.Table, err = filepath.Abs(path); err != nil {
		return err
	}
	for _, dir := range so.images {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return err
		}
		res.Images = append(res.Images, abs)
	}
	if so.record != nil {
		res.Table = so.record(res.Table)
		for i := range res.Images {
			res.Images[i] = so.record(res.Images[i])
		}
	}
	t, err := records.NewTable(suite.Family, suite.Items, res.Verdicts)
	if err != nil {
		return err
	}
	changed, err := t.WriteXLSX(filepath.Join(dir, records.XLSXFile))
	if err != nil {
		return err
	}
	guarded, err := t.WriteTSV(filepath.Join(dir, records.TSVFile))
	if err != nil {
		return err
	}
	res.Notes = append(res.Notes, note(changed, "cells of "+records.XLSXFile+" are not verbatim")...)
	res.Notes = append(res.Notes, note(guarded, "cells of "+records.TSVFile+" have an apostrophe before what a spreadsheet would evaluate")...)
	if err := writeAccuracies(filepath.Join(dir, accuracyFile), res); err != nil {
		return err
	}
	return res.WriteJSON(filepath.Join(dir, resultFile))
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

// suiteFile says whether a name is of a file that a suite's directory has.
func suiteFile(name string) bool {
	return slices.Contains([]string{resultFile, verdictsFile, accuracyFile, questionsFile, records.XLSXFile, records.TSVFile, reportHTML, reportMarkdown}, name)
}

// JoinShards puts the directories of a suite's shards together in the directory to, which then has what one run over
// everything would have left. What is there already is an error, or by force is set aside.
func JoinShards(suite string, dirs []string, to string, force bool, images ...string) (_ *score.Result, err error) {
	release, err := output.Dir(to, output.Options{Reads: slices.Concat(dirs, images, []string{suitePath(suite)}), Force: force})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, undrawn(to))
		}
		err = errors.Join(err, release())
	}()
	parts := make([]*score.Result, len(dirs))
	for i, dir := range dirs {
		if parts[i], err = readRecords(dir); err != nil {
			return nil, err
		}
	}
	s, err := openSuite(suite, "", to, images...)
	if err != nil {
		return nil, err
	}
	res, err := eval.Join(s, parts)
	if err != nil {
		return nil, err
	}
	if err := atomicfile.MkdirAll(to); err != nil {
		return nil, err
	}
	if err := eval.WriteVerdicts(filepath.Join(to, verdictsFile), res.Verdicts); err != nil {
		return nil, err
	}
	return res, writeRecords(to, suite, s, res, suiteOptions{images: images})
}

// readRecords reads the result in a suite's directory with its verdicts.
func readRecords(dir string) (*score.Result, error) {
	if err := Intact(context.Background(), filepath.Join(dir, resultFile), filepath.Join(dir, verdictsFile)); err != nil {
		return nil, err
	}
	res, err := score.ReadResult(filepath.Join(dir, resultFile))
	if err != nil {
		return nil, err
	}
	res.Verdicts, err = eval.ReadVerdicts(filepath.Join(dir, verdictsFile))
	return res, err
}
