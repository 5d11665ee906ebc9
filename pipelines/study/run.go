package study

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"moslava/internal/output"
	"moslava/internal/overlap"
	"moslava/pipelines/preflight"
	"moslava/pipelines/recipe"
	"moslava/pipelines/run"
	"moslava/pipelines/stages"
)

// Options of Run.
type Options struct {
	Out     io.Writer     // what is going on, for people; nil: nobody
	Detail  io.Writer     // what the cells themselves say; nil: nowhere
	Threads int           // that compute; 0: as the base recipe says
	Limit   time.Duration // of this sitting: the running cell saves its state and the study stops; 0: none
	Report  string        // directory of the report; empty: report in the run directory
	Force   bool          // set aside what is in the run directory and in that of the report
	Only    bool          // write the report of what is there, and run nothing
}

// Run runs the cells that are not finished and writes the report, also when it is interrupted. It returns the context's error if
// ctx ended it, and none if the limit did: run again, it goes on.
func Run(ctx context.Context, s *Study, opt Options) (failed error) {
	defer func() { failed = s.environment.MaskError(failed) }()
	p, err := newPlan(s, opt.Threads)
	if err != nil {
		return err
	}
	defer func() { failed = p.base.MaskError(failed) }()
	if opt.Out == nil {
		opt.Out = io.Discard
	}
	opt.Out = p.base.Masked(s.environment.Masked(opt.Out))
	if opt.Detail == nil {
		opt.Detail = io.Discard
	}
	if opt.Report == "" {
		opt.Report = filepath.Join(string(s.RunDir), "report")
	}
	if _, err := os.Stat(string(s.RunDir)); errors.Is(err, fs.ErrNotExist) && !opt.Only {
		if err := p.check(ctx); err != nil {
			return err
		}
	}
	release, err := take(string(s.RunDir), opt)
	if err != nil {
		return fmt.Errorf("study: %w", err)
	}
	defer func() { failed = errors.Join(failed, release()) }()
	st := &sitting{plan: p, opt: opt}
	if opt.Only {
		return st.report()
	}
	limited := ctx
	if opt.Limit > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, opt.Limit)
		defer cancel()
	}
	err = st.all(limited)
	if opt.Limit > 0 && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		fmt.Fprintf(opt.Out, "stopped after %s, as limited; the same command goes on\n", opt.Limit)
		err = nil
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return errors.Join(err, st.report())
}

// check looks ahead at all stages of the base recipe that the study is made of: a suite that cannot be asked is not to be found after hours of training.
func (p *plan) check(ctx context.Context) error {
	r, err := p.base.Select(recipe.Selection{Stages: append(slices.Clone(p.shared), p.Stage, p.Evaluate), Environment: p.environment})
	if err != nil {
		return err
	}
	return preflight.Check(ctx, r)
}

// take locks the run directory, and that of the report if it is elsewhere.
func take(dir string, opt Options) (func() error, error) {
	release, err := output.Dir(dir, output.Options{Force: opt.Force && !opt.Only, Mine: func(name string) bool {
		return slices.Contains([]string{"cells", "shared", "report"}, name)
	}})
	if err != nil {
		return nil, err
	}
	how, err := overlap.Of(opt.Report, dir)
	if err != nil || how == overlap.Inside {
		return release, err
	}
	second, err := output.Dir(opt.Report, output.Options{Reads: []string{dir}, Force: opt.Force, Mine: reportFileName})
	if err != nil {
		return nil, errors.Join(err, release())
	}
	return func() error { return errors.Join(second(), release()) }, nil
}

// reportFileName says whether a name is of a file that a report has.
func reportFileName(name string) bool {
	return slices.Contains([]string{reportFile, cellsFile, summaryFile, ratesFile}, name) || slices.Contains([]string{".svg", ".png", ".pdf"}, filepath.Ext(name))
}

// sitting is one process's work on a study.
type sitting struct {
	*plan
	opt Options
}

// all runs what is not finished.
func (s *sitting) all(ctx context.Context) error {
	if err := s.runShared(ctx); err != nil {
		return fmt.Errorf("shared stages: %w", err)
	}
	tuning := s.tuningCells()
	for i, c := range tuning {
		if err := s.cell(ctx, c, false, fmt.Sprintf("learning rates %d/%d", i+1, len(tuning))); err != nil {
			return err
		}
	}
	choice, err := s.choose()
	if err != nil {
		return err
	}
	main := s.mainCells(choice.rate)
	for i, c := range main {
		if err := s.cell(ctx, c, true, fmt.Sprintf("cells %d/%d", i+1, len(main))); err != nil {
			return err
		}
	}
	return nil
}

// runShared runs the stages before the varied one.
func (s *sitting) runShared(ctx context.Context) error {
	r, err := s.sharedRecipe()
	if err != nil || r == nil {
		return err
	}
	if err := s.runRecipe(ctx, r, nil); err != nil {
		return err
	}
	s.model = sharedModel(r)
	return nil
}

// sharedModel is the directory that the shared recipe exports.
func sharedModel(r *recipe.Recipe) string {
	_, i := r.Stage(exported)
	return r.ExportDir(i)
}

// cell runs a cell as far as it is asked for and records what came out.
func (s *sitting) cell(ctx context.Context, c Cell, evaluate bool, where string) error {
	rec, err := s.record(c)
	if err != nil {
		return err
	}
	if rec.Trained() && (!evaluate || rec.Evaluated()) {
		return nil
	}
	r, err := s.recipe(c)
	if err != nil {
		return err
	}
	began := time.Now()
	if !rec.Trained() {
		peak := startPeak()
		if run.IsFinished(r.DirOf(s.Stage)) {
			peak = func() int64 { return 0 } // an earlier process finished the stage and died before it could say so
		}
		if err := s.runRecipe(ctx, r, []string{s.Stage}); err != nil {
			return fmt.Errorf("cell %s: %w", c.Name(), err)
		}
		if err := s.noteTrained(rec, r, peak()); err != nil {
			return err
		}
	}
	if evaluate {
		at := time.Now()
		if err := s.runRecipe(ctx, r, []string{s.Evaluate}); err != nil {
			return fmt.Errorf("cell %s: %w", c.Name(), err)
		}
		if err := s.noteEvaluated(rec, r, time.Since(at)); err != nil {
			return err
		}
	}
	fmt.Fprintf(s.opt.Out, "%s %s %s: %s, %s\n", time.Now().Format(time.TimeOnly), where, c.Name(), rec, time.Since(began).Round(time.Second))
	return nil
}

// runRecipe runs stages of a recipe, empty: all.
func (s *sitting) runRecipe(ctx context.Context, r *recipe.Recipe, only []string) error {
	return stages.Run(ctx, r, stages.Options{Out: s.opt.Detail, Only: slices.Clone(only)})
}
