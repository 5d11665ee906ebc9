package stages

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"moslava/datasets"
	"moslava/internal/autograd"
	"moslava/pipelines/recipes/recipetest"
	"moslava/pipelines/train"
	"moslava/pipelines/vlm"
)

// stopping is a model whose context ends when it is asked for a loss for the nth time, and which takes longer then than a run waits.
type stopping struct {
	*vlm.Model
	left   int
	cancel context.CancelFunc
}

func (s *stopping) Loss(t *autograd.Tape, b *datasets.Batch) (*autograd.Var, float64, error) {
	if s.left--; s.left == 0 {
		s.cancel()
		<-t.Context.Done()
	}
	return s.Model.Loss(t, b)
}

// TestStopsAnywhere: a run that is interrupted in a step or in a validation goes on to the same bits.
func TestStopsAnywhere(t *testing.T) {
	want := uninterrupted(t)
	for _, losses := range []int{1, 5, 6, 13, 33, 40} {
		t.Run(fmt.Sprint(losses), func(t *testing.T) {
			dir := t.TempDir()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			wrap := func(m train.Model) train.Model { return &stopping{m.(*vlm.Model), losses, cancel} }
			err := Run(ctx, load(t, resumeRecipe, dir), Options{Out: io.Discard, wrap: wrap})
			if !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			recipetest.Names(t, err, "saved", "goes on")
			mustRun(t, load(t, resumeRecipe, dir))
			equal(t, results(t, dir), want)
		})
	}
}

// TestDiverged: a loss that explodes ends the stage with an error that says what to do, the same one when it is run again; nothing of it is best.
func TestDiverged(t *testing.T) {
	text := recipetest.Towers + `stages:
- {kind: pretrain, data: "scenes:align?n=40", steps: 30, batch: 2, lr: 10, schedule: constant, clip: 0, validation: 0.2, validate_every: 15, save_every: 2%s}
`
	dir := t.TempDir()
	var out bytes.Buffer
	for range 2 {
		err := Run(t.Context(), recipetest.Parse(t, dir, fmt.Sprintf(text, "")), Options{Out: &out})
		d := new(train.DivergedError)
		if !errors.As(err, &d) || d.Step >= 30 || d.Loss < 2*d.Guess {
			t.Fatalf("error %v\n%s", err, &out)
		}
		recipetest.Names(t, err, "stage pretrain", "has diverged", "lr is 10", "on_divergence: ignore")
	}
	// What changes no result needs no force, and goes on from the last state.
	mustRun(t, recipetest.Parse(t, dir, fmt.Sprintf(text, ", on_divergence: ignore")))
}

// TestRisen: a loss that has risen without exploding is told at the end.
func TestRisen(t *testing.T) {
	out := mustRun(t, recipetest.Parse(t, t.TempDir(), recipetest.Towers+`stages:
- {kind: pretrain, data: "scenes:align?n=40", steps: 40, batch: 2, lr: 10, schedule: constant, clip: 0, on_divergence: ignore}
`))
	if !strings.Contains(out, "warning: the loss has risen, from ") || !strings.Contains(out, "lr 10 may be too high") {
		t.Errorf("it says\n%s", out)
	}
}
