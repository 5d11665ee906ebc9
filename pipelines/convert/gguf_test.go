package convert

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"moslava/internal/checkpoint"
	"moslava/internal/gguf/gguftest"
	"moslava/language"
	"moslava/language/tokenizer"
)

// tiny is a model of one layer: 4 heads of 4 elements, 2 for keys, and a vocabulary of the bytes, one merge and <|end|>.
func tiny() *gguftest.File {
	f := &gguftest.File{KVs: []gguftest.KV{
		{Key: "general.architecture", Value: "llama"},
		{Key: "llama.block_count", Value: uint32(1)}, {Key: "llama.context_length", Value: uint32(64)}, {Key: "llama.embedding_length", Value: uint32(16)},
		{Key: "llama.feed_forward_length", Value: uint32(8)}, {Key: "llama.attention.head_count", Value: uint32(4)}, {Key: "llama.attention.head_count_kv", Value: uint32(2)},
		{Key: "llama.attention.layer_norm_rms_epsilon", Value: float32(1e-5)}, {Key: "llama.rope.dimension_count", Value: uint32(4)},
		{Key: "tokenizer.ggml.model", Value: "gpt2"}, {Key: "tokenizer.ggml.pre", Value: "llama-bpe"},
		{Key: "tokenizer.ggml.tokens", Value: []string{"a", "b", "ab", "<|end|>", "<own>"}}, {Key: "tokenizer.ggml.token_type", Value: []int32{1, 1, 1, 3, 4}},
		{Key: "tokenizer.ggml.merges", Value: []string{"a b"}}, {Key: "tokenizer.ggml.bos_token_id", Value: uint32(3)}, {Key: "tokenizer.ggml.eos_token_id", Value: uint32(3)},
		{Key: "tokenizer.chat_template", Value: "{{ messages }}"},
	}}
	next := float32(0)
	add := func(name string, shape ...int) {
		n := 1
		for _, d := range shape {
			n *= d
		}
		x := make([]float32, n)
		for i := range x {
			x[i], next = next, next+1
		}
		f.Tensors = append(f.Tensors, gguftest.Floats(name, x, shape...))
	}
	add("token_embd.weight", 5, 16)
	add("output_norm.weight", 16)
	add("blk.0.attn_norm.weight", 16)
	add("blk.0.attn_q.weight", 16, 16)
	add("blk.0.attn_k.weight", 8, 16)
	add("blk.0.attn_v.weight", 8, 16)
	add("blk.0.attn_output.weight", 16, 16)
	add("blk.0.ffn_norm.weight", 16)
	add("blk.0.ffn_gate.weight", 8, 16)
	add("blk.0.ffn_up.weight", 8, 16)
	add("blk.0.ffn_down.weight", 16, 8)
	return f
}

// set replaces the value of a key, or adds it.
func set(f *gguftest.File, key string, v any) *gguftest.File {
	for i := range f.KVs {
		if f.KVs[i].Key == key {
			f.KVs[i].Value = v
			return f
		}
	}
	f.KVs = append(f.KVs, gguftest.KV{Key: key, Value: v})
	return f
}

func without(f *gguftest.File, key string) *gguftest.File {
	f.KVs = slices.DeleteFunc(f.KVs, func(kv gguftest.KV) bool { return kv.Key == key })
	f.Tensors = slices.DeleteFunc(f.Tensors, func(t gguftest.Tensor) bool { return t.Name == key })
	return f
}

func with(f *gguftest.File, t ...gguftest.Tensor) *gguftest.File {
	f.Tensors = append(f.Tensors, t...)
	return f
}

func run(t *testing.T, f *gguftest.File, dtype string) (dir string, err error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.gguf")
	if err := os.WriteFile(path, f.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(t.TempDir(), "out")
	return dir, GGUF(path, dir, dtype)
}

func readConfig(t *testing.T, dir, file string) map[string]any {
	t.Helper()
	var c map[string]any
	if err := checkpoint.ReadJSON(dir, file, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestGGUFBecomesADirectory(t *testing.T) {
	dir, err := run(t, tiny(), "")
	if err != nil {
		t.Fatal(err)
	}
	c := readConfig(t, dir, "config.json")
	for key, want := range map[string]any{"tie_word_embeddings": true, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "head_dim": 4.0, "num_key_value_heads": 2.0,
		"attention_bias": false, "torch_dtype": "float32", "eos_token_id": 3.0, "rope_scaling": nil} {
		if c[key] != want {
			t.Errorf("%s is %v, want %v", key, c[key], want)
		}
	}
	w, err := checkpoint.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	// Rows 0 to 3 of a head are stored as 0, 2, 1, 3.
	q, err := w.Float32("model.layers.0.self_attn.q_proj.weight", []int{16, 16})
	if err != nil {
		t.Fatal(err)
	}
	first := q[0] // of row 0, which stays
	for row, want := range []int{0, 2, 1, 3, 4, 6, 5, 7} {
		if got := int(q[16*row]-first) / 16; got != want {
			t.Errorf("row %d of q is the file's row %d, want %d", row, got, want)
		}
	}
	tok, err := tokenizer.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if ids, err := tok.Encode("abb<|end|><own>", true); err != nil || !slices.Equal(ids, []int32{3, 2, 1, 3, 4}) {
		t.Errorf("ids %v, %v", ids, err)
	}
	if !tok.IsSpecial(3) || tok.IsSpecial(4) {
		t.Error("<|end|> is special and <own> is not")
	}
	if readConfig(t, dir, "tokenizer_config.json")["chat_template"] != "{{ messages }}" {
		t.Error("the chat template is lost")
	}
	if _, err := os.Stat(filepath.Join(dir, "generation_config.json")); err != nil {
		t.Error(err)
	}
	if err := GGUF(filepath.Join(dir, "none.gguf"), dir, ""); err == nil {
		t.Error("a file that is not there was converted")
	}
}

// qwen2 is tiny as a file of Qwen2.
func qwen2() *gguftest.File {
	f := set(tiny(), "general.architecture", "qwen2")
	for i := range f.KVs {
		f.KVs[i].Key = strings.Replace(f.KVs[i].Key, "llama.", "qwen2.", 1)
	}
	set(f, "tokenizer.ggml.pre", "qwen2")
	for name, n := range map[string]int{"q": 16, "k": 8, "v": 8} {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(i)
		}
		f.Tensors = append(f.Tensors, gguftest.Floats("blk.0.attn_"+name+".bias", x, n))
	}
	return f
}

// TestQwen2: its rows of q and k are not permuted, and q, k and v have biases.
func TestQwen2(t *testing.T) {
	dir, err := run(t, qwen2(), "")
	if err != nil {
		t.Fatal(err)
	}
	c := readConfig(t, dir, "config.json")
	if _, ok := c["attention_bias"]; ok || c["model_type"] != "qwen2" || c["use_sliding_window"] != false || c["tie_word_embeddings"] != true {
		t.Errorf("config.json is %v", c)
	}
	w, err := checkpoint.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for name, shape := range map[string][]int{"q_proj.weight": {16, 16}, "k_proj.weight": {8, 16}, "q_proj.bias": {16}, "k_proj.bias": {8}, "v_proj.bias": {8}} {
		x, err := w.Float32("model.layers.0.self_attn."+name, shape)
		if err != nil {
			t.Fatal(err)
		}
		for i := range x {
			if x[i] != x[0]+float32(i) {
				t.Errorf("%s: element %d is %g behind %g", name, i, x[i], x[0])
				break
			}
		}
	}
	_, err = run(t, without(qwen2(), "blk.0.attn_k.bias"), "")
	if err == nil || !strings.Contains(err.Error(), `tensor "blk.0.attn_k.bias" is missing`) {
		t.Errorf("without a bias: %v", err)
	}
	_, err = run(t, set(qwen2(), "qwen2.expert_count", uint32(2)), "")
	if err == nil || !strings.Contains(err.Error(), "qwen2.expert_count is 2, which is not implemented") {
		t.Errorf("experts: %v", err)
	}
}

func TestSentencePieceVocabulary(t *testing.T) {
	f := without(without(tiny(), "tokenizer.ggml.pre"), "tokenizer.ggml.merges")
	set(f, "tokenizer.ggml.model", "llama")
	set(f, "tokenizer.ggml.tokens", []string{"<unk>", "▁", "a", "▁a", "</s>"})
	set(f, "tokenizer.ggml.token_type", []int32{2, 1, 1, 1, 3})
	set(f, "tokenizer.ggml.scores", []float32{0, -2, -1, 0, 0})
	set(f, "tokenizer.ggml.bos_token_id", uint32(4))
	dir, err := run(t, f, "")
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tokenizer.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if ids, err := tok.Encode("aa a</s>a?", true); err != nil || !slices.Equal(ids, []int32{4, 3, 2, 3, 4, 3, 0}) {
		t.Errorf("ids %v, %v", ids, err)
	}
}

// Every pattern that has a name is one that tokenizer.json files may have.
func TestPreTokenizers(t *testing.T) {
	for name := range preTokenizers {
		if _, err := run(t, set(tiny(), "tokenizer.ggml.pre", name), ""); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStorage(t *testing.T) {
	half := func(f *gguftest.File, kind uint32) *gguftest.File {
		for i := range f.Tensors {
			if t := &f.Tensors[i]; len(t.Shape) == 2 {
				t.Type, t.Data = kind, make([]byte, len(t.Data)/2)
			}
		}
		return f
	}
	third := half(tiny(), 1)
	third.Tensors[1] = gguftest.Floats("output_norm.weight", []float32{1. / 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 16)
	for name, c := range map[string]struct {
		f           *gguftest.File
		dtype, want string
	}{
		"float32": {tiny(), "", "float32"}, "float16": {half(tiny(), 1), "", "float16"}, "asked for": {tiny(), "bfloat16", "bfloat16"},
		"a norm needs float32": {third, "", "float32"}, "rounded": {third, "float16", "float16"},
	} {
		dir, err := run(t, c.f, c.dtype)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := readConfig(t, dir, "config.json")["torch_dtype"]; got != c.want {
			t.Errorf("%s: stored as %v, want %s", name, got, c.want)
		}
	}
}

// The divisors of llama3's scaling give its parameters back, those of LLaMA 3 and others.
func TestRopeDivisors(t *testing.T) {
	for _, want := range []llama3Rope{{8, 1, 4, 8192}, {32, 1, 4, 8192}, {4, 1, 8, 2048}, {16, 1, 2, 512}} {
		const d = 64
		turns := make([]float64, d/2)
		divisors := make([]float32, d/2)
		for i := range turns {
			turns[i] = math.Pow(500000, -float64(i)/(d/2)) / (2 * math.Pi)
			s := want.smooth(turns[i])
			divisors[i] = float32(1 / ((1-s)/want.factor + s))
		}
		got, err := llama3(divisors, 500000)
		if err != nil || *got != want {
			t.Errorf("%v: %v, %v", want, got, err)
		}
	}
	if p, err := llama3([]float32{1, 1}, 10000); p != nil || err != nil {
		t.Errorf("no scaling: %v, %v", p, err)
	}
	if _, err := llama3([]float32{1, 3, 2, 8}, 10000); err == nil || !strings.Contains(err.Error(), "not those of a scaling of the kind llama3") {
		t.Errorf("other divisors: %v", err)
	}
}

func TestRopeIsWritten(t *testing.T) {
	dir, err := run(t, with(tiny(), gguftest.Floats("rope_freqs.weight", []float32{1, 1}, 2)), "")
	if err != nil {
		t.Fatal(err)
	}
	if c := readConfig(t, dir, "config.json"); c["rope_scaling"] != nil {
		t.Errorf("divisors of 1: rope_scaling %v", c["rope_scaling"])
	}
	raw, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := language.ParseConfig(raw); err != nil {
		t.Error(err)
	}
	var any map[string]any
	if err := json.Unmarshal(raw, &any); err != nil {
		t.Error(err)
	}
}

func TestRefusals(t *testing.T) {
	nan := tiny()
	nan.Tensors[1] = gguftest.Floats("output_norm.weight", append(make([]float32, 15), float32(math.NaN())), 16)
	misshapen := tiny()
	misshapen.Tensors[2].Shape = []int{4, 4}
	for name, c := range map[string]struct {
		f     *gguftest.File
		dtype string
		want  []string
	}{
		"architecture": {set(tiny(), "general.architecture", "qwen3"), "", []string{`general.architecture is "qwen3"; only llama and qwen2`}},
		"experts":      {set(tiny(), "llama.expert_count", uint32(8)), "", []string{"llama.expert_count is 8, which is not implemented"}},
		"unknown key":  {set(tiny(), "llama.something", uint32(8)), "", []string{"llama.something is 8, a key that is not implemented"}},
		"missing key":  {without(tiny(), "llama.block_count"), "", []string{"llama.block_count is missing"}},
		"layers":       {set(tiny(), "llama.feed_forward_length", []int32{8, 9}), "", []string{"llama.feed_forward_length differs between layers"}},
		"partial rope": {set(tiny(), "llama.rope.dimension_count", uint32(2)), "", []string{"llama.rope.dimension_count is 2, but a head has 4"}},
		"yarn":         {set(tiny(), "llama.rope.scaling.type", "yarn"), "", []string{`llama.rope.scaling.type is "yarn"`}},
		"split":        {set(tiny(), "split.count", uint32(3)), "", []string{"split.count is 3; join the parts first"}},
		"tensors": {with(without(misshapen, "blk.0.ffn_up.weight"), gguftest.Floats("blk.0.ffn_gate_inp.weight", []float32{1}, 1)), "",
			[]string{`"blk.0.ffn_up.weight" is missing`, `"blk.0.attn_norm.weight" has shape [4 4], want [16]`, `"blk.0.ffn_gate_inp.weight" is not one of a LLaMA with 1 layers`}},
		"NaN":            {nan, "", []string{`tensor "output_norm.weight" has NaN at element 15`}},
		"pre":            {set(tiny(), "tokenizer.ggml.pre", "superbpe"), "", []string{`tokenizer.ggml.pre is "superbpe", which is not implemented`}},
		"no pre":         {without(tiny(), "tokenizer.ggml.pre"), "", []string{"tokenizer.ggml.pre is missing"}},
		"default pre":    {set(tiny(), "tokenizer.ggml.pre", "default"), "", []string{`tokenizer.ggml.pre is "default"`}},
		"model":          {set(tiny(), "tokenizer.ggml.model", "bert"), "", []string{`tokenizer.ggml.model is "bert"; implemented are gpt2 and llama`}},
		"no tokens":      {without(tiny(), "tokenizer.ggml.tokens"), "", []string{"the file has no tokenizer"}},
		"many tokens":    {set(tiny(), "tokenizer.ggml.tokens", []string{"a", "b", "c", "d", "e", "f"}), "", []string{"6 tokens, but the embedding 5 rows"}},
		"special token":  {set(tiny(), "tokenizer.ggml.bos_token_id", uint32(77)), "", []string{"tokenizer.ggml.bos_token_id is 77, but there are 5 tokens"}},
		"merge":          {set(tiny(), "tokenizer.ggml.merges", []string{"a x"}), "", []string{`model.merges[0]: "a" + "x"`}},
		"dtype":          {tiny(), "int8", []string{`weights cannot be stored as "int8"`}},
		"vocab_size":     {set(tiny(), "llama.vocab_size", uint32(6)), "", []string{"llama.vocab_size is 6, but token_embd.weight has shape [5 16]"}},
		"rope_freqs":     {with(tiny(), gguftest.Floats("rope_freqs.weight", []float32{1, 2, 3}, 3)), "", []string{`"rope_freqs.weight" has shape [3], want [2]`}},
		"two, same name": {set(tiny(), "tokenizer.ggml.tokens", []string{"a", "b", "ab", "a", "<own>"}), "", []string{`pieces 0 and 3 are both "a"`}},
	} {
		dir, err := run(t, c.f, c.dtype)
		if err == nil {
			t.Errorf("%s: converted", name)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "model.gguf") && name != "NaN" {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
		}
		if _, err := os.Stat(filepath.Join(dir, "config.json")); err == nil {
			t.Errorf("%s: a directory was written all the same", name)
		}
	}
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "model.gguf")
	if err := os.WriteFile(path, tiny().Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := GGUF(path, full, ""); err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Errorf("over something else: %v", err)
	}
}
