package vlm

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"moslava/datasets"
	"moslava/internal/safetensors"
	"moslava/language"
	"moslava/language/chat"
)

// decoderDir is the tiny decoder's directory with files laid over it; the content "" removes one.
func decoderDir(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../stages/testdata/tiny/language")); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// edited is a JSON file of the tiny decoder with members laid over it.
func edited(t *testing.T, name string, set map[string]any) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("../stages/testdata/tiny/language", name))
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	for k, v := range set {
		m[k] = v
	}
	if raw, err = json.Marshal(m); err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func members(t *testing.T, path string) map[string]any {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// The template of the tiny decoder ends turns with id 2.
func TestEOSOfTheDirectory(t *testing.T) {
	const whole = `{"_from_model_config":true,"eos_token_id":[2,9],"temperature":0.6,"top_p":0.95,"pad_token_id":7,"do_sample":true}`
	for _, c := range []struct {
		name       string
		generation string // "": no file
		config     any    // eos_token_id
		stop       []int32
		want       string // generation_config.json of the export
	}{
		{"nothing", "", nil, []int32{2}, `{"do_sample":false,"eos_token_id":2,"pad_token_id":2}`},
		{"config", "", []any{2., 5.}, []int32{2, 5}, `{"do_sample":false,"eos_token_id":[2,5],"pad_token_id":2}`},
		{"list", whole, 2., []int32{2, 9}, whole},
		{"both", `{"eos_token_id":[9,2]}`, 4., []int32{2, 9, 4}, `{"eos_token_id":[9,2,4],"pad_token_id":2}`},
		{"without the template's", `{"eos_token_id":8}`, nil, []int32{2, 8}, `{"eos_token_id":[8,2],"pad_token_id":2}`},
		{"none, and config", `{"top_p":0.9}`, []any{2., 5.}, []int32{2}, `{"eos_token_id":2,"pad_token_id":2,"top_p":0.9}`},
		{"null, and config", `{"eos_token_id":null}`, 5., []int32{2}, `{"eos_token_id":2,"pad_token_id":2}`},
		{"null and empty", `{"eos_token_id":null}`, []any{}, []int32{2}, `{"eos_token_id":2,"pad_token_id":2}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := map[string]string{"config.json": edited(t, "config.json", map[string]any{"eos_token_id": c.config})}
			if c.generation != "" {
				files[GenerationFile] = c.generation
			}
			dir := decoderDir(t, files)
			m, p, err := Open(Spec{Towers: Towers{Language: dir}}, Options{Random: true})
			if err != nil {
				t.Fatal(err)
			}
			if got := p.StopIDs(); !slices.Equal(got, c.stop) {
				t.Errorf("stops at %v, want %v", got, c.stop)
			}
			e, err := p.Encode(datasets.Sample{Text: "a"})
			if err != nil || e.Labels[len(e.Labels)-1] != 2 {
				t.Errorf("a text ends with %v (%v), want the template's end", e.Labels, err)
			}
			to := t.TempDir()
			if err := Export(to, m, p, safetensors.F32); err != nil {
				t.Fatal(err)
			}
			var want map[string]any
			if err := json.Unmarshal([]byte(c.want), &want); err != nil {
				t.Fatal(err)
			}
			if got := members(t, filepath.Join(to, GenerationFile)); !reflect.DeepEqual(got, want) {
				t.Errorf("the export's %s: %v, want %v", GenerationFile, got, want)
			}
			config := c.config
			if strings.HasPrefix(c.name, "none") || strings.HasPrefix(c.name, "null") { // it did not count
				config = want["eos_token_id"]
			}
			if got := members(t, filepath.Join(to, ConfigFile))["eos_token_id"]; !reflect.DeepEqual(got, config) {
				t.Errorf("the export's config.json has eos_token_id %v, want %v", got, config)
			}
			again, err := LoadProcessor(to, m.Config)
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(c.stop)
			if got := slices.Sorted(slices.Values(again.StopIDs())); !slices.Equal(got, c.stop) {
				t.Errorf("the export stops at %v, want %v", got, c.stop)
			}
		})
	}
}

// A model whose files all say where it stops does so at each of the ids.
func TestGenerationStopsAtAnyEOS(t *testing.T) {
	ask := func(files map[string]string) []int32 {
		m, p, err := Open(Spec{Towers: Towers{Language: decoderDir(t, files)}}, Options{Random: true, Seed: 4})
		if err != nil {
			t.Fatal(err)
		}
		return continued(t, m, p, nil, "What?", language.Generation{MaxNew: 12, Stop: p.StopIDs()})
	}
	free := ask(nil)
	raw, _ := json.Marshal(map[string]any{"eos_token_id": []int32{2, free[3]}})
	first := slices.Index(free, free[3]) + 1
	if got := ask(map[string]string{GenerationFile: string(raw)}); len(free) != 12 || !slices.Equal(got, free[:first]) {
		t.Errorf("stopped with %v, want %v of %v", got, free[:first], free)
	}
}

func TestEOSErrors(t *testing.T) {
	for raw, want := range map[string]string{
		`{"eos_token_id":576}`:     "generation_config.json: eos_token_id has 576, want ids from 0 to 575",
		`{"eos_token_id":[2,-1]}`:  "eos_token_id has -1",
		`{"eos_token_id":"</s>"}`:  `eos_token_id is "</s>", want an id or a list of ids`,
		`{"eos_token_id":[2,"a"]}`: "want an id or a list of ids",
		`{"eos_token_id":[null]}`:  "want an id or a list of ids",
		`{"eos_token_id":2.5}`:     "want an id or a list of ids",
		`{"eos_token_id":true}`:    "want an id or a list of ids",
		`[]`:                       "generation_config.json",
	} {
		_, _, err := Open(Spec{Towers: Towers{Language: decoderDir(t, map[string]string{GenerationFile: raw})}},
			Options{Outline: true})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", raw, err, want)
		}
	}
}

// Tokens beyond the model's rows harm nobody who does not use them, and an export keeps them and the rows.
func TestTokensWithoutRows(t *testing.T) {
	var extra []any
	for i, s := range []string{"<pad>", "<extra_1>"} {
		extra = append(extra, map[string]any{"id": 576 + i, "content": s, "special": true, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false})
	}
	own := members(t, "../stages/testdata/tiny/language/tokenizer.json")["added_tokens"].([]any)
	dir := decoderDir(t, map[string]string{"tokenizer.json": edited(t, "tokenizer.json", map[string]any{"added_tokens": append(own, extra...)})})
	m, p, err := Open(Spec{Towers: Towers{Language: dir}}, Options{Random: true})
	if err != nil {
		t.Fatal(err)
	}
	plain, _, err := Open(Spec{Towers: Towers{Language: "../stages/testdata/tiny/language"}}, Options{Random: true})
	if err != nil {
		t.Fatal(err)
	}
	if a, b := m.Config.Text.VocabSize, plain.Config.Text.VocabSize; a != b {
		t.Errorf("%d words, %d without the tokens", a, b)
	}
	turns := func(q string) []datasets.Turn {
		return []datasets.Turn{{From: datasets.Human, Value: q}, {From: datasets.GPT, Value: "A."}}
	}
	if _, err := p.Encode(datasets.Sample{}); err == nil || !strings.Contains(err.Error(), "has no turns") {
		t.Errorf("a conversation without turns: %v", err)
	}
	if _, err := p.Encode(datasets.Sample{Turns: turns("What?")}); err != nil {
		t.Error(err)
	}
	const want = `the token "<extra_1>", whose id is 577, and the model has 576 rows (vocab_size)`
	_, errRow := p.Encode(datasets.Sample{Turns: turns("What <extra_1>?")})
	_, errText := p.Encode(datasets.Sample{Text: "<extra_1>"})
	_, _, errPrompt := p.Prompt([]chat.Message{{Role: "user", Content: "<extra_1>"}}, nil)
	for _, err := range []error{errRow, errText, errPrompt} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	to := t.TempDir()
	if err := Export(to, m, p, safetensors.F32); err != nil {
		t.Fatal(err)
	}
	if got := members(t, filepath.Join(to, ConfigFile))["vocab_size"]; got != 576. {
		t.Errorf("the export has vocab_size %v", got)
	}
	again, err := OpenModel(to, Options{})
	if err != nil {
		t.Fatal(err)
	}
	q, err := LoadProcessor(to, again.Config)
	if err != nil {
		t.Fatal(err)
	}
	if id, ok := q.Tokenizer.ID("<extra_1>"); !ok || id != 577 {
		t.Errorf("the export's tokenizer has <extra_1> as %d, %v", id, ok)
	}
}

// continued are the ids that follow a question about pictures.
func continued(t *testing.T, m *Model, p *Processor, pictures [][]byte, question string, g language.Generation) []int32 {
	t.Helper()
	ids, images, err := p.Prompt(Turn(question, len(pictures)), pictures)
	if err != nil {
		t.Fatal(err)
	}
	x, err := m.Embed(nil, ids, images)
	if err != nil {
		t.Fatal(err)
	}
	c := m.Language.NewCache(1, len(ids)+g.MaxNew)
	h, err := m.Language.Extend(c, []language.Chunk{{X: x}})
	if err != nil {
		t.Fatal(err)
	}
	out, err := m.Language.Generate(t.Context(), c, []int{0}, h, g)
	if err != nil {
		t.Fatal(err)
	}
	return out[0]
}
