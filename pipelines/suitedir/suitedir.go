// Package suitedir keeps the directory of a suite that a model is asked: the verdicts as they come in and, once all are
// there, predictions, accuracies and the result, whether a stage of a run asks or a command does.
package suitedir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"moslava/internal/infile"
	"moslava/internal/interrupt"
	"moslava/pipelines/eval"
	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/eval/records"
	"moslava/pipelines/eval/score"
	"moslava/pipelines/eval/suites"
	"moslava/pipelines/inputs"
	"moslava/pipelines/progress"
	"moslava/pipelines/report"
)

// answersKept is what an interrupted evaluation says.
const answersKept = "what was answered is kept; the same command asks the rest"

// Options say how a suite is opened and shown.
type Options struct {
	Name     string // of the suite; empty: that of its file
	Protocol string
	Images   []string            // folders of pictures that are named by path, before the table's own
	Data     *suites.Data        // the samples that the suite is made of, in place of a table; nil: it is one
	Title    string              // of the bar
	Record   func(string) string // paths as records have them; nil: they stay
	Mask     func(string) string // other texts as records have them; nil: they stay
	Out      io.Writer
}

// A Dir is the directory of a suite that is open.
type Dir struct {
	path     string
	table    string // as it was named
	suite    *suites.Suite
	protocol protocols.Protocol
	opt      Options
}

// Open opens a suite, from samples or the table at path, or draws it into dir, where it is to be asked. The Dir is to be closed.
func Open(ctx context.Context, dir, path string, opt Options) (*Dir, error) {
	var suite *suites.Suite
	var err error
	if opt.Data != nil {
		suite, err = inputs.OpenQuestions(ctx, opt.Data, opt.Name)
	} else {
		suite, err = inputs.OpenSuite(path, opt.Name, dir, opt.Images...)
	}
	if err != nil {
		return nil, err
	}
	p, err := protocols.ForSuite(suite, opt.Protocol)
	if err != nil {
		return nil, errors.Join(err, suite.Close())
	}
	return &Dir{path: dir, table: path, suite: suite, protocol: p, opt: opt}, nil
}

// Close closes what the suite's pictures are read from.
func (d *Dir) Close() error { return d.suite.Close() }

// Undraw removes the table of a suite of scenes from a directory in which it was not asked.
func Undraw(dir string) error {
	if asked, err := infile.Exists(filepath.Join(dir, eval.VerdictsFile)); asked || err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(dir, inputs.QuestionsFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Ask asks the suite and writes everything about it to its directory. Run again, it goes on after the last whole
// verdict there. Protocol and VerdictsPath of the options are set here.
func (d *Dir) Ask(ctx context.Context, a eval.Answerer, opt eval.Options) (*score.Result, error) {
	suite := d.suite
	opt.Protocol = d.protocol
	opt.VerdictsPath = filepath.Join(d.path, eval.VerdictsFile)
	var bar *progress.Bar
	opt.Begin = func(done, total int) {
		for _, n := range suite.Notes { // before hours of work, not after
			fmt.Fprintf(d.opt.Out, "%s: %s\n", d.opt.Title, n)
		}
		bar = progress.New(d.opt.Out, d.opt.Title, total)
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
	return res, d.write(res)
}

// IsFile says whether a name is of a file that a suite's directory has.
func IsFile(name string) bool {
	return slices.Contains([]string{score.ResultFile, eval.VerdictsFile, score.AccuraciesFile, inputs.QuestionsFile,
		records.XLSXFile, records.TSVFile, report.HTMLFile, report.MarkdownFile}, name)
}
