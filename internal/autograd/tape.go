// Package autograd records operations on a tape and plays them backwards.
//
// Every operation is a spago ag.AutoGradFunction over *Var, in a file that holds its forward and
// its backward, with a method on *Tape that applies it. The tape replaces spago's own
// graph walk: it is sequential, so that sums have a fixed order and errors come back to the
// caller, and it takes memory back as soon as the backward pass is through with it.
//
// A nil *Tape computes values and records nothing: that is inference, and it turns dropout off. So does one with Values set.
// Operations none of whose operands is tracked are not recorded either, so frozen towers keep nothing.
//
// Operations panic with *Error when their operands do not fit: a bug in a model, or something a
// user supplied that slipped through. Entry points turn that into an error with Catch.
package autograd

import (
	"context"
	"fmt"
	"slices"

	"github.com/nlpodyssey/spago/ag"
	"github.com/nlpodyssey/spago/mat"

	"moslava/internal/machine"
)

// Error is an operation that failed. Op is empty where the context has ended: that is not the operation's fault.
type Error struct {
	Op  string
	Err error
}

func (e *Error) Error() string {
	if e.Op == "" {
		return e.Err.Error()
	}
	return e.Op + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

func failf(op, format string, args ...any) {
	panic(&Error{op, fmt.Errorf(format, args...)})
}

// Catch, deferred, turns a failed operation's panic into *err. Other panics go on.
func Catch(err *error) {
	switch r := recover().(type) {
	case nil:
	case *Error:
		*err = r
	case *machine.ShortError:
		*err = &Error{"buffer", r}
	default:
		panic(r)
	}
}

// Tape records the operations of one forward pass. The zero value is ready.
type Tape struct {
	Seed uint64 // of dropout masks; set it from the run's seed and the step
	// Finite checks every result and fails at the first that holds a NaN or an infinity: slow, for
	// finding where one comes from.
	Finite bool
	// Values computes values alone, as a nil tape does.
	Values bool
	// Context, if set, is looked at before every operation, forward and backward: once it has ended, the next one fails with its
	// cause. What has been added to gradients by then is of no use.
	Context context.Context
	recs    []record
	loose   []*Var // results that are not recorded
	drop    uint64 // dropout masks drawn so far
	forget  bool   // record nothing, with dropout on: the first pass of a checkpoint
	again   bool   // what leaves is known: the second pass of a checkpoint
}

type record struct {
	fn  ag.AutoGradFunction
	out *Var
}

// releaser is an operation that keeps memory of its own for the backward pass.
type releaser interface{ release() }

// Apply runs fn and records it if one of its operands requires a gradient.
func (t *Tape) Apply(fn ag.AutoGradFunction) *Var {
	t.goOn()
	out, err := fn.Forward()
	if err != nil {
		panic(&Error{fmt.Sprintf("%T", fn), err})
	}
	v := out.(*Var)
	if t != nil && t.Finite {
		t.checkFinite(fn, v)
	}
	tracked := false
	if !t.inference() && !t.forget {
		for _, o := range fn.Operands() {
			tracked = tracked || o.RequiresGrad()
		}
	}
	if tracked {
		for _, o := range fn.Operands() {
			if o, ok := o.(*Var); ok {
				o.held = true
			}
		}
		v.track = true
		t.recs = append(t.recs, record{fn, v})
		return v
	}
	v.track = false
	if r, ok := fn.(releaser); ok {
		r.release()
	}
	if t != nil {
		t.loose = append(t.loose, v)
	}
	return v
}

// goOn fails with the cause of a context that has ended.
func (t *Tape) goOn() {
	if t == nil {
		return
	}
	if err := t.ended(); err != nil {
		panic(&Error{"", err})
	}
}

// leave takes a result that is not recorded.
func (t *Tape) leave(fn ag.AutoGradFunction, v *Var) {
	if t == nil {
		return
	}
	if t.Finite {
		t.checkFinite(fn, v)
	}
	t.loose = append(t.loose, v)
}

// Adopt takes a value that no operation has made, so that its memory is given back as that of results.
func (t *Tape) Adopt(v *Var) *Var {
	if t != nil {
		t.loose = append(t.loose, v)
	}
	return v
}

// Scope runs f and gives back the memory of results that came in it, that nothing has recorded and that no recorded operation
// reads; nobody may use them any more. What f returns stays. Without a tape they are the garbage collector's.
func (t *Tape) Scope(f func() *Var) *Var {
	if t == nil {
		return f()
	}
	from := len(t.loose)
	out := f()
	t.release(from, out)
	return out
}

// Done gives back the memory of a result that nothing has recorded and no recorded operation reads, which nobody may use any more.
func (t *Tape) Done(v *Var) {
	if t == nil || v.held {
		return
	}
	for i, l := range slices.Backward(t.loose) {
		if l == v {
			t.loose = slices.Delete(t.loose, i, i+1)
			v.release()
			return
		}
	}
}

// Release gives back the memory of all results that are left: the end of a step.
func (t *Tape) Release() { t.release(0, nil) }

func (t *Tape) release(from int, keep *Var) {
	left := t.loose[:from]
	for _, v := range t.loose[from:] {
		if v == keep || v.held && keep != nil {
			left = append(left, v)
		} else {
			v.release()
		}
	}
	clear(t.loose[len(left):])
	t.loose = left
}

// inference says whether values alone are computed.
func (t *Tape) inference() bool { return t == nil || t.Values }

// ended is the cause of a context that has ended.
func (t *Tape) ended() error {
	if t.Context == nil || t.Context.Err() == nil {
		return nil
	}
	return context.Cause(t.Context)
}

func (t *Tape) checkFinite(fn ag.AutoGradFunction, v *Var) {
	if i := v.dev.NotFinite(v.buf); i >= 0 {
		failf(fmt.Sprintf("%T", fn), "the result of operation %d, of shape %v, is %g at row %d, column %d",
			len(t.recs), v.shape, v.buf.Host()[i], i/v.Cols(), i%v.Cols())
	}
}

// Len is the number of recorded operations.
func (t *Tape) Len() int { return len(t.recs) }

// Backward adds seed·d(root)/dv to the gradient of every tracked leaf v, and empties the tape.
// The memory of recorded results is taken back; leaves and their gradients stay.
func (t *Tape) Backward(root *Var, seed float32) (err error) {
	defer Catch(&err)
	g := newVar(root.dev, root.shape...)
	g.dev.Fill(g.buf, seed)
	return t.BackwardFrom(root, g)
}

// BackwardFrom is Backward with a whole gradient, which becomes the tape's.
func (t *Tape) BackwardFrom(root *Var, g *Var) (err error) {
	defer Catch(&err)
	root.AccGrad(g)
	for i := len(t.recs) - 1; i >= 0; i-- {
		if err := t.ended(); err != nil {
			return &Error{"", err}
		}
		r := t.recs[i]
		t.recs[i] = record{}
		if g := r.out.grad; g != nil {
			r.out.grad = nil
			if err := r.fn.Backward(g); err != nil {
				return &Error{fmt.Sprintf("backward of %T", r.fn), err}
			}
		}
		r.out.release()
		if rel, ok := r.fn.(releaser); ok {
			rel.release()
		}
	}
	t.recs = t.recs[:0]
	return nil
}

// tensors lists operands, leaving out those that are absent.
func tensors(vs ...*Var) []mat.Tensor {
	out := make([]mat.Tensor, 0, len(vs))
	for _, v := range vs {
		if v != nil {
			out = append(out, v)
		}
	}
	return out
}
