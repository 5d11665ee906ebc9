package vision

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"moslava/internal/autograd"
	"moslava/internal/checkpoint"
	"moslava/internal/golden"
	"moslava/internal/nn"
)

// tolerance is that of goldens that do not say: ten times what float32 loses against float64 in transformers itself.
var tolerance = golden.Tolerance{Forward: 1e-5, Grad: 2e-5}

func load(t *testing.T, name, config string) (*Tower, *nn.Params) {
	t.Helper()
	dir := filepath.Join("testdata", name)
	raw, err := os.ReadFile(filepath.Join(dir, config))
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := ParseConfig(raw)
	if err != nil {
		t.Fatal(err)
	}
	ckpt, err := checkpoint.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer ckpt.Close()
	tower, ps, err := nn.Build(nn.From(ckpt), func(s *nn.Scope) *Tower { return New(s, cfg) })
	if err != nil {
		t.Fatal(err)
	}
	known := func(name string) bool { return checkpoint.IsBuffer(name) || cfg.ReadsPast(name) }
	if left := ckpt.Unused(known); len(left) > 0 {
		t.Errorf("%s: tensors nobody asked for: %v", name, left)
	}
	return tower, ps
}

func TestTowersAgreeWithTransformers(t *testing.T) {
	for _, name := range golden.Cases(t, "testdata") {
		for _, config := range []string{"config.json", "config.hub.json"} {
			for _, prefix := range []string{"", "other."} { // "other." is of another size than the tower's own
				for _, layer := range []int{-1, -2} {
					t.Run(fmt.Sprint(name, prefix, layer, config), func(t *testing.T) {
						compareTower(t, name, config, prefix, layer)
					})
				}
			}
		}
	}
}

func compareTower(t *testing.T, name, config, prefix string, layer int) {
	tower, ps := load(t, name, config)
	g := golden.Open(t, filepath.Join("testdata", name, "golden.safetensors"))
	if !g.Has(prefix + "input.pixel_values") {
		return
	}
	tol := g.Tolerance(t, tolerance)
	shape := g.Shape(t, prefix+"input.pixel_values")
	n, h, w := shape[0], shape[2], shape[3]
	all := g.Float32(t, prefix+"input.pixel_values")
	var images [][]float32
	for i := range n {
		images = append(images, all[i*3*h*w:][:3*h*w])
	}
	var layers []int
	for i := range tower.Config.NumHiddenLayers + 1 {
		layers = append(layers, i)
	}
	states, err := tower.Hidden(nil, images, h, w, layers)
	if err != nil {
		t.Fatal(err)
	}
	tokens := tower.Config.Patches(h, w) + tower.Config.Extra()
	for i, s := range states {
		g.Check(t, fmt.Sprintf("%shidden.%d", prefix, i), s.Floats(), []int{n, tokens, tower.Config.HiddenSize}, tol.Forward)
	}
	if !g.Has(fmt.Sprintf("%sfeatures.%d", prefix, layer)) {
		return
	}

	ps.Train(func(string) bool { return true })
	tape := new(autograd.Tape)
	f, err := tower.Features(tape, images, h, w, Selection{Layers: []int{layer}, Full: !tower.Config.HasClass()})
	if err != nil {
		t.Fatal(err)
	}
	g.Check(t, fmt.Sprintf("%sfeatures.%d", prefix, layer), f.Floats(), []int{n, f.Rows() / n, tower.Config.HiddenSize}, tol.Forward)
	probe := autograd.New(g.Float32(t, prefix+"input.probe"), f.Shape()...)
	if err := tape.BackwardFrom(f, probe); err != nil {
		t.Fatal(err)
	}
	gradPrefix := fmt.Sprintf("%sgrad.%d.", prefix, layer)
	scale := g.MaxAbs(t, gradPrefix)
	for p := range ps.All() {
		name := gradPrefix + p.Name
		switch got := p.Var().GradFloats(); {
		case !g.Has(name) && got != nil:
			t.Errorf("%s has a gradient, the reference has none", p.Name)
		case !g.Has(name):
		case strings.HasSuffix(p.Name, "k_proj.bias") || strings.HasSuffix(p.Name, "key.bias"):
			g.CheckZero(t, name, got, scale)
		default:
			g.Check(t, name, got, p.Shape, tol.Grad)
		}
	}
}

func TestInterpolationKeepsTheClassTokenAndSumsToOne(t *testing.T) {
	cfg, err := ParseConfig([]byte(`{"model_type":"dinov2","image_size":56}`))
	if err != nil {
		t.Fatal(err)
	}
	m := cfg.resampling(70, 98)
	for r := range m.Rows() {
		var sum float64
		for _, v := range m.Floats()[r*m.Cols():][:m.Cols()] {
			sum += float64(v)
		}
		if math.Abs(sum-1) > 1e-6 {
			t.Fatalf("row %d sums to %g", r, sum)
		}
	}
}

func TestConfigErrors(t *testing.T) {
	for raw, want := range map[string]string{
		`{"model_type":"vit_mae"}`:                                        `model_type is "vit_mae"; implemented are clip, clip_vision_model, dinov2, dinov2_with_registers, idefics3_vision, siglip, siglip_vision_model, smolvlm_vision`,
		`{"model_type":"siglip2_vision_model","num_patches":256}`:         "fixed-resolution SigLIP 2 is published as siglip",
		`{"model_type":"siglip_vision_model","num_patches":256}`:          "num_patches is 256, which is not supported",
		`{"model_type":"dinov2","image_size":[224,448]}`:                  "image_size is [224,448], only squares",
		`{"model_type":"dinov2","head_dim":32}`:                           "head_dim is 32",
		`{"model_type":"dinov2","drop_path_rate":0.1}`:                    "drop_path_rate is 0.1",
		`{"model_type":"dinov2","num_channels":1}`:                        "num_channels is 1, want 3",
		`{"model_type":"dinov2_with_registers","num_register_tokens":-1}`: "num_register_tokens is -1",
		`{"model_type":"dinov2","mlp_ratio":1e300}`:                       "intermediate_size is 0",
		`{"model_type":"clip_vision_model","num_hidden_layers":100000}`:   "num_hidden_layers is 100000, want 1 to 4096",
		`{"model_type":"clip_vision_model","patch_size":300}`:             "patch_size 300 is more than image_size 224",
		`{"model_type":"siglip"}`:                                         "there is no vision_config",
		`null`:                                                            "null in place of an object",
		`{"model_type":"clip_vision_model","hidden_act":"mish"}`:          "hidden_act",
		`{"model_type":"clip_vision_model","hidden_size":30}`:             "num_attention_heads",
		`{"model_type":"clip_vision_model","attention_dropout":0.1}`:      "attention_dropout",
		`{"model_type":"clip_vision_model","patch_size":0}`:               "patch_size",
		`{"model_type":`: "vision config",
	} {
		if _, err := ParseConfig([]byte(raw)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one that names %q", raw, err, want)
		}
	}
}

// TestOtherTypesFieldsHaveNoEffect: a field that only another type of tower reads changes nothing.
func TestOtherTypesFieldsHaveNoEffect(t *testing.T) {
	for raw, width := range map[string]int{
		`{"model_type":"clip_vision_model","mlp_ratio":2,"num_register_tokens":3}`:   3072,
		`{"model_type":"siglip_vision_model","mlp_ratio":2,"num_register_tokens":3}`: 3072,
		`{"model_type":"dinov2","mlp_ratio":2,"num_register_tokens":3}`:              1536,
	} {
		c, err := ParseConfig([]byte(raw))
		if err != nil || c.IntermediateSize != width || c.Registers != 0 {
			t.Errorf("%s: width %d, %d registers, error %v; want %d and none", raw, c.IntermediateSize, c.Registers, err, width)
		}
	}
}

func TestBadInputIsAnError(t *testing.T) {
	tower, _ := load(t, "clip-tiny", "config.json")
	px := make([]float32, 3*56*56)
	for name, f := range map[string]func() error{
		"size":   func() error { _, err := tower.Hidden(nil, [][]float32{px}, 13, 70, []int{-1}); return err },
		"pixels": func() error { _, err := tower.Hidden(nil, [][]float32{px[1:]}, 56, 56, []int{-1}); return err },
		"layer":  func() error { _, err := tower.Hidden(nil, [][]float32{px}, 56, 56, []int{-9}); return err },
	} {
		if f() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
