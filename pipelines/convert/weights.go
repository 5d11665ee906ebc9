package convert

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"moslava/internal/gguf"
	"moslava/internal/safetensors"
)

// weight is a tensor under both of its names.
type weight struct {
	name  string // transformers'
	info  gguf.Info
	heads int // of q and k of LLaMA, whose rows are permuted; otherwise 0
}

// readWeights finds the tensors of the model and checks their shapes. What is missing, unexpected or misshapen comes in one
// error.
func (m *llama) readWeights() error {
	var errs []error
	used := map[string]bool{"rope_freqs.weight": true} // see readRope
	has := func(stored string) bool { _, ok := m.file.Info(stored); return ok }
	add := func(stored, name string, heads int, shape ...int) {
		used[stored] = true
		info, ok := m.file.Info(stored)
		switch {
		case !ok:
			errs = append(errs, fmt.Errorf("tensor %q is missing", stored))
		case !slices.Equal(info.Shape, shape):
			errs = append(errs, fmt.Errorf("tensor %q has shape %v, want %v", stored, info.Shape, shape))
		default:
			m.weights = append(m.weights, weight{name, info, heads})
		}
	}
	embed, ok := m.file.Info("token_embd.weight")
	if ok && len(embed.Shape) == 2 {
		m.vocab = embed.Shape[0]
	}
	if n, found, err := m.file.Int(m.key("vocab_size")); err != nil || found && ok && n != m.vocab {
		return cmpError(err, "%s is %d, but token_embd.weight has shape %v", m.key("vocab_size"), n, embed.Shape)
	}
	add("token_embd.weight", "model.embed_tokens.weight", 0, m.vocab, m.hidden)
	add("output_norm.weight", "model.norm.weight", 0, m.hidden)
	if m.tied = !has("output.weight"); !m.tied {
		add("output.weight", "lm_head.weight", 0, m.vocab, m.hidden)
	}
	m.attentionBias, m.mlpBias = has("blk.0.attn_q.bias"), has("blk.0.ffn_down.bias")
	q, kv := m.heads*m.headDim, m.kvHeads*m.headDim
	qHeads, kHeads, outBias := m.heads, m.kvHeads, m.attentionBias
	if m.arch == archQwen2 { // as its model type has it, whatever the file has
		m.attentionBias, m.mlpBias = true, false
		qHeads, kHeads, outBias = 0, 0, false
	}
	for l := range min(m.layers, 1+len(m.file.Names())) {
		stored, name := fmt.Sprintf("blk.%d.", l), fmt.Sprintf("model.layers.%d.", l)
		linear := func(from, to string, bias bool, heads, out, in int) {
			add(stored+from+".weight", name+to+".weight", heads, out, in)
			if bias {
				add(stored+from+".bias", name+to+".bias", heads, out)
			}
		}
		add(stored+"attn_norm.weight", name+"input_layernorm.weight", 0, m.hidden)
		linear("attn_q", "self_attn.q_proj", m.attentionBias, qHeads, q, m.hidden)
		linear("attn_k", "self_attn.k_proj", m.attentionBias, kHeads, kv, m.hidden)
		linear("attn_v", "self_attn.v_proj", m.attentionBias, 0, kv, m.hidden)
		linear("attn_output", "self_attn.o_proj", outBias, 0, m.hidden, q)
		add(stored+"ffn_norm.weight", name+"post_attention_layernorm.weight", 0, m.hidden)
		linear("ffn_gate", "mlp.gate_proj", m.mlpBias, 0, m.inner, m.hidden)
		linear("ffn_up", "mlp.up_proj", m.mlpBias, 0, m.inner, m.hidden)
		linear("ffn_down", "mlp.down_proj", m.mlpBias, 0, m.hidden, m.inner)
	}
	for _, stored := range m.file.Names() {
		if !used[stored] {
			errs = append(errs, fmt.Errorf("tensor %q is not one of a %s with %d layers", stored, map[string]string{archLlama: "LLaMA", archQwen2: "Qwen2"}[m.arch], m.layers))
		}
	}
	return brief(errs)
}

// brief joins errors; of very many it has the first.
func brief(errs []error) error {
	const most = 20
	if n := len(errs) - most; n > 0 {
		errs = append(errs[:most:most], fmt.Errorf("and %d more", n))
	}
	return errors.Join(errs...)
}

// storage says as what the weights are written; want is torch's name or empty.
func (m *llama) storage(want string) (safetensors.DType, error) {
	for dtype, name := range torchNames {
		if want == name {
			return dtype, nil
		}
	}
	if want != "" {
		return "", fmt.Errorf("weights cannot be stored as %q, only as float32, float16 or bfloat16", want)
	}
	kind := gguf.F32
	for _, w := range m.weights {
		if len(w.info.Shape) == 2 && w.info.Type != kind {
			if kind != gguf.F32 {
				return safetensors.F32, nil
			}
			kind = w.info.Type
		}
	}
	dtype, round := safetensors.F16, func(x float32) float32 { return safetensors.Float16frombits(safetensors.Float16bits(x)) }
	switch kind {
	case gguf.F16:
	case gguf.BF16:
		dtype, round = safetensors.BF16, func(x float32) float32 { return safetensors.BFloat16frombits(safetensors.BFloat16bits(x)) }
	default:
		return safetensors.F32, nil
	}
	for _, w := range m.weights {
		if w.info.Type == kind {
			continue
		}
		x, err := m.file.Float32(w.info.Name)
		if err != nil {
			return "", err
		}
		if slices.ContainsFunc(x, func(v float32) bool { return round(v) != v }) {
			return safetensors.F32, nil
		}
	}
	return dtype, nil
}

// tensors are the weights as they are written, one in memory at a time.
func (m *llama) tensors() []safetensors.Tensor {
	out := make([]safetensors.Tensor, len(m.weights))
	for i, w := range m.weights {
		out[i] = safetensors.Tensor{Name: w.name, DType: m.dtype, Shape: w.info.Shape, Load: func() ([]float32, error) { return m.load(w) }}
	}
	return out
}

func (m *llama) load(w weight) ([]float32, error) {
	x, err := m.file.Float32(w.info.Name)
	if err != nil {
		return nil, err
	}
	for i, v := range x {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return nil, fmt.Errorf("%s: tensor %q has %v at element %d", m.file.Path(), w.info.Name, v, i)
		}
	}
	if w.heads > 0 {
		x = halves(x, w.heads, w.info.Shape)
	}
	return x, nil
}

// halves undoes what llama.cpp's converter does to the rows of q and k: there, rows 2i and 2i+1 of a head turn by one angle,
// here, rows i and i+d/2.
func halves(x []float32, heads int, shape []int) []float32 {
	rows, cols := shape[0], 1
	if len(shape) > 1 {
		cols = shape[1]
	}
	d := rows / heads
	out := make([]float32, len(x))
	for r := range rows {
		h, i := r/d, r%d
		to := h*d + i%2*(d/2) + i/2
		copy(out[to*cols:(to+1)*cols], x[r*cols:(r+1)*cols])
	}
	return out
}
