package kernels

import "math"

// RopeTable holds cosines and sines, each [positions, half], of rotary position embeddings.
type RopeTable struct {
	Half     int
	Cos, Sin []float32
}

// NewRope makes the table for positions 0..n-1 from the angle per position of each pair. Angles
// are rounded to float32 before the cosine, as transformers computes them.
func NewRope(invFreq []float32, n int) *RopeTable {
	h := len(invFreq)
	t := &RopeTable{Half: h, Cos: make([]float32, n*h), Sin: make([]float32, n*h)}
	for p := range n {
		for i, f := range invFreq {
			s, c := math.Sincos(float64(float32(p) * f))
			t.Cos[p*h+i], t.Sin[p*h+i] = float32(c), float32(s)
		}
	}
	return t
}

// Rope rotates x [rows, heads*2*Half] in place, row r by its position pos[r], pairing element i
// of a head with i+Half (the rotate-half convention of Hugging Face checkpoints). sign is 1, or
// -1 for the backward pass.
func (on Workers) Rope(x []float32, pos []int32, heads int, t *RopeTable, sign float32) {
	h := t.Half
	d := heads * 2 * h
	on.Rows(len(pos), grainFor(d), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			cos, sin := t.Cos[int(pos[r])*h:][:h], t.Sin[int(pos[r])*h:][:h]
			for k := range heads {
				head := x[r*d+k*2*h:][:2*h]
				rotate(head[:h], head[h:], cos, sin, sign)
			}
		}
	})
}
