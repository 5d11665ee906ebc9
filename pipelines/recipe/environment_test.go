package recipe

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// env sets variables from NAME=value.
func env(t *testing.T, sets ...string) {
	t.Helper()
	for _, s := range sets {
		name, value, _ := strings.Cut(s, "=")
		t.Setenv(name, value)
	}
}

func parse2(t *testing.T, name, text string) *Recipe {
	t.Helper()
	r, err := words.Parse(name, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// manyPlaces has variables in lists, in single values that stand for lists, in patterns and in what is derived from other keys.
const manyPlaces = `name: s
seed: ${T_SEED}
model: {from: "${T_BASE}/m"}
data:
  images: ["${T_A}", "${T_B}"]
  ignore: ${T_A}
  validation: ${T_SHARE}
stages:
- kind: tune
  data: "${T_A}/d"
  workers: ${T_WORKERS}
  adapters:
    language:
      targets: ${T_A}
      mixer_pattern: {"a.b": "${T_MIXER}", c: "${T_MIXER}"}
      rank_pattern:
        c: ${T_SEED}
- {kind: evaluate, suites: {tsv: "x/dev_${T_A}.tsv", blank: true, judge_url: "http://h/${T_A}", judge_model: "${T_A}", judge_key_env: "${T_KEY}"}}
- kind: evaluate
  name: second
  suites: ["${T_A}/y.tsv", {tsv: z.tsv, name: "${T_A}"}]
`

func manyVariables(t *testing.T) {
	env(t, "T_SEED=3", "T_BASE=/abs/base", "T_A=aa", "T_B=bb", "T_SHARE=0.25", "T_WORKERS=2", "T_MIXER=none", "T_KEY=SOME_KEY")
}

func TestWritten(t *testing.T) {
	manyVariables(t)
	r := parse2(t, "dir/r.yaml", manyPlaces)
	w := r.Written()
	if w.Model.From != "${T_BASE}/m" || !slices.Equal(w.Data.Images, []Path{"${T_A}", "${T_B}"}) || !slices.Equal(w.Data.Ignore, []string{"${T_A}"}) || w.Data.Validation != 0.25 {
		t.Errorf("%+v %+v", w.Model, w.Data)
	}
	tune := w.Stages[0].Train
	if tune.Sources[0].Path != "${T_A}/d" || !slices.Equal(tune.Images, w.Data.Images) || !slices.Equal(tune.Ignore, w.Data.Ignore) ||
		tune.Adapters.Language.Targets[0] != "${T_A}" || tune.Adapters.Language.MixerPattern[1].Value != "${T_MIXER}" || tune.Adapters.Language.MixerPattern[0].Layers != "a.b" {
		t.Errorf("%+v %+v", tune, tune.Adapters.Language)
	}
	first, second := w.Stages[1].Evaluate.Suites, w.Stages[2].Evaluate.Suites
	if s := first[0]; s.TSV != "x/dev_${T_A}.tsv" || s.Name != "dev_T_A-blank" || s.JudgeModel != "${T_A}" || s.JudgeURL != "http://h/${T_A}" || s.JudgeKeyEnv != "${T_KEY}" {
		t.Errorf("%+v", s)
	}
	if second[0].Name != "y" || second[1].Name != "${T_A}" || r.Stages[2].Evaluate.Suites[1].Name != "aa" {
		t.Errorf("%+v", second)
	}
	if r.Model.From != "/abs/base/m" || r.Stages[0].Train.Sources[0].Path != Path(filepath.Join("dir", "aa", "d")) || r.Stages[0].Train.Adapters.Language.Targets[0] != "aa" {
		t.Errorf("the recipe itself is changed: %+v", r)
	}
	all, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	for i := range r.Stages {
		b := stageJSON(t, r, i)
		for _, value := range []string{`"aa`, "aa/", "_aa", "bb", "/abs/base", "0.25", `"seed":3`, "none"} {
			if strings.Contains(b, value) || strings.Contains(string(all), value) {
				t.Errorf("%s is in\n%s\n%s", value, b, all)
			}
		}
	}
	for i, want := range [][]string{{"T_A", "T_B", "T_BASE", "T_MIXER", "T_SEED", "T_SHARE"}, {"T_A", "T_BASE", "T_SEED"}, {"T_A", "T_BASE", "T_SEED"}} {
		values, err := r.Variables(i)
		if err != nil || len(values) != len(want) {
			t.Errorf("stage %d: %v, %v, want %v", i, values, err, want)
		}
		for _, name := range want {
			if values[name] != os.Getenv(name) {
				t.Errorf("stage %d: %v, want %v", i, values, want)
			}
		}
	}
}

func TestMask(t *testing.T) {
	dir := t.TempDir()
	env(t, "T_LONG=a secret", "T_NAMED=T_LONG", "T_SHORT=zq", "T_UP=../other/place", "T_QUOTE=say \"no\"", "T_HERE=.", "T_N=1234")
	r := parse2(t, filepath.Join(dir, "sub", "r.yaml"), `name: s
model: {from: "${T_UP}/m", adapters: ["${T_SHORT}/a", "${T_HERE}"]}
stages:
- kind: align
  data: d/${T_SHORT}
  steps: ${T_N}
  ignore: ["${T_LONG}", "${T_NAMED}", "${T_QUOTE}"]
`)
	at := func(parts ...string) string { return filepath.Join(append([]string{dir}, parts...)...) }
	for text, want := range map[string]string{
		"of a secret, T_LONG":           "of ${T_LONG}, ${T_NAMED}", // what is put in is not looked at again
		"a secretary":                   "a secretary",              // another word
		"zq is short":                   "zq is short",
		`"zq" is in quotation marks`:    `"${T_SHORT}" is in quotation marks`,
		`found "say \"no\"" here`:       `found "${T_QUOTE}" here`,
		"1234 steps":                    "1234 steps", // a number hides nothing
		at("other", "place", "m", "x"):  at("sub", "${T_UP}/m") + "/x",
		at("other", "place") + ": gone": at("sub", "${T_UP}") + ": gone",
		at("other", "places"):           at("other", "places"),
		at("sub", "zq", "a") + "-b":     at("sub", "${T_SHORT}") + "/a-b",
		at("sub", "d", "zq"):            at("sub", "d", "${T_SHORT}"),
		"/ and . stay":                  "/ and . stay",
	} {
		if got := r.Mask(filepath.ToSlash(text)); got != filepath.ToSlash(want) {
			t.Errorf("%s is shown as %s, want %s", text, got, want)
		}
	}
	for _, path := range []string{at("other", "place", "m", "x"), at("sub", "d", "zq"), at("${T_LONG}", "a secret"), "/elsewhere"} {
		written := r.WrittenPath(path)
		if back, err := Expand(written); err != nil || filepath.Clean(back) != path {
			t.Errorf("%s is written as %s, which is %s (%v)", path, written, back, err)
		}
	}
}

// TestUnset: a recipe whose variables are not set is an error that names the key; a record says so where they are needed.
func TestUnset(t *testing.T) {
	manyVariables(t)
	r := parse2(t, "dir/r.yaml", manyPlaces)
	dir := t.TempDir()
	record, err := r.Record(dir)
	if err != nil {
		t.Fatal(err)
	}
	read := func(unset ...string) (*Recipe, error) {
		manyVariables(t)
		for _, name := range unset {
			os.Unsetenv(name)
		}
		r, err := words.FromRecord(record, dir)
		if err != nil {
			return nil, err
		}
		return r, r.ModelNeeds()
	}
	if _, err := read(); err != nil {
		t.Error(err)
	}
	r, err = read("T_A", "T_B", "T_SHARE", "T_WORKERS", "T_MIXER", "T_KEY")
	if err != nil || r.Model.From != "/abs/base/m" || r.Seed != 3 {
		t.Errorf("%v, %+v", err, r)
	}
	for name, want := range map[string]string{"T_BASE": "r.yaml: model.from: the environment variable \"T_BASE\" is not set", "T_SEED": "r.yaml: seed: the environment variable \"T_SEED\" is not set"} {
		if _, err := read(name); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
		if _, err := words.Parse("r.yaml", []byte(manyPlaces)); err == nil || !strings.Contains(err.Error(), want[strings.Index(want, ": ")+2:]) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	manyVariables(t)
	os.Unsetenv("T_A")
	_, err = words.Parse("r.yaml", []byte("name: s\nmodel: {from: m}\nstages: {kind: \"${T_A}\"}\n"))
	if err == nil || !strings.HasSuffix(err.Error(), `stages.0.kind: the environment variable "T_A" is not set`) {
		t.Error(err)
	}
}

// TestRecordElsewhere: a variable that is not set in the place of a recipe is an error where paths are relative to it.
func TestRecordElsewhere(t *testing.T) {
	home, runs := filepath.Join(t.TempDir(), "zq-home"), t.TempDir()
	if err := os.MkdirAll(home, 0o777); err != nil {
		t.Fatal(err)
	}
	for model, want := range map[string]string{"/abs/m": "", "m": `model.from: the environment variable "T_HOME" is not set`} {
		env(t, "T_HOME=zq-home")
		r := parse2(t, filepath.Join(home, "r.yaml"), "name: s\nmodel: {from: "+model+"}\nstages: {kind: align, data: \"${T_HOME}/d\"}\n")
		b, err := r.Record(runs)
		if err != nil {
			t.Fatal(err)
		}
		os.Unsetenv("T_HOME")
		if r, err = words.FromRecord(b, runs); err != nil {
			t.Fatal(err)
		}
		if err := r.ModelNeeds(); want == "" && err != nil || want != "" && (err == nil || !strings.HasSuffix(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", model, err, want)
		}
	}
}

// TestNamesWithVariables: stages are found by their names, written or expanded, and an override is recorded by the written one.
func TestNamesWithVariables(t *testing.T) {
	env(t, "T_NAME=zq-warm")
	r := parse2(t, "r.yaml", "name: s\nmodel: {from: m}\nstages:\n- {kind: align, name: \"${T_NAME}\", data: d}\n- {kind: tune, from: \"${T_NAME}\", data: d, adapters: {language: {}}}\n")
	for _, name := range []string{"zq-warm", "${T_NAME}"} {
		if err := r.Override([]string{"stages." + name + ".lr=0.5"}); err != nil || r.Stages[0].Train.LR != 0.5 {
			t.Errorf("%s: %v", name, err)
		}
	}
	b, err := r.Record(t.TempDir())
	if err != nil || strings.Contains(string(b), "zq-warm") || strings.Count(string(b), "stages.${T_NAME}.lr=0.5") != 2 {
		t.Errorf("%v\n%s", err, b)
	}
	part, err := r.Select(Selection{Stages: []string{"zq-warm", "tune"}})
	if err != nil || len(part.Stages) != 2 || part.Stages[1].From != "zq-warm" {
		t.Errorf("%v, %+v", err, part)
	}
}

func TestSeal(t *testing.T) {
	sealed, err := Seal(map[string]string{"A": "zq", "B": "zq"})
	if err != nil {
		t.Fatal(err)
	}
	known.Clear() // another process
	if sealed["A"] == sealed["B"] || !IsSealed(sealed["A"], "zq") || IsSealed(sealed["A"], "zz") || IsSealed("", "zq") {
		t.Errorf("%v", sealed)
	}
}
