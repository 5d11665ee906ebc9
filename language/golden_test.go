package language

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"moslava/internal/autograd"
	"moslava/internal/checkpoint"
	"moslava/internal/golden"
	"moslava/internal/nn"
)

// tolerances of goldens that do not say, relative to the largest element.
var tolerances = map[string]golden.Tolerance{
	"llama-padded": {Forward: 1e-5, Loss: 1e-6, Grad: 2e-5},
	"llama-tied":   {Forward: 1e-5, Loss: 1e-6, Grad: 1e-5},
	"llama-tiny":   {Forward: 1e-5, Loss: 1e-6, Grad: 2e-5},
	"llama3-rope":  {Forward: 1e-5, Loss: 1e-6, Grad: 2e-5},
	"mistral-tiny": {Forward: 1e-5, Loss: 2e-6, Grad: 5e-5},
	"qwen2-tiny":   {Forward: 1e-5, Loss: 1e-6, Grad: 2e-5},
	"qwen3":        {Forward: 1e-5, Loss: 1e-6, Grad: 2e-5},
	"qwen3-tied":   {Forward: 1e-5, Loss: 1e-6, Grad: 5e-5},
	"smollm3":      {Forward: 1e-5, Loss: 1e-6, Grad: 5e-5},
}

func load(t *testing.T, name, config string) (*Decoder, *nn.Params) {
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
	d, ps, err := nn.Build(nn.From(ckpt), func(s *nn.Scope) *Decoder { return New(s, cfg) })
	if err != nil {
		t.Fatal(err)
	}
	if left := ckpt.Unused(checkpoint.IsBuffer); len(left) > 0 {
		t.Errorf("%s: tensors nobody asked for: %v", name, left)
	}
	return d, ps
}

// rows are the golden's padded sequences laid end to end.
type rows struct {
	ids, labels []int32
	offsets     []int32
	at          []int // place of each row in the padded [B, T]
	b, t        int
}

func unpad(t *testing.T, g *golden.Golden) rows {
	shape := g.Shape(t, "input.input_ids")
	ids, labels, mask := g.Ints(t, "input.input_ids"), g.Ints(t, "input.labels"), g.Ints(t, "input.attention_mask")
	r := rows{offsets: []int32{0}, b: shape[0], t: shape[1]}
	for b := range r.b {
		for i := range r.t {
			if k := b*r.t + i; mask[k] == 1 {
				r.ids, r.labels, r.at = append(r.ids, int32(ids[k])), append(r.labels, int32(labels[k])), append(r.at, k)
			}
		}
		r.offsets = append(r.offsets, int32(len(r.ids)))
	}
	return r
}

// pad spreads x [N, d] over [B, T, d], taking the golden's own values where it pads.
func (r rows) pad(x, want []float32) []float32 {
	d := len(x) / len(r.at)
	out := slices.Clone(want)
	for i, k := range r.at {
		copy(out[k*d:][:d], x[i*d:][:d])
	}
	return out
}

// targets are the rows that predict a label and those labels.
func (r rows) targets() (at, ids []int32) {
	for b := range r.b {
		for i := r.offsets[b]; i+1 < r.offsets[b+1]; i++ {
			if r.labels[i+1] >= 0 {
				at, ids = append(at, i), append(ids, r.labels[i+1])
			}
		}
	}
	return at, ids
}

func TestDecodersAgreeWithTransformers(t *testing.T) {
	for _, name := range golden.Cases(t, "testdata") {
		for _, config := range []string{"config.json", "config.hub.json"} {
			t.Run(name+"/"+config, func(t *testing.T) { compareDecoder(t, name, config) })
		}
	}
}

func compareDecoder(t *testing.T, name, config string) {
	d, ps := load(t, name, config)
	g := golden.Open(t, filepath.Join("testdata", name, "golden.safetensors"))
	tol := g.Tolerance(t, tolerances[name])
	g.Check(t, "rope.inv_freq", d.Config.invFreq(), []int{d.Config.HeadDim / 2}, 1e-6)
	in := unpad(t, g)
	check := func(name string, x []float32, tol float64) {
		g.Check(t, name, in.pad(x, g.Float32(t, name)), g.Shape(t, name), tol)
	}

	x := d.Embed.Forward(nil, in.ids)
	check("hidden.0", x.Floats(), tol.Forward)
	last := d.Config.NumHiddenLayers - 1
	h := d.Forward(nil, x, Rows{Offsets: in.offsets}, func(l int, x *autograd.Var) {
		if l == last {
			check("hidden.last_before_norm", x.Floats(), tol.Forward)
			return
		}
		check(fmt.Sprintf("hidden.%d", l+1), x.Floats(), tol.Forward)
	})
	check(fmt.Sprintf("hidden.%d", last+1), h.Floats(), tol.Forward)
	check("output.logits", d.Logits(h).Floats(), tol.Forward)

	ps.Train(func(string) bool { return true })
	tape := new(autograd.Tape)
	at, targets := in.targets()
	h = d.Forward(tape, d.Embed.Forward(tape, in.ids), Rows{Offsets: in.offsets}, nil)
	loss, sum := d.Head.Loss(tape, tape.SelectRows(h, at), targets)
	g.CheckInts(t, "loss.count", []int{len(targets)})
	g.CheckScalar(t, "loss64.sum", sum, tol.Loss)
	if err := tape.Backward(loss, 1/float32(len(targets))); err != nil {
		t.Fatal(err)
	}
	for p := range ps.All() {
		g.Check(t, "grad."+p.Name, p.Var().GradFloats(), p.Shape, tol.Grad)
	}
}

func TestGenerationAgreesWithTransformers(t *testing.T) {
	for _, name := range golden.Cases(t, "testdata") {
		d, ps := load(t, name, "config.json")
		ps.Freeze()
		g := golden.Open(t, filepath.Join("testdata", name, "golden.safetensors"))
		var prompts, want [][]int32
		for i := 0; g.Has(fmt.Sprintf("generate.%d.ids", i)); i++ {
			prompts = append(prompts, to32(g.Ints(t, fmt.Sprintf("generate.%d.input_ids", i))))
			want = append(want, to32(g.Ints(t, fmt.Sprintf("generate.%d.ids", i))))
		}
		got := generate(t, d, prompts, len(want[0]))
		for i := range want {
			n := len(want[i])
			if !slices.Equal(got[i], want[i]) {
				t.Errorf("%s: prompt %d: cached, together: ids %v, want %v", name, i, got[i], want[i])
			}
			if alone := generate(t, d, prompts[i:i+1], n); !slices.Equal(alone[0], want[i]) {
				t.Errorf("%s: prompt %d: cached, alone: ids %v, want %v", name, i, alone[0], want[i])
			}
			if slow := generateUncached(d, prompts[i], n); !slices.Equal(slow, want[i]) {
				t.Errorf("%s: prompt %d: uncached: ids %v, want %v", name, i, slow, want[i])
			}
		}
	}
}

func to32(x []int) []int32 {
	out := make([]int32, len(x))
	for i, v := range x {
		out[i] = int32(v)
	}
	return out
}

func generate(t *testing.T, d *Decoder, prompts [][]int32, n int) [][]int32 {
	t.Helper()
	c := d.NewCache(len(prompts), 64)
	var slots []int
	var chunks []Chunk
	for i, p := range prompts {
		slots = append(slots, i)
		chunks = append(chunks, Chunk{Slot: i, X: d.Embed.Forward(nil, p)})
	}
	h, err := d.Extend(c, chunks)
	if err != nil {
		t.Fatal(err)
	}
	out, err := d.Generate(context.Background(), c, slots, h, Generation{MaxNew: n})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func generateUncached(d *Decoder, ids []int32, n int) (out []int32) {
	for range n {
		h := d.Forward(nil, d.Embed.Forward(nil, ids), Rows{Offsets: []int32{0, int32(len(ids))}}, nil)
		l := d.Logits(h)
		id := int32(argmax(l.Floats()[(len(ids)-1)*l.Cols():]))
		ids, out = append(slices.Clone(ids), id), append(out, id)
	}
	return out
}

func TestStopIDsEndASequence(t *testing.T) {
	d, ps := load(t, "llama-tiny", "config.json")
	ps.Freeze()
	all := generate(t, d, [][]int32{{1, 5, 9}}, 8)[0]
	c := d.NewCache(1, 16)
	h, err := d.Extend(c, []Chunk{{X: d.Embed.Forward(nil, []int32{1, 5, 9})}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.Generate(context.Background(), c, []int{0}, h, Generation{MaxNew: 8, Stop: []int32{all[3]}})
	if err != nil || !slices.Equal(got[0], all[:slices.Index(all, all[3])+1]) {
		t.Errorf("%v, error %v; without a stop id %v", got, err, all)
	}
}

func TestForkSharesAPrefix(t *testing.T) {
	d, ps := load(t, "llama-tiny", "config.json")
	ps.Freeze()
	whole := generate(t, d, [][]int32{{1, 5, 9, 30}, {1, 5, 9, 40, 41}}, 6)
	c := d.NewCache(2, 32)
	if _, err := d.Extend(c, []Chunk{{X: d.Embed.Forward(nil, []int32{1, 5, 9})}}); err != nil {
		t.Fatal(err)
	}
	c.Fork(0, 1)
	h, err := d.Extend(c, []Chunk{{Slot: 0, X: d.Embed.Forward(nil, []int32{30})}, {Slot: 1, X: d.Embed.Forward(nil, []int32{40, 41})}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.Generate(context.Background(), c, []int{0, 1}, h, Generation{MaxNew: 6})
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		if !slices.Equal(got[i], whole[i]) {
			t.Errorf("sequence %d: %v with a shared prefix, %v without", i, got[i], whole[i])
		}
	}
}

func TestConfigErrors(t *testing.T) {
	for raw, want := range map[string]string{
		`{"model_type":"gpt2"}`: "model_type",
		`{"hidden_act":"relu"}`: "hidden_act",
		`{"hidden_size":4098,"num_attention_heads":6,"num_key_value_heads":4}`: "num_key_value_heads",
		`{"attention_dropout":0.1}`: "attention_dropout",
		`{"vocab_size":-1}`:         "vocab_size",
		`[`:                         "text config",
		`null`:                      "null in place of an object",
		`{"model_type":"qwen4"}`:    `model_type is "qwen4"; implemented are internlm2, llama, mistral, qwen2, qwen3, smollm3`,
		`{"model_type":"smollm3","num_hidden_layers":3,"no_rope_layers":[1,0]}`: `no_rope_layers has 2 entries, num_hidden_layers is 3`,
		`{"model_type":"smollm3","no_rope_layer_interval":0}`:                   `no_rope_layer_interval is 0, want at least 1`,
		`{"model_type":"qwen3","qk_norm":false}`:                                `qk_norm is false, which is not supported`,
		`{"model_type":"qwen3","num_experts":8}`:                                `num_experts is 8`,
		`{"hidden_size":50,"num_attention_heads":4}`:                            "hidden_size 50 is no multiple",
		`{"head_dim":7}`:                                              "head_dim 7 is odd",
		`{"num_hidden_layers":1000000}`:                               "num_hidden_layers is 1000000, want 1 to 4096",
		`{"partial_rotary_factor":0.5}`:                               "partial_rotary_factor is 0.5",
		`{"rope_interleaved":true}`:                                   "rope_interleaved is true",
		`{"alibi":true}`:                                              "alibi is true",
		`{"use_qk_norm":true}`:                                        "use_qk_norm is true",
		`{"logit_scale":0.0625}`:                                      "logit_scale is 0.0625",
		`{"final_logit_softcapping":30.0}`:                            "final_logit_softcapping is 30.0",
		`{"sliding_window":128}`:                                      "sliding_window is 128",
		`{"num_local_experts":8}`:                                     "num_local_experts is 8",
		`{"layer_types":["full_attention"],"num_hidden_layers":2}`:    "layer_types has 1 entries, num_hidden_layers is 2",
		`{"layer_types":["sliding_attention"],"num_hidden_layers":1}`: "layer_types",
		`{"model_type":"mistral","layer_types":["full_attention"],"num_hidden_layers":1}`:  `layer_types is ["full_attention"], which is not supported for mistral`,
		`{"model_type":"mistral","attention_bias":true}`:                                   "attention_bias is true",
		`{"model_type":"mistral","sliding_window":0}`:                                      "sliding_window is 0",
		`{"model_type":"qwen2","layer_types":["linear_attention"],"num_hidden_layers":1}`:  `"linear_attention" for layer 0`,
		`{"model_type":"qwen2","layer_types":["sliding_attention"],"num_hidden_layers":1}`: "no sliding_window in use",
		`{"model_type":"internlm2","rope_scaling":{"type":"linear","factor":2.0}}`:         `rope_scaling: rope_type is "linear"; implemented for internlm2 are default, dynamic`,
		`{"rope_scaling":{"type":"dynamic"}}`:                                              `rope_scaling: rope_type dynamic has no factor`,
		`{"rope_scaling":{"type":"su","factor":2.0}}`:                                      `rope_scaling: rope_type is "su"; implemented for llama are default, linear, dynamic, llama3, yarn`,
		`{"rope_parameters":{"rope_type":"longrope","factor":2.0}}`:                        `rope_parameters: rope_type is "longrope"`,
		`{"rope_parameters":{"rope_type":"linear"}}`:                                       "rope_type linear has no factor",
		`{"rope_parameters":{"rope_type":"linear","factor":-1}}`:                           "factor is -1",
		`{"rope_parameters":{"rope_theta":0}}`:                                             "rope_theta is 0",
		`{"rope_parameters":{"partial_rotary_factor":0.25}}`:                               "rope_parameters: partial_rotary_factor is 0.25",
		`{"rope_parameters":{"full_attention":{"rope_theta":1}}}`:                          "rope_parameters: full_attention is",
		`{"rope_scaling":{"rope_type":"llama3","factor":8}}`:                               "low_freq_factor 0",
		`{"rope_scaling":{"rope_type":"yarn","factor":2,"beta_fast":1,"beta_slow":2}}`:     "beta_fast 1",
	} {
		if _, err := ParseConfig([]byte(raw)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one that names %q", raw, err, want)
		}
	}
}

func TestCacheOverflowIsAnError(t *testing.T) {
	d, _ := load(t, "llama-tiny", "config.json")
	c := d.NewCache(1, 2)
	if _, err := d.Extend(c, []Chunk{{X: d.Embed.Forward(nil, []int32{1, 2, 3})}}); err == nil {
		t.Error("three positions went into a cache of two")
	}
}

func TestTopPIsReproducibleAndKeepsToTheNucleus(t *testing.T) {
	logits := []float32{0, 5, 4, -3}
	count := map[int32]int{}
	for seed := range uint64(300) {
		s := Sampling{Temperature: 1, TopP: 0.9, Seed: seed}
		count[s.pick(slices.Clone(logits), nn.Random(seed).Rand(""))]++
	}
	if count[0] > 0 || count[3] > 0 || count[1] < count[2] {
		t.Errorf("picks %v: only ids 1 and 2 are in the nucleus, 1 the likelier", count)
	}
}
