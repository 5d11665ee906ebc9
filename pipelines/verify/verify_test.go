package verify

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"moslava/internal/safetensors"
)

// cases are the models that other packages' tests keep.
var cases = []string{"../../vision/testdata/*", "../../language/testdata/*", "../vlm/testdata/llava-*"}

func TestModelsAgreeWithTransformers(t *testing.T) {
	n := 0
	for _, pattern := range cases {
		dirs, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, dir := range dirs {
			golden := filepath.Join(dir, "golden.safetensors")
			if _, err := os.Stat(golden); err != nil {
				continue
			}
			if _, err := os.Stat(filepath.Join(dir, "config.json")); err != nil {
				continue
			}
			n++
			for _, config := range []string{"config.json", "config.hub.json"} {
				config = filepath.Join(dir, config)
				if _, err := os.Stat(config); err != nil {
					continue
				}
				report, err := Run(dir, golden, Options{Config: config, Tol: 5e-5})
				if err != nil {
					t.Errorf("%s: %v", config, err)
					continue
				}
				for _, row := range report.Rows {
					if !row.OK {
						t.Errorf("%s: %+v", config, row)
					}
				}
			}
		}
	}
	if n < 8 {
		t.Errorf("%d models were compared, want at least 8", n)
	}
}

// changed copies a golden, changing its tensors.
func changed(t *testing.T, from string, change func(name string, data []float64) (string, []float64)) string {
	t.Helper()
	f, err := safetensors.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var tensors []safetensors.Tensor
	for _, name := range f.Names() {
		info, _ := f.Info(name)
		if data, err := f.Float64(name); err == nil {
			to, data := change(name, data)
			narrowed := make([]float32, len(data))
			for i, v := range data {
				narrowed[i] = float32(v)
			}
			tensors = append(tensors, safetensors.Tensor{Name: to, Shape: info.Shape, Data: narrowed})
			continue
		}
		raw, err := f.Raw(name)
		if err != nil {
			t.Fatal(err)
		}
		tensors = append(tensors, safetensors.Tensor{Name: name, DType: info.DType, Shape: info.Shape, Raw: raw})
	}
	to := filepath.Join(t.TempDir(), "golden.safetensors")
	if err := safetensors.Write(to, tensors, nil); err != nil {
		t.Fatal(err)
	}
	return to
}

const llama = "../../language/testdata/llama-tiny"

func TestWhatDiffersFails(t *testing.T) {
	golden := filepath.Join(llama, "golden.safetensors")
	for name, change := range map[string]struct {
		f    func(string, []float64) (string, []float64)
		row  string
		note string
	}{
		"logit": {func(n string, d []float64) (string, []float64) {
			if n == "output.logits" {
				d[7] *= 1.01
			}
			return n, d
		}, "output.logits", ""},
		"unknown": {func(n string, d []float64) (string, []float64) {
			if n == "hidden.1" {
				n = "hidden.one"
			}
			return n, d
		}, "hidden.one", "not compared"},
		"no gradient wanted": {func(n string, d []float64) (string, []float64) {
			if n == "grad.model.norm.weight" {
				n = "grad.model.norm.bias"
			}
			return n, d
		}, "grad.model.norm.weight", "none is wanted"},
		"margin": {func(n string, d []float64) (string, []float64) {
			if n == "generate.1.margin" {
				d[0] += 0.1
			}
			return n, d
		}, "generate.1.margin", "two logits"},
		"loss": {func(n string, d []float64) (string, []float64) {
			if n == "loss.mean" {
				d[0] *= 1.001
			}
			return n, d
		}, "loss.mean", ""},
	} {
		report, err := Run(llama, changed(t, golden, change.f), Options{})
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, row := range report.Rows {
			if !row.OK && row.Name == change.row {
				found = strings.Contains(row.Note, change.note)
			}
		}
		if !found {
			t.Errorf("%s: no failing row %s with %q in %+v", name, change.row, change.note, report.Rows)
		}
	}
}

func TestTolerances(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tolerance.json")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	check := func(given float64, want tolerances, message string) {
		t.Helper()
		got, err := readTolerances(path, given)
		if message != "" {
			if err == nil || !strings.Contains(err.Error(), message) {
				t.Errorf("error %v, want %q", err, message)
			}
			return
		}
		if err != nil || got != want {
			t.Errorf("%v, %v; want %v", got, err, want)
		}
	}
	check(0, tolerances{DefaultTol, DefaultTol, DefaultTol}, "")
	write(`{"hidden":{"max_abs_over_max":6.5e-7},"output.logits":{"max_abs_over_max":1e-9},"other.grad":{"max_abs_over_max":2.1e-6},
		"grad (exactly zero)":{"max_abs_over_max":0},"L.-2":{"max_abs_over_max":1.43e-5}}`)
	check(0, tolerances{1e-5, 2e-4, 5e-5}, "")
	check(3e-3, tolerances{3e-3, 3e-3, 3e-3}, "")
	write(`{"loss.sum":{"max_abs_over_max":0}}`)
	check(0, tolerances{DefaultTol, 1e-6, DefaultTol}, "")
	write(`{"hidden":{"max_abs":1}}`)
	check(0, tolerances{}, "max_abs_over_max is missing")
	write(`[`)
	check(0, tolerances{}, path)
	check(-1, tolerances{}, "tolerance is -1")
}

func TestBadInputIsOneError(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.safetensors")
	if err := safetensors.Write(empty, []safetensors.Tensor{{Name: "input.input_ids", DType: safetensors.I64, Shape: []int{0, 0}, Raw: []byte{}}}, nil); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(config, []byte(`{"model_type":"gpt2"}`), 0o666); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join(llama, "golden.safetensors")
	for _, c := range []struct{ dir, golden, config, want string }{
		{"nowhere", golden, "", "nowhere"},
		{llama, "nowhere.safetensors", "", "nowhere.safetensors"},
		{llama, golden, config, `model_type "gpt2"`},
		{"../../vision/testdata/clip-tiny", golden, "", "input.pixel_values"},
		{llama, "../../vision/testdata/clip-tiny/golden.safetensors", "", `no tensor "input.input_ids"`},
	} {
		if _, err := Run(c.dir, c.golden, Options{Config: c.config}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s with %s: error %v, want one with %q", c.dir, c.golden, err, c.want)
		}
	}
}
