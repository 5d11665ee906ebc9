package stages

import (
	"context"
	"fmt"

	"moslava/pipelines/samples"
)

// sample has the trainer ask a handful of questions as training goes on, if the stage wants it.
func (t *training) sample(ctx context.Context) error {
	c := t.cfg.Samples
	if c == nil {
		return nil
	}
	rows, what := t.val, "held-out"
	if rows.Len() == 0 {
		rows, what = t.train, "training"
	}
	set, err := samples.Choose(ctx, rows, t.processor, c.Count, c.MaxNewTokens)
	if err != nil {
		return err
	}
	switch n := set.Len(); {
	case n == 0:
		fmt.Fprintf(t.out, "%s: samples: none of the first %s rows has a question and an answer that can be shown\n", t.Name, what)
		return nil
	case what == "training":
		fmt.Fprintf(t.out, "%s: samples: %d questions of rows that are trained on, as nothing is held out (validation: 0.05 holds out a share)\n", t.Name, n)
	default:
		fmt.Fprintf(t.out, "%s: samples: %d questions of the held-out share\n", t.Name, n)
	}
	if err := set.KeepPictures(t.path); err != nil {
		return err
	}
	warned := false
	t.trainer.SampleEvery = c.Every
	t.trainer.Sample = func(ctx context.Context, step int) error {
		all, err := set.Ask(ctx, t.model, step)
		if err != nil && ctx.Err() != nil {
			return err
		}
		if err != nil { // training is worth more than a look at it
			t.bar.Note(fmt.Sprintf("step %d: samples: %v", step, err))
			return nil
		}
		for _, s := range all {
			t.bar.Note(samples.Line(s))
		}
		if answer, n, ok := samples.Dominant(all); ok && !warned {
			warned = true
			t.bar.Note(fmt.Sprintf("step %d: warning: %d of %d samples are answered %q, and most of them want something else: the picture may not reach the answer yet", step, n, len(all), answer))
		}
		return t.log.Samples(all)
	}
	return nil
}
