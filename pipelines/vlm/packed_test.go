package vlm

import (
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"moslava/datasets"
	"moslava/internal/autograd"
	"moslava/internal/golden"
)

// TestPackedSequencesAreApart: the loss and the gradients of sequences in one batch are the sums of those of each alone.
func TestPackedSequencesAreApart(t *testing.T) {
	for _, name := range []string{"llava-tiny", "smolvlm"} {
		t.Run(name, func(t *testing.T) {
			m := open(t, name)
			b, _ := goldenBatch(t, golden.Open(t, filepath.Join("testdata", name, "golden.safetensors")), "input.", m.Config)
			checkApart(t, m, b)
		})
	}
	t.Run("text", func(t *testing.T) {
		m, b, r := open(t, "llava-tiny"), new(datasets.Batch), rand.New(rand.NewPCG(5, 6))
		for _, n := range []int{3, 17, 2, 29, 9} {
			ids := make([]int32, n)
			for i := range ids {
				ids[i] = 1 + r.Int32N(m.Config.ImageToken-1)
			}
			b.Append(datasets.Example{IDs: ids, Labels: ids})
		}
		checkApart(t, m, b)
	})
}

func checkApart(t *testing.T, m *Model, b *datasets.Batch) {
	t.Helper()
	m.Params.Train(func(string) bool { return true })
	whole, grads := lossAndGradients(t, m, b)
	sum, sums := 0.0, map[string][]float64{}
	for i := range b.Len() {
		loss, g := lossAndGradients(t, m, sequence(b, i))
		sum += loss
		for name, g := range g {
			if sums[name] == nil {
				sums[name] = make([]float64, len(g))
			}
			for k, v := range g {
				sums[name][k] += float64(v)
			}
		}
	}
	if b.Len() < 2 || math.Abs(sum-whole) > 1e-6*math.Abs(whole) {
		t.Errorf("%d sequences have the loss %g packed, %g one by one", b.Len(), whole, sum)
	}
	most := 0.0
	for _, g := range sums {
		for _, v := range g {
			most = max(most, math.Abs(v))
		}
	}
	for name, want := range sums {
		for k, v := range want {
			if d := math.Abs(v - float64(grads[name][k])); d > 2e-6*most {
				t.Errorf("%s %d: %g packed, %g one by one", name, k, grads[name][k], v)
				break
			}
		}
	}
}

// lossAndGradients are those of a batch, summed over its targets.
func lossAndGradients(t *testing.T, m *Model, b *datasets.Batch) (float64, map[string][]float32) {
	t.Helper()
	tape := new(autograd.Tape)
	v, sum, err := m.Loss(tape, b)
	if err == nil {
		err = tape.Backward(v, 1)
	}
	if err != nil {
		t.Fatal(err)
	}
	grads := map[string][]float32{}
	for p := range m.Params.All() {
		if g := p.Var().GradFloats(); g != nil {
			grads[p.Name] = append([]float32(nil), g...)
			p.Var().ZeroGrad()
		}
	}
	return sum, grads
}

// sequence is one of a batch alone.
func sequence(b *datasets.Batch, i int) *datasets.Batch {
	from, to := int(b.Offsets[i]), int(b.Offsets[i+1])
	one := &datasets.Batch{IDs: b.IDs[from:to], Labels: b.Labels[from:to], Offsets: []int32{0, int32(to - from)}}
	for _, im := range b.Images {
		if im.At >= from && im.At < to {
			im.At -= from
			one.Images = append(one.Images, im)
		}
	}
	return one
}
