package stages

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"moslava/internal/safetensors"
	"moslava/moslora"
	"moslava/pipelines/recipes"
	"moslava/pipelines/recipes/recipetest"
	"moslava/pipelines/states"
	"moslava/pipelines/vlm"
)

// exported writes the model of the tests, without adapters, and returns its directory.
func exported(t *testing.T) string {
	t.Helper()
	m, p := tinyModel(t)
	m.DetachAdapters()
	dir := filepath.Join(t.TempDir(), "model")
	if err := vlm.Export(dir, m, p, safetensors.F32); err != nil {
		t.Fatal(err)
	}
	return dir
}

// tensorsOf reads all tensors of a file.
func tensorsOf(t *testing.T, path string) map[string]safetensors.Tensor {
	t.Helper()
	f, err := safetensors.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := map[string]safetensors.Tensor{}
	for _, name := range f.Names() {
		info, _ := f.Info(name)
		data, err := f.Float32(name)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = safetensors.Tensor{Name: name, Shape: info.Shape, Data: data}
	}
	return out
}

// tamper changes the tensors in a file.
func tamper(t *testing.T, path string, change func(map[string]safetensors.Tensor)) {
	t.Helper()
	all := tensorsOf(t, path)
	change(all)
	var list []safetensors.Tensor
	for _, x := range all {
		list = append(list, x)
	}
	if err := safetensors.Write(path, list, map[string]string{"format": "pt"}); err != nil {
		t.Fatal(err)
	}
}

// named is a tensor under another name.
func named(x safetensors.Tensor, name string) safetensors.Tensor {
	x.Name = name
	return x
}

// poison puts a NaN into a tensor.
func poison(name string, at int) func(map[string]safetensors.Tensor) {
	return func(all map[string]safetensors.Tensor) { all[name].Data[at] = float32(math.NaN()) }
}

const (
	projection = "multi_modal_projector.linear_1.weight"
	upWeight   = "language_model.model.layers.1.mlp.up_proj.weight"
)

// alignFrom aligns a model directory on drawn scenes.
func alignFrom(dir, more string) string {
	return fmt.Sprintf("model: {from: %q%s}\nstages:\n  - {kind: align, data: \"scenes:align?n=8\", batch: 2, steps: 6, save_every: 2}\n", dir, more)
}

// TestBrokenWeights: all that is wrong with the tensors of a model directory is named at once.
func TestBrokenWeights(t *testing.T) {
	for name, c := range map[string]struct {
		change func(map[string]safetensors.Tensor)
		want   []string
	}{
		"missing": {func(all map[string]safetensors.Tensor) { delete(all, projection); delete(all, upWeight) },
			[]string{"2 missing", projection, upWeight}},
		"misshapen": {func(all map[string]safetensors.Tensor) {
			x := all[upWeight]
			x.Shape = []int{32, 64}
			all[upWeight] = x
		}, []string{"0 missing, 1 of another shape, 0 unexpected", upWeight + " is [32 64], want [64 32]"}},
		"extra": {func(all map[string]safetensors.Tensor) {
			all["language_model.model.layers.7.mlp.up_proj.weight"] = named(all[upWeight], "language_model.model.layers.7.mlp.up_proj.weight")
		}, []string{"1 unexpected", "layers.7.mlp.up_proj"}},
		"frozen NaN":  {poison(upWeight, 77), []string{"tensor \"" + upWeight + "\" has NaN at element 77"}},
		"trained NaN": {poison(projection, 5), []string{"tensor \"" + projection + "\" has NaN at element 5"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := exported(t)
			tamper(t, filepath.Join(dir, "model.safetensors"), c.change)
			fails(t, recipetest.Parse(t, t.TempDir(), alignFrom(dir, "")), append(c.want, "stage align", dir)...)
		})
	}
}

// TestOverflow: weights that are finite and too large stop the run at the step that shows it, with what overflowed.
func TestOverflow(t *testing.T) {
	dir := exported(t)
	tamper(t, filepath.Join(dir, "model.safetensors"), func(all map[string]safetensors.Tensor) {
		for i := range all[upWeight].Data {
			all[upWeight].Data[i] = 1e38
		}
	})
	fails(t, recipetest.Parse(t, t.TempDir(), alignFrom(dir, "")), "stage align: step 1: the loss is NaN: ", "the result of operation", "is +Inf at row 0, column 0")
}

// TestNaNOnTheWay: a state with one stops the run that goes on from it.
func TestNaNOnTheWay(t *testing.T) {
	model, dir := exported(t), t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := recipetest.Parse(t, dir, alignFrom(model, ""))
	if err := Run(ctx, r, Options{Out: new(bytes.Buffer)}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	mustRun(t, r)
	stage := filepath.Join(dir, "00-align")
	if err := os.RemoveAll(filepath.Join(stage, statePrefix+"00000006")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(stage, "manifest.json")); err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(stage, statePrefix+"00000004")
	unseal := func() { // as an earlier version saved states, without hashes
		t.Helper()
		var s map[string]json.RawMessage
		b, err := os.ReadFile(filepath.Join(state, stateFile))
		if err := errors.Join(err, json.Unmarshal(b, &s)); err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"files", "metrics", "sha256"} {
			delete(s, key)
		}
		if b, err = json.Marshal(s); err == nil {
			err = os.WriteFile(filepath.Join(state, stateFile), b, 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	params, moments := states.Params(state), filepath.Join(state, "optim.safetensors")
	tamper(t, params, poison(projection, 9))
	fails(t, r, "stage align: ", params, "damaged or replaced", "remove "+state)
	unseal()
	fails(t, r, "stage align: ", params, "tensor \""+projection+"\" has NaN at element 9", "remove "+state)
	tamper(t, params, func(all map[string]safetensors.Tensor) { all[projection].Data[9] = 0 })
	unseal()
	// A state that cannot be read says which file, and how to go on without it.
	if err := os.Truncate(moments, 100); err != nil {
		t.Fatal(err)
	}
	fails(t, r, moments, "remove "+state)
	if err := os.RemoveAll(state); err != nil {
		t.Fatal(err)
	}
	mustRun(t, r)
}

// TestBrokenDirectories: what is missing or does not fit is named with its file, and with what to do.
func TestBrokenDirectories(t *testing.T) {
	remove := func(files ...string) func(string) error {
		return func(dir string) (err error) {
			for _, file := range files {
				err = errors.Join(err, os.Remove(filepath.Join(dir, file)))
			}
			return err
		}
	}
	write := func(file, text string) func(string) error {
		return func(dir string) error { return os.WriteFile(filepath.Join(dir, file), []byte(text), 0o666) }
	}
	for name, c := range map[string]struct {
		change func(dir string) error
		want   []string
	}{
		"no chat template": {func(dir string) error {
			return errors.Join(remove("chat_template.jinja")(dir), write("tokenizer_config.json", "{}")(dir))
		}, []string{"no chat template", "model.chat_template", "vicuna_v1"}},
		"no weights":      {remove("model.safetensors"), []string{"no weights", "model.safetensors"}},
		"no config":       {remove("config.json"), []string{"config.json", "no such file"}},
		"no tokenizer":    {remove("tokenizer.json"), []string{"neither tokenizer.json nor tokenizer.model"}},
		"no preprocessor": {remove("preprocessor_config.json", "processor_config.json"), []string{"preprocessor_config.json"}},
		"torn config":     {write("config.json", `{"model_type":`), []string{"config.json", "unexpected end"}},
		"other model":     {write("config.json", `{"model_type":"bert"}`), []string{"config.json", `model_type is "bert", want llava`}},
		"torn weights":    {write("model.safetensors", "\x40\x00\x00\x00\x00\x00\x00\x00{"), []string{"model.safetensors"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := exported(t)
			if err := c.change(dir); err != nil {
				t.Fatal(err)
			}
			fails(t, recipetest.Parse(t, t.TempDir(), alignFrom(dir, "")), append(c.want, "stage align", dir)...)
		})
	}
	dir := exported(t)
	if err := write("tokenizer_config.json", "{}")(dir); err != nil {
		t.Fatal(err)
	}
	jinja := filepath.Join(dir, "mine.jinja")
	if err := write("mine.jinja", "{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] }}{% if m['role'] == 'assistant' %}{{ '<|end|>' }}{% endif %}{% endfor %}"+
		"{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}")(dir); err != nil {
		t.Fatal(err)
	}
	mustRun(t, recipetest.Parse(t, t.TempDir(), alignFrom(dir, fmt.Sprintf(", chat_template: %q", jinja)))) // as the message says
	fails(t, recipetest.Parse(t, t.TempDir(), alignFrom(dir, ", chat_template: vicuna")), `chat template "vicuna" is not one of`, "vicuna_v1")
}

// TestForeignAdapters: an adapter directory of another model does not go on this one.
func TestForeignAdapters(t *testing.T) {
	other, _ := tinyModel(t)
	dir := t.TempDir()
	if err := other.SaveAdapters(dir, "other", false); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, moslora.WeightsFile)
	const key = "base_model.model.model.language_model.layers.0.self_attn.q_proj.lora_A.weight"
	fresh := func() *vlm.Model {
		m, _ := tinyModel(t)
		m.DetachAdapters()
		return m
	}
	if err := fresh().LoadAdapters(dir); err != nil {
		t.Fatal(err)
	}
	tamper(t, file, func(all map[string]safetensors.Tensor) {
		x, ok := all[key]
		if !ok {
			t.Fatalf("%s holds no %s", file, key)
		}
		x.Shape = []int{2, 64}
		all[key] = x
	})
	recipetest.Names(t, fresh().LoadAdapters(dir), dir, "layers.0.self_attn.q_proj.lora_A.weight", "has shape [2 64], want [4 32]")
	tamper(t, file, func(all map[string]safetensors.Tensor) {
		const far = "base_model.model.model.language_model.layers.9.self_attn.q_proj"
		for _, s := range []string{".lora_A.weight", ".lora_AB.weight", ".lora_B.weight"} {
			from := key[:len(key)-len(".lora_A.weight")] + s
			all[far+s] = named(all[from], far+s)
			delete(all, from)
		}
	})
	recipetest.Names(t, fresh().LoadAdapters(dir), dir, "no place for", "layers.9.self_attn.q_proj")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	recipetest.Names(t, fresh().LoadAdapters(dir), moslora.WeightsFile, "no such file")
}

// TestWrongKeys: a recipe names line, key and the nearest one that exists.
func TestWrongKeys(t *testing.T) {
	text := "name: x\n" + recipetest.Towers + "stages:\n  - kind: align\n    data: scenes:align?n=8\n    learning_rat: 1\n    batchs: 2\n"
	_, err := recipes.Parse("my.yaml", []byte(text))
	recipetest.Names(t, err, "my.yaml:6", "learning_rat", "my.yaml:7", "batchs", `did you mean "batch"?`)
	fails(t, recipetest.Parse(t, t.TempDir(), alignOn("scenes:aling?n=8", "")), "stage align", `stage "aling", expected read, scan, patches, whose, pretrain, align or tune`)
	fails(t, recipetest.Parse(t, t.TempDir(), alignOn("nowhere/at/all", "")), "stage align", filepath.Join("testdata", "nowhere", "at", "all"), "no such file")
}
