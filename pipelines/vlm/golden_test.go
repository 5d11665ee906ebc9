package vlm

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"moslava/datasets"
	"moslava/internal/autograd"
	"moslava/internal/golden"
	"moslava/internal/nn"
	"moslava/language"
)

// tolerances of goldens that do not say, relative to the largest element, by case.
var tolerances = map[string]golden.Tolerance{
	"llava-tiny":   {Forward: 1e-5, Loss: 1e-6, Grad: 2e-5},
	"llava-dinov2": {Forward: 2e-5, Loss: 1e-6, Grad: 5e-5},
	"llava-siglip": {Forward: 2e-5, Loss: 1e-6, Grad: 5e-5},
	"llava-layers": {Forward: 2e-5, Loss: 1e-6, Grad: 5e-5},
	"smolvlm":      {Forward: 1e-5, Loss: 1e-6, Grad: 2e-5},
	"idefics3":     {Forward: 1e-5, Loss: 2e-6, Grad: 2e-5},
}

// wholeModels are the cases of whole models.
func wholeModels(t *testing.T) (names []string) {
	for _, name := range golden.Cases(t, "testdata") {
		if strings.HasPrefix(name, "llava-") || slices.Contains(shuffledCases, name) {
			names = append(names, name)
		}
	}
	return names
}

// goldenBatch lays the golden's padded rows end to end; at is each position's place in [B, T].
func goldenBatch(t *testing.T, g *golden.Golden, prefix string, cfg *Config) (b *datasets.Batch, at []int) {
	t.Helper()
	shape := g.Shape(t, prefix+"input_ids")
	ids, labels, mask := g.Ints(t, prefix+"input_ids"), g.Ints(t, prefix+"labels"), g.Ints(t, prefix+"attention_mask")
	b = &datasets.Batch{Offsets: []int32{0}}
	for r := range shape[0] {
		n := 0
		for i := range shape[1] {
			k := r*shape[1] + i
			if mask[k] == 0 {
				continue
			}
			next := int32(datasets.IgnoreIndex)
			if i+1 < shape[1] && mask[k+1] == 1 {
				next = int32(labels[k+1])
			}
			b.IDs, b.Labels, at = append(b.IDs, int32(ids[k])), append(b.Labels, next), append(at, k)
			n++
		}
		b.Offsets = append(b.Offsets, b.Offsets[r]+int32(n))
	}
	if g.Has(prefix + "pixel_values") {
		b.Images = goldenImages(t, g, prefix+"pixel_values", b.IDs, cfg, 0)
	}
	return b, at
}

// goldenImages puts tiles, from one of them on, where runs of image tokens are.
func goldenImages(t *testing.T, g *golden.Golden, name string, ids []int32, cfg *Config, from int) []datasets.Image {
	if !slices.Contains(ids, cfg.ImageToken) {
		return nil
	}
	shape, px := g.Shape(t, name), g.Float32(t, name)
	size := shape[1] * shape[2] * shape[3]
	count := cfg.ImageTokens(shape[2], shape[3])
	var images []datasets.Image
	for i := 0; i < len(ids); i++ {
		if ids[i] == cfg.ImageToken {
			k := from + len(images)
			images = append(images, datasets.OneTile(datasets.Tile{Pixels: px[k*size:][:size], H: shape[2], W: shape[3]}, i, count))
			i += count - 1
		}
	}
	return images
}

func open(t *testing.T, name string) *Model {
	t.Helper()
	m, err := OpenModel(filepath.Join("testdata", name), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestModelsAgreeWithTransformers(t *testing.T) {
	for _, name := range wholeModels(t) {
		t.Run(name, func(t *testing.T) {
			m := open(t, name)
			g := golden.Open(t, filepath.Join("testdata", name, "golden.safetensors"))
			tol := g.Tolerance(t, tolerances[name])
			b, at := goldenBatch(t, g, "input.", m.Config)
			d := m.Config.Text.HiddenSize
			check := func(name string, x []float32) {
				t.Helper()
				want := slices.Clone(g.Float32(t, name))
				w := len(x) / len(at)
				for i, k := range at {
					copy(want[k*w:][:w], x[i*w:])
				}
				g.Check(t, name, want, g.Shape(t, name), tol.Forward)
			}
			f, err := m.Features(nil, datasets.Tiles(b.Images))
			if err != nil {
				t.Fatal(err)
			}
			g.Check(t, "image.projected", f[0].Floats(), []int{len(b.Images), b.Images[0].Layout.Len(), d}, tol.Forward)
			x, err := m.Embed(nil, b.IDs, b.Images)
			if err != nil {
				t.Fatal(err)
			}
			check("hidden.0", x.Floats())
			last := m.Config.Text.NumHiddenLayers - 1
			h := m.Language.Forward(nil, x, language.Rows{Offsets: b.Offsets}, func(l int, x *autograd.Var) {
				if l < last {
					check(fmt.Sprintf("hidden.%d", l+1), x.Floats())
				} else {
					check("hidden.last_before_norm", x.Floats())
				}
			})
			check(fmt.Sprintf("hidden.%d", last+1), h.Floats())
			check("output.logits", m.Language.Logits(h).Floats())

			m.Params.Train(func(string) bool { return true })
			tape := new(autograd.Tape)
			v, sum, err := m.Loss(tape, b)
			if err != nil {
				t.Fatal(err)
			}
			g.CheckScalar(t, "loss64.sum", sum, tol.Loss)
			if err := tape.Backward(v, 1/float32(b.Targets())); err != nil {
				t.Fatal(err)
			}
			checkGradients(t, m, g, tol.Grad)
		})
	}
}

func checkGradients(t *testing.T, m *Model, g *golden.Golden, tol float64) {
	scale := g.MaxAbs(t, "grad.")
	for p := range m.Params.All() {
		name, got := "grad."+m.Config.FileName(p.Name), p.Var().GradFloats()
		switch {
		case !g.Has(name):
			if got != nil {
				t.Errorf("%s has a gradient, the reference has none", p.Name)
			}
			if !m.Unreachable(p.Name) {
				t.Errorf("%s has no gradient and is not called unreachable", p.Name)
			}
		case m.Unreachable(p.Name):
			t.Errorf("%s has a gradient and is called unreachable", p.Name)
		case strings.HasPrefix(p.Name, VisionPrefix) && (strings.HasSuffix(p.Name, "k_proj.bias") || strings.HasSuffix(p.Name, "key.bias")):
			g.CheckZero(t, name, got, scale)
		default:
			g.Check(t, name, got, p.Shape, tol)
		}
	}
}

func TestGenerationAgreesWithTransformers(t *testing.T) {
	for _, name := range wholeModels(t) {
		m := open(t, name)
		m.Params.Freeze()
		g := golden.Open(t, filepath.Join("testdata", name, "golden.safetensors"))
		used := 0 // tiles of the prompts before
		for i := 0; g.Has(fmt.Sprintf("generate.%d.ids", i)); i++ {
			var ids []int32
			for _, id := range g.Ints(t, fmt.Sprintf("generate.%d.input_ids", i)) {
				ids = append(ids, int32(id))
			}
			images := goldenImages(t, g, "input.pixel_values", ids, m.Config, used)
			used += len(images)
			x, err := m.Embed(nil, ids, images)
			if err != nil {
				t.Fatal(err)
			}
			c := m.Language.NewCache(1, len(ids)+g.Shape(t, fmt.Sprintf("generate.%d.ids", i))[0])
			h, err := m.Language.Extend(c, []language.Chunk{{X: x}})
			if err != nil {
				t.Fatal(err)
			}
			got, err := m.Language.Generate(context.Background(), c, []int{0}, h, language.Generation{MaxNew: g.Shape(t, fmt.Sprintf("generate.%d.ids", i))[0]})
			if err != nil {
				t.Fatal(err)
			}
			var out []int
			for _, id := range got[0] {
				out = append(out, int(id))
			}
			g.CheckInts(t, fmt.Sprintf("generate.%d.ids", i), out)
		}
	}
}

func TestNamesGoBothWays(t *testing.T) {
	for _, name := range wholeModels(t) {
		m := open(t, name)
		for p := range m.Params.All() {
			if back := m.PublishedName(m.MemoryName(p.Name)); back != p.Name {
				t.Errorf("%s: in memory %s, back %s", p.Name, m.MemoryName(p.Name), back)
			}
			if m.PublishedName(p.Name) != p.Name {
				t.Errorf("%s: published as %s", p.Name, m.PublishedName(p.Name))
			}
		}
	}
}

func TestRandomModelsDependOnSeedAndNameAlone(t *testing.T) {
	cfg := open(t, "llava-tiny").Config
	a, err := New(cfg, nn.Random(1), Storage{})
	if err != nil {
		t.Fatal(err)
	}
	b, _ := New(cfg, nn.Random(1), Storage{})
	c, _ := New(cfg, nn.Random(2), Storage{})
	const name = "language_model.model.layers.1.mlp.up_proj.weight"
	if !slices.Equal(a.Params.Get(name).Floats(), b.Params.Get(name).Floats()) {
		t.Error("the same seed gave two models")
	}
	if slices.Equal(a.Params.Get(name).Floats(), c.Params.Get(name).Floats()) {
		t.Error("two seeds gave the same model")
	}
}
