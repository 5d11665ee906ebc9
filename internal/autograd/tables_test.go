package autograd

import (
	"math"
	"testing"
)

func TestTables(t *testing.T) {
	a, m, b := random(3, 9), random(3, 3), random(5, 3)
	check(t, func(tp *Tape) *Var { return tp.Lookup(a, []int32{3, 0, 3, 8}) }, map[string]*Var{"a": a})
	check(t, func(tp *Tape) *Var { return tp.Transpose(a) }, map[string]*Var{"a": a})
	low := &LowRank{A: a, M: m, B: b, Scale: 1.5}
	all := map[string]*Var{"a": a, "m": m, "b": b}
	check(t, func(tp *Tape) *Var { return low.Of(tp, []int32{7, 7, 0}) }, all)
	x, w := random(4, 5), random(9, 5)
	all["x"], all["w"] = x, w
	check(t, func(tp *Tape) *Var {
		return tp.Linears(Kept(x), Layer{W: Matrix{Var: w}, Low: low.Turned(tp)})[0]
	}, all)
	cols := random(4, 2)
	y := random(4, 9)
	check(t, func(tp *Tape) *Var { return tp.SpliceColumns(y, cols, []int32{8, 2}) }, map[string]*Var{"y": y, "cols": cols})
}

// TestLogitLoss: the loss of logits is that of the head they come from, with its gradients.
func TestLogitLoss(t *testing.T) {
	logits := random(5, 11)
	targets := []int32{0, 10, 3, 3, 7}
	check(t, func(tp *Tape) *Var { l, _ := tp.LogitLoss(logits, targets); return l }, map[string]*Var{"logits": logits})
	x, w := random(5, 6), random(11, 6)
	_, want := new(Tape).CrossEntropy(x, Matrix{Var: w}, targets)
	tape := new(Tape)
	if _, got := tape.LogitLoss(tape.Linear(x, Matrix{Var: w}, nil), targets); math.Float64bits(got) != math.Float64bits(want) {
		t.Errorf("loss %g, want %g", got, want)
	}
}
