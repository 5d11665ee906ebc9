package answering

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"moslava/internal/device"
	"moslava/internal/output"
	"moslava/pipelines/eval"
	"moslava/pipelines/eval/judge"
	"moslava/pipelines/eval/score"
	"moslava/pipelines/eval/suites"
	"moslava/pipelines/inputs"
	"moslava/pipelines/suitedir"
	"moslava/pipelines/vlm"
)

// EvaluateOptions say what Evaluate asks and how.
type EvaluateOptions struct {
	Adapters  string // a PEFT or MoSLoRA directory whose adapters are attached; empty: none
	Weights   string // f32, bf16, q8 or nf4; empty: f32
	Protocol  string // of pipelines/eval; empty: the default
	Limit     int    // the first so many questions; 0: all
	Shard     string // "i/n", part i of n, from 1; empty: everything
	StopEarly bool   // ask no more passes of a circular question that is lost already
	Blank     bool   // every picture is replaced by a grey one
	Tiles     vlm.Tiles
	MaxPixels int          // the largest picture that is read; 0: preprocess.DefaultMaxPixels
	Threads   int          // 0: as many as there are processors
	Judge     judge.Config // who reads what no rule reads; the zero value: nobody
	Images    []string     // folders in which pictures that rows name are looked for, before the table's own
	Data      *suites.Data // the samples to ask, in place of a table; their images are those above, too
	Dir       string       // of verdicts, predictions and result
	Force     bool         // set aside what is in Dir and ask everything; without it what is not of an evaluation is an error
	Out       io.Writer    // progress and the result for people; nil: nobody
}

// EvaluateDir is where an evaluation goes unless it is told: below runs, by the names of the model and the suite. A
// run's model has the names of the run and of the stage that left it.
func EvaluateDir(model, suite string) (string, error) {
	name, err := modelName(model)
	if err != nil {
		return "", err
	}
	return filepath.Join("runs", name+"-"+inputs.QuestionsName(suite)), nil
}

// Evaluate asks a model, as Open takes it, the questions of a table, without a recipe, and writes what an evaluate
// stage writes to opt.Dir. Run again after an interruption, it asks the rows that have no verdict there; verdicts by
// other weights, on another version of the suite or under another protocol are an error.
func Evaluate(ctx context.Context, model, suite string, opt EvaluateOptions) (_ *score.Result, err error) {
	shard, err := suites.ParseShard(opt.Shard)
	if err != nil {
		return nil, err
	}
	j, err := suitedir.OpenJudge(opt.Judge)
	if err != nil {
		return nil, err
	}
	if opt.Threads > 0 {
		device.Host.SetThreads(opt.Threads)
	}
	if opt.Out == nil {
		opt.Out = io.Discard
	}
	run, err := findRunModel(model)
	if err != nil {
		return nil, err
	}
	var outside []string // what the run alone writes to
	if run != nil {
		outside = []string{run.view.Path}
	}
	reads := append(slices.Clone(opt.Images), model, opt.Adapters, inputs.SuitePath(suite))
	release, err := output.Dir(opt.Dir,
		output.Options{Reads: reads, Outside: outside, Mine: suitedir.IsFile, Force: opt.Force})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, suitedir.Undraw(opt.Dir))
		}
		err = errors.Join(err, release())
	}()
	// Before the model, which takes longer.
	dir, err := suitedir.Open(ctx, opt.Dir, suite, suitedir.Options{Protocol: opt.Protocol, Images: opt.Images, Data: opt.Data,
		Title: strings.TrimSuffix(filepath.Base(suite), filepath.Ext(suite)), Out: opt.Out})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	which := Options{Adapters: opt.Adapters, Weights: opt.Weights, Tiles: opt.Tiles, MaxPixels: opt.MaxPixels,
		Out: opt.Out}
	a, id, err := openNamed(ctx, model, which)
	if err != nil {
		return nil, err
	}
	return dir.Ask(ctx, a, eval.Options{Model: id, Limit: opt.Limit, Shard: shard, StopEarly: opt.StopEarly,
		Blank: opt.Blank, Judge: j})
}
