package autograd

import (
	"context"
	"errors"
	"slices"
	"testing"
)

// TestContext: no operation begins, forward or backward, when the context has ended, and the cause comes back.
func TestContext(t *testing.T) {
	why := errors.New("enough")
	run := func(tape *Tape, cancel func()) (err error) {
		defer Catch(&err)
		x := New([]float32{1, 2, 3, 4}, 2, 2)
		x.SetRequiresGrad(true)
		y := tape.Checkpoint(tape.Add(x, x), nil, func(tape *Tape, x *Var) *Var { return tape.MatMul(x, x) })
		cancel()
		if tape.Len() > 0 {
			return tape.BackwardFrom(y, New(slices.Repeat([]float32{1}, 4), 2, 2))
		}
		tape.Add(y, y)
		return nil
	}
	for _, values := range []bool{false, true} {
		ctx, cancel := context.WithCancelCause(t.Context())
		if err := run(&Tape{Context: ctx, Values: values}, func() {}); err != nil {
			t.Error(err)
		}
		if err := run(&Tape{Context: ctx, Values: values}, func() { cancel(why) }); !errors.Is(err, why) || err.Error() != why.Error() {
			t.Errorf("values %t: error %v", values, err)
		}
		if err := run(&Tape{Context: ctx, Values: values}, func() {}); !errors.Is(err, why) || err.Error() != why.Error() {
			t.Errorf("values %t: begun after the end: error %v", values, err)
		}
	}
}
