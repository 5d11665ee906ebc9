package stages

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"moslava/pipelines/answering"
	"moslava/pipelines/recipe"
	"moslava/pipelines/recipes"
	"moslava/pipelines/recipes/recipetest"
	"moslava/pipelines/runreport"
)

// freeTexts are the keys, with * for numbers, that take a text which is no choice of a few.
func freeTexts(v reflect.Type, key string) (keys []string) {
	join := func(name string) string { return strings.TrimPrefix(key+"."+name, ".") }
	switch {
	case v.Kind() == reflect.String:
		return []string{key}
	case v.Kind() == reflect.Pointer:
		return freeTexts(v.Elem(), key)
	case v.Kind() == reflect.Slice:
		return freeTexts(v.Elem(), join("*"))
	case v.Kind() != reflect.Struct:
		return nil
	}
	for i := range v.NumField() {
		f := v.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case f.Anonymous, name == "-":
			keys = append(keys, freeTexts(f.Type, key)...)
		case name != "" && f.Tag.Get("enum") == "" && f.Tag.Get("words") == "":
			keys = append(keys, freeTexts(f.Type, join(name))...)
		}
	}
	return keys
}

// seen are the keys whose values cannot but be in what is made with them: the names of modules and tokens in an adapter
// directory, a part of a whole, and what is asked.
var seen = regexp.MustCompile(`\.(add_tokens\.\*|add_special_tokens\.\*|modules_to_save\.\*|trainable_token_indices\..*|shard|suites\.\*\.prompt)$`)

// without are keys in which no variable stands here: patterns are no values, a vision tower has no tokens, what is
// added to a tokenizer is written into it, and a stage's name has a variable of its own.
var without = regexp.MustCompile(`_pattern\.\*\.layers$|model\.add_(special_)?tokens|vision\.(modules_to_save|trainable_token_indices)|lm_head|suites\.\*\.held_out$`)

// variables are set for a test, one for each key.
type variables struct {
	t      *testing.T
	values map[string]string // by name
	keys   map[string]string // by name, with * for numbers
}

// put sets a variable to a value, which stands for key's, and is its text in a recipe.
func (v *variables) put(key, value string) string {
	name := "TEST_" + strings.ToUpper(strings.NewReplacer(".", "_", "*", "N").Replace(key))
	for {
		if old, taken := os.LookupEnv(name); !taken || old == value {
			break
		}
		name += "_"
	}
	v.t.Setenv(name, value)
	v.values[name], v.keys[name] = value, key
	return `"${` + name + `}"`
}

// covered are the keys of a recipe in which variables stand.
func covered(t *testing.T, r *recipe.Recipe) map[string]bool {
	t.Helper()
	b, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var all any
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	var walk func(v any, key string)
	walk = func(v any, key string) {
		switch v := v.(type) {
		case map[string]any:
			for k, e := range v {
				walk(e, strings.TrimPrefix(key+"."+k, "."))
			}
		case []any:
			for _, e := range v {
				walk(e, key+".*")
			}
		case string:
			if strings.Contains(v, "${") {
				out[key] = true
			}
		}
	}
	walk(all, "")
	return out
}

// TestVariablesAreNotWritten: ${NAME} in every key that takes a free text, and what it stands for is in no file that a
// run, its exports, an evaluation of it and reports write, in no message and no event.
func TestVariablesAreNotWritten(t *testing.T) {
	root := t.TempDir()
	v := &variables{t, map[string]string{}, map[string]string{}}
	in := filepath.Join(root, "in")
	place := func(name string) string { return filepath.Join(in, "zq-"+name) }
	for _, name := range []string{"vision", "language"} {
		if err := os.CopyFS(place(name), os.DirFS("testdata/tiny/"+name)); err != nil {
			t.Fatal(err)
		}
	}
	write := func(path, text string) string {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	small := string(picture(t, 0, false))
	for _, name := range []string{"images-all", "images-stage", "images-source", "images-suite"} {
		write(filepath.Join(place(name), name+".png"), small)
	}
	for _, name := range []string{"stage", "source"} { // of pictures that a recipe may name without a variable
		write(filepath.Join(in, "zq-bare-"+name, "images-"+name+".png"), small)
	}
	rows := []string{}
	for i, name := range slices.Repeat([]string{"images-all", "images-stage", "images-source"}, 4) {
		rows = append(rows, fmt.Sprintf(`{"image": %q, "zq-extra-a": 1, "zq-extra-b": 2, "zq-extra-c": 3, "conversations": [{"from": "human", "value": "<image>\nwhat %d"}, {"from": "gpt", "value": "red"}]}`, name+".png", i))
	}
	data := write(place("rows.json"), "["+strings.Join(rows, ",\n")+"]")
	captions := place("captions")
	write(filepath.Join(captions, "eval.jsonl"), fmt.Sprintf(`{"image": "data:image/png;base64,%s", "zq-column": "red"}`, base64.StdEncoding.EncodeToString([]byte(small))))
	write(filepath.Join(captions, "train.jsonl"), "nothing that is read")
	own := place("own")
	write(filepath.Join(own, "eval.jsonl"), `{"zq-answer": "red", "zq-extra-d": 1}`)
	write(filepath.Join(own, "train.jsonl"), "nothing that is read")
	suite := write(place("suite.tsv"), "index\timage_path\tquestion\tA\tB\tanswer\n1\timages-suite.png\twhich\tred\tblue\tA\n2\timages-suite.png\twhat\tred\tblue\tB\n")
	other := write(place("other.tsv"), "index\tquestion\tA\tB\tanswer\n1\twhich\tred\tblue\tA\n")
	t.Setenv("ZQ_JUDGE_KEY", "zq-the-key")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"choices":[{"message":{"content":"A"}}]}`))
	}))
	defer server.Close()
	url := server.URL + "/zq-judge/v1"

	// A projector and adapters, to take.
	before := filepath.Join(root, "before")
	mustRun(t, recipetest.Parse(t, before, recipetest.Towers+`stages:
- {kind: align, data: "scenes:align?n=4&seed=1", steps: 1, batch: 2}
- {kind: tune, train: adapters, data: "scenes:align?n=4&seed=1", steps: 1, batch: 2, adapters: {language: {r: 2, mixer: none, targets: q_proj}}}
- {kind: export, format: peft}
`))
	projector, adapters, more := place("projector.safetensors"), place("adapters"), place("more-adapters")
	for from, to := range map[string]string{"00-align/trained.safetensors": projector, "02-export/peft": adapters} {
		if err := os.Rename(filepath.Join(before, filepath.FromSlash(from)), to); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.CopyFS(more, os.DirFS(adapters)), os.RemoveAll(before)); err != nil {
		t.Fatal(err)
	}

	first := write(filepath.Join(root, "first.yaml"), "name: "+v.put("name", "zq-recipe")+`
run_dir: `+v.put("run_dir", filepath.Join(root, "zq-runs", "first"))+`
model:
  vision: `+v.put("model.vision", place("vision"))+`
  language: `+v.put("model.language", "in/zq-language")+`
  init: random
  add_tokens: `+v.put("model.add_tokens.*", "<zq-token>")+`
  add_special_tokens: `+v.put("model.add_special_tokens.*", "<zq-special>")+`
  projector: {from: `+v.put("model.projector.from", projector)+`}
data:
  images: `+v.put("data.images.*", "in/zq-images-all")+`
  ignore: [`+v.put("data.ignore.*", "zq-extra-a")+`, `+v.put("data.ignore.*", "zq-extra-b")+`, `+v.put("data.ignore.*", "zq-extra-c")+`]
stages:
- kind: align
  name: `+v.put("stages.*.name", "zq-align")+`
  data:
  - {path: `+v.put("stages.*.data.*.path", data)+`, images: [`+v.put("stages.*.data.*.images.*", place("images-source"))+`], ignore: [`+v.put("stages.*.data.*.ignore.*", "zq-extra-c")+`]}
  - {path: `+v.put("stages.*.data.*.path", captions)+`, split: `+v.put("stages.*.data.*.split", "testing")+`, prompt: `+v.put("stages.*.data.*.prompt", "zq-what")+`,
     columns: {caption: `+v.put("stages.*.data.*.columns.*.name", "zq-column")+`}}
  images: [`+v.put("stages.*.images.*", place("images-stage"))+`, `+v.put("stages.*.images.*", "in/zq-images-all")+`]
  ignore: [`+v.put("stages.*.ignore.*", "zq-extra-b")+`, `+v.put("stages.*.ignore.*", "zq-extra-a")+`]
  steps: 1
  batch: 2
- kind: tune
  from: `+v.put("stages.*.from", "zq-align")+`
  data: {path: `+v.put("stages.*.data.*.path", data)+`, images: [in/zq-bare-stage, in/zq-bare-source]}
  steps: 1
  batch: 2
  adapters:
    language:
      r: 4
      mixer: orthogonal
      mixer_pattern: {q_proj: kaiming}
      targets: `+v.put("stages.*.adapters.language.targets.*", `re:.*(q_proj|v_proj|zq_targets)`)+`
      exclude_modules: `+v.put("stages.*.adapters.language.exclude_modules.*", `re:.*(layers\.1\..*v_proj|zq_exclude)`)+`
      modules_to_save: `+v.put("stages.*.adapters.language.modules_to_save.*", "norm")+`
      trainable_token_indices: {embed_tokens: `+v.put("stages.*.adapters.language.trainable_token_indices.embed_tokens.*", "3")+`}
    vision:
      r: 4
      mixer: none
      mixer_pattern: {q_proj: kaiming}
      targets: `+v.put("stages.*.adapters.vision.targets.*", `re:.*(q_proj|v_proj|zq_vtargets)`)+`
      exclude_modules: `+v.put("stages.*.adapters.vision.exclude_modules.*", `re:.*(layers\.1\..*v_proj|zq_vexclude)`)+`
- kind: evaluate
  name: asked
  suites:
    tsv: `+v.put("stages.*.suites.*.tsv", suite)+`
    name: `+v.put("stages.*.suites.*.name", "zq-suite-name")+`
    images: `+v.put("stages.*.suites.*.images.*", place("images-suite"))+`
    shard: `+v.put("stages.*.suites.*.shard", "1/1")+`
    judge_url: `+v.put("stages.*.suites.*.judge_url", url)+`
    judge_model: `+v.put("stages.*.suites.*.judge_model", "z9#")+`
    judge_key_env: `+v.put("stages.*.suites.*.judge_key_env", "ZQ_JUDGE_KEY")+`
- kind: evaluate
  name: named-by-file
  suites: `+v.put("stages.*.suites.*.tsv", other)+`
- {kind: export, name: adapters, format: peft, path: `+v.put("stages.*.path", filepath.Join(root, "zq-exported", "peft"))+`}
- {kind: export, name: whole}
- kind: evaluate
  name: own
  suites:
    data: `+v.put("stages.*.suites.*.data", own)+`
    split: `+v.put("stages.*.suites.*.split", "testing")+`
    prompt: `+v.put("stages.*.suites.*.prompt", "zq-asked")+`
    ignore: [`+v.put("stages.*.suites.*.ignore.*", "zq-extra-d")+`]
    columns: {answer: `+v.put("stages.*.suites.*.columns.*.name", "zq-answer")+`}
`)
	covers := map[string]bool{}
	var out bytes.Buffer
	run := func(file string) *recipe.Recipe {
		t.Helper()
		r, err := recipes.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(covers, covered(t, r))
		events := json.NewEncoder(&out)
		opt := Options{Out: &out, Events: func(e Event) {
			if err := events.Encode(e); err != nil {
				t.Error(err)
			}
		}}
		for range 2 {
			if err := Run(context.Background(), r, opt); err != nil {
				t.Fatalf("%v\n%s", err, &out)
			}
		}
		if wrong := wrong(t, string(r.RunDir)); len(wrong) > 0 {
			t.Errorf("verified: %q", wrong)
		}
		return r
	}
	r := run(first)
	model := place("model")
	if err := os.Rename(filepath.Join(r.StageDir(5), "hf"), model); err != nil {
		t.Fatal(err)
	}
	template := write(place("template.jinja"), "{% for m in messages %}{{ m.content }}{{ eos_token }}{% endfor %}")
	second := write(filepath.Join(root, "second.yaml"), `name: second
run_dir: `+filepath.Join(root, "runs-second")+`
model:
  from: `+v.put("model.from", model)+`
  chat_template: `+v.put("model.chat_template", template)+`
  adapters: [`+v.put("model.adapters.*", adapters)+`]
stages:
- {kind: tune, data: "scenes:tune?n=4&seed=1", steps: 1, batch: 2, adapters: {compose: `+v.put("stages.*.adapters.compose.*", more)+`}}
- {kind: evaluate, suites: {tsv: "scenes:test?n=6&seed=1", name: scenes}}
`)
	run(second)
	for _, markdown := range []bool{false, true} {
		if _, err := runreport.Write(string(r.RunDir), runreport.Options{Markdown: markdown, Against: filepath.Join(root, "runs-second")}); err == nil {
			t.Error("runs without a suite in common are compared")
		}
		if _, err := runreport.Write(string(r.RunDir), runreport.Options{Markdown: markdown}); err != nil {
			t.Error(err)
		}
	}
	asked := write(filepath.Join(root, "asked.tsv"), "index\tquestion\tA\tB\tanswer\n1\twhich\tred\tblue\tA\n")
	evaluate := func(dir string) error {
		_, err := answering.Evaluate(context.Background(), string(r.RunDir), asked, answering.EvaluateOptions{Dir: filepath.Join(root, dir), Out: &out})
		return err
	}
	if err := evaluate("evaluated"); err != nil {
		t.Error(err)
	}
	said := out.String() // without a variable nobody knows what to hide
	for name, key := range v.keys {
		if !strings.HasPrefix(key, "model.") {
			os.Unsetenv(name)
		}
	}
	if err := evaluate("evaluated-again"); err != nil {
		t.Errorf("without the variables that are not of the model: %v", err)
	}
	os.Unsetenv("TEST_MODEL_VISION")
	recipetest.Names(t, evaluate("not"), "first.yaml: model.vision: the environment variable \"TEST_MODEL_VISION\" is not set")

	check := func(where, text string) {
		t.Helper()
		for name, value := range v.values {
			key := v.keys[name]
			if strings.HasSuffix(where, ".safetensors") && len(value) < 6 {
				continue // bytes by chance
			}
			if strings.Contains(text, value) && !seen.MatchString(key) {
				i := strings.Index(text, value)
				t.Errorf("%s holds the value of %s: %q", where, key, text[max(0, i-80):min(len(text), i+80)])
			}
		}
	}
	check("what is said", said)
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		switch {
		case path == in:
			return fs.SkipDir
		case err != nil || e.IsDir():
			return err
		}
		b, err := os.ReadFile(path)
		check(path, string(b))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range freeTexts(reflect.TypeFor[recipe.Recipe](), "") {
		if !covers[key] && !without.MatchString(key) {
			t.Errorf("no variable stands in %s", key)
		}
	}
}
