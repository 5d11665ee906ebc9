package language

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"moslava/internal/autograd"
	"moslava/internal/checkpoint"
	"moslava/internal/golden"
	"moslava/internal/nn"
)

// rewritten is a LLaMA checkpoint in the layout of InternLM2.
type rewritten struct {
	from *checkpoint.Dir
	cfg  *Config // of the InternLM2 model
}

// llamaNames are the modules of a LLaMA block by InternLM2's names.
var llamaNames = map[string]string{"attention.wo": "self_attn.o_proj", "feed_forward.w1": "mlp.gate_proj", "feed_forward.w3": "mlp.up_proj",
	"feed_forward.w2": "mlp.down_proj", "attention_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm"}

func (r rewritten) Tensor(name string, shape []int, _ nn.Init) ([]float32, error) {
	switch name {
	case "model.tok_embeddings.weight":
		return r.from.Float32("model.embed_tokens.weight", shape)
	case "model.norm.weight":
		return r.from.Float32(name, shape)
	case "output.weight":
		return r.from.Float32("lm_head.weight", shape)
	}
	var layer int
	var module string
	if n, _ := fmt.Sscanf(name, "model.layers.%d.%s", &layer, &module); n != 2 {
		return nil, fmt.Errorf("no tensor %q", name)
	}
	module = module[:len(module)-len(".weight")]
	at := fmt.Sprintf("model.layers.%d.", layer)
	if module != "attention.wqkv" {
		return r.from.Float32(at+llamaNames[module]+".weight", shape)
	}
	d, in := r.cfg.HeadDim, r.cfg.HiddenSize
	queries := r.cfg.NumAttentionHeads / r.cfg.NumKeyValueHeads
	var parts [3][]float32
	for i, p := range []string{"q", "k", "v"} {
		heads := r.cfg.NumKeyValueHeads
		if i == 0 {
			heads = r.cfg.NumAttentionHeads
		}
		var err error
		if parts[i], err = r.from.Float32(at+"self_attn."+p+"_proj.weight", []int{heads * d, in}); err != nil {
			return nil, err
		}
	}
	return fuse(parts[0], parts[1], parts[2], r.cfg.NumKeyValueHeads, queries, d*in), nil
}

// fuse lays the heads of q, k and v, each of size numbers, out as wqkv has them.
func fuse(q, k, v []float32, groups, queries, size int) (out []float32) {
	for g := range groups {
		out = append(out, q[g*queries*size:][:queries*size]...)
		out = append(out, k[g*size:][:size]...)
		out = append(out, v[g*size:][:size]...)
	}
	return out
}

// TestInternLM2IsLLaMAInAnotherLayout rewrites llama-tiny and wants its numbers to the bit: logits with and without a cache, ids
// and gradients.
func TestInternLM2IsLLaMAInAnotherLayout(t *testing.T) {
	llama, lps := load(t, "llama-tiny", "config.json")
	cfg, err := ParseConfig([]byte(`{"model_type":"internlm2","architectures":["InternLM2ForCausalLM"],"hidden_size":48,"intermediate_size":88,
		"num_hidden_layers":3,"num_attention_heads":4,"num_key_value_heads":2,"vocab_size":160,"max_position_embeddings":128,"rms_norm_eps":1e-5,
		"bias":false,"rope_theta":10000,"rope_scaling":null,"tie_word_embeddings":false}`))
	if err != nil {
		t.Fatal(err)
	}
	ckpt, err := checkpoint.Open(filepath.Join("testdata", "llama-tiny"))
	if err != nil {
		t.Fatal(err)
	}
	defer ckpt.Close()
	d, ps, err := nn.Build[*Decoder](rewritten{ckpt, &cfg}, func(s *nn.Scope) *Decoder { return New(s, cfg) })
	if err != nil {
		t.Fatal(err)
	}
	g := golden.Open(t, filepath.Join("testdata", "llama-tiny", "golden.safetensors"))
	in := unpad(t, g)
	logits := func(d *Decoder) []float32 {
		return d.Logits(d.Forward(nil, d.Embed.Forward(nil, in.ids), Rows{Offsets: in.offsets}, nil)).Floats()
	}
	if !slices.Equal(logits(d), logits(llama)) {
		t.Error("logits differ")
	}
	gradients := func(d *Decoder, ps *nn.Params, checkpointing bool) func(name string) []float32 {
		d.Checkpointing = checkpointing
		ps.Train(func(string) bool { return true })
		for p := range ps.All() {
			p.Var().ZeroGrad()
		}
		tape := new(autograd.Tape)
		at, targets := in.targets()
		h := d.ForwardAt(tape, d.Embed.Forward(tape, in.ids), Rows{Offsets: in.offsets}, at)
		loss, _ := d.Head.Loss(tape, h, targets)
		if err := tape.Backward(loss, 1); err != nil {
			t.Fatal(err)
		}
		return func(name string) []float32 { return ps.Get(name).Var().GradFloats() }
	}
	for _, checkpointing := range []bool{false, true} {
		got, want := gradients(d, ps, checkpointing), gradients(llama, lps, checkpointing)
		for i := range cfg.NumHiddenLayers {
			at := fmt.Sprintf("model.layers.%d.", i)
			near(t, at+"wqkv", got(at+"attention.wqkv.weight"), fuse(want(at+"self_attn.q_proj.weight"), want(at+"self_attn.k_proj.weight"),
				want(at+"self_attn.v_proj.weight"), 2, 2, 12*48))
			for ours, theirs := range llamaNames {
				near(t, at+ours, got(at+ours+".weight"), want(at+theirs+".weight"))
			}
		}
		near(t, "tok_embeddings", got("model.tok_embeddings.weight"), want("model.embed_tokens.weight"))
		near(t, "output", got("output.weight"), want("lm_head.weight"))
	}

	ps.Freeze()
	lps.Freeze()
	prompts := [][]int32{{1, 5, 9, 77, 3}, {1, 40}}
	got, want := generate(t, d, prompts, 20), generate(t, llama, prompts, 20)
	for i := range want {
		if !slices.Equal(got[i], want[i]) {
			t.Errorf("prompt %d: ids %v, want %v", i, got[i], want[i])
		}
	}
	hidden := func(d *Decoder) []float32 {
		h, err := d.Extend(d.NewCache(1, 16), []Chunk{{X: d.Embed.Forward(nil, prompts[0])}})
		if err != nil {
			t.Fatal(err)
		}
		return h.Floats()
	}
	near(t, "hidden over a cache", hidden(d), hidden(llama))
}

// near wants two results of the same sums; only the order in which those of the three projections meet may differ.
func near(t *testing.T, name string, got, want []float32) {
	t.Helper()
	var top, worst float32
	for i, w := range want {
		top, worst = max(top, w, -w), max(worst, got[i]-w, w-got[i])
	}
	if len(got) != len(want) || worst > 1e-6*top {
		t.Errorf("%s: differs by %g of %g", name, worst, top)
	}
}
