package vlm

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"moslava/internal/safetensors"
)

// testdata/llava-lora is what LLaVA's LoRA runs leave behind, written by torch.
func TestLLaVAsAdapters(t *testing.T) {
	m, base := open(t, "llava-tiny"), open(t, "llava-tiny")
	if err := m.LoadAdapters(filepath.Join("testdata", "llava-lora")); err != nil {
		t.Fatal(err)
	}
	if m.Adapters.Len() != 1 {
		t.Errorf("%d adapters, want 1", m.Adapters.Len())
	}
	for _, name := range []string{"linear_1.weight", "linear_1.bias", "linear_2.weight", "linear_2.bias"} {
		got, old := m.Params.Get(ProjectorPrefix+name).Floats(), base.Params.Get(ProjectorPrefix+name).Floats()
		for i := range old {
			if got[i] != old[i]+1 {
				t.Fatalf("%s[%d] is %g, want %g", name, i, got[i], old[i]+1)
			}
		}
	}
	const q = LanguagePrefix + "model.layers.0.self_attn.q_proj.weight"
	m.Adapters.Merge(m.Params)
	got, old := m.Params.Get(q).Floats(), base.Params.Get(q).Floats()
	for i := range old { // alpha / r * B A = 2 * 2 * 0.5 * 0.25
		if d := got[i] - old[i]; d < 0.499999 || d > 0.500001 {
			t.Fatalf("q_proj[%d] moves by %g, want 0.5", i, d)
		}
	}
}

// TestBesideAdaptersRefusals: what was trained and has no place, or another shape, is named, and the model stays as it is.
func TestBesideAdaptersRefusals(t *testing.T) {
	m := open(t, "llava-tiny")
	whole := tensors(m.Params, ProjectorPrefix, safetensors.F32)
	for i := range whole {
		whole[i].Name = strings.NewReplacer("linear_1", "model.mm_projector.0", "linear_2", "model.mm_projector.2").Replace(whole[i].Name)
	}
	at := slices.IndexFunc(whole, func(t safetensors.Tensor) bool { return t.Name == "model.mm_projector.2.bias" })
	whole[at] = safetensors.Tensor{Name: whole[at].Name, Shape: []int{3}, Data: []float32{1, 2, 3}}
	whole = append(whole, safetensors.Tensor{Name: "base_model.model.model.embed_tokens.weight", Shape: []int{1}, Data: []float32{1}})
	path := filepath.Join(t.TempDir(), "whole.safetensors")
	if err := safetensors.Write(path, whole, nil); err != nil {
		t.Fatal(err)
	}
	_, err := m.readBeside(path)
	for _, want := range []string{path, "embed_tokens.weight", "mm_projector.2.bias", "[3]"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
	if out, err := m.readBeside(filepath.Join(t.TempDir(), "none.bin")); out != nil || err != nil {
		t.Errorf("without a file: %v, %v", out, err)
	}
}
