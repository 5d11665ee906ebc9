package stages

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"moslava/datasets"
	"moslava/internal/autograd"
	"moslava/internal/device"
	"moslava/internal/nn"
	"moslava/moslora"
	"moslava/pipelines/inputs"
	"moslava/pipelines/vlm"
)

// TestThreadsAndWorkers: how many of them compute and read changes no bit of what a run leaves behind.
func TestThreadsAndWorkers(t *testing.T) {
	before := device.Host.Threads()
	defer device.Host.SetThreads(before)
	var want map[string]string
	for _, set := range [][]string{
		{"threads=1", "data.workers=1"},
		{"threads=2", "data.workers=3"},
	} {
		dir := t.TempDir()
		mustRun(t, shortRecipe(t, dir, append(set, "stages.tune.validate_every=2")...))
		if want == nil {
			want = results(t, dir)
		}
		equal(t, results(t, dir), want)
	}
}

// tinyModel is the model of the tests with adapters that change something, all of it trainable.
func tinyModel(t *testing.T) (*vlm.Model, *vlm.Processor) {
	t.Helper()
	m, p, err := vlm.Open(vlm.Spec{Towers: vlm.Towers{Vision: "testdata/tiny/vision", Language: "testdata/tiny/language", Projector: "mlp2x_gelu", FeatureLayers: []int{-2}, Strategy: "default"}}, vlm.Options{Seed: 11, Random: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"vision", "language"} {
		cfg := moslora.Config{R: 4, Alpha: 8, Mixer: moslora.Kaiming, Targets: []string{"all-linear"}}
		if err := m.AttachAdapters(part, cfg, 12); err != nil {
			t.Fatal(err)
		}
	}
	drawAdapters(m, 13)
	return m, p
}

// drawAdapters gives B, which starts at zero, values.
func drawAdapters(m *vlm.Model, seed nn.Random) {
	for a := range m.Adapters.All() {
		r := seed.Rand(a.B.Name)
		for i := range a.B.Floats() {
			a.B.Floats()[i] = float32(r.NormFloat64()) / 20
		}
	}
}

// trainable makes everything that has a gradient trainable and returns it.
func trainable(m *vlm.Model) []*nn.Param {
	m.Params.Train(func(name string) bool { return !m.Unreachable(name) })
	m.Adapters.Train(true)
	var out []*nn.Param
	for p := range m.Params.All() {
		if p.Trainable() {
			out = append(out, p)
		}
	}
	for p := range m.Adapters.Params() {
		out = append(out, p)
	}
	return out
}

// batchesOf loads the first n samples of a source in batches of size.
func batchesOf(t *testing.T, p *vlm.Processor, spec string, n, size int) []*datasets.Batch {
	t.Helper()
	var stored datasets.Options
	if strings.HasSuffix(spec, "commonsense.json") {
		stored.Format = datasets.FormatLLMAdapters
	}
	src, err := inputs.Open(spec, stored)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	var out []*datasets.Batch
	opt := datasets.LoadOptions{BatchSize: size, Epochs: 1, InOrder: true, Workers: 1}
	for b, err := range datasets.Load(context.Background(), datasets.Head(src, n), p, opt, datasets.Position{}) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b)
	}
	return out
}

// gradients sums losses and gradients over batches, with the given weight of each target.
func gradients(t *testing.T, m *vlm.Model, ps []*nn.Param, batches []*datasets.Batch, weight float32) (float64, [][]float32) {
	t.Helper()
	total := 0.0
	for _, b := range batches {
		tape := &autograd.Tape{Seed: 1}
		v, sum, err := m.Loss(tape, b)
		if err != nil {
			t.Fatal(err)
		}
		if err := tape.Backward(v, weight); err != nil {
			t.Fatal(err)
		}
		total += sum
	}
	grads := make([][]float32, len(ps))
	for i, p := range ps {
		grads[i] = append(grads[i], p.Var().GradFloats()...)
		p.Var().ZeroGrad()
	}
	return total, grads
}

// gap is the largest difference of two arrays over the largest element of the second, or over floor if that is
// larger: the gradient of a key's bias, which softmax takes out, is nothing but rounding.
func gap(a, b []float32, floor float64) float64 {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	diff := 0.0
	for i := range a {
		diff = max(diff, math.Abs(float64(a[i])-float64(b[i])))
	}
	return diff / max(floor, largest(b))
}

func largest(x []float32) float64 {
	m := 0.0
	for _, v := range x {
		m = max(m, math.Abs(float64(v)))
	}
	return m
}

// sameGradients compares gradients within a tolerance relative to each parameter's largest element.
func sameGradients(t *testing.T, how string, ps []*nn.Param, got, want [][]float32, tolerance float64) {
	t.Helper()
	floor := 0.0
	for _, w := range want {
		floor = max(floor, 1e-3*largest(w))
	}
	for i, q := range ps {
		if g := gap(got[i], want[i], floor); g > tolerance {
			t.Errorf("%s: gradient of %s is off by %.2g of its largest element", how, q.Name, g)
		}
	}
}

// TestBatchIsItsSequences: loss sum and gradients of a batch are those of its sequences one by one, and of other ways
// to cut them. Texts without a picture are among them.
func TestBatchIsItsSequences(t *testing.T) {
	m, p := tinyModel(t)
	ps := trainable(m)
	const n = 8
	whole := batchesOf(t, p, "scenes:pretrain?n=8&seed=4", n, n)
	wantLoss, want := gradients(t, m, ps, whole, 1)
	if len(whole) != 1 || whole[0].Len() != n || len(whole[0].Images) == 0 || len(whole[0].Images) == n {
		t.Fatalf("%d batches, the first of %d sequences with %d pictures", len(whole), whole[0].Len(), len(whole[0].Images))
	}
	for _, size := range []int{1, 3} {
		loss, got := gradients(t, m, ps, batchesOf(t, p, "scenes:pretrain?n=8&seed=4", n, size), 1)
		if math.Abs(loss-wantLoss) > 1e-6*wantLoss {
			t.Errorf("batches of %d: loss %.9g, want %.9g", size, loss, wantLoss)
		}
		sameGradients(t, fmt.Sprintf("batches of %d", size), ps, got, want, 2e-5)
	}
	for i, q := range ps {
		if len(want[i]) == 0 {
			t.Errorf("%s has no gradient", q.Name)
		}
	}
}
