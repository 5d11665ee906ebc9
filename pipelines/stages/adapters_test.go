package stages

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"moslava/internal/checkpoint"
	"moslava/pipelines/preflight"
	"moslava/pipelines/recipes/recipetest"
	"moslava/pipelines/vlm"
)

// TestMethodsResume: whatever adapters are trained, a run that was interrupted ends with the bytes of one that was not.
func TestMethodsResume(t *testing.T) {
	made := t.TempDir() // adapters to be composed
	mustRun(t, recipetest.Parse(t, made, recipetest.Towers+`stages:
  - {kind: tune, name: a, data: "scenes:tune?n=8&seed=1", steps: 3, lr: 2e-2, batch: 2, adapters: {vision: {r: 2}, language: {r: 2, mixer: orthogonal}}}
  - {kind: export, name: peft-a, format: peft}
  - {kind: tune, name: b, from: model, data: "scenes:tune?n=8&seed=2", steps: 3, lr: 2e-2, batch: 2, adapters: {language: {r: 3, mixer: none}}}
  - {kind: export, name: peft-b, format: folded}
`))
	a, b := filepath.Join(made, "01-peft-a/peft"), filepath.Join(made, "03-peft-b/folded")
	for name, keys := range map[string]string{
		"DoRA":         "lora_plus: 8, adapters: {vision: {r: 4, dora: true}, language: {r: 4, dora: true, mixer: none, dropout: 0.3}}",
		"MoSLoRA_Init": "adapters: {language: {r: 4, start: moslora_init, mixer: orthogonal, freeze_a: true}}",
		"fixed":        "adapters: {language: {r: 4, mixer: fixed-orthogonal, mixer_pattern: {q_proj: butterfly}}}",
		"PiSSA":        "lora_plus: 2, adapters: {vision: {r: 4, mixer: none, start: pissa, rslora: true}, language: {r: 4, mixer: none, start: pissa}}",
		"composed":     fmt.Sprintf("adapters: {compose: [%q, %q]}", a, b),
	} {
		t.Run(name, func(t *testing.T) {
			text := recipetest.Towers + fmt.Sprintf(`data: {validation: 0.2}
stages:
  - {kind: tune, data: "scenes:tune?n=16&seed=3", steps: 8, batch: 2, lr: 2e-2, save_every: 3, validate_every: 4, %s}
  - {kind: tune, name: more, data: "scenes:tune?n=8&seed=4", steps: 3, batch: 2, lr: 2e-2}
`, keys)
			whole, dir := t.TempDir(), t.TempDir()
			mustRun(t, recipetest.Parse(t, whole, text))
			ctx, cancel := context.WithCancel(t.Context())
			if err := Run(ctx, recipetest.Parse(t, dir, text), Options{Out: &cancelAt{text: "step 4: validation", cancel: cancel}}); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			out := mustRun(t, recipetest.Parse(t, dir, text))
			if !strings.Contains(out, "tune: goes on after step 4 of 8\n") {
				t.Errorf("the run does not say where it goes on:\n%s", out)
			}
			if name == "composed" && !strings.Contains(out, "parameters entire, such as multi_modal_projector.linear_1.bias: the model's own stay") {
				t.Errorf("it does not say what it leaves:\n%s", out)
			}
			want := maps.Clone(results(t, whole))
			equal(t, results(t, dir), want)
		})
	}
}

// TestLoRAPlus: B moves faster, A does not.
func TestLoRAPlus(t *testing.T) {
	moved := func(keys string) (a, b float64) {
		dir := t.TempDir()
		mustRun(t, recipetest.Parse(t, dir, recipetest.Towers+`stages: {kind: tune, data: "scenes:tune?n=4&seed=3", steps: 1, batch: 2, lr: 1e-3, schedule: constant, warmup_ratio: 0, `+keys+
			`adapters: {language: {r: 4, mixer: none, dropout: 0}}}`+"\n"))
		f, err := checkpoint.OpenFile(filepath.Join(dir, "00-tune/adapters/adapter_model.safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for _, name := range f.Names() {
			shape, _ := f.Shape(name)
			data, err := f.Float32(name, shape)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range data {
				if strings.Contains(name, "lora_A") {
					a += float64(v) * float64(v)
				}
				if strings.Contains(name, "lora_B") {
					b += float64(v) * float64(v)
				}
			}
		}
		return a, b
	}
	a1, b1 := moved("")
	a4, b4 := moved("lora_plus: 4, ")
	if a1 != a4 || b1 == 0 || b4 < 15.9*b1 || b4 > 16.1*b1 { // the first step of Adam has the size of its rate
		t.Errorf("A² %g and %g, B² %g and %g: want the same A, and B of four times the size", a1, a4, b1, b4)
	}
}

// TestExpand: inserted blocks change nothing, train alone, and are there in what is exported.
func TestExpand(t *testing.T) {
	model, dir := wideTowers(t), t.TempDir()
	text := fmt.Sprintf("model: {from: %q, expand: 2}\n", model) + `stages:
  - {kind: export, name: before}
  - {kind: tune, data: "scenes:tune?n=8&seed=3", train: blocks, steps: 3, batch: 2, lr: 1e-2, lr_language: 2e-2}
  - {kind: export, name: after}
`
	r := recipetest.Parse(t, dir, text)
	if out, err := preflight.MakePlan(t.Context(), r, preflight.PlanOptions{Batches: 1}); err != nil || out.Stages[0].Trainable["language"] == 0 || out.Stages[0].Trainable["projector"] != 0 {
		t.Errorf("the plan is %+v, %v", out, err)
	}
	mustRun(t, r)
	short, err := vlm.OpenModel(model, vlm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, p := after(t, r, "")
	b := batchesOf(t, p, "scenes:tune?n=4&seed=5", 4, 4)[0]
	want := logits(t, short, b)
	for stage, same := range map[string]bool{"00-before": true, "02-after": false} {
		m, err := vlm.OpenModel(filepath.Join(dir, stage, "hf"), vlm.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if n := m.Config.Text.NumHiddenLayers; n != short.Config.Text.NumHiddenLayers+2 {
			t.Errorf("%s has %d blocks", stage, n)
		}
		if got := logits(t, m, b); slices.Equal(got, want) != same {
			t.Errorf("%s computes what the shorter model does: %v, want %v", stage, !same, same)
		}
	}
	old, now := tensorsOf(t, filepath.Join(dir, "00-before/hf/model.safetensors")), tensorsOf(t, filepath.Join(dir, "02-after/hf/model.safetensors"))
	m, _ := after(t, r, "tune")
	for name, x := range old {
		if moved := !slices.Equal(x.Data, now[name].Data); moved != m.Config.Inserted(name) {
			t.Errorf("%s has changed: %v", name, moved)
		}
	}
	fails(t, recipetest.Parse(t, t.TempDir(), strings.Replace(text, "expand: 2", "expand: 3", 1)), "expand: 3 blocks cannot be spread over the 2 of the decoder, want a divisor of 2")
}
