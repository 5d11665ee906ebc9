package convert

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"moslava/internal/gguf"
	"moslava/internal/safetensors"
	"moslava/language"
)

// llama is a GGUF model of the architecture "llama" (LLaMA, Mistral without a window, SmolLM2) or "qwen2", which is the same with biases of q, k and v, and with the
// rows of q and k in transformers' order.
type llama struct {
	file *gguf.File
	arch string // what keys begin with

	layers, hidden, inner, heads, kvHeads, headDim, vocab, context int
	eps, theta                                                     float64
	rope                                                           map[string]any // rope_scaling, nil for none
	tied, attentionBias, mlpBias                                   bool

	weights []weight
	dtype   safetensors.DType
}

// neutral are keys of the architecture that ask for something transformers' LLaMA has not, with the values that ask for
// nothing. All stand behind the architecture's name and a dot.
var neutral = map[string][]string{
	"expert_count":                         {"0"},
	"expert_used_count":                    {"0"},
	"expert_shared_count":                  {"0"},
	"attention.sliding_window":             {"0"},
	"attention.causal":                     {"true"},
	"attention.clamp_kqv":                  {"0"},
	"attention.max_alibi_bias":             {"0"},
	"attention.scale":                      {"0"},
	"logit_scale":                          {"0", "1"},
	"residual_scale":                       {"0", "1"},
	"embedding_scale":                      {"0", "1"},
	"final_logit_softcapping":              {"0"},
	"attn_logit_softcapping":               {"0"},
	"use_parallel_residual":                {"false"},
	"pooling_type":                         {"0"},
	"leading_dense_block_count":            {"0"},
	"nextn_predict_layers":                 {"0"},
	"rope.scaling.finetuned":               {"true", "false"}, // says how the model came about, not what it computes
	"rope.scaling.attn_factor":             {"1"},
	"rope.scale_linear":                    {"1"},
	"tensor_data_layout":                   {`"Meta AI original pth"`}, // rows of q and k permuted, as everywhere
	"rope.scaling.original_context_length": nil,                        // see readRope
}

// understood are the keys that are read elsewhere.
var understood = []string{
	"block_count", "context_length", "embedding_length", "feed_forward_length", "attention.head_count",
	"attention.head_count_kv", "attention.key_length", "attention.value_length", "attention.layer_norm_rms_epsilon",
	"rope.freq_base", "rope.dimension_count", "vocab_size", "rope.scaling.type", "rope.scaling.factor",
	"rope.scaling.original_context_length",
}

func readLlama(f *gguf.File) (*llama, error) {
	arch, _, err := f.Text("general.architecture")
	if err != nil {
		return nil, err
	}
	if kind, _, _ := f.Text("general.type"); kind == "adapter" {
		return nil, errors.New("it is a LoRA of llama.cpp (general.type is adapter), which is not read: use the PEFT directory that convert_lora_to_gguf.py made it of")
	}
	if arch != archLlama && arch != archQwen2 {
		return nil, fmt.Errorf("general.architecture is %q; only llama and qwen2 are implemented", arch)
	}
	m := &llama{file: f, arch: arch}
	for _, key := range f.Keys() {
		if err := m.checkKey(key); err != nil {
			return nil, err
		}
	}
	if err := m.sizes(); err != nil {
		return nil, err
	}
	if err := m.readWeights(); err != nil {
		return nil, err
	}
	if m.rope, err = m.readRope(); err != nil {
		return nil, err
	}
	return m, nil
}

// The architectures.
const (
	archLlama = "llama"
	archQwen2 = "qwen2"
)

// key is the name of one of the architecture's keys.
func (m *llama) key(name string) string { return m.arch + "." + name }

// checkKey refuses what changes numbers and is not read.
func (m *llama) checkKey(key string) error {
	f := m.file
	if strings.HasPrefix(key, "split.") {
		if n, found, err := f.Int("split.count"); err != nil || found && n > 1 {
			return fmt.Errorf("split.count is %d; join the parts first (llama-gguf-split --merge)", n)
		}
	}
	name, ours := strings.CutPrefix(key, m.arch+".")
	if !ours || slices.Contains(understood, name) {
		return nil
	}
	v, _ := f.Value(key)
	allowed, known := neutral[name]
	switch {
	case !known:
		return fmt.Errorf("%s is %s, a key that is not implemented", key, v)
	case !slices.Contains(allowed, v.String()):
		return fmt.Errorf("%s is %s, which is not implemented (only %s)", key, v, strings.Join(allowed, " or "))
	}
	return nil
}

// sizes reads the hyperparameters.
func (m *llama) sizes() error {
	ints := []struct {
		key      string
		to       *int
		fallback func() int // nil: the key must be there
	}{
		{"block_count", &m.layers, nil},
		{"context_length", &m.context, nil},
		{"embedding_length", &m.hidden, nil},
		{"feed_forward_length", &m.inner, nil},
		{"attention.head_count", &m.heads, nil},
		{"attention.head_count_kv", &m.kvHeads, func() int { return m.heads }},
		{"attention.key_length", &m.headDim, func() int { return m.hidden / m.heads }},
	}
	for _, i := range ints {
		n, found, err := uniform(m.file, m.key(i.key))
		switch {
		case err != nil:
			return err
		case !found && i.fallback == nil:
			return fmt.Errorf("%s is missing", m.key(i.key))
		case !found:
			n = i.fallback()
		}
		if n < 1 || n > 1<<24 {
			return fmt.Errorf("%s is %d, 1 to %d expected", m.key(i.key), n, 1<<24)
		}
		*i.to = n
	}
	for _, key := range []string{m.key("attention.value_length"), m.key("rope.dimension_count")} {
		if n, found, err := m.file.Int(key); err != nil || found && n != m.headDim {
			return cmpError(err, "%s is %d, but a head has %d elements: not implemented", key, n, m.headDim)
		}
	}
	eps, found, err := m.file.Float(m.key("attention.layer_norm_rms_epsilon"))
	if err != nil || !found {
		return cmpError(err, "%s is missing", m.key("attention.layer_norm_rms_epsilon"))
	}
	theta, found, err := m.file.Float(m.key("rope.freq_base"))
	if err != nil {
		return err
	}
	if !found {
		theta = 10000 // llama.cpp's default
	}
	m.eps, m.theta = shortest(eps), shortest(theta)
	return nil
}

// cmpError is err, or the formatted message if there is none.
func cmpError(err error, format string, args ...any) error {
	if err != nil {
		return err
	}
	return fmt.Errorf(format, args...)
}

// uniform reads an integer that some files have as an array of one for each layer, which must be equal.
func uniform(f *gguf.File, key string) (n int, found bool, err error) {
	v, ok := f.Value(key)
	if !ok || !v.Array {
		return f.Int(key)
	}
	each, _, err := f.Ints(key)
	if err != nil {
		return 0, false, err
	}
	if len(each) == 0 || len(slices.Compact(slices.Clone(each))) > 1 {
		return 0, false, fmt.Errorf("%s differs between layers, which is not implemented", key)
	}
	return int(each[0]), true, nil
}

// shortest is the number with the fewest digits that is x in float32, which is what the file had before: 1e-05, not
// 9.999999747378752e-06.
func shortest(x float64) float64 {
	y, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', -1, 32), 64)
	if err != nil {
		return x
	}
	return y
}

// config is config.json. It has to pass the decoder's own checks, so that nothing is written that this program cannot
// run.
func (m *llama) config(t *text) (map[string]any, error) {
	c := map[string]any{
		"architectures": []string{"LlamaForCausalLM"}, "model_type": "llama", "vocab_size": m.vocab, "hidden_size": m.hidden,
		"intermediate_size": m.inner, "num_hidden_layers": m.layers, "num_attention_heads": m.heads, "num_key_value_heads": m.kvHeads,
		"head_dim": m.headDim, "hidden_act": "silu", "max_position_embeddings": m.context, "rms_norm_eps": m.eps, "rope_theta": m.theta,
		"rope_scaling": nil, "attention_bias": m.attentionBias, "mlp_bias": m.mlpBias, "attention_dropout": 0.0,
		"tie_word_embeddings": m.tied, "use_cache": true, "torch_dtype": torchNames[m.dtype],
	}
	if m.arch == archQwen2 {
		c["architectures"], c["model_type"], c["use_sliding_window"] = []string{"Qwen2ForCausalLM"}, "qwen2", false
		delete(c, "attention_bias")
		delete(c, "mlp_bias")
	}
	if m.rope != nil {
		c["rope_scaling"] = m.rope
	}
	t.ids(c)
	raw, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	if _, err := language.ParseConfig(raw); err != nil {
		return nil, err
	}
	return c, nil
}

var torchNames = map[safetensors.DType]string{safetensors.F32: "float32", safetensors.F16: "float16", safetensors.BF16: "bfloat16"}
