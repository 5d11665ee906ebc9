package plan

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"

	"moslava/internal/autograd"
	"moslava/internal/device"
	"moslava/internal/kernels"
	"moslava/internal/nn"
	"moslava/moslora"
	"moslava/pipelines/vlm"
)

// rates of a machine that does not matter.
var rates = Rates{Threads: 2, Products: 1e9, Bytes: 1e9, Updates: 1e9}

// TestWeights compares parameters and their memory with a model that has been built.
func TestWeights(t *testing.T) {
	wide := strings.NewReplacer(`"hidden_size":24,"intermediate_size":40`, `"hidden_size":64,"intermediate_size":128`)
	coarse := map[string]kernels.Kind{"language": kernels.F16, "vision": kernels.BF16}
	for i := range 12 {
		tied, files := i%2 == 1, coarse
		if i >= 6 {
			files = nil
		}
		for _, storage := range []vlm.Storage{{}, {Vision: kernels.NF4, Vocabulary: kernels.BF16}, {Vision: kernels.BF16, Language: kernels.BF16}}[i/2%3:][:1] {
			cfg := config(t, wide.Replace(clip), "-2", tied)
			m, err := vlm.New(cfg, rounded{nn.Random(1), files}, storage)
			if err != nil {
				t.Fatal(err)
			}
			outline, err := vlm.Outline(cfg)
			if err != nil {
				t.Fatal(err)
			}
			part := Part{Train: []string{"projector"}, TrainAdapters: true, Storage: storage, Files: files}
			mc := moslora.Config{R: 3, Alpha: 1, Mixer: moslora.Kaiming}
			if err := m.AttachAdapters("language", mc, 1); err != nil {
				t.Fatal(err)
			}
			if err := outline.AttachAdapters("language", mc, 1); err != nil {
				t.Fatal(err)
			}
			m.Params.Train(func(name string) bool { return vlm.TowerOf(name) == "projector" })
			m.Adapters.Train(true)
			s, err := Make(Input{Model: outline, Part: part, Batches: []Batch{{Lengths: []int{9}, Targets: 2}}, Accum: 1, Threads: 2, Share: 0.3})
			if err != nil {
				t.Fatal(err)
			}
			sizes, trained := map[string]int{}, map[string]int{}
			frozen, train, gradients := 0, 0, 0
			add := func(p *nn.Param, part string, adapter bool) {
				if !adapter {
					sizes[part] += p.Size()
				}
				if p.Trainable() {
					trained[part] += p.Size()
					train += p.Bytes()
					gradients += 4 * device.BufferSize(p.Size())
				} else {
					frozen += p.Bytes()
				}
			}
			for p := range m.Params.All() {
				add(p, vlm.TowerOf(p.Name), false)
			}
			for p := range m.Adapters.Params() {
				add(p, "language", true)
			}
			for part, n := range sizes {
				if s.Parameters[part] != n || s.Trainable[part] != trained[part] {
					t.Errorf("%s: planned %d parameters, %d trained; the model has %d and %d", part, s.Parameters[part], s.Trainable[part], n, trained[part])
				}
			}
			if g := s.Memory; g.Frozen != frozen || g.Trained != train || g.Gradients != gradients || g.Optimiser != 2*train {
				t.Errorf("tied %v, %+v: planned %+v; the model has %d frozen, %d trained, %d gradients", tied, storage, g, frozen, train, gradients)
			}
		}
	}
}

// rounded is a source of weights that have as many bits as the files of their part.
type rounded struct {
	nn.Source
	files map[string]kernels.Kind
}

func (r rounded) Tensor(name string, shape []int, init nn.Init) ([]float32, error) {
	data, err := r.Source.Tensor(name, shape, init)
	kernels.RoundTo(r.files[vlm.TowerOf(name)], data)
	return data, err
}

// TestMemoryAddsUp: the kinds of memory make up a step, and checkpointing trades them for operations.
func TestMemoryAddsUp(t *testing.T) {
	outline, err := vlm.Outline(config(t, clip, "-2", true))
	if err != nil {
		t.Fatal(err)
	}
	if err := outline.AttachAdapters("language", moslora.Config{R: 4, Alpha: 1, Mixer: moslora.Kaiming}, 1); err != nil {
		t.Fatal(err)
	}
	b := Batch{Lengths: []int{300, 280}, Images: []Picture{{40, 40}}, Targets: 50}
	stage := func(checkpointing bool, batches int) Stage {
		part := Part{Train: []string{"projector"}, TrainAdapters: true, Checkpointing: checkpointing}
		s, err := Make(Input{Model: outline, Part: part, Batches: slices.Repeat([]Batch{b}, batches), Accum: 2, Threads: 1, Share: 0.3})
		if err != nil {
			t.Fatal(err)
		}
		s.Time(rates)
		return s
	}
	plain, again := stage(false, 4), stage(true, 4)
	for _, s := range []Stage{plain, again} {
		m := s.Memory
		sum := m.Frozen + m.Trained + m.Gradients + m.Optimiser + m.Activations + m.Buffers + m.Scratch + m.Data + m.Garbage + m.Program
		if m.Step != sum || m.Peak != max(m.Step, m.Loading) {
			t.Errorf("%+v adds up to %d", m, sum)
		}
		if s.Tokens != 1160 || s.Targets != 100 || s.Images != 2 {
			t.Errorf("a step of two batches has %g tokens, %g targets, %g pictures", s.Tokens, s.Targets, s.Images)
		}
	}
	if again.Memory.Activations*2 > plain.Memory.Activations || again.Flops <= plain.Flops*1.1 || again.StepSeconds <= plain.StepSeconds {
		t.Errorf("checkpointing keeps %d for %d and computes %g for %g", again.Memory.Activations, plain.Memory.Activations, again.Flops, plain.Flops)
	}
	if one := stage(false, 2); math.Abs(one.Flops-plain.Flops) > 1e-6*one.Flops {
		t.Errorf("%g operations a step of two batches seen, %g of four", one.Flops, plain.Flops)
	}
	var out bytes.Buffer
	plain.Assumed = []string{"that much"}
	if err := plain.Write(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1160 tokens", "that much", "projector", "activations", "TFLOP", "time a step"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}

// TestWork counts the operations of one layer by hand; u·Mᵀ is computed again in the backward pass.
func TestWork(t *testing.T) {
	dev := device.NewCount()
	leaf := func(shape ...int) *autograd.Var {
		v := autograd.Outline(dev, shape...)
		v.SetRequiresGrad(true)
		return v
	}
	layer := autograd.Layer{W: autograd.Matrix{Packed: kernels.Outline(7, 5, kernels.F32)},
		Low: &autograd.LowRank{A: leaf(2, 5), M: leaf(2, 2), B: leaf(7, 2), Scale: 1}}
	tape := new(autograd.Tape)
	y := tape.Linears(autograd.Kept(leaf(3, 5)), layer)[0]
	if got, want := dev.Work, (Work{Products: 2 * 3 * 5 * 7, Skinny: 2 * 3 * (5*2 + 2*2 + 2*7), Bytes: dev.Work.Bytes}); got != want {
		t.Errorf("forward: %+v, want %+v", got, want)
	}
	if err := tape.Backward(y, 1); err != nil {
		t.Fatal(err)
	}
	if got, want := dev.Work, (Work{Products: 2 * 2 * 3 * 5 * 7, Skinny: 2 * 3 * (3*(5*2+2*7) + 4*2*2), Bytes: dev.Work.Bytes}); got != want {
		t.Errorf("with the backward pass: %+v, want %+v", got, want)
	}
}

// TestProductOf: a large model's product is cut, to whole blocks of NF4.
func TestProductOf(t *testing.T) {
	m, err := vlm.Outline(config(t, clip, "-2", true))
	if err != nil {
		t.Fatal(err)
	}
	got := ProductOf(m, vlm.Storage{Language: kernels.NF4}, []Batch{{Lengths: []int{3}}, {Lengths: []int{4, 5}}})
	if want := (Product{Rows: 9, In: 64, Out: 128, Kind: kernels.NF4}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	m.Config.Text.HiddenSize, m.Config.Text.IntermediateSize = 4096, 14336
	got = ProductOf(m, vlm.Storage{}, []Batch{{Lengths: []int{5000}}})
	if want := (Product{Rows: 2048, In: 2048, Out: 6144}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestMeasure(t *testing.T) {
	if testing.Short() {
		t.Skip("measures this machine for a second: run without -short")
	}
	defer device.Host.SetThreads(device.Host.Threads())
	if r := Measure(1, Product{Rows: 70, In: 64, Out: 128, Kind: kernels.NF4}); r.Threads != 1 || !(r.Products > 1e7 && r.Bytes > 1e7 && r.Updates > 1e5) {
		t.Errorf("%+v", r)
	}
}
