package inspect

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"moslava/internal/checkpoint"
	"moslava/internal/safetensors"
)

func look(t *testing.T, path string, opt Options) *Report {
	t.Helper()
	r, err := Inspect(path, opt)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func wantWarnings(t *testing.T, r *Report, want ...string) {
	t.Helper()
	if len(r.Warnings) != len(want) {
		t.Errorf("%s: warnings %q, want %d", r.Path, r.Warnings, len(want))
	}
	for _, w := range want {
		if !slices.ContainsFunc(r.Warnings, func(s string) bool { return strings.Contains(s, w) }) {
			t.Errorf("%s: warnings %q, want one with %q", r.Path, r.Warnings, w)
		}
	}
}

func TestModels(t *testing.T) {
	r := look(t, "../../vision/testdata/clip-tiny", Options{Check: true})
	if r.Kind != "vision" || r.Parameters != 172928 || r.Types["F32"] != 172928 {
		t.Errorf("%s, %d parameters, %v", r.Kind, r.Parameters, r.Types)
	}
	wantWarnings(t, r, "not used: vision_model.embeddings.position_ids")
	r = look(t, "../../language/testdata/llama-tiny", Options{})
	if r.Kind != "language" || len(r.Tensors) == 0 || len(r.Config) == 0 {
		t.Errorf("%+v", r)
	}
	wantWarnings(t, r, "no tokenizer.json")
	if r := look(t, "../vlm/testdata/llava-tiny", Options{}); r.Kind != "llava" {
		t.Errorf("kind %s", r.Kind)
	}
	var b bytes.Buffer
	if err := r.Write(&b); err != nil || !strings.Contains(b.String(), "model.norm.weight") || !strings.Contains(b.String(), "warning: no tokenizer.json") {
		t.Errorf("%s, %v", b.String(), err)
	}
	if text, err := json.Marshal(r); err != nil || !strings.Contains(string(text), `"kind":"language"`) {
		t.Errorf("%s, %v", text, err)
	}
}

func TestWhatIsOddIsAWarning(t *testing.T) {
	dir := t.TempDir()
	config := `{"model_type":"llama","vocab_size":4,"hidden_size":2,"intermediate_size":2,"num_hidden_layers":1,"num_attention_heads":1,
		"max_position_embeddings":8,"tie_word_embeddings":true}`
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o666); err != nil {
		t.Fatal(err)
	}
	four := []float32{0, 0, 0, 0}
	list := []safetensors.Tensor{
		{Name: "model.embed_tokens.weight", Shape: []int{2, 2}, Data: []float32{1, float32(math.NaN()), 2, 3}},
		{Name: "lm_head.weight", Shape: []int{2, 2}, Data: []float32{1, 2, 3, 4}},
		{Name: "model.norm.weight", Shape: []int{2}, Data: four[:2]},
		{Name: "strange", DType: safetensors.F8E4M3, Shape: []int{1}, Raw: []byte{1}},
		{Name: "model.layers.0.input_layernorm.weight", Shape: []int{2}, Data: []float32{1, 1}},
		{Name: "model.layers.0.post_attention_layernorm.weight", Shape: []int{2}, Data: []float32{1, 1}},
		{Name: "model.layers.0.mlp.gate_proj.weight", Shape: []int{2, 2}, Data: []float32{1, 2, 3, 4}},
		{Name: "model.layers.0.mlp.up_proj.weight", Shape: []int{2, 2}, Data: []float32{1, 2, 3, 4}},
		{Name: "model.layers.0.mlp.down_proj.weight", Shape: []int{2, 2}, Data: []float32{1, 2, 3, 4}},
		{Name: "model.layers.0.self_attn.q_proj.weight", Shape: []int{2, 2}, Data: []float32{1, 2, 3, 4}},
		{Name: "model.layers.0.self_attn.k_proj.weight", Shape: []int{2, 2}, Data: []float32{1, 2, 3, 4}},
		{Name: "model.layers.0.self_attn.v_proj.weight", Shape: []int{2, 2}, Data: []float32{1, 2, 3, 4}},
	}
	if err := checkpoint.Save(dir, list, 0, nil); err != nil {
		t.Fatal(err)
	}
	wantWarnings(t, look(t, dir, Options{Check: true}), "model.embed_tokens.weight has NaN at element 1", "model.norm.weight is zero throughout",
		"strange is stored as F8_E4M3", "shape: model.embed_tokens.weight is [2 2], want [4 2]", "missing: model.layers.0.self_attn.o_proj.weight",
		"unexpected: strange", "shape: lm_head.weight is [2 2], want [4 2]",
		"the head is stored although tie_word_embeddings is true, and differs from the embeddings: both are used", "no tokenizer.json")
}

func TestOtherKinds(t *testing.T) {
	if r := look(t, "../../internal/torchpickle/testdata/state.bin", Options{Check: true}); r.Kind != "tensors" || len(r.Tensors) != 8 {
		t.Errorf("%+v", r)
	}
	if r := look(t, "../../datasets/testdata/hf-arrow/saved", Options{}); r.Kind != "arrow" || r.Rows != 60 || len(r.Columns) != 3 || len(r.Files) == 0 {
		t.Errorf("%+v", r)
	}
	if r := look(t, "../../moslora/testdata/peft-list", Options{}); r.Kind != "adapters" || len(r.Tensors) != 18 || len(r.Warnings) != 0 {
		t.Errorf("%+v", r)
	}
	r := look(t, "../../internal/gguf/testdata/quants.gguf", Options{Check: true})
	if r.Kind != "gguf" || len(r.Tensors) == 0 || len(r.Metadata) == 0 || r.Types["Q4_K"] == 0 {
		t.Errorf("%+v", r)
	}
	wantWarnings(t, r, `general.architecture is "none"`)
	// Reference results: bytes and ids are no weights of a type that is not read.
	wantWarnings(t, look(t, "../verify/testdata/processor/golden.safetensors", Options{}))
	dir := t.TempDir()
	recipe := filepath.Join(dir, "r.yaml")
	if err := os.WriteFile(recipe, []byte("name: s\nmodel: {from: m}\nstages: {kind: align, data: d}\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	r = look(t, recipe, Options{})
	if r.Kind != "recipe" || !strings.Contains(string(r.Config), `"align"`) {
		t.Errorf("%+v", r)
	}
	wantWarnings(t, r, filepath.Join(dir, "m"))
	rows := t.TempDir()
	if err := os.WriteFile(filepath.Join(rows, "rows.json"), []byte(`[{"nothing": 1}]`), 0o666); err != nil {
		t.Fatal(err)
	}
	run := t.TempDir()
	if err := os.WriteFile(filepath.Join(run, runRecord), []byte("{}"), 0o666); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{run: "directory of a run", "nowhere": "nowhere", "inspect.go": `ending ".go"`, dir: "config.json", rows: "rows.json holds samples, name the file"} {
		if _, err := Inspect(path, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", path, err, want)
		}
	}
}
