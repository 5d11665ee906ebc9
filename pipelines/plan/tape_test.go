package plan

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"moslava/datasets"
	"moslava/internal/autograd"
	"moslava/internal/device"
	"moslava/internal/nn"
	"moslava/moslora"
	"moslava/pipelines/vlm"
)

// The towers of TestTape, both narrow and odd.
const (
	clip = `"vision_config":{"model_type":"clip_vision_model","hidden_size":24,"intermediate_size":40,"num_hidden_layers":3,
		"num_attention_heads":2,"image_size":40,"patch_size":8}`
	dino   = `"vision_config":{"model_type":"dinov2","hidden_size":24,"mlp_ratio":2,"num_hidden_layers":3,"num_attention_heads":2,"image_size":32,"patch_size":8}`
	siglip = `"vision_config":{"model_type":"siglip_vision_model","hidden_size":24,"intermediate_size":40,"num_hidden_layers":3,
		"num_attention_heads":2,"image_size":32,"patch_size":8},"vision_feature_select_strategy":"full"`
	giant = `"vision_config":{"model_type":"dinov2_with_registers","hidden_size":24,"mlp_ratio":2,"num_hidden_layers":3,"num_attention_heads":2,
		"image_size":32,"patch_size":8,"use_swiglu_ffn":true,"num_register_tokens":3}`
)

func config(t *testing.T, tower, layers string, tied bool) *vlm.Config {
	t.Helper()
	decoder := "llama"
	if strings.Contains(tower, "dinov2_with_registers") {
		decoder = "internlm2"
	}
	cfg, err := vlm.ParseConfig(fmt.Appendf(nil, `{"model_type":"llava","image_token_index":3,"vision_feature_layer":%s,%s,"tie_word_embeddings":%v,
		"text_config":{"model_type":"`+decoder+`","vocab_size":200,"hidden_size":36,"intermediate_size":100,"num_hidden_layers":3,
		"num_attention_heads":6,"num_key_value_heads":2}}`, layers, tower, tied))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// TestTape compares the buffers that a model takes on a device that counts with those that it takes on the processor: how much is out
// after the forward pass, how much is kept in all, and the most that was ever out.
func TestTape(t *testing.T) {
	parts := []string{"vision", "projector", "language"}
	for _, c := range []struct {
		name, tower, layers string
		train               []string
		vision              bool // adapters there, too
		adapters            moslora.Config
	}{
		{"align", clip, "-2", []string{"projector"}, false, moslora.Config{}},
		{"tune", clip, "-2", []string{"projector"}, true, moslora.Config{R: 4, Mixer: moslora.Kaiming}},
		{"tune with dropout", dino, "-2", []string{"projector"}, true, moslora.Config{R: 5, Mixer: moslora.Orthogonal, Dropout: 0.1}},
		{"language alone", dino, "[-2, 1]", nil, false, moslora.Config{R: 4, Mixer: moslora.None}},
		{"fixed mixer", clip, "[1, -1]", []string{"projector"}, true, moslora.Config{R: 4, Mixer: moslora.Butterfly}},
		{"frozen A", dino, "-2", []string{"projector"}, true, moslora.Config{R: 4, Mixer: moslora.Xavier, FreezeA: true}},
		{"MoSLoRA_Init", clip, "-2", nil, true, moslora.Config{R: 4, Mixer: moslora.Normal, Start: moslora.MoSLoRAInit}},
		{"PiSSA", clip, "-2", []string{"projector"}, true, moslora.Config{R: 4, Mixer: moslora.None, Start: moslora.PiSSA}},
		{"fixed orthogonal", clip, "-2", nil, true, moslora.Config{R: 4, Mixer: moslora.FixedOrthogonal}},
		{"DoRA", clip, "-2", []string{"projector"}, true, moslora.Config{R: 4, Mixer: moslora.None, DoRA: true}},
		{"rank 4 with dropout", dino, "-2", []string{"projector"}, true, moslora.Config{R: 4, Mixer: moslora.Kaiming, Dropout: 0.1}},
		{"DoRA with a mixer", dino, "-2", []string{"projector"}, true, moslora.Config{R: 4, Mixer: moslora.Kaiming, DoRA: true, Dropout: 0.1}},
		{"everything", clip, "-2", parts, false, moslora.Config{}},
		{"everything in DINOv2", dino, "-1", parts, false, moslora.Config{}},
		{"tune SigLIP", siglip, "-1", []string{"projector"}, true, moslora.Config{R: 4, Mixer: moslora.Kaiming}},
		{"everything in SigLIP", siglip, "[-1, 1]", parts, false, moslora.Config{}},
		{"tune SwiGLU and registers", giant, "-2", []string{"projector"}, true, moslora.Config{R: 4, Mixer: moslora.Kaiming}},
		{"everything in SwiGLU and registers", giant, "-1", parts, false, moslora.Config{}},
		{"tables", clip, "-2", []string{"projector"}, false, moslora.Config{R: 4, Mixer: moslora.Kaiming, Targets: []string{"q_proj", "embed_tokens", "lm_head"}}},
		{"tables with DoRA", clip, "-2", []string{"projector"}, false, moslora.Config{R: 4, Mixer: moslora.Kaiming, DoRA: true, Targets: []string{"q_proj", "embed_tokens", "lm_head"}}},
		{"biases of B", dino, "-2", nil, false, moslora.Config{R: 4, Mixer: moslora.None, LoRABias: true, Targets: []string{"q_proj"}}},
		{"one table", clip, "-2", nil, false, moslora.Config{R: 4, Mixer: moslora.None, Targets: []string{"q_proj", "lm_head"}, Beside: moslora.Beside{Save: []string{"norm"}}}},
		{"tables tied", clip, "-2", nil, false, moslora.Config{R: 4, Mixer: moslora.Kaiming, Targets: []string{"q_proj", "embed_tokens"}, Beside: moslora.Beside{Tied: true}}},
		{"saved tables", clip, "-2", nil, false, moslora.Config{R: 4, Mixer: moslora.None, Targets: []string{"q_proj"}, Beside: moslora.Beside{Save: []string{"embed_tokens"}, Bias: "all"}}},
		{"rows", clip, "-2", nil, false, moslora.Config{R: 4, Mixer: moslora.None, Targets: []string{"q_proj"}, Beside: moslora.Beside{Tokens: []int32{1, 2}}}},
	} {
		for _, checkpointing := range []bool{false, true} {
			for _, tied := range []bool{false, true} {
				t.Run(fmt.Sprint(c.name, " ", checkpointing, tied), func(t *testing.T) {
					cfg := config(t, c.tower, c.layers, tied)
					p := Part{Train: c.train, Checkpointing: checkpointing, TrainAdapters: c.adapters.R > 0}
					m, err := vlm.New(cfg, nn.Random(1), vlm.Storage{})
					if err != nil {
						t.Fatal(err)
					}
					outline, err := vlm.Outline(cfg)
					if err != nil {
						t.Fatal(err)
					}
					for _, part := range []string{"vision", "language"} {
						if c.adapters.R == 0 || part == "vision" && !c.vision {
							continue
						}
						mc := c.adapters
						mc.Alpha = 8
						if err := m.AttachAdapters(part, mc, 1); err != nil {
							t.Fatal(err)
						}
						if err := outline.AttachAdapters(part, mc, 2); err != nil {
							t.Fatal(err)
						}
					}
					m.Checkpointing(checkpointing)
					m.Params.Train(func(name string) bool {
						return slices.Contains(c.train, vlm.TowerOf(name)) && !m.Unreachable(name) || m.Adapters.Saves(name)
					})
					m.Adapters.Train(true)
					compare(t, m, outline, p)
					outline.DetachAdapters()
					if outline.Adapters.Len() > 0 || slices.ContainsFunc(slices.Collect(outline.Params.Linears()), func(l *nn.Linear) bool { return l.Adapter != nil }) {
						t.Error("an adapter is left on the outline")
					}
				})
			}
		}
	}
}

// TestTapeOfAComposition is TestTape with coefficients of adapters of other models.
func TestTapeOfAComposition(t *testing.T) {
	cfg := config(t, clip, "-2", false)
	var dirs []string
	for i, mc := range []moslora.Config{{R: 4, Alpha: 8, Mixer: moslora.Kaiming}, {R: 3, Alpha: 8, Mixer: moslora.None, Targets: []string{"q_proj"}}} {
		other, err := vlm.New(cfg, nn.Random(uint64(i)), vlm.Storage{})
		if err != nil {
			t.Fatal(err)
		}
		if err := other.AttachAdapters("language", mc, 1); err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		if err := other.SaveAdapters(dir, "", false); err != nil {
			t.Fatal(err)
		}
		dirs = append(dirs, dir)
	}
	m, err := vlm.New(cfg, nn.Random(1), vlm.Storage{})
	if err != nil {
		t.Fatal(err)
	}
	outline, err := vlm.Outline(cfg)
	if err != nil {
		t.Fatal(err)
	}
	c, err := m.ReadComposition(dirs)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Adapters.AttachComposition(m.Params, c); err != nil {
		t.Fatal(err)
	}
	if err := outline.Adapters.AttachComposition(outline.Params, c); err != nil {
		t.Fatal(err)
	}
	m.Params.Freeze()
	m.Adapters.Train(true)
	compare(t, m, outline, Part{TrainAdapters: true})
}

// compare does two steps of different batches, with the same pool.
func compare(t *testing.T, m, outline *vlm.Model, p Part) {
	t.Helper()
	plan, err := newStep(outline, p)
	if err != nil {
		t.Fatal(err)
	}
	host := device.Host
	host.Release()
	start := host.Usage().Out
	plan.dev.Begin(newHeap(1<<20, 0.3))
	for i, b := range []*datasets.Batch{batch(m, []int{12, 0, 19}, 5), batch(m, []int{7, 23}, 11)} {
		host.ResetPeak()
		plan.dev.ResetPeak()
		real, counted := new(autograd.Tape), new(autograd.Tape)
		loss, _, err := m.Loss(real, b)
		if err != nil {
			t.Fatal(err)
		}
		planned, _, err := outline.Loss(counted, ShapeOf(b).sample(outline))
		if err != nil {
			t.Fatal(err)
		}
		check := func(when string) {
			t.Helper()
			got, want := plan.dev.Usage(), host.Usage()
			want.Out -= start
			want.Peak -= start
			if got != want {
				t.Errorf("step %d, %s: planned %+v, the pool has %+v", i, when, got, want)
			}
		}
		check("after the forward pass")
		if real.Len() != counted.Len() {
			t.Errorf("step %d: %d operations are planned, %d recorded", i, counted.Len(), real.Len())
		}
		for tape, loss := range map[*autograd.Tape]*autograd.Var{real: loss, counted: planned} {
			if err := tape.Backward(loss, 1); err != nil {
				t.Fatal(err)
			}
		}
		check("after the backward pass")
		real.Release()
		counted.Release()
		for p := range plan.params() {
			if p.Var() != nil {
				p.Var().ZeroGrad()
			}
		}
		for _, all := range []iter.Seq[*nn.Param]{m.Params.All(), m.Adapters.Params()} {
			for p := range all {
				if p.Var() != nil {
					p.Var().ZeroGrad()
				}
			}
		}
		check("after the step")
	}
}

// batch has sequences of the lengths, each with a picture before it; the length 0 has none.
func batch(m *vlm.Model, text []int, targets int) *datasets.Batch {
	side := m.Config.Vision.ImageSize
	if m.Config.Vision.ModelType != "clip_vision_model" {
		side = 40 // not the table's: positions are interpolated
	}
	b := &datasets.Batch{Offsets: []int32{0}}
	for _, n := range text {
		if n > 0 {
			count := m.Config.ImageTokens(side, side)
			b.Images = append(b.Images, datasets.OneTile(datasets.Tile{Pixels: make([]float32, 3*side*side), H: side, W: side}, len(b.IDs), count))
			for range count {
				b.IDs = append(b.IDs, m.Config.ImageToken)
			}
		}
		for i := range n + 5 {
			b.IDs = append(b.IDs, int32(10+i%50))
		}
		b.Offsets = append(b.Offsets, int32(len(b.IDs)))
	}
	for i := range b.IDs {
		label := int32(datasets.IgnoreIndex)
		if i >= len(b.IDs)-targets {
			label = 7
		}
		b.Labels = append(b.Labels, label)
	}
	return b
}
