package nn

import (
	"fmt"
	"slices"
	"testing"

	"moslava/internal/autograd"
	"moslava/internal/device"
	"moslava/internal/kernels"
)

// coarse rounds what a source has, as a file of that precision does.
type coarse struct {
	Source
	to kernels.Kind
}

func (c coarse) Tensor(name string, shape []int, init Init) ([]float32, error) {
	data, err := c.Source.Tensor(name, shape, init)
	kernels.RoundTo(c.to, data)
	if c.to == kernels.BF16 && len(shape) > 1 {
		data[0] = 0x1p-40 // which half precision has not
	}
	return data, err
}

// inFloat32 packs what is frozen in float32, whatever its elements are.
func inFloat32(ps *Params) {
	for _, p := range ps.list {
		if p.packed != nil {
			p.unpack()
			w := p.v.Floats()
			p.packed = device.Host.Workers().Pack(w, p.Shape[0], len(w)/p.Shape[0], kernels.F32)
		}
	}
}

// step is a loss with the gradients of the norm's weight and of the embedded rows.
func step(t *testing.T, m *small, ids []int32) (out [][]float32) {
	t.Helper()
	tape := new(autograd.Tape)
	x := m.embed.Forward(tape, ids)
	x.SetRequiresGrad(true)
	h := m.layer.Forward(tape, m.norm.Forward(tape, x))
	loss, value := m.head.Loss(tape, m.down.Forward(tape, m.up.Forward(tape, h)), ids)
	if err := tape.Backward(loss, 1); err != nil {
		t.Fatal(err)
	}
	return [][]float32{{float32(value)}, x.GradFloats(), m.norm.Weight.v.GradFloats()}
}

// TestWeightsOfAFileInHalfPrecisionStayThere: they take half the memory, a tied table is kept once, and nothing that is
// computed changes by a bit.
func TestWeightsOfAFileInHalfPrecisionStayThere(t *testing.T) {
	for _, kind := range []kernels.Kind{kernels.F16, kernels.BF16} {
		for _, tied := range []bool{false, true} {
			what := fmt.Sprintf("%s, tied %v", kind, tied)
			src := coarse{Random(7), kind}
			m, ps, err := Build(src, stout(tied))
			if err != nil {
				t.Fatal(err)
			}
			plain, all, err := Build(src, stout(tied))
			if err != nil {
				t.Fatal(err)
			}
			train := only("blocks.0.norm.weight")
			ps.Train(train)
			all.Train(train)
			inFloat32(all)
			for _, p := range []*Param{m.up.Weight, m.down.Weight, m.head.Weight} {
				if p.packed.Kind != kind || p.v != nil || p.Rounded() || p.Bytes() > 2*20*64+2*12*64 && p == m.head.Weight {
					t.Errorf("%s: %s is kept as %s, plain %v, rounded %v, %d bytes", what, p.Name, p.packed.Kind, p.v != nil, p.Rounded(), p.Bytes())
				}
			}
			for _, ids := range [][]int32{{3}, {3, 0, 19, 7, 3}, make([]int32, 100)} {
				got, want := step(t, m, ids), step(t, plain, ids)
				for i := range want {
					if len(want[i]) == 0 || !slices.Equal(got[i], want[i]) {
						t.Errorf("%s, %d rows: result %d is another", what, len(ids), i)
					}
				}
				x := m.embed.Forward(nil, ids)
				y, z := m.up.Forward(nil, x).Floats(), plain.up.Forward(nil, x).Floats()
				if !slices.Equal(y, z) {
					t.Errorf("%s, %d rows: the product has other bits", what, len(ids))
				}
			}
		}
	}
}

// TestWhatLeavesHalfPrecisionIsFloat32: merging and setting lose nothing, and training begins from what the file has.
func TestWhatLeavesHalfPrecisionIsFloat32(t *testing.T) {
	for _, tied := range []bool{false, true} {
		m, ps, err := Build(coarse{Random(7), kernels.F16}, stout(tied))
		if err != nil {
			t.Fatal(err)
		}
		file := slices.Clone(m.up.Weight.Floats())
		table := slices.Clone(m.embed.Weight.Floats())
		ps.Freeze()
		delta := make([]float32, len(file))
		sum := slices.Clone(file)
		for i := range delta {
			delta[i] = float32(i) * 0x1p-30
			sum[i] += delta[i]
		}
		m.up.Adapter = &term{delta}
		m.up.Merge()
		if p := m.up.Weight; p.packed.Kind != kernels.F32 || p.Rounded() || !slices.Equal(p.Floats(), sum) {
			t.Errorf("tied %v: merged weights are kept as %s, rounded %v", tied, p.packed.Kind, p.Rounded())
		}
		if err := m.up.Weight.Set(file, m.up.Weight.Shape); err != nil || m.up.Weight.packed.Kind != kernels.F16 {
			t.Errorf("tied %v: the file's weights set again are kept as %s (%v)", tied, m.up.Weight.packed.Kind, err)
		}
		for i := range 3 { // a table that leaves, comes back, and leaves again
			other := slices.Clone(table)
			if i != 1 {
				other[5] += 1e-6
			}
			if err := m.embed.Weight.Set(other, m.embed.Weight.Shape); err != nil {
				t.Fatal(err)
			}
			if got := m.embed.Forward(nil, []int32{0, 19}).Floats(); !slices.Equal(got[:64], other[:64]) || !slices.Equal(got[64:], other[19*64:]) {
				t.Errorf("tied %v: rows of a table that was set are others", tied)
			}
		}
		if err := m.embed.Weight.Set(table, m.embed.Weight.Shape); err != nil {
			t.Fatal(err)
		}
		ps.Train(all)
		for p := range ps.All() {
			if p.packed != nil || !p.Trainable() {
				t.Errorf("tied %v: %s is packed %v, trainable %v", tied, p.Name, p.packed != nil, p.Trainable())
			}
		}
		if !slices.Equal(m.up.Weight.Floats(), file) || !slices.Equal(m.embed.Weight.Floats(), table) {
			t.Errorf("tied %v: training begins from other weights", tied)
		}
		ps.FreezeAs(kernels.F32)
		if p := m.down.Weight; p.packed.Kind != kernels.F16 || p.Rounded() {
			t.Errorf("tied %v: FreezeAs(F32) keeps %s, rounded %v", tied, p.packed.Kind, p.Rounded())
		}
		ps.FreezeAs(kernels.NF4)
		if p := m.down.Weight; p.packed.Kind != kernels.NF4 || !p.Rounded() {
			t.Errorf("tied %v: FreezeAs(NF4) of weights in half precision keeps %s", tied, p.packed.Kind)
		}
	}
}
