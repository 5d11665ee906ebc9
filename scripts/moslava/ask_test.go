package main

import (
	"bytes"
	"encoding/json"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"moslava/pipelines/demo/scenes"
)

// tinyRecipe trains a model of drawn weights for a few steps, and adapters on top that change what it says.
const tinyRecipe = `
name: ask
seed: 3
model: {vision: VISION, language: LANGUAGE, init: random, feature_layer: -1}
stages:
  - {kind: pretrain, data: "scenes:pretrain?n=8&seed=1", batch: 2, steps: 8, lr: 3e-3}
  - {kind: export, name: base}
  - {kind: tune, data: "scenes:tune?n=8&seed=1", batch: 2, steps: 3, lr: 0.05, adapters: {language: {r: 4, mixer: orthogonal}}}
  - {kind: export, name: adapters, format: peft}
`

// tinyModel returns a model directory and one of adapters for it.
func tinyModel(t *testing.T) (dir, adapters string) {
	t.Helper()
	towers, err := filepath.Abs("../recipes/tiny")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ask.yaml")
	text := strings.NewReplacer("VISION", filepath.Join(towers, "vision"), "LANGUAGE", filepath.Join(towers, "language")).Replace(tinyRecipe)
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	runs := t.TempDir()
	if _, err := command("run", path, "--set", "run_dir="+runs); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(runs, "01-base", "hf"), filepath.Join(runs, "03-adapters", "peft")
}

// command runs moslava with arguments and returns what it prints.
func command(args ...string) (string, error) {
	var out bytes.Buffer
	c := root()
	c.SetArgs(args)
	c.SetOut(&out)
	c.SetErr(io.Discard)
	err := c.Execute()
	return out.String(), err
}

// greyPicture writes a picture without anything in it.
func greyPicture(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "grey.png")
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 20, 30))); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAsk(t *testing.T) {
	dir, adapters := tinyModel(t)
	picture := greyPicture(t)
	question := []string{"What is in the picture?", "--max-new", "12"}
	answer := func(extra ...string) (string, askAnswer) {
		t.Helper()
		args := append([]string{"ask", dir}, append(extra, question...)...)
		plain, err := command(args...)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := command(append(args, "--json")...)
		if err != nil {
			t.Fatal(err)
		}
		var a askAnswer
		if err := json.Unmarshal([]byte(raw), &a); err != nil {
			t.Fatalf("%v in %q", err, raw)
		}
		if plain != a.Text+"\n" {
			t.Errorf("printed %q, in JSON %q", plain, a.Text)
		}
		if len(a.NewIDs) == 0 || len(a.NewIDs) > 12 {
			t.Errorf("%d new ids", len(a.NewIDs))
		}
		return plain, a
	}
	plain, with := answer(picture)
	said, without := answer("none")
	if again, _ := answer(); again != said {
		t.Errorf("without a picture %q and %q", said, again)
	}
	if got := len(with.PromptIDs) - len(without.PromptIDs); got < scenes.NumCells {
		t.Errorf("a picture makes the prompt %d tokens longer, want at least its %d", got, scenes.NumCells)
	}
	_, both := answer(picture, picture)
	if got := len(both.PromptIDs) - len(without.PromptIDs); got < 2*scenes.NumCells {
		t.Errorf("two pictures make the prompt %d tokens longer, want at least their %d", got, 2*scenes.NumCells)
	}
	if adapted, _ := answer(picture, "--adapters", adapters); adapted == plain {
		t.Errorf("with adapters and without %q", plain)
	}
	one, _ := answer(picture, "--temperature", "2", "--seed", "1")
	same, _ := answer(picture, "--temperature", "2", "--seed", "1")
	other, _ := answer(picture, "--temperature", "2", "--seed", "2")
	if one != same || one == other {
		t.Errorf("sampled %q and %q with one seed, %q with another", one, same, other)
	}
	narrow, _ := answer(picture, "--temperature", "2", "--top-p", "1e-9")
	if narrow != plain {
		t.Errorf("the most probable token each time gives %q, greedy %q", narrow, plain)
	}
}

// TestAskARun: a run, or a stage in it, stands for the model that it left, which answers as what was exported of it.
func TestAskARun(t *testing.T) {
	model, adapters := tinyModel(t)
	run, picture := filepath.Dir(filepath.Dir(model)), greyPicture(t)
	say := func(args ...string) string {
		t.Helper()
		out, err := command(append(append([]string{"ask"}, args...), picture, "What is in the picture?", "--max-new", "12", "--json")...)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	plain, tuned := say(model), say(model, "--adapters", adapters)
	for dir, want := range map[string]string{run: tuned, filepath.Join(run, "00-pretrain"): plain, filepath.Join(run, "02-tune"): tuned,
		filepath.Join(run, "01-base"): plain, filepath.Join(run, "03-adapters"): tuned} {
		if got := say(dir); got != want {
			t.Errorf("%s says %q, want %q", dir, got, want)
		}
	}
	if got := say(filepath.Join(run, "00-pretrain"), "--adapters", adapters); got != tuned {
		t.Errorf("with adapters %q, want %q", got, tuned)
	}
	if _, err := command("ask", run, "none", "?", "--adapters", adapters); err == nil || !strings.Contains(err.Error(), "02-tune has adapters already") {
		t.Errorf("adapters on adapters: %v", err)
	}
}

func TestAskSaysWhatIsWrong(t *testing.T) {
	dir, _ := tinyModel(t)
	empty, grey := t.TempDir(), greyPicture(t)
	text, nothing := filepath.Join(empty, "notes.txt"), filepath.Join(empty, "empty.png")
	for path, content := range map[string]string{text: "not a picture at all", nothing: ""} {
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for name, tt := range map[string]struct {
		args []string
		want []string
	}{
		"no picture there": {[]string{dir, filepath.Join(empty, "none.png"), "?"}, []string{"none.png", "no such file"}},
		"not a picture":    {[]string{dir, text, "?"}, []string{"notes.txt", "picture format"}},
		"empty file":       {[]string{dir, nothing, "?"}, []string{"empty.png", "empty"}},
		"a directory":      {[]string{dir, empty, "?"}, []string{"is a directory"}},
		"not a model":      {[]string{empty, "none", "?"}, []string{empty, "no model directory", "config.json"}},
		"a tower":          {[]string{"../recipes/tiny/vision", "none", "?"}, []string{"tiny/vision", "clip_vision_model", "llava"}},
		"no adapters":      {[]string{dir, "none", "?", "--adapters", empty}, []string{"adapter_config.json"}},
		"marker":           {[]string{dir, "none", "what is <image>?"}, []string{"1 image marker", "0 images"}},
		"too long":         {[]string{dir, "none", "?", "--max-new", "5000"}, []string{"--max-new", "5000", "1024"}},
		"unknown weights":  {[]string{dir, "none", "?", "--weights", "int3"}, []string{"--weights", "int3", "bf16, q8, nf4"}},
		"no tokens":        {[]string{dir, "none", "?", "--max-new", "0"}, []string{"--max-new", "0"}},
		"temperature":      {[]string{dir, "none", "?", "--temperature", "-1"}, []string{"--temperature", "-1"}},
		"NaN":              {[]string{dir, "none", "?", "--temperature", "NaN"}, []string{"--temperature", "NaN"}},
		"top-p":            {[]string{dir, "none", "?", "--top-p", "0"}, []string{"--top-p", "0"}},
		"arguments":        {[]string{dir}, []string{"1 argument", "ask MODEL [IMAGE...] QUESTION"}},
		"no question":      {[]string{dir, text}, []string{"notes.txt", "no question"}},
		"nothing at all":   {[]string{dir, "none"}, []string{`"none"`, "no question"}},
		"none and others":  {[]string{dir, text, "none", "?"}, []string{"none: no such file"}},
		"second picture":   {[]string{dir, grey, text, "?"}, []string{"notes.txt", "picture 2: ", "picture format"}},
		"markers":          {[]string{dir, grey, grey, "<image> or?"}, []string{"1 image marker", "2 images"}},
	} {
		out, err := command(append([]string{"ask"}, tt.args...)...)
		if err == nil {
			t.Errorf("%s: no error, printed %q", name, out)
			continue
		}
		for _, w := range tt.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %q does not mention %q", name, err, w)
			}
		}
	}
}
