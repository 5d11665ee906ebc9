package language

import (
	"math"
	"slices"
	"testing"

	"moslava/internal/autograd"
	"moslava/internal/kernels"
)

func TestSelection(t *testing.T) {
	d := drawn(t, "")
	p, spans := d.sequences(Rows{Offsets: []int32{0, 5, 5, 8, 12}})
	s := spans.choose([]int32{2, 4, 11}, p.pos)
	if want := []int32{2, 3, 4, 7, 11}; !slices.Equal(s.queries, want) {
		t.Errorf("queries %v, want %v", s.queries, want)
	}
	if want := []int32{2, 3, 4, 2, 3}; !slices.Equal(s.pos, want) {
		t.Errorf("positions %v, want %v", s.pos, want)
	}
	if want := []int32{0, 2, 4}; !slices.Equal(s.among, want) {
		t.Errorf("among them %v, want %v", s.among, want)
	}
	if want := []kernels.Span{{Q0: 0, QN: 3, K0: 0, KN: 5}, {Q0: 3, QN: 1, K0: 5, KN: 3}, {Q0: 4, QN: 1, K0: 8, KN: 4}}; !slices.Equal(s.spans, want) {
		t.Errorf("spans %v, want %v", s.spans, want)
	}
}

// Some rows alone have the values and, of what they read, the gradients that they have among all.
func TestForwardAtIsForward(t *testing.T) {
	for _, window := range []string{"", `"sliding_window":9,`} {
		for _, checkpointing := range []bool{false, true} {
			d := drawn(t, window)
			d.Checkpointing = checkpointing
			ids := sequence(3, 60)
			offsets, at := []int32{0, 25, 40, 60}, []int32{3, 4, 20, 41, 59}
			run := func(forward func(tape *autograd.Tape, x *autograd.Var) *autograd.Var) (values, gradient []float32) {
				x := autograd.New(slices.Clone(d.Embed.Forward(nil, ids).Floats()), 60, 48)
				x.SetRequiresGrad(true)
				tape := new(autograd.Tape)
				y := forward(tape, x)
				values = slices.Clone(y.Floats())
				if err := tape.Backward(y, 1); err != nil {
					t.Fatal(err)
				}
				return values, x.GradFloats()
			}
			v, g := run(func(tape *autograd.Tape, x *autograd.Var) *autograd.Var {
				return tape.SelectRows(d.Forward(tape, x, Rows{Offsets: offsets}, nil), at)
			})
			v2, g2 := run(func(tape *autograd.Tape, x *autograd.Var) *autograd.Var {
				return d.ForwardAt(tape, x, Rows{Offsets: offsets}, at)
			})
			near := func(what string, got, want []float32) {
				for i := range want {
					if math.Abs(float64(got[i]-want[i])) > 2e-5*(1+math.Abs(float64(want[i]))) {
						t.Fatalf("window %q, checkpointing %v, %s: element %d is %g, among all rows %g", window, checkpointing, what, i, got[i], want[i])
					}
				}
			}
			near("values", v2, v)
			near("gradient", g2, g)
		}
	}
}

// Given positions are those that would be counted, and what counts in attention is how far apart they are.
func TestGivenPositions(t *testing.T) {
	d := drawn(t, "")
	ids := sequence(3, 40)
	embed := func() *autograd.Var { return d.Embed.Forward(nil, ids) }
	rows := Rows{Offsets: []int32{0, 25, 40}}
	counted := d.Forward(nil, embed(), rows, nil).Floats()
	rows.Positions = count(count(nil, 0, 25), 0, 15)
	if got := d.Forward(nil, embed(), rows, nil).Floats(); !slices.Equal(got, counted) {
		t.Error("the same positions give other states")
	}
	near := func(what string, got, want []float32) {
		t.Helper()
		for i := range want {
			if math.Abs(float64(got[i]-want[i])) > 5e-5 {
				t.Fatalf("%s: element %d is %g, want %g", what, i, got[i], want[i])
			}
		}
	}
	rows.Positions = count(count(nil, 300, 25), 7, 15)
	near("shifted", d.Forward(nil, embed(), rows, nil).Floats(), counted)

	// Over a cache: a gap of 3 behind the tenth, and counting on behind it.
	some, c := func(lo, hi int) *autograd.Var { return d.Embed.Forward(nil, ids[lo:hi]) }, d.NewCache(1, 40)
	extend(t, d, c, Chunk{X: some(0, 10), Positions: count(nil, 0, 10)})
	extend(t, d, c, Chunk{X: some(10, 12), Positions: []int32{14, 13}})
	got := extend(t, d, c, Chunk{X: some(12, 25)})[0]
	rows = Rows{Offsets: []int32{0, 25}, Positions: count(append(count(nil, 0, 10), 14, 13), 15, 13)}
	near("over a cache", got, d.Forward(nil, some(0, 25), rows, nil).Floats()[24*48:])
	if _, err := d.Extend(c, []Chunk{{X: some(0, 2), Positions: []int32{1}}}); err == nil {
		t.Error("no error about one position of two rows")
	}
}
