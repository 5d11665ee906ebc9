package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// snapshot lists files with their contents, and directories.
func snapshot(t *testing.T, dir string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			var b []byte
			b, err = os.ReadFile(path)
			path += ": " + string(b)
		}
		list = append(list, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestRefusedLeavesNothing: a command that is refused before it begins leaves the file system as it was, whatever of its input is bad, wherever it was to
// write, and whether it was to set aside what is there.
func TestRefusedLeavesNothing(t *testing.T) {
	model, adapters := tinyModel(t)
	tiny, err := filepath.Abs("../recipes/tiny")
	if err != nil {
		t.Fatal(err)
	}
	const towers = "vision: TINY/vision, language: TINY/language, init: random"
	const tune = "{kind: tune, data: \"scenes:tune?n=8&seed=1\", validation: 0.5, steps: 1, adapters: {language: {r: 2}}}"
	study := "name: s\nbase: BASE\nmethods: [{name: a}, {name: b}]\nbaseline: a\nseeds: [1]\nrun_dir: a/b/c\n"
	files := map[string]string{
		"bad.json": `[{"conversations": [{"from": "human", "value": 7}]}]`, "odd.json": `[{"conversation": []}]`, "data.json": "[]",
		"rows.json": `[{"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}]`,
		"bad.gguf":  "GGUF", "bad.yaml": "name: x\nstage: []\n", "bad.tsv": "index\tquestion\n", "good.tsv": "index\tquestion\tA\tB\tanswer\n1\twhich\tred\tblue\tA\n",
		"bad.png": "no picture", "preprocessor_config.json": `{"image_processor_type": "SiglipImageProcessor", "size": {"height": 8, "width": 8}}`,
		"taken/thesis.tex": "mine", "adapter/adapter_config.json": "{}", "answers.jsonl": "{", "file.npy": "mine",
		"gone.yaml":  "name: g\nrun_dir: a/b/c\nmodel: {from: gone}\nstages:\n- {kind: align, data: rows.json}\n- {kind: export, path: d/e}\n",
		"late.yaml":  "name: l\nrun_dir: a/b/c\nmodel: {" + towers + "}\nstages:\n- {kind: align, data: bad.json}\n- {kind: export, path: d/e}\n",
		"suite.yaml": "name: l\nrun_dir: a/b/c\nmodel: {" + towers + "}\nstages:\n- {kind: align, data: \"scenes:align?n=4\", steps: 1}\n- {kind: evaluate, suites: bad.tsv}\n",
		"judge.yaml": "name: l\nrun_dir: a/b/c\nmodel: {" + towers + "}\nstages:\n- {kind: evaluate, suites: {tsv: good.tsv, judge_url: \"http://127.0.0.1:1\", judge_model: m, judge_key_env: NO_SUCH_KEY}}\n",
		"taken.yaml": "name: l\nrun_dir: a/b/c\nmodel: {" + towers + "}\nstages:\n- {kind: align, data: \"scenes:align?n=4\", steps: 1}\n- {kind: export, path: taken}\n",
		"base.yaml":  "name: b\nmodel: {" + towers + "}\nstages:\n- " + tune + "\n- {kind: evaluate, suites: bad.tsv}\n",
		"baseless":   "name: b\nmodel: {from: gone}\nstages:\n- {kind: align, data: rows.json}\n- " + tune + "\n- {kind: evaluate, suites: good.tsv}\n",
		"s1.yaml":    strings.Replace(study, "BASE", "nope.yaml", 1), "s2.yaml": strings.Replace(study, "BASE", "base.yaml", 1), "s3.yaml": strings.Replace(study, "BASE", "baseless", 1),
	}
	for name, text := range files {
		files[name] = strings.ReplaceAll(text, "TINY", tiny)
	}
	t.Chdir(t.TempDir())
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir("empty", 0o777); err != nil {
		t.Fatal(err)
	}
	cases := map[string][]string{ // by command; arguments are divided by spaces
		"analyze": {"nope --out a/b/c", "adapter --out a/b/c", "adapter --out taken --force", adapters + " --base nope --out a/b/c"},
		"ask":     {"nope what", "empty bad.png what", model + " bad.png what"},
		"compose": {"a/b/c nope=1", "a/b/c nope", "a/b/c adapter=1", "taken adapter=1 --force"},
		"convert": {"nope.json a/b/c", "bad.json a/b/c", "odd.json a/b/c", "data.json a/b/c", "bad.gguf a/b/c", "nope.gguf a/b/c", "rows.json a/b/c --dtype float16",
			"rows.json a/b/c --ignore nope", "rows.json a/b/c --images nope", "bad.json taken --force", "rows.json taken", "rows.json a/b/c --max-pixels -1"},
		"data": {"nope", "check nope.yaml", "check bad.yaml --out a/b/c", "check gone.yaml --out a/b/c", "check late.yaml", "check suite.yaml", "check suite.yaml --out a/b/c --stage nope",
			"check suite.yaml --out taken", "convert nope.json a/b/c", "convert bad.json a/b/c --to parquet", "convert data.json a/b/c --to jsonl", "convert rows.json a/b/c --to nope",
			"convert rows.json a/b/c --shard-size 0", "convert rows.json a/b/c --rows-per-shard -1", "convert rows.json taken", "convert bad.json taken --force", "convert rows.json a/b/c --split nope"},
		"demo": {"--dir taken", "--dir file.npy/a"},
		"evaluate": {"nope good.tsv --out a/b/c", model + " nope.tsv --out a/b/c", model + " bad.tsv --out a/b/c", model + " good.tsv --out a/b/c --protocol nope",
			model + " good.tsv --out a/b/c --shard 3/2", model + " good.tsv --out a/b/c --adapters nope", model + " good.tsv --out a/b/c --weights nope",
			model + " scenes:test?n=6 --out a/b/c --protocol nope", "nope scenes:test?n=6 --out a/b/c", model + " scenes:nope --out a/b/c", model + " good.tsv --out a/b/c --judge-url nope",
			model + " good.tsv --out a/b/c --stop-early", model + " scenes:test?n=6 --out a/b/c --protocol letter-logit --judge-url http://127.0.0.1:1 --judge-model m", "empty nope.tsv", "nope good.tsv --out taken --force"},
		"init": {"nope", "nope --out a/b.yaml", "odd.json --out a/b.yaml", "rows.json --model nope --out a/b.yaml", "rows.json --out a/b.yaml", "rows.json --out bad.yaml",
			"data.json --vision nope --out a/b.yaml"},
		"inspect": {"nope", "bad.yaml"},
		"join":    {"good.tsv nope --out a/b/c", "nope.tsv empty --out a/b/c", "scenes:test?n=6 empty --out a/b/c", "good.tsv empty --out taken --force"},
		"lr": {"nope.yaml", "bad.yaml --out a/b", "gone.yaml --out a/b/c", "late.yaml --out a/b/c", "late.yaml --stage nope --out a/b/c", "taken.yaml --out taken", "taken.yaml --steps 0 --out a/b",
			"taken.yaml --from 1 --to 0.1 --out a/b"},
		"plan": {"nope.yaml", "bad.yaml", "gone.yaml", "late.yaml", "suite.yaml", "taken.yaml --set stages.align.lr=x"},
		"preprocess": {"--config nope bad.png --out a/b.npy", "--config nope bad.png --out b.npy", "--config . bad.png --out b.npy", "--config . nope.png --out b.npy --png c.png",
			"--config . bad.png --out file.npy --force", "--config . bad.png --out b.npy --png a/c.png"},
		"report": {"nope", "nope --out a/b.html", "empty", "empty --out a/b.html", "empty --out file.npy --force"},
		"run": {"nope.yaml", "bad.yaml", "gone.yaml", "late.yaml", "suite.yaml", "judge.yaml", "taken.yaml", "taken.yaml --only nope", "taken.yaml --only export --set stages.export.path=d/e",
			"late.yaml --dry-run", "suite.yaml --dry-run", "late.yaml --force", "late.yaml --set run_dir=empty"},
		"score":      {"--suite nope --predictions nope --verdicts v.jsonl", "--suite good.tsv --predictions answers.jsonl --verdicts a/v.jsonl", "--suite good.tsv --predictions answers.jsonl --verdicts file.npy --force"},
		"study":      {"nope.yaml", "bad.yaml", "s1.yaml", "s2.yaml", "s3.yaml", "s3.yaml --report d/e"},
		"tokenize":   {"--tokenizer nope"},
		"verify":     {"nope nope", model + " nope"},
		"verify-run": {"nope", "empty"},
	}
	for _, c := range root().Commands() {
		if _, ok := cases[c.Name()]; !ok && c.Name() != "version" {
			t.Errorf("no case of %s", c.Name())
		}
	}
	was := snapshot(t, ".")
	for name, list := range cases {
		for _, args := range list {
			t.Run(name+" "+args, func(t *testing.T) {
				text, err := command(append([]string{name}, strings.Fields(args)...)...)
				if err == nil {
					t.Errorf("it is not refused, and says %q", text)
				}
				if now := snapshot(t, "."); !slices.Equal(now, was) {
					var more []string
					for _, file := range now {
						if !slices.Contains(was, file) {
							more = append(more, file)
						}
					}
					t.Errorf("after %v there are %.500q more, and %d in all in the place of %d", err, more, len(now), len(was))
					was = now // one complaint is enough
				}
			})
		}
	}
}
