package stages

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"moslava/datasets"
	"moslava/internal/autograd"
	"moslava/internal/device"
	"moslava/internal/machine"
	"moslava/internal/optim"
	"moslava/pipelines/inputs"
	"moslava/pipelines/models"
	"moslava/pipelines/progress"
	"moslava/pipelines/recipe"
	"moslava/pipelines/run"
	"moslava/pipelines/train"
)

// RatesOptions say how learning rates are tried.
type RatesOptions struct {
	Stage    string  // a training stage; empty: the last one
	Steps    int     // of the optimiser, at least 10
	From, To float64 // the first and the last learning rate
	Out      io.Writer
}

// Rates is what a learning rate range test has measured.
type Rates struct {
	Stage    string
	LR       float64   // that of the recipe
	Rates    []float64 // of each step
	Loss     []float64 // of each step, before its update
	Smooth   []float64 // the same, each a mean of those so far that forgets
	Diverged bool      // the test ended as the loss exploded
	Suggest  float64   // 0: the loss falls nowhere
}

// A test ends where the smoothed loss is above exploded times the lowest one. Each step the mean keeps forget of what it was. Both are as in fastai's
// Learner.lr_find (fastai 2.7, callback/schedule.py), with a shorter memory, as there are fewer steps.
const (
	exploded = 4
	forget   = 0.8
)

// TryRates is the learning rate range test of Smith (arXiv 1506.01186, section 3.3), with rates that grow exponentially as in fastai: a training stage is
// begun from its start, on its data, and each step takes a higher rate. Rates of parts keep their relation. Nothing is written.
func TryRates(ctx context.Context, r *recipe.Recipe, opt RatesOptions) (out *Rates, err error) {
	if opt.Out == nil {
		opt.Out = io.Discard
	}
	opt.Out = r.Masked(opt.Out)
	defer func() { err = r.MaskError(err) }()
	if opt.Steps < 10 || !(opt.From > 0) || !(opt.To > opt.From) || math.IsInf(opt.To, 0) {
		return nil, fmt.Errorf("%d steps from rate %g to %g: want at least 10 steps, and rates above 0 that grow", opt.Steps, opt.From, opt.To)
	}
	s, chain, err := triedStage(r, opt.Stage)
	if err != nil {
		return nil, err
	}
	if r.Threads > 0 {
		device.Host.SetThreads(r.Threads)
	}
	if err := machine.Spare(); err != nil {
		return nil, err
	}
	cfg := *s.Train
	cfg.Steps, cfg.Epochs, cfg.WarmupSteps, cfg.WarmupRatio = opt.Steps, 0, 0, 0
	cfg.Samples, cfg.StopEarly, cfg.FeatureCache, cfg.OnDivergence = nil, nil, recipe.FeatureCache{}, "ignore"
	t := &training{stage: &stage{Stage: s, recipe: r, out: opt.Out}, cfg: &cfg}
	if t.model, t.processor, err = models.Of(r, chain); err != nil {
		return nil, err
	}
	if t.source, _, err = inputs.OpenData(ctx, r, &cfg); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.source.Close()) }()
	t.processor = t.processor.WithMaxPixels(cfg.MaxPixels)
	if err := t.prepare(ctx); err != nil {
		return nil, err
	}
	t.bar = progress.New(opt.Out, s.Name+": learning rates", opt.Steps)
	defer t.bar.Done()
	return t.try(ctx, opt)
}

// triedStage finds a training stage and the directories of those whose models it starts from.
func triedStage(r *recipe.Recipe, name string) (s *recipe.Stage, chain []string, err error) {
	var known []string
	for i := range r.Stages {
		if r.Stages[i].Train == nil {
			continue
		}
		known = append(known, r.Stages[i].Name)
		if name == "" || name == r.Stages[i].Name {
			s = &r.Stages[i]
		}
	}
	if s == nil && name == "" {
		return nil, nil, errors.New("the recipe has no stage that trains")
	}
	if s == nil {
		return nil, nil, fmt.Errorf("the recipe has no training stage %q; it has %s", name, strings.Join(known, ", "))
	}
	for from, i := r.Stage(s.From); from != nil; from, i = r.Stage(from.From) {
		dir := r.StageDir(i)
		if !run.IsFinished(dir) {
			return nil, nil, fmt.Errorf("stage %s starts from %s, which is not finished in %s: moslava run --only %s does it first", s.Name, from.Name, r.RunDir, from.Name)
		}
		chain = slices.Insert(chain, 0, dir)
	}
	return s, chain, nil
}

// errExploded ends a test.
var errExploded = errors.New("the loss has exploded")

// finiteModel is a model whose loss that is no number ends a test.
type finiteModel struct{ train.Model }

func (m finiteModel) Loss(t *autograd.Tape, b *datasets.Batch) (*autograd.Var, float64, error) {
	v, sum, err := m.Model.Loss(t, b)
	if err == nil && (math.IsNaN(sum) || math.IsInf(sum, 0)) {
		err = errExploded
	}
	return v, sum, err
}

// Over implements train.Mean: what the loss of the model is a mean over.
func (m finiteModel) Over(b *datasets.Batch) int {
	if mean, ok := m.Model.(train.Mean); ok {
		return mean.Over(b)
	}
	return b.Targets()
}

// try runs the steps.
func (t *training) try(ctx context.Context, opt RatesOptions) (*Rates, error) {
	out := &Rates{Stage: t.Name, LR: t.cfg.LR}
	tr := t.trainer
	tr.Model = finiteModel{tr.Model}
	tr.Validate, tr.Sample, tr.Diverged, tr.SaveEvery = nil, nil, nil, 0
	tr.LR = 1
	tr.Schedule = func(done int) float64 {
		return opt.From * math.Pow(opt.To/opt.From, float64(done)/float64(opt.Steps-1))
	}
	tr.Save = func(train.State) error { return nil }
	mean, lowest := 0.0, math.Inf(1)
	tr.Log = func(r train.Report) error {
		mean = forget*mean + (1-forget)*r.Loss
		smooth := mean / (1 - math.Pow(forget, float64(r.Step)))
		out.Rates, out.Loss, out.Smooth = append(out.Rates, r.LR), append(out.Loss, r.Loss), append(out.Smooth, smooth)
		t.bar.Step(1, fmt.Sprintf("lr %.2g  loss %.3f", r.LR, r.Loss))
		if lowest = min(lowest, smooth); smooth > exploded*lowest {
			return errExploded
		}
		return nil
	}
	_, err := tr.Run(ctx, train.State{})
	switch bad := new(optim.NonFiniteError); {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.Is(err, errExploded), errors.As(err, &bad):
		out.Diverged = true
	case err != nil:
		return nil, err
	}
	if len(out.Rates) == 0 {
		return nil, fmt.Errorf("the loss is no finite number in the first step, at rate %g", opt.From)
	}
	out.suggest()
	return out, nil
}

// suggest sets the rate at which the smoothed loss falls most steeply over the logarithm of the rate, before it is lowest, but at most a tenth of the rate at
// which the loss exploded (fastai's "steep" and "minimum" rules, the latter with the explosion in the place of the minimum). The slope is that over five steps.
func (r *Rates) suggest() {
	low := 0
	for i, l := range r.Smooth {
		if l < r.Smooth[low] {
			low = i
		}
	}
	steepest, at := 0.0, -1
	for i := 2; i+2 < len(r.Smooth) && i <= low; i++ {
		slope := (r.Smooth[i+2] - r.Smooth[i-2]) / math.Log(r.Rates[i+2]/r.Rates[i-2])
		if slope < steepest {
			steepest, at = slope, i
		}
	}
	if at < 0 {
		return
	}
	r.Suggest = r.Rates[at]
	if r.Diverged {
		r.Suggest = min(r.Suggest, r.Rates[len(r.Rates)-1]/10)
	}
}

// Write writes the rates and losses as a table, and what follows.
func (r *Rates) Write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%10s  %10s  %10s\n", "lr", "loss", "smoothed")
	for i, lr := range r.Rates {
		fmt.Fprintf(&b, "%10.2e  %10.4f  %10.4f\n", lr, r.Loss[i], r.Smooth[i])
	}
	last := r.Rates[len(r.Rates)-1]
	if r.Diverged {
		fmt.Fprintf(&b, "the loss explodes at about %.1e\n", last)
	} else {
		fmt.Fprintf(&b, "the loss has not exploded up to %.1e\n", last)
	}
	if r.Suggest > 0 {
		fmt.Fprintf(&b, "suggested: lr: %.1e for stage %s (the recipe has %g): where the loss falls most steeply, and at most a tenth of where it explodes\n", r.Suggest, r.Stage, r.LR)
	} else {
		fmt.Fprintf(&b, "no suggestion: the loss falls at no rate; more steps (--steps) or other rates (--from, --to) may show more\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
