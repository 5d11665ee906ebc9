package stages

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"moslava/internal/checkpoint"
	"moslava/internal/nn"
	"moslava/language/tokenizer"
	"moslava/pipelines/answering"
	"moslava/pipelines/preflight"
	"moslava/pipelines/recipes/recipetest"
	"moslava/pipelines/vlm"
)

// fullDecoder writes a decoder with a row for each of its 560 tokens and no more, and returns its directory.
func fullDecoder(t *testing.T, tied bool) string {
	t.Helper()
	dir, run := t.TempDir(), t.TempDir()
	for _, name := range []string{"config.json", "tokenizer.json", "tokenizer_config.json"} {
		b, err := os.ReadFile(filepath.Join("testdata/tiny/language", name))
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Replace(string(b), `"vocab_size": 576`, `"vocab_size": 560`, 1)
		text = strings.Replace(text, `"tie_word_embeddings": true`, fmt.Sprintf(`"tie_word_embeddings": %v`, tied), 1)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	mustRun(t, recipetest.Parse(t, run, fmt.Sprintf("model: {language: %q, init: random}\nstages:\n"+
		"- {kind: pretrain, data: {path: commonsense.json, format: llm-adapters}, batch: 3, steps: 3, lr: 1e-2}\n- {kind: export}\n", dir)))
	return filepath.Join(run, "01-export/hf")
}

// located are rows with the tokens of the tests.
const located = `[
{"conversations": [{"from": "human", "value": "where is ice?"}, {"from": "gpt", "value": "at <loc> and Ärger<sp>"}]},
{"conversations": [{"from": "human", "value": "is <loc> near Ärger?"}, {"from": "gpt", "value": "<loc>"}]},
{"conversations": [{"from": "human", "value": "Ärger, please"}, {"from": "gpt", "value": "Ärger <sp><loc>"}]},
{"conversations": [{"from": "human", "value": "and steam?"}, {"from": "gpt", "value": "<sp>"}]}]`

func locatedRows(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "located.json")
	if err := os.WriteFile(path, []byte(located), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// tokenStages train new tokens, go on, and write the model in every form.
const tokenStages = `stages:
- {kind: tune, data: %[1]q, batch: 2, steps: 6, lr: 3e-2, validation: 0.3, validate_every: 3, save_every: 2, adapters: {language: {r: 4, %[2]s}}}
- {kind: tune, name: more, data: %[1]q, batch: 2, steps: 2, lr: 1e-2}
- {kind: export, name: peft, format: peft}
- {kind: export}
`

const threeTokens = "model: {language: %q, add_tokens: ['<loc>', Ärger], add_special_tokens: '<sp>'}\n"

var tokenSettings = []struct {
	keys       string
	tied       bool
	embed, own int // rows that are trained by themselves, of the embedding and of a head of its own
}{
	{"targets: [q_proj]", true, 3, 0},
	{"targets: [q_proj], trainable_token_indices: [7, '<loc>']", true, 4, 0},
	{"targets: [q_proj, embed_tokens], mixer: none", true, 0, 3},
	{"targets: [q_proj, embed_tokens, lm_head]", true, 0, 0},
	{"targets: [q_proj, embed_tokens], ensure_weight_tying: true", true, 0, 0},
	{"targets: [q_proj], modules_to_save: [embed_tokens]", true, 0, 3},
	{"targets: [q_proj], modules_to_save: [lm_head]", true, 3, 0},
	{"targets: [q_proj]", false, 3, 3},
	{"targets: [q_proj, lm_head], mixer: none", false, 3, 0},
	{"targets: [q_proj], modules_to_save: [embed_tokens, lm_head], lora_bias: true", false, 0, 0},
}

// TestTokensAreAdded: new tokens are trained, go on, are counted, and are in every export.
func TestTokensAreAdded(t *testing.T) {
	data := locatedRows(t)
	bases := map[bool]string{true: fullDecoder(t, true), false: fullDecoder(t, false)}
	for _, c := range tokenSettings {
		t.Run(fmt.Sprintf("%s tied %v", c.keys, c.tied), func(t *testing.T) {
			dir, base := t.TempDir(), bases[c.tied]
			r := recipetest.Parse(t, dir, fmt.Sprintf(threeTokens, base)+fmt.Sprintf(tokenStages, data, c.keys))
			said := mustRun(t, r)
			if !strings.Contains(said, "resize_token_embeddings(563)") {
				t.Errorf("nothing is said about PEFT:\n%s", said)
			}
			plain, _ := after(t, r, "")
			startAtMean(t, plain.Language.Embed.Weight.Floats())
			startAtMean(t, plain.Language.Head.Weight.Floats())
			tuned, p := after(t, r, "more")
			batch := batchesOf(t, p, data, 4, 4)[0]
			if !slices.Contains(batch.IDs, 560) || !slices.Contains(batch.IDs, 561) || !slices.Contains(batch.IDs, 562) {
				t.Fatalf("the rows have ids %v, want new ones among them", batch.IDs)
			}
			rows := map[string]int{}
			for module, r := range tuned.Adapters.Rows() {
				rows[module] = len(r.IDs)
			}
			if rows["language_model.model.embed_tokens"] != c.embed || rows["language_model.lm_head"] != c.own {
				t.Errorf("trained rows %v, want %d of the embedding and %d of the head", rows, c.embed, c.own)
			}
			want := logits(t, tuned, batch)
			if g := gap(logits(t, plain, batch), want, 0); g < 1e-3 {
				t.Errorf("training moves logits by %.2g alone", g)
			}
			a, err := answering.Open(t.Context(), base, answering.Options{Adapters: filepath.Join(dir, "02-peft/peft")})
			if err != nil {
				t.Fatal(err)
			}
			if g := gap(logits(t, a.Model, batch), want, 0); g > 2e-5 {
				t.Errorf("adapters on the base: logits differ by %.2g", g)
			}
			hasTokens(t, a.Processor.Tokenizer)
			export := filepath.Join(dir, "03-export/hf")
			m, q := opened(t, export)
			if g := gap(logits(t, m, batch), want, 0); g > 1e-4 || m.Config.Text.VocabSize != 563 {
				t.Errorf("the export has %d rows, and logits differ by %.2g", m.Config.Text.VocabSize, g)
			}
			hasTokens(t, q.Tokenizer)
			var cfg map[string]any
			if err := checkpoint.ReadJSON(export, "tokenizer_config.json", &cfg); err != nil ||
				fmt.Sprint(cfg["additional_special_tokens"]) != "[<sp>]" {
				t.Errorf("special tokens %v, %v", cfg["additional_special_tokens"], err)
			}
			trained := 0
			for p := range tuned.Adapters.Params() {
				trained += p.Size()
			}
			size := 0
			for p := range tuned.Params.All() {
				size += p.Size()
				if tuned.Adapters.Saves(p.Name) {
					trained += p.Size()
				}
			}
			plan, err := preflight.MakePlan(t.Context(), r, preflight.PlanOptions{Text: 10, Targets: 2, Batches: 2})
			if err != nil || len(plan.Problems) > 0 {
				t.Fatal(err, plan)
			}
			if s := plan.Stages[0]; s.Trainable["language"] != trained || s.Parameters["language"] != size {
				t.Errorf("planned are %d of %d parameters, %d of %d are trained", s.Trainable["language"], s.Parameters["language"], trained, size)
			}
		})
	}
}

// startAtMean looks whether the last three of 563 rows are the mean of the others.
func startAtMean(t *testing.T, table []float32) {
	t.Helper()
	const d = 32
	for i := range d {
		mean := 0.0
		for r := range 560 {
			mean += float64(table[r*d+i]) / 560
		}
		for r := 560; r < 563; r++ {
			if diff := float64(table[r*d+i]) - mean; diff > 1e-7 || diff < -1e-7 {
				t.Fatalf("row %d starts at %g in column %d, the mean is %g", r, table[r*d+i], i, mean)
			}
		}
	}
}

func hasTokens(t *testing.T, tok *tokenizer.Tokenizer) {
	t.Helper()
	for i, token := range []string{"<loc>", "Ärger", "<sp>"} {
		if id, ok := tok.ID(token); !ok || int(id) != 560+i || tok.IsSpecial(id) != (i == 2) {
			t.Errorf("%s has id %d (%v), special %v", token, id, ok, tok.IsSpecial(id))
		}
	}
}

// TestTokensLeaveOtherRows: of a table whose new rows are trained the others stay, to the bit.
func TestTokensLeaveOtherRows(t *testing.T) {
	base, dir := fullDecoder(t, true), t.TempDir()
	mustRun(t, recipetest.Parse(t, dir, fmt.Sprintf(threeTokens, base)+fmt.Sprintf(tokenStages, locatedRows(t), "targets: [q_proj]")))
	const embed = "model.embed_tokens.weight"
	old := tensorsOf(t, filepath.Join(base, "model.safetensors"))[embed].Data
	is := tensorsOf(t, filepath.Join(dir, "03-export/hf/model.safetensors"))[embed].Data
	if len(is) != len(old)+3*32 || !slices.Equal(is[:len(old)], old) {
		t.Error("rows of tokens that were there have changed")
	}
	for i := range 2 { // they start alike
		if slices.Equal(is[len(old)+32*i:][:32], is[len(old)+32*(i+1):][:32]) {
			t.Errorf("new rows %d and %d are the same after training", i, i+1)
		}
	}
}

// TestTokensResume: a stage that trains new rows goes on, when it was stopped, and leaves what one leaves that was not.
func TestTokensResume(t *testing.T) {
	data, base := locatedRows(t), fullDecoder(t, false)
	whole, torn := t.TempDir(), t.TempDir()
	text := fmt.Sprintf(threeTokens, base) + fmt.Sprintf(tokenStages, data, "targets: [q_proj, embed_tokens]")
	mustRun(t, recipetest.Parse(t, whole, text))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stop := &cancelAt{text: "step 3: validation", cancel: cancel}
	if err := Run(ctx, recipetest.Parse(t, torn, text), Options{Out: stop}); !errors.Is(err, context.Canceled) {
		t.Fatalf("the run was not stopped: %v", err)
	}
	mustRun(t, recipetest.Parse(t, torn, text))
	equal(t, results(t, torn), results(t, whole))
}

// TestTokensOfJoinedModels: with a vision tower new tokens come behind the image token, tables grow by whole
// sixty-fours, and what is exported can get more of them.
func TestTokensOfJoinedModels(t *testing.T) {
	const model = "model: {vision: tiny/vision, language: tiny/language, init: random, add_tokens: '<loc>'}\n"
	first, second := t.TempDir(), t.TempDir()
	stages := "stages:\n- {kind: tune, data: 'scenes:tune?n=6&seed=1', batch: 2, steps: 2, adapters: {vision: {r: 2}, language: {r: 2, targets: [q_proj]}}}\n- {kind: export}\n"
	mustRun(t, recipetest.Parse(t, first, model+stages+"- {kind: export, name: parts, format: towers}\n"))
	joined := filepath.Join(first, "01-export/hf")
	m, p := opened(t, joined)
	if id, ok := p.Tokenizer.ID("<loc>"); !ok || id != 560 || m.Config.ImageToken != 3 || m.Config.Text.VocabSize != 576 {
		t.Errorf("<loc> is %d (%v), the image token %d, of %d rows", id, ok, m.Config.ImageToken, m.Config.Text.VocabSize)
	}
	many := make([]string, 20)
	for i := range many {
		many[i] = fmt.Sprintf("'<%d>'", i)
	}
	mustRun(t, recipetest.Parse(t, second, fmt.Sprintf("model: {from: %q, add_tokens: [%s]}\n", joined, strings.Join(many, ", "))+stages))
	m, p = opened(t, filepath.Join(second, "01-export/hf"))
	if id, ok := p.Tokenizer.ID("<19>"); !ok || id != 580 || m.Config.Text.VocabSize != 640 {
		t.Errorf("<19> is %d (%v), of %d rows", id, ok, m.Config.Text.VocabSize)
	}
	a, err := answering.Open(t.Context(), second, answering.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := len(slices.Collect(trainedRows(a.Model))); got != 1 {
		t.Errorf("%d tables have rows that are trained", got)
	}
	r := recipetest.Parse(t, t.TempDir(), fmt.Sprintf("model: {vision: %q, language: %q, add_tokens: '<loc>'}\n", filepath.Join(first, "02-parts/towers/vision"), fullDecoder(t, false))+stages)
	mustRun(t, r)
	m, _ = after(t, r, "")
	if table := m.Language.Head.Weight.Floats(); m.Config.Text.VocabSize != 576 || m.Config.Added[0] != 560 || !slices.Equal(table[560*32:561*32], table[575*32:]) {
		t.Errorf("%d rows, added %v", m.Config.Text.VocabSize, m.Config.Added)
	}
	fails(t, recipetest.Parse(t, t.TempDir(), fmt.Sprintf("model: {from: %q, add_tokens: '<loc>'}\n", joined)+stages), `"<loc>" is a token already, with id 560`, "model.add_tokens")
	fails(t, recipetest.Parse(t, t.TempDir(), model+strings.Replace(stages, "{kind: export}", "{kind: export, format: xtuner}", 1)),
		"XTuner's adapters have no place for the tokens that model.add_tokens adds")
}

func trainedRows(m *vlm.Model) func(func(*nn.Rows) bool) {
	return func(yield func(*nn.Rows) bool) {
		for _, r := range m.Adapters.Rows() {
			if !yield(r) {
				return
			}
		}
	}
}

// TestTokensInSpareRows: rows that a model has to spare are taken as they are, and nothing grows.
func TestTokensInSpareRows(t *testing.T) {
	dir := t.TempDir()
	mustRun(t, recipetest.Parse(t, dir, "model: {language: tiny/language, init: random, add_tokens: '<loc>'}\nstages:\n- {kind: export, format: hf}\n"))
	plain := t.TempDir()
	mustRun(t, recipetest.Parse(t, plain, alone+"stages:\n- {kind: export, format: hf}\n"))
	for name, x := range tensorsOf(t, filepath.Join(plain, "00-export/hf/model.safetensors")) {
		if !slices.Equal(tensorsOf(t, filepath.Join(dir, "00-export/hf/model.safetensors"))[name].Data, x.Data) {
			t.Errorf("%s differs", name)
		}
	}
	if _, p := opened(t, filepath.Join(dir, "00-export/hf")); p.Tokenizer.VocabSize() != 561 {
		t.Errorf("%d tokens", p.Tokenizer.VocabSize())
	}
}

// TestTokensAreRefused: what cannot be added, or be adapted, is an error before anything is trained, in run and plan.
func TestTokensAreRefused(t *testing.T) {
	data, base := locatedRows(t), fullDecoder(t, true)
	stage := fmt.Sprintf("stages:\n- {kind: tune, data: %q, batch: 2, steps: 2, adapters: {language: {r: 4, targets: [q_proj%%s]}}}\n", data)
	for _, c := range []struct{ model, keys, want string }{
		{"add_tokens: ['<|end|>', '<loc>']", "", `"<|end|>" is a token already, with id 2: leave it out of model.add_tokens`},
		{"add_special_tokens: [the]", "", `"the" is a token already, with id`},
		{"add_tokens: '<loc>'", ", lm_head", "language_model.model.embed_tokens are trained, and language_model.lm_head, which shares its table, is a target"},
		{"add_tokens: '<loc>'", "], trainable_token_indices: ['<lco>'", "model.add_tokens adds a token; or give an id"},
	} {
		text := fmt.Sprintf("model: {language: %q, %s}\n", base, c.model) + fmt.Sprintf(stage, c.keys)
		fails(t, recipetest.Parse(t, t.TempDir(), text), c.want)
		p, err := preflight.MakePlan(context.Background(), recipetest.Parse(t, t.TempDir(), text), preflight.PlanOptions{Text: 10, Targets: 2, Batches: 2})
		if err == nil {
			err = p.Err()
		}
		recipetest.Names(t, err, c.want)
	}
	dir := t.TempDir()
	mustRun(t, recipetest.Parse(t, dir, fmt.Sprintf(threeTokens, base)+fmt.Sprintf(tokenStages, data, "targets: [q_proj]")))
	peft := filepath.Join(dir, "02-peft/peft")
	merged := "adapters: " + fmt.Sprintf("%q", peft) + "}\nstages: {kind: export}\n"
	fails(t, recipetest.Parse(t, t.TempDir(), fmt.Sprintf("model: {language: %q, ", base)+merged), "model.adapters", "for tables of 563 rows, and the model's have 560: name the tokens that were added")
	again := t.TempDir()
	mustRun(t, recipetest.Parse(t, again, strings.Replace(fmt.Sprintf(threeTokens, base), "}\n", ", ", 1)+merged))
	if a, b := tensorsOf(t, filepath.Join(again, "00-export/hf/model.safetensors")), tensorsOf(t, filepath.Join(dir, "03-export/hf/model.safetensors")); !slices.Equal(a["model.embed_tokens.weight"].Data, b["model.embed_tokens.weight"].Data) {
		t.Error("adapters that a recipe merges give other rows than the export of the run that made them")
	}
	if err := os.Remove(filepath.Join(peft, "tokenizer.json")); err != nil {
		t.Fatal(err)
	}
	_, err := answering.Open(t.Context(), base, answering.Options{Adapters: peft})
	recipetest.Names(t, err, "the adapters are for tables of 563 rows, and those of", "have 560", "put the tokenizer.json that they were trained with beside them")
}
