package moslora

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"moslava/internal/autograd"
	"moslava/internal/checkpoint"
	"moslava/internal/golden"
	"moslava/internal/kernels"
	"moslava/internal/nn"
)

// llama is as much of a decoder as the reference adapters need: this package names no tower.
type llama struct {
	cfg struct {
		D      int     `json:"hidden_size"`
		F      int     `json:"intermediate_size"`
		V      int     `json:"vocab_size"`
		L      int     `json:"num_hidden_layers"`
		H      int     `json:"num_attention_heads"`
		KV     int     `json:"num_key_value_heads"`
		Head   int     `json:"head_dim"`
		Eps    float64 `json:"rms_norm_eps"`
		Angles struct {
			Theta float64 `json:"rope_theta"`
		} `json:"rope_parameters"`
	}
	embed  *nn.Embedding
	blocks []llamaBlock
	norm   *nn.RMSNorm
	head   *nn.Head
}

type llamaBlock struct {
	norm1, norm2               *nn.RMSNorm
	q, k, v, o, gate, up, down *nn.Linear
}

// base is the model that the adapters were made for.
const base = "../language/testdata/llama-tiny"

func openLlama(t *testing.T) (*llama, *nn.Params) {
	t.Helper()
	m := new(llama)
	raw, err := os.ReadFile(filepath.Join(base, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &m.cfg); err != nil {
		t.Fatal(err)
	}
	ckpt, err := checkpoint.Open(base)
	if err != nil {
		t.Fatal(err)
	}
	defer ckpt.Close()
	c := m.cfg
	_, ps, err := nn.Build(nn.From(ckpt), func(s *nn.Scope) *llama {
		root := s.In("model")
		m.embed = root.Embedding("embed_tokens", c.V, c.D)
		for i := range c.L {
			b := root.In("layers", i)
			attn, mlp := b.In("self_attn"), b.In("mlp")
			m.blocks = append(m.blocks, llamaBlock{
				norm1: b.RMSNorm("input_layernorm", c.D, c.Eps), norm2: b.RMSNorm("post_attention_layernorm", c.D, c.Eps),
				q: attn.LinearNoBias("q_proj", c.D, c.H*c.Head), k: attn.LinearNoBias("k_proj", c.D, c.KV*c.Head),
				v: attn.LinearNoBias("v_proj", c.D, c.KV*c.Head), o: attn.LinearNoBias("o_proj", c.H*c.Head, c.D),
				gate: mlp.LinearNoBias("gate_proj", c.D, c.F), up: mlp.LinearNoBias("up_proj", c.D, c.F),
				down: mlp.LinearNoBias("down_proj", c.F, c.D),
			})
		}
		m.norm = root.RMSNorm("norm", c.D, c.Eps)
		m.head = s.Head("lm_head", c.D, c.V)
		return m
	})
	if err != nil {
		t.Fatal(err)
	}
	ps.Freeze()
	return m, ps
}

// forward maps rows of n ids each to hidden states after the last norm.
func (m *llama) forward(t *autograd.Tape, ids []int32, n int) *autograd.Var {
	c := m.cfg
	freq := make([]float32, c.Head/2)
	for i := range freq {
		freq[i] = float32(math.Pow(c.Angles.Theta, -2*float64(i)/float64(c.Head)))
	}
	table := kernels.NewRope(freq, n)
	var spans []kernels.Span
	pos := make([]int32, len(ids))
	for i := range ids {
		if pos[i] = int32(i % n); i%n == 0 {
			spans = append(spans, kernels.Span{Q0: i, QN: n, K0: i, KN: n})
		}
	}
	att := kernels.Attention{H: c.H, KV: c.KV, D: c.Head, Scale: float32(1 / math.Sqrt(float64(c.Head))), Causal: true}
	x := m.embed.Forward(t, ids)
	for _, b := range m.blocks {
		h := b.norm1.Forward(t, x)
		q, k := t.Rope(b.q.Forward(t, h), pos, c.H, table), t.Rope(b.k.Forward(t, h), pos, c.KV, table)
		x = t.Add(x, b.o.Forward(t, t.Attention(q, k, b.v.Forward(t, h), att, spans)))
		h = b.norm2.Forward(t, x)
		x = t.Add(x, b.down.Forward(t, t.SwiGLU(b.gate.Forward(t, h), b.up.Forward(t, h))))
	}
	return m.norm.Forward(t, x)
}

func TestPEFTDirectoriesComputeWhatPEFTDoes(t *testing.T) {
	// Tolerances of the reference's README: logits, gradients, merged weights.
	for name, tol := range map[string][3]float64{"list": {1e-5, 2e-5, 1e-6}, "patterns": {1e-5, 5e-5, 1e-6}, "rslora": {1e-5, 2e-5, 1e-6},
		"save-head": {5e-6, 2e-5, 1e-6}, "dora": {1e-5, 5e-5, 2e-6}} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join("testdata", "peft-"+name)
			g := golden.Open(t, filepath.Join(dir, "golden.safetensors"))
			m, ps := openLlama(t)
			read, err := Load(dir, func(n string) string { return n })
			if err != nil {
				t.Fatal(err)
			}
			s := new(Set)
			if err := s.AttachSaved(ps, read); err != nil {
				t.Fatal(err)
			}
			checkScaling(t, g, s)
			shape := g.Shape(t, "input.input_ids")
			ids := make([]int32, 0, shape[0]*shape[1])
			for _, id := range g.Ints(t, "input.input_ids") {
				ids = append(ids, int32(id))
			}
			logits := m.head.Logits(nil, m.forward(nil, ids, shape[1])).Floats()
			g.Check(t, "adapted.logits", logits, g.Shape(t, "adapted.logits"), tol[0])
			checkGradients(t, g, m, ps, s, ids, shape[1], tol[1])

			s.Merge(ps)
			merged := m.head.Logits(nil, m.forward(nil, ids, shape[1])).Floats()
			g.Check(t, "adapted.logits", merged, g.Shape(t, "adapted.logits"), tol[0])
			for p := range ps.All() {
				if g.Has("merged." + p.Name) {
					g.Check(t, "merged."+p.Name, p.Floats(), p.Shape, tol[2])
				}
			}
			if left := g.Unchecked("merged.model"); len(left) > 0 {
				t.Errorf("merged weights that were not compared: %v", left)
			}
		})
	}
}

// checkScaling compares rank and scale of every module with those PEFT had.
func checkScaling(t *testing.T, g *golden.Golden, s *Set) {
	var want map[string]struct {
		R       int     `json:"r"`
		Scaling float64 `json:"scaling"`
	}
	g.MetadataJSON(t, "scaling", &want)
	if s.Len() != len(want) {
		t.Errorf("%d adapters, want %d", s.Len(), len(want))
	}
	for a := range s.All() {
		if w := want[a.Module]; a.Config.R != w.R || math.Abs(float64(a.Config.Scale())-w.Scaling) > 1e-6*w.Scaling {
			t.Errorf("%s has rank %d and scale %g, want %d and %g", a.Module, a.Config.R, a.Config.Scale(), w.R, w.Scaling)
		}
	}
}

func checkGradients(t *testing.T, g *golden.Golden, m *llama, ps *nn.Params, s *Set, ids []int32, n int, tol float64) {
	s.Train(true)
	ps.Train(func(name string) bool { return g.Has("grad." + keyPrefix + name) })
	var at, targets []int32
	for i, label := range g.Ints(t, "input.labels") {
		if i%n > 0 && label >= 0 {
			at, targets = append(at, int32(i-1)), append(targets, int32(label))
		}
	}
	tape := new(autograd.Tape)
	x := tape.SelectRows(m.forward(tape, ids, n), at)
	loss, sum := m.head.Loss(tape, x, targets)
	g.CheckScalar(t, "loss.mean", sum/float64(len(at)), 1e-6)
	if err := tape.Backward(loss, 1/float32(len(at))); err != nil {
		t.Fatal(err)
	}
	params := slices.Collect(s.Params())
	for p := range ps.All() {
		if p.Trainable() {
			params = append(params, p)
		}
	}
	for _, p := range params {
		g.Check(t, "grad."+keyPrefix+p.Name, p.Var().GradFloats(), p.Shape, tol)
	}
	if left := g.Unchecked("grad."); len(left) > 0 {
		t.Errorf("gradients that were not computed: %v", left)
	}
	ps.Freeze()
}
