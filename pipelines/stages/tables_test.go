package stages

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"moslava/internal/nn"
	"moslava/pipelines/preflight"
	"moslava/pipelines/recipes/recipetest"
)

// tableStages train on the decoder's tables, go on, and write the model in every form.
const tableStages = `stages:
- {kind: pretrain, data: {path: commonsense.json, format: llm-adapters}, batch: 3, steps: 3, lr: 1e-2}
- {kind: export, name: base}
- {kind: tune, data: {path: commonsense.json, format: llm-adapters}, batch: 2, steps: 6, lr: 3e-2, validation: 0.3, validate_every: 3, save_every: 2, adapters: {language: {r: 4, %s}}}
- {kind: tune, name: more, data: {path: commonsense.json, format: llm-adapters}, batch: 2, steps: 2, lr: 1e-2}
- {kind: export, name: peft, format: peft}
- {kind: export, name: folded, format: folded}
- {kind: export}
- {kind: merge}
- {kind: export, name: merged}
`

var tableSettings = []struct {
	keys string
	tied bool // what becomes of a decoder that is
}{
	{"targets: [q_proj, embed_tokens, lm_head]", false},
	{"targets: [q_proj, lm_head], dora: true", false},
	{"targets: [v_proj, embed_tokens], dora: true, mixer: orthogonal", false},
	{"targets: [q_proj, down_proj], lora_bias: true, bias: lora_only", true},
	{"targets: [v_proj, embed_tokens], ensure_weight_tying: true", true},
	{"targets: 're:(?!.*mlp).*(q_proj|embed_tokens)', mixer: none", false},
	{"modules_to_save: [embed_tokens], exclude_modules: [down_proj]", false},
	{"modules_to_save: [lm_head, norm]", false},
	{"modules_to_save: [embed_tokens], ensure_weight_tying: true", true},
	{"trainable_token_indices: [3, 7, 20], bias: all", true},
}

// TestTablesInRecipes: what is trained of the tables is trained, goes on, and is in every export.
func TestTablesInRecipes(t *testing.T) {
	for _, c := range tableSettings {
		t.Run(c.keys, func(t *testing.T) {
			dir := t.TempDir()
			r := recipetest.Parse(t, dir, alone+fmt.Sprintf(tableStages, c.keys))
			mustRun(t, r)
			tuned, p := after(t, r, "more")
			batch := textBatch(t, p)
			want := logits(t, tuned, batch)
			first, _ := after(t, r, "tune")
			if g := gap(logits(t, first, batch), want, 0); g < 1e-4 {
				t.Errorf("the second stage moves logits by %.2g alone", g)
			}
			if tied := tuned.Config.Text.TieWordEmbeddings; tied != c.tied {
				t.Errorf("the tuned model is tied: %v", tied)
			}
			for _, form := range []string{"04-peft/peft", "05-folded/folded"} {
				m, _ := opened(t, filepath.Join(dir, "01-base/hf"))
				if err := m.LoadAdapters(filepath.Join(dir, form)); err != nil {
					t.Fatal(err)
				}
				if g := gap(logits(t, m, batch), want, 0); g > 2e-5 {
					t.Errorf("%s: logits differ by %.2g", form, g)
				}
			}
			for _, form := range []string{"06-export/hf", "08-merged/hf"} {
				m, _ := opened(t, filepath.Join(dir, form))
				if m.Config.Text.TieWordEmbeddings != c.tied {
					t.Errorf("%s is tied: %v", form, !c.tied)
				}
				if g := gap(logits(t, m, batch), want, 0); g > 1e-4 {
					t.Errorf("%s: logits differ by %.2g", form, g)
				}
			}
			trainable := 0
			count := func(p *nn.Param) { trainable += p.Size() }
			for p := range tuned.Adapters.Params() {
				count(p)
			}
			for p := range tuned.Params.All() {
				if tuned.Adapters.Saves(p.Name) {
					count(p)
				}
			}
			plan, err := preflight.MakePlan(context.Background(), r, preflight.PlanOptions{Text: 10, Targets: 2, Batches: 2})
			if err != nil {
				t.Fatal(err)
			}
			if got := plan.Stages[1].Trainable["language"]; got != trainable {
				t.Errorf("%d parameters are planned to be trained, %d are", got, trainable)
			}
			size := 0
			for p := range tuned.Params.All() {
				size += p.Size()
			}
			if got := plan.Stages[1].Parameters["language"]; got != size {
				t.Errorf("%d parameters are planned, the model has %d", got, size)
			}
			if c.tied == (plan.Stages[0].Parameters["language"] != size) {
				t.Errorf("the stage before has %d parameters, this one %d", plan.Stages[0].Parameters["language"], size)
			}
		})
	}
}

// TestTablesResume: a stage on tables that is stopped goes on and leaves what one leaves that is not.
func TestTablesResume(t *testing.T) {
	for _, keys := range []string{"targets: [q_proj, embed_tokens, lm_head]", "modules_to_save: [embed_tokens]", "trainable_token_indices: [3, 7, 20]"} {
		whole, torn := t.TempDir(), t.TempDir()
		text := alone + fmt.Sprintf(tableStages, keys)
		mustRun(t, recipetest.Parse(t, whole, text))
		ctx, cancel := context.WithCancel(context.Background())
		stop := &cancelAt{text: "step 3: validation", cancel: cancel}
		if err := Run(ctx, recipetest.Parse(t, torn, text), Options{Out: stop}); !errors.Is(err, context.Canceled) {
			t.Fatalf("the run was not stopped: %v", err)
		}
		cancel()
		mustRun(t, recipetest.Parse(t, torn, text))
		equal(t, results(t, torn), results(t, whole))
	}
}

// TestTablesAreRefused: what contradicts itself is an error that names it.
func TestTablesAreRefused(t *testing.T) {
	for keys, want := range map[string]string{
		"targets: [lm_head], modules_to_save: [lm_head]":                 "lm_head has an adapter and is in modules_to_save",
		"targets: [embed_tokens], trainable_token_indices: 3":            "it is a target or in modules_to_save as well",
		"trainable_token_indices: 99999":                                 "has 99999, and language_model.model.embed_tokens has",
		"trainable_token_indices: [no-such-token-at-all]":                "tokens of the tokenizer, want one",
		"trainable_token_indices: {embed_tokens: [3], lm_head: [4]}":     "share a table: rows of one are rows of the other",
		"modules_to_save: [lm_haed]":                                     `"lm_haed" is no module of the model`,
		"targets: [embed_tokens], mixer: none, start: pissa":             "is an embedding, which start pissa does not split",
		"targets: [embed_tokens], lora_bias: true":                       "is an embedding, for which PEFT has no lora_bias",
		"targets: [embed_tokens], dora: true, ensure_weight_tying: true": "dora would give embedding and output layer lengths of their own",
		"r: 5000": "r is 5000, and the layer maps",
		"targets: [q_proj], exclude_modules: [nothing]":                           `target "nothing" matches none`,
		"targets: 're:(.*a.*)*(.*b.*)*(.*c.*)*(.*d.*)*(.*e.*)*(.*f.*)*(x|xx)*y$'": "takes longer than",
	} {
		dir := t.TempDir()
		if keys != "r: 5000" {
			keys = "r: 4, " + keys
		}
		text := alone + "stages:\n- {kind: tune, data: {path: commonsense.json, format: llm-adapters}, batch: 2, steps: 2, adapters: {language: {" + keys + "}}}\n"
		fails(t, recipetest.Parse(t, dir, text), want)
		p, err := preflight.MakePlan(context.Background(), recipetest.Parse(t, t.TempDir(), text), preflight.PlanOptions{Text: 10, Targets: 2, Batches: 2})
		if err == nil {
			err = p.Err()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: plan says %v, want %q", keys, err, want)
		}
	}
}

// TestBiasesWithoutAPlace: a bias of an adapter that the merged model has no place for is an error before anything is
// trained; unmerged it is none.
func TestBiasesWithoutAPlace(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"config.json", "tokenizer.json", "tokenizer_config.json"} {
		b, err := os.ReadFile(filepath.Join("testdata/tiny/language", name))
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Replace(string(b), `"model_type": "llama"`, `"model_type": "mistral"`, 1)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	text := fmt.Sprintf("model: {language: %q, init: random}\nstages:\n- {kind: tune, data: {path: commonsense.json, format: llm-adapters}, batch: 2, steps: 2, "+
		"adapters: {language: {r: 4, mixer: none, targets: q_proj, lora_bias: true}}}\n", dir)
	for _, last := range []string{"- {kind: export}\n", "- {kind: merge}\n"} {
		run := t.TempDir()
		fails(t, recipetest.Parse(t, run, text+last), "self_attn.q_proj: its adapter has a bias (lora_bias), and no configuration of the model gives the layer one")
		if _, err := os.Stat(filepath.Join(run, "00-tune/metrics.jsonl")); err == nil {
			t.Error("it was trained all the same")
		}
	}
	mustRun(t, recipetest.Parse(t, t.TempDir(), text+"- {kind: export, format: peft}\n"))
}
