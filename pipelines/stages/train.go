package stages

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"moslava/datasets"
	"moslava/internal/interrupt"
	"moslava/internal/nn"
	"moslava/internal/optim"
	"moslava/moslora"
	"moslava/pipelines/features"
	"moslava/pipelines/inputs"
	"moslava/pipelines/metrics"
	"moslava/pipelines/models"
	"moslava/pipelines/preference"
	"moslava/pipelines/progress"
	"moslava/pipelines/recipe"
	"moslava/pipelines/states"
	"moslava/pipelines/train"
	"moslava/pipelines/vlm"
)

// training is a training stage being run.
type training struct {
	*stage
	cfg        *recipe.TrainConfig
	model      *vlm.Model
	processor  *vlm.Processor
	source     datasets.Source
	train, val *datasets.Subset
	group      *datasets.Grouping // of train; nil: none
	features   *features.Store    // of pictures; nil: none is kept
	trainer    *train.Trainer
	pairs      *preference.Model // the model, where pairs of answers are learnt from
	trained    []string          // base parameters that are trained
	log        *metrics.Log
	bar        *progress.Bar
	step       atomic.Int64 // the last one that is finished
}

// train runs a stage of kind pretrain, align or tune.
func (s *stage) train(ctx context.Context) (outputs []string, err error) {
	from, _ := s.dir.From(s.index)
	t := &training{stage: s, cfg: s.Stage.Train}
	if t.model, t.processor, err = models.After(s.recipe, s.dir, from); err != nil {
		return nil, err
	}
	if t.source, _, err = inputs.OpenData(ctx, s.recipe, t.cfg); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.source.Close()) }()
	t.processor = t.processor.WithMaxPixels(t.cfg.MaxPixels)
	if err := t.prepare(ctx); err != nil {
		return nil, err
	}
	state, err := states.Resume(s.path, t.trainer, t.cfg.Keep)
	if err != nil {
		return nil, err
	}
	logged := state.Step
	if state.Pending != nil {
		logged-- // its validation was interrupted
	}
	if t.log, err = metrics.Open(s.path, logged); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.log.Close()) }()
	t.bar = progress.New(s.out, s.Name, t.trainer.Steps)
	t.bar.Skip(logged)
	if state.Step > 0 {
		t.bar.Note(fmt.Sprintf("%s: goes on after step %d of %d", s.Name, state.Step, t.trainer.Steps))
	}
	state, err = t.optimise(ctx, state, logged)
	t.bar.Done()
	if err != nil {
		return nil, err
	}
	t.note(state)
	if err := t.endFeatures(); err != nil {
		return nil, err
	}
	if err := t.noteRise(); err != nil {
		return nil, err
	}
	if err := models.SaveTrained(t.model, s.path, models.BaseName(s.recipe), t.trained); err != nil {
		return nil, err
	}
	return existing(s.path, models.TrainedFile, models.AdaptersDir, bestDir), nil
}

// optimise runs the trainer from a state on and says what a signal interrupts.
func (t *training) optimise(ctx context.Context, state train.State, logged int) (train.State, error) {
	t.step.Store(int64(logged))
	end := interrupt.Begin(ctx, interrupt.Work{Saves: true, Save: t.trainer.SaveNow, Answer: func() string {
		return fmt.Sprintf("finishing step %d, saving", min(t.step.Load()+1, int64(t.trainer.Steps)))
	}})
	defer end()
	t.trainer.Save = func(s train.State) error {
		err := t.log.Sync()
		if err == nil {
			err = states.Save(t.path, s, t.trainer, t.cfg.Keep)
		}
		if err == nil && ctx.Err() != nil {
			end() // nothing is lost from here on, whatever is waited for still, such as a large picture that is being read
		}
		return err
	}
	state, err := t.trainer.Run(ctx, state)
	if d := new(train.DivergedError); errors.As(err, &d) {
		err = fmt.Errorf("%w. lr is %g: lower it, or raise warmup_steps; on_divergence: ignore goes on all the same",
			err, t.cfg.LR)
	}
	return state, err
}

// prepare attaches adapters, says what is trained and sets the trainer up.
func (t *training) prepare(ctx context.Context) error {
	if err := t.attach(); err != nil {
		return err
	}
	if err := t.model.Config.Text.Fits(t.loadOptions().MaxLength); err != nil {
		return fmt.Errorf("max_length: %w", err)
	}
	if p := t.processor; !p.Template.KeepsAnswers(p.Tokenizer) {
		fmt.Fprintf(t.out, "%s: the chat template rewrites an answer once another turn follows, as it drops reasoning: the last answer of each conversation is taught, "+
			"those before it are context. Rows of one question and its answer, or another model.chat_template, teach all\n", t.Name)
	}
	t.model.Checkpointing(t.cfg.Checkpointing)
	var err error
	if t.train, t.val, err = inputs.Rows(t.recipe, t.cfg, t.source); err != nil {
		return err
	}
	if t.group, err = inputs.Group(ctx, t.recipe, t.cfg, t.processor.Length); err != nil {
		return err
	}
	opt, err := optim.NewAdamW(optim.Config{Beta1: t.cfg.Beta1, Beta2: t.cfg.Beta2, Eps: t.cfg.Eps,
		WeightDecay: t.cfg.WeightDecay, Threads: t.recipe.Threads})
	if err != nil {
		return err
	}
	steps, err := t.steps(ctx)
	if err != nil {
		return err
	}
	schedule, err := optim.NewSchedule(t.cfg.Schedule, steps, optim.Warmup{Steps: t.cfg.WarmupSteps,
		Ratio: t.cfg.WarmupRatio})
	if err != nil {
		return err
	}
	t.trainer = &train.Trainer{Model: t.model, Params: t.params(), Frozen: t.frozen(), Batches: t.batches, Optim: opt,
		LR: t.cfg.LR, Schedule: schedule, Steps: steps, Accum: t.cfg.Accum, Clip: t.cfg.Clip, Seed: t.recipe.Seed,
		Log: t.report, SaveEvery: t.cfg.SaveEvery, ValidateEvery: t.cfg.ValidateEvery}
	if err := t.keepFeatures(); err != nil {
		return err
	}
	if p := t.cfg.Preference; p != nil {
		t.pairs = &preference.Model{Model: t.model, Kind: p.Loss, Beta: p.Beta}
		t.trainer.Model = t.pairs
	}
	if t.wrap != nil {
		t.trainer.Model = t.wrap(t.model)
	}
	if t.val.Len() > 0 {
		t.trainer.Validate = t.validate
	}
	if t.cfg.OnDivergence != "ignore" {
		t.trainer.Diverged = &train.Divergence{Guess: math.Log(float64(t.model.Config.Text.VocabSize))}
	}
	return nil
}

// attach hangs fresh adapters on the towers, or keeps those the model has.
func (t *training) attach() error {
	composed, err := models.Attach(t.model, t.cfg.Adapters, t.processor.Tokenizer, t.attachFresh)
	if composed != nil && len(composed.Whole) > 0 {
		fmt.Fprintf(t.out, "%s: the directories store %d parameters entire, such as %s: the model's own stay\n",
			t.Name, len(composed.Whole), composed.Whole[0])
	}
	return err
}

// attachFresh shows how far it is where singular values are computed.
func (t *training) attachFresh(part string, cfg moslora.Config) error {
	if cfg.Start == moslora.PiSSA {
		linears, err := t.model.AdapterLinears(part, cfg)
		if err != nil {
			return err
		}
		bar := progress.New(t.out, fmt.Sprintf("%s: singular values of %s", t.Name, part), len(linears))
		defer bar.Done()
		t.model.Adapters.Prepared = func(string) { bar.Step(1, "") }
		defer func() { t.model.Adapters.Prepared = nil }()
	}
	tied := t.model.Config.Text.TieWordEmbeddings
	if err := t.model.AttachAdapters(part, cfg, t.recipe.Seed); err != nil {
		return err
	}
	if tied && !t.model.Config.Text.TieWordEmbeddings {
		fmt.Fprintf(t.out, "%s: embedding and output layer shared a table; what is trained of them here differs, "+
			"and the model has two from now on (ensure_weight_tying: true keeps one)\n", t.Name)
	}
	return nil
}

// params makes trainable what the stage trains and lists it with its rates.
func (t *training) params() []train.Param {
	parts := t.cfg.Train
	adapters := slices.Contains(parts, recipe.PartAdapters)
	t.model.Params.Train(func(name string) bool {
		return vlm.Trains(parts, t.model, name) || adapters && t.model.Adapters.Saves(name)
	})
	t.model.Adapters.Train(adapters)
	rates := map[string]float64{recipe.PartVision: t.cfg.LRVision, recipe.PartProjector: t.cfg.LRProjector,
		recipe.PartLanguage: t.cfg.LRLanguage}
	rate := func(name string) float64 {
		if r := rates[vlm.TowerOf(name)]; r > 0 {
			return r / t.cfg.LR
		}
		return 1
	}
	var out []train.Param
	for p := range t.model.Params.All() {
		if p.Trainable() {
			if !t.model.Adapters.Saves(p.Name) { // the adapters' directory has those
				t.trained = append(t.trained, p.Name)
			}
			out = append(out, train.Param{Param: p, LR: rate(p.Name), Decay: len(p.Shape) > 1})
		}
	}
	for a := range t.model.Adapters.All() {
		for _, p := range a.Params() {
			if !p.Trainable() {
				continue
			}
			lr := rate(p.Name)
			if (p == a.B || p == a.Bias) && t.cfg.LoRAPlus > 0 {
				lr *= t.cfg.LoRAPlus
			}
			out = append(out, train.Param{Param: p, LR: lr, Decay: len(p.Shape) > 1})
		}
	}
	for _, rows := range t.model.Adapters.Rows() {
		if p := rows.Weight; p.Trainable() {
			out = append(out, train.Param{Param: p, LR: rate(p.Name), Decay: true})
		}
	}
	return out
}

// frozen yields the parameters that the stage leaves alone.
func (t *training) frozen() iter.Seq[*nn.Param] {
	return func(yield func(*nn.Param) bool) {
		for _, all := range []iter.Seq[*nn.Param]{t.model.Params.All(), t.model.Adapters.Params()} {
			for p := range all {
				if !p.Trainable() && !yield(p) {
					return
				}
			}
		}
	}
}

func (t *training) loadOptions() datasets.LoadOptions {
	opt := inputs.LoadOptions(t.recipe, t.cfg, t.model.Config.Text.MaxPositionEmbeddings)
	opt.Notice = func(e datasets.Event) { t.bar.Note(e.String()) }
	return opt
}

func (t *training) batches(ctx context.Context, from datasets.Position) iter.Seq2[*datasets.Batch, error] {
	opt := t.loadOptions()
	opt.Group = t.group
	return datasets.Load(ctx, t.train, t.processor, opt, from)
}

// steps is how many steps of the optimiser the stage takes. With a token budget, or when samples may be
// left out or split, the batches of an epoch are counted.
func (t *training) steps(ctx context.Context) (int, error) {
	c := t.cfg
	if c.Steps > 0 {
		return c.Steps, nil
	}
	batches := (t.train.Len() + max(1, c.Batch) - 1) / max(1, c.Batch)
	strict := c.OnLong == datasets.OnError && c.OnBad != datasets.OnSkip && c.OnNoTargets != datasets.OnSkip && c.OnEmpty != datasets.OnSkip
	if c.Tokens > 0 || !strict {
		var err error
		if batches, err = t.count(ctx); err != nil {
			return 0, err
		}
	}
	return max(1, c.Epochs*batches/max(1, c.Accum)), nil
}

// count is the number of batches of the first epoch. Pictures are decoded only if those that are broken are skipped: else their sizes
// say how many tokens they take, and one that is broken ends the stage when its turn comes.
func (t *training) count(ctx context.Context) (batches int, err error) {
	opt := t.loadOptions()
	opt.Epochs, opt.Notice, opt.Group = 1, nil, t.group
	p := t.processor
	if t.cfg.OnBad != datasets.OnSkip {
		p = p.Outline()
	}
	bar := progress.New(t.out, t.Name+": counting batches", t.train.Len())
	defer bar.Done()
	seen := 0
	for b, err := range datasets.Load(ctx, t.train, p, opt, datasets.Position{}) {
		if err != nil {
			return 0, err
		}
		batches++
		at := b.Next.Index
		if b.Next.Epoch > 0 {
			at = t.train.Len()
		}
		bar.Step(at-seen, "")
		seen = at
	}
	return batches, nil
}

// validate measures the loss on the held-out share and keeps the best model in a directory of its own.
func (t *training) validate(ctx context.Context, s *train.State) (*float64, error) {
	opt := t.loadOptions()
	opt.Epochs, opt.InOrder = 1, true
	batches := datasets.Load(ctx, t.val, t.processor, opt, datasets.Position{})
	loss, targets, err := train.Evaluate(ctx, t.trainer.Model, batches)
	if err != nil {
		return nil, err
	}
	t.bar.Note(fmt.Sprintf("step %d: validation loss %.4f over %d targets", s.Step, loss, targets))
	if s.BestStep > 0 && loss >= s.BestLoss || t.trainer.Diverged.Exploded(s, loss) {
		return &loss, nil
	}
	s.BestStep, s.BestLoss = s.Step, loss
	return &loss, models.SaveTrained(t.model, filepath.Join(t.path, bestDir), models.BaseName(t.recipe), t.trained)
}

// bestDir holds the model with the lowest validation loss.
const bestDir = "best"

func (t *training) report(r train.Report) error {
	speed := float64(r.Tokens) / r.Elapsed.Seconds()
	record := metrics.Record{Step: r.Step, Loss: r.Loss, GradNorm: r.GradNorm, LR: r.LR, Tokens: int64(r.Tokens),
		Targets: int64(r.Targets), Counts: counts(r.Data.Counts), Validation: r.Validation,
		Time: metrics.Time{Unix: float64(time.Now().UnixMilli()) / 1e3, Seconds: r.Elapsed.Seconds(),
			TokensPerSecond: speed}, Rewards: t.rewards()}
	if err := t.log.Write(record); err != nil {
		return err
	}
	t.emit(Event{Event: StageStep, Steps: t.trainer.Steps, Record: &record})
	t.step.Store(int64(r.Step))
	t.bar.Step(1, fmt.Sprintf("loss %.3f  %.0f tokens/s", r.Loss, speed))
	return nil
}

// rewards are those of the step's pairs.
func (t *training) rewards() *metrics.Rewards {
	if t.pairs == nil {
		return nil
	}
	r := t.pairs.Take()
	n := float64(max(1, r.Pairs))
	return &metrics.Rewards{Chosen: r.Chosen / n, Rejected: r.Rejected / n, Margin: (r.Chosen - r.Rejected) / n, Accuracy: float64(r.Preferred) / n}
}

// counts lists what became of samples, as far as it is not the ordinary.
func counts(c datasets.Counts) map[string]int64 {
	out := map[string]int64{"samples": int64(c.Samples)}
	for name, n := range map[string]int{"dropped": c.Dropped, "skipped": c.Skipped, "no_targets": c.NoTargets,
		"split": c.Split, "truncated": c.Truncated, "shrunk": c.Shrunk, "context": c.Context} {
		if n > 0 {
			out[name] = int64(n)
		}
	}
	return out
}

// note tells what became of samples that were not used whole.
func (t *training) note(s train.State) {
	c := s.Data.Counts
	if c.Dropped+c.Skipped+c.NoTargets+c.Split+c.Truncated+c.Shrunk > 0 {
		fmt.Fprintf(t.out, "%s: %d samples used; dropped %d, skipped %d, without targets %d, split %d", t.Name, c.Samples, c.Dropped, c.Skipped, c.NoTargets, c.Split)
		for _, more := range []struct {
			what string
			n    int
		}{{"truncated", c.Truncated}, {"shrunk", c.Shrunk}} {
			if more.n > 0 {
				fmt.Fprintf(t.out, ", %s %d", more.what, more.n)
			}
		}
		fmt.Fprintln(t.out)
	}
	if c.Context > 0 {
		fmt.Fprintf(t.out, "%s: %d earlier answers were context alone\n", t.Name, c.Context)
	}
}

// noteRise tells when the loss has risen over the stage, which need not be an explosion.
func (t *training) noteRise() error {
	lines, err := metrics.Read(filepath.Join(t.path, metrics.LinesFile))
	if err != nil || len(lines) < 10 {
		return err
	}
	n := min(20, len(lines)/4)
	mean := func(some []metrics.Record) (m float64) {
		for _, r := range some {
			m += r.Loss / float64(len(some))
		}
		return m
	}
	last, begin := mean(lines[len(lines)-n:]), lines[0].Loss
	if last > 2*begin+1 { // the first steps may have exploded themselves
		fmt.Fprintf(t.out, "%s: warning: the loss has risen, from %.3f in the first step to %.3f in the last %d: lr %g may be too high\n", t.Name, begin, last, n, t.cfg.LR)
	} else if first := mean(lines[:n]); last > first+0.5 && last > 1.2*first {
		fmt.Fprintf(t.out, "%s: warning: the loss has risen, from %.3f in the first %d steps to %.3f in the last: lr %g may be too high\n", t.Name, first, n, last, t.cfg.LR)
	}
	return nil
}

// existing lists those names that are in dir.
func existing(dir string, names ...string) []string {
	return slices.DeleteFunc(names, func(n string) bool {
		_, err := os.Stat(filepath.Join(dir, n))
		return errors.Is(err, fs.ErrNotExist)
	})
}
