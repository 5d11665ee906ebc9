package vlm

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"moslava/internal/checkpoint"
	"moslava/internal/safetensors"
)

// weighed is the tiny decoder's directory with weights, changed tensors and a quantization_config.
func weighed(t *testing.T, config map[string]any, change map[string]safetensors.DType) string {
	t.Helper()
	m, _, err := Open(Spec{Towers: Towers{Language: "../stages/testdata/tiny/language"}}, Options{Random: true})
	if err != nil {
		t.Fatal(err)
	}
	dir := decoderDir(t, map[string]string{ConfigFile: edited(t, ConfigFile, map[string]any{"quantization_config": config})})
	const layer = "model.layers.0.mlp.down_proj."
	var list []safetensors.Tensor
	list = append(list, tensors(m.Params, LanguagePrefix, safetensors.F32)...)
	for name, dtype := range change {
		list = append(list, safetensors.Tensor{Name: layer + name, DType: dtype, Shape: []int{4}, Data: make([]float32, 4)})
	}
	if err := safetensors.Write(filepath.Join(dir, checkpoint.WeightsFile), list, map[string]string{"format": "pt"}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A quantization_config beside weights that are not quantised is read past with a warning and not written on.
func TestLeftoverQuantization(t *testing.T) {
	for _, config := range []map[string]any{
		{"quant_method": "bitsandbytes", "load_in_4bit": false, "load_in_8bit": false},
		{"quant_method": "gptq", "bits": 4},
	} {
		dir := weighed(t, config, nil)
		m, p, err := Open(Spec{Towers: Towers{Language: dir}}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := OpenModel(dir, Options{}); err != nil {
			t.Error(err)
		}
		if w := LeftoverQuantization(dir, "../stages/testdata/tiny/language", "absent"); len(w) != 1 || !strings.Contains(w[0], config["quant_method"].(string)) {
			t.Errorf("warnings %q", w)
		}
		to := t.TempDir()
		if err := Export(to, m, p, safetensors.F32); err != nil {
			t.Fatal(err)
		}
		if raw, err := os.ReadFile(filepath.Join(to, ConfigFile)); err != nil || strings.Contains(string(raw), "quantization") {
			t.Errorf("the export's config.json (%v): %s", err, raw)
		}
	}
}

// Quantised weights are one error, of whatever method and whatever the configuration says.
func TestQuantizedWeightsAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		config map[string]any
		change map[string]safetensors.DType
		want   []string
	}{
		"bnb":      {map[string]any{"quant_method": "bitsandbytes"}, map[string]safetensors.DType{"weight.absmax": safetensors.F32}, []string{`"bitsandbytes"`, "down_proj.weight.absmax"}},
		"no key":   {nil, map[string]safetensors.DType{"SCB": safetensors.F32}, []string{"by bitsandbytes", "down_proj.SCB"}},
		"gptq":     {map[string]any{"quant_method": "gptq"}, map[string]safetensors.DType{"scales": safetensors.F16, "qzeros": safetensors.F32}, []string{`"gptq"`, "down_proj.qzeros"}},
		"fp8":      {map[string]any{"quant_method": "fp8"}, map[string]safetensors.DType{"weight_scale_inv": safetensors.F32}, []string{`"fp8"`, "weight_scale_inv"}},
		"ct, bare": {nil, map[string]safetensors.DType{"weight_packed": safetensors.F32}, []string{"compressed-tensors", "weight_packed"}},
	} {
		dir := weighed(t, c.config, c.change)
		_, err := OpenModel(dir, Options{})
		_, _, err2 := Open(Spec{Towers: Towers{Language: dir}}, Options{})
		_, err3 := Compare(dir)
		for _, err := range []error{err, err2, err3} {
			for _, want := range append(c.want, "want float32", "nf4") {
				if err == nil || !strings.Contains(err.Error(), want) || errors.As(err, new(*checkpoint.MismatchError)) {
					t.Errorf("%s: error %v, want one that names %s", name, err, want)
				}
			}
		}
		if w := LeftoverQuantization(dir); len(w) > 0 {
			t.Errorf("%s: warnings %q", name, w)
		}
	}
}
