package vlm

import (
	"context"
	"fmt"
	"iter"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"moslava/datasets"
	"moslava/internal/autograd"
	"moslava/internal/golden"
	"moslava/internal/nn"
	"moslava/internal/optim"
	"moslava/language"
	"moslava/moslora"
	"moslava/pipelines/train"
)

// Tolerances of the moslora goldens, relative to the largest element of a tensor.
var moslora20 = map[string]struct{ forward, loss, grad, trained float64 }{
	"identity":         {2e-5, 1e-6, 2e-5, 1e-4},
	"kaiming":          {2e-5, 1e-6, 2e-5, 5e-4},
	"kaiming-brand":    {2e-5, 2e-6, 5e-5, 5e-5},
	"kaiming-brand-wd": {2e-5, 2e-6, 5e-5, 5e-5},
	"kaiming-wd":       {2e-5, 2e-6, 2e-5, 5e-4},
	"none":             {2e-5, 1e-6, 2e-5, 1e-4},
	"none-brand":       {2e-5, 2e-6, 2e-5, 2e-5},
	"orthogonal":       {2e-5, 1e-6, 5e-5, 1e-4},
	"rslora":           {2e-5, 1e-6, 5e-5, 5e-5},
	"two":              {2e-5, 2e-6, 5e-5, 5e-5},
}

// adapted loads llava-tiny with the adapters of testdata/moslora-<variant>/<file>.
func adapted(t *testing.T, variant, file string) *Model {
	t.Helper()
	dir, src := t.TempDir(), filepath.Join("testdata", "moslora-"+variant)
	for from, to := range map[string]string{file: "adapter_model.safetensors", "adapter_config.json": "adapter_config.json"} {
		b, err := os.ReadFile(filepath.Join(src, from))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, to), b, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	m := open(t, "llava-tiny")
	if err := m.LoadAdapters(dir); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestTwentyStepsAgreeWithTorch(t *testing.T) {
	for variant, tol := range moslora20 {
		t.Run(variant, func(t *testing.T) {
			m := adapted(t, variant, "adapter_init.safetensors")
			g := golden.Open(t, filepath.Join("testdata", "moslora-"+variant, "golden.safetensors"))
			data := golden.Open(t, filepath.Join("testdata", "moslora-data", "golden.safetensors"))
			var batches []*datasets.Batch
			var at [][]int
			for i := range 4 {
				b, a := goldenBatch(t, data, fmt.Sprintf("micro.%d.", i), m.Config)
				batches, at = append(batches, b), append(at, a)
			}
			logits := func(name string, i int) {
				t.Helper()
				checkLogits(t, m, g, fmt.Sprintf("%s.logits.%d", name, i), batches[i], at[i], tol.forward)
			}
			logits("init", 0)
			trainGolden(t, m, g, variant, batches, tol.loss, tol.trained)
			want := golden.Open(t, filepath.Join("testdata", "moslora-"+variant, "adapter_final.safetensors"))
			for p := range trainedParams(m) {
				want.Check(t, "base_model.model."+p.Name, p.Floats(), p.Shape, tol.trained)
			}
			for a := range m.Adapters.All() {
				if a.Config.Mixer == moslora.Butterfly {
					want.Check(t, "base_model.model."+a.M.Name, a.M.Floats(), a.M.Shape, 0)
				}
			}
			if left := want.Unchecked("base_model"); len(left) > 0 {
				t.Errorf("not compared: %v", left)
			}
			m = adapted(t, variant, "adapter_final.safetensors")
			for i := range batches {
				logits("final", i)
			}
			m.Adapters.Merge(m.Params)
			for i := range batches {
				logits("merged", i)
			}
			for _, name := range g.Names("merged.") {
				if module, ok := strings.CutSuffix(strings.TrimPrefix(name, "merged."), ".weight"); ok {
					p := m.Params.Get(module + ".weight")
					g.Check(t, name, p.Floats(), p.Shape, 1e-6)
				}
			}
		})
	}
}

// trainedParams are the adapters' parameters and the projector's.
func trainedParams(m *Model) iter.Seq[*nn.Param] {
	return func(yield func(*nn.Param) bool) {
		for p := range m.Adapters.Params() {
			if !yield(p) {
				return
			}
		}
		for p := range m.Params.All() {
			if strings.HasPrefix(p.Name, ProjectorPrefix) && !yield(p) {
				return
			}
		}
	}
}

func checkLogits(t *testing.T, m *Model, g *golden.Golden, name string, b *datasets.Batch, at []int, tol float64) {
	t.Helper()
	x, err := m.Embed(nil, b.IDs, b.Images)
	if err != nil {
		t.Fatal(err)
	}
	got := m.Language.Logits(m.Language.Forward(nil, x, language.Rows{Offsets: b.Offsets}, nil))
	want := append([]float32(nil), g.Float32(t, name)...)
	for i, k := range at {
		copy(want[k*got.Cols():], got.Floats()[i*got.Cols():][:got.Cols()])
	}
	g.Check(t, name, want, g.Shape(t, name), tol)
}

// trainGolden runs the twenty steps and compares loss, norm and rate of each, and the gradients of the first.
func trainGolden(t *testing.T, m *Model, g *golden.Golden, variant string, batches []*datasets.Batch, lossTol, normTol float64) {
	m.Params.Train(func(name string) bool { return strings.HasPrefix(name, ProjectorPrefix) })
	m.Adapters.Train(true)
	cfg := optim.Default()
	if strings.HasSuffix(variant, "-wd") || variant == "none-brand" {
		cfg.WeightDecay = 0.01
	}
	opt, err := optim.NewAdamW(cfg)
	if err != nil {
		t.Fatal(err)
	}
	schedule, err := optim.NewSchedule(optim.Cosine, 20, optim.Warmup{Steps: 3})
	if err != nil {
		t.Fatal(err)
	}
	var losses, norms, rates []float64
	checkFirstGradients(t, m, g, batches[:2], moslora20[variant].grad)
	tr := &train.Trainer{Model: m, Optim: opt, LR: 2e-3, Schedule: schedule, Steps: 20, Accum: 2, Clip: 1,
		Batches: func(context.Context, datasets.Position) iter.Seq2[*datasets.Batch, error] {
			return func(yield func(*datasets.Batch, error) bool) {
				for i := 0; yield(batches[i%len(batches)], nil); i++ {
				}
			}
		},
		Log: func(r train.Report) error {
			losses, norms, rates = append(losses, r.Loss), append(norms, r.GradNorm), append(rates, r.LR)
			return nil
		},
		Save: func(train.State) error { return nil },
	}
	for p := range trainedParams(m) {
		tr.Params = append(tr.Params, train.Param{Param: p, LR: 1, Decay: true})
	}
	if _, err := tr.Run(context.Background(), train.State{}); err != nil {
		t.Fatal(err)
	}
	g.Check64(t, "step.loss", losses, []int{20}, lossTol)
	g.Check64(t, "step.grad_norm", norms, []int{20}, normTol)
	g.Check64(t, "step.lr", rates, []int{20}, 1e-12)
}

// checkFirstGradients compares the gradients of the mean loss over two batches.
func checkFirstGradients(t *testing.T, m *Model, g *golden.Golden, batches []*datasets.Batch, tol float64) {
	for _, b := range batches {
		tape := new(autograd.Tape)
		v, _, err := m.Loss(tape, b)
		if err == nil {
			err = tape.Backward(v, 1/float32(batches[0].Targets()+batches[1].Targets()))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for p := range trainedParams(m) {
		name, got := "grad.base_model.model."+p.Name, p.Var().GradFloats()
		if got == nil {
			if g.Has(name) {
				t.Errorf("%s has no gradient", p.Name)
			}
			continue
		}
		g.Check(t, name, got, p.Shape, tol)
		p.Var().ZeroGrad()
	}
	if left := g.Unchecked("grad."); len(left) > 0 {
		t.Errorf("not compared: %v", left)
	}
}

func TestAdaptersSurviveSavingUnderMemoryNames(t *testing.T) {
	for _, variant := range []string{"kaiming", "none", "two", "rslora"} {
		m := adapted(t, variant, "adapter_final.safetensors")
		dir := t.TempDir()
		if err := m.SaveAdapters(dir, "llava-tiny", false); err != nil {
			t.Fatal(err)
		}
		back := open(t, "llava-tiny")
		if err := back.LoadAdapters(dir); err != nil {
			t.Fatal(err)
		}
		if a, b := m.Adapters.Len(), back.Adapters.Len(); a != b {
			t.Fatalf("%s: %d adapters, %d after loading", variant, a, b)
		}
		want := map[string]*nn.Param{}
		for p := range trainedParams(m) {
			want[p.Name] = p
		}
		for p := range trainedParams(back) {
			for i, v := range p.Floats() {
				if v != want[p.Name].Floats()[i] {
					t.Fatalf("%s: %s differs after loading", variant, p.Name)
				}
			}
		}
	}
}

func TestFoldingKeepsTheLogits(t *testing.T) {
	m := adapted(t, "kaiming", "adapter_final.safetensors")
	dir := t.TempDir()
	if err := m.SaveAdapters(dir, "", true); err != nil {
		t.Fatal(err)
	}
	folded := open(t, "llava-tiny")
	if err := folded.LoadAdapters(dir); err != nil {
		t.Fatal(err)
	}
	ids := []int32{1, 4, 9, 16}
	run := func(m *Model) []float32 {
		h := m.Language.Forward(nil, m.Language.Embed.Forward(nil, ids), language.Rows{Offsets: []int32{0, 4}}, nil)
		return m.Language.Logits(h).Floats()
	}
	a, b := run(m), run(folded)
	for i := range a {
		if math.Abs(float64(a[i]-b[i])) > 2e-5 {
			t.Fatalf("logit %d: %g with a mixer, %g folded", i, a[i], b[i])
		}
	}
}

func TestAFreshAdapterChangesNothingToTheBit(t *testing.T) {
	ids := []int32{1, 4, 9, 16}
	run := func(m *Model) []float32 {
		return m.Language.Forward(nil, m.Language.Embed.Forward(nil, ids), language.Rows{Offsets: []int32{0, 4}}, nil).Floats()
	}
	plain, with := open(t, "llava-tiny"), open(t, "llava-tiny")
	for _, part := range []string{"vision", "language"} {
		if err := with.AttachAdapters(part, freshConfig, 7); err != nil {
			t.Fatal(err)
		}
	}
	for a := range with.Adapters.All() {
		if with.Unreachable(a.Module) {
			t.Errorf("%s has an adapter that can never receive a gradient", a.Module)
		}
	}
	a, b := run(plain), run(with)
	for i := range a {
		if a[i] != b[i] {
			t.Fatalf("value %d: %g, with a fresh adapter %g", i, a[i], b[i])
		}
	}
}

var freshConfig = moslora.Config{R: 4, Alpha: 8, Mixer: moslora.Orthogonal}
