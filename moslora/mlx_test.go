package moslora

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// asMLX makes a directory of plain LoRA MLX's.
func asMLX(t *testing.T, dir string, config map[string]any) {
	t.Helper()
	edit(t, dir, func(c map[string]any) {
		clear(c)
		maps.Copy(c, config)
	}, func(w tensors) {
		for name, x := range maps.Clone(w) {
			delete(w, name)
			name = strings.NewReplacer(keyPrefix, "", suffixA, ".lora_a", suffixB, ".lora_b").Replace(name)
			w[name] = turned(x)
		}
	})
	if err := os.Rename(filepath.Join(dir, WeightsFile), filepath.Join(dir, mlxWeights)); err != nil {
		t.Fatal(err)
	}
}

func TestMLX(t *testing.T) {
	lora := map[string]any{"fine_tune_type": "lora", "num_layers": 16, "lora_parameters": map[string]any{"rank": 4, "scale": 0.75, "dropout": 0.0}}
	dir, want := saved(t, None, SaveOptions{})
	asMLX(t, dir, lora)
	m, _, err := load(t, dir, same)
	if err != nil {
		t.Fatal(err)
	}
	if got := m.forward(nil, input(7, 10, 1)).Floats(); !slices.Equal(got, want) {
		t.Error("it computes something else")
	}
	for want, config := range map[string]map[string]any{
		"fine_tune_type \"full\"":                {"fine_tune_type": "full"},
		"no lora_parameters with rank and scale": {"fine_tune_type": "lora"},
	} {
		dir, _ := saved(t, None, SaveOptions{})
		asMLX(t, dir, config)
		if _, _, err := load(t, dir, same); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "mlx_lm.fuse") {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestStateSavedRaw: keys with the name of the adapter in them are read as those without.
func TestStateSavedRaw(t *testing.T) {
	dir, want := saved(t, Kaiming, SaveOptions{})
	edit(t, dir, nil, renamed("lora_A.weight", "lora_A.default.weight", "lora_B.weight", "lora_B.default.weight", "lora_AB.weight", "lora_AB.default.weight"))
	m, _, err := load(t, dir, same)
	if err != nil {
		t.Fatal(err)
	}
	if got := m.forward(nil, input(7, 10, 1)).Floats(); !slices.Equal(got, want) {
		t.Error("it computes something else")
	}
	for key, want := range map[string][2]string{
		"a.lora_A.default.weight":                                {"a.lora_A.weight", "default"},
		"a.lora_A.weight":                                        {"a.lora_A.weight", ""},
		"a.lora_embedding_A.x":                                   {"a.lora_embedding_A", "x"},
		"a.lora_embedding_A":                                     {"a.lora_embedding_A", ""},
		"a.lora_magnitude_vector.weight":                         {"a.lora_magnitude_vector.weight", ""},
		"a.lora_magnitude_vector.default.weight":                 {"a.lora_magnitude_vector.weight", "default"},
		"lm_head.modules_to_save.default.weight":                 {"lm_head.weight", "default"},
		"e.token_adapter.trainable_tokens_delta.default":         {"e.token_adapter.trainable_tokens_delta", "default"},
		"e.token_adapter.trainable_tokens_delta":                 {"e.token_adapter.trainable_tokens_delta", ""},
		"model.layers.0.self_attn.q_proj.lora_B.my-adapter.bias": {"model.layers.0.self_attn.q_proj.lora_B.bias", "my-adapter"},
	} {
		if got, name := withoutName(key); got != want[0] || name != want[1] {
			t.Errorf("%s: %s, %q", key, got, name)
		}
	}
}

func TestLoRAOfLlamaCpp(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lora.gguf")
	if err := os.WriteFile(file, []byte("GGUF"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, filepath.Dir(file)} {
		if _, err := Load(path, same); err == nil || !strings.Contains(err.Error(), "convert_lora_to_gguf.py") {
			t.Errorf("%s: %v", path, err)
		}
	}
}
