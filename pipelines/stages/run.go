// Package stages runs recipes: it puts the parts together into stages and runs those that have not finished. It knows
// what each kind of stage does and what it leaves behind. What has to hold before the first step is in preflight. How a
// model computes, how samples become batches and how answers are scored is in the packages below, and what is done with
// finished runs in those beside it.
package stages

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"moslava/internal/device"
	"moslava/internal/interrupt"
	"moslava/internal/machine"
	"moslava/pipelines/inputs"
	"moslava/pipelines/models"
	"moslava/pipelines/preflight"
	"moslava/pipelines/recipe"
	"moslava/pipelines/run"
	"moslava/pipelines/train"
	"moslava/pipelines/vlm"
)

// Options say how a recipe is run.
type Options struct {
	Out   io.Writer // progress and results for people; nil: nobody
	Force bool      // do stages again whose configuration has changed
	Only  []string  // names of the stages to run; empty: all
	// OverMemory runs stages that are planned to take more memory than there is.
	OverMemory bool

	Events func(Event)                   // told what is done, from one goroutine; nil: nobody
	wrap   func(train.Model) train.Model // in tests: what is asked for losses
}

// Run runs the stages of r that are not finished. Interrupted by ctx, it saves what it has; run
// again, it goes on there.
func Run(ctx context.Context, r *recipe.Recipe, opt Options) (err error) {
	if r.Threads > 0 {
		device.Host.SetThreads(r.Threads)
	}
	if opt.Out == nil {
		opt.Out = io.Discard
	}
	opt.Out = r.Masked(opt.Out)
	defer func() { err = r.MaskError(err) }()
	takes := inputs.NewTaker(ctx, r, string(r.RunDir), opt.Out)
	d, err := run.Open(string(r.RunDir), r, run.Options{Force: opt.Force, Takes: takes.Stage, Records: stageRecords,
		Computed: func(i int, dir string) (bool, error) { return computed(r.Stages[i].Kind, dir) },
		Notice:   func(text string) { fmt.Fprintln(opt.Out, text) }})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if line := vanished(r, d); line != "" {
		fmt.Fprintln(opt.Out, line)
	}
	for _, name := range opt.Only {
		if s, _ := r.Stage(name); s == nil {
			return fmt.Errorf("the recipe has no stage %q; it has %s", name, stageNames(r))
		}
	}
	for _, w := range vlm.LeftoverQuantization(models.Dirs(r)...) {
		fmt.Fprintf(opt.Out, "warning: %s\n", w)
	}
	written := r.Written()
	var chosen []int
	for i, s := range r.Stages {
		if len(opt.Only) == 0 || slices.Contains(opt.Only, s.Name) {
			chosen = append(chosen, i)
		}
	}
	if err := d.Intact(chosen); err != nil {
		return err
	}
	peaks, err := preflight.Ready(ctx, r, d, chosen,
		preflight.ReadyOptions{Force: opt.Force, OverMemory: opt.OverMemory, Out: opt.Out})
	if err != nil {
		return err
	}
	if err := freeTargets(r, d, chosen, opt.Force); err != nil {
		return err
	}
	for _, i := range chosen {
		s := &r.Stages[i]
		done, why, err := d.Finished(i)
		if err != nil {
			return err
		}
		st := &stage{recipe: r, written: &written.Stages[i], dir: d, index: i, Stage: s, out: opt.Out,
			force: opt.Force, events: opt.Events, wrap: opt.wrap, peak: peaks[s.Name]}
		if done {
			fmt.Fprintf(opt.Out, "%s: finished, skipped\n", s.Name)
			st.emit(Event{Event: StageSkipped})
			continue
		}
		fmt.Fprintf(opt.Out, "%s: %s\n", s.Name, why)
		if err := machine.Spare(); err != nil {
			return fmt.Errorf("stage %s: %w", s.Name, err)
		}
		if err := st.run(ctx, why); err != nil {
			return fmt.Errorf("stage %s: %w", s.Name, err)
		}
		device.Host.Release()
	}
	return d.Record()
}

func stageNames(r *recipe.Recipe) string {
	names := make([]string, len(r.Stages))
	for i, s := range r.Stages {
		names[i] = s.Name
	}
	return strings.Join(names, ", ")
}

// stage is one stage being run.
type stage struct {
	*recipe.Stage
	recipe  *recipe.Recipe
	written *recipe.Stage // as the recipe has it, for what is recorded and told
	dir     *run.Dir
	index   int
	out     io.Writer
	events  func(Event)
	wrap    func(train.Model) train.Model
	force   bool
	path    string // the stage's directory
	resumed bool
	peak    int64 // bytes of memory that it is planned to take; 0: not known
}

// stopWords are what the first signal is answered with in a stage of each kind, unless its work says more.
var stopWords = map[string]string{
	recipe.Pretrain: "stopping before the first step",
	recipe.Align:    "stopping before the first step",
	recipe.Tune:     "stopping before the first step",
	recipe.Merge:    "stopping",
	recipe.Evaluate: "stopping before the first question",
	recipe.Export:   "removing what is half written",
}

// run does the stage; why it is not finished is told to whoever follows.
func (s *stage) run(ctx context.Context, why string) error {
	var err error
	if s.path, s.resumed, err = s.dir.Begin(s.index); err != nil {
		return err
	}
	if err := s.noteStage(); err != nil {
		return err
	}
	s.emit(Event{Event: StageBegun, Reason: why, Resumed: s.resumed})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	defer interrupt.Begin(ctx, interrupt.Work{Answer: func() string { return stopWords[s.Kind] },
		Kept: "the same run goes on with this stage"})()
	var outputs []string
	switch s.Kind {
	case recipe.Pretrain, recipe.Align, recipe.Tune:
		outputs, err = s.train(ctx)
	case recipe.Merge:
		outputs, err = s.merge()
	case recipe.Evaluate:
		outputs, err = s.evaluate(ctx)
	case recipe.Export:
		outputs, err = s.export()
	default:
		err = fmt.Errorf("kind %q", s.Kind)
	}
	if err != nil {
		return err
	}
	if err := s.dir.Finish(s.index, outputs...); err != nil {
		return err
	}
	s.emit(Event{Event: StageFinished, Outputs: outputs})
	return nil
}
