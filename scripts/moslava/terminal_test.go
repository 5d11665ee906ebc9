package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"moslava/internal/terminal"
)

const esc = "\x1b]0;owned\x07\x1b[2J\u009b31m\u202e"

// Whatever files, rows, names and answers hold, nothing that a terminal acts on is printed.
func TestNothingMovesTheCursor(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Skip("needs a file system that takes such names: ", err)
		}
		return path
	}
	suite := put("suite"+esc+".tsv", "index\tquestion\tA\tB\tanswer\tcategory\t"+esc+"\n1\tq"+esc+"\tx\ty\tA\tc"+esc+"\t\n")
	answers := put("answers.jsonl", `{"id": 1, "raw": "A \u001b[2J"}`+"\n")
	config := put("config.json", `{"model_type": "`+strings.ReplaceAll(strings.ReplaceAll(esc, "\x1b", `\u001b`), "\x07", `\u0007`)+`"}`)
	recipe := put("r.yaml", "name: x\nmodel: {language: \"a\\e[2J\"}\n")
	for name, args := range map[string][]string{
		"a file that is not there": {"inspect", filepath.Join(dir, esc)},
		"a suite's name and rows":  {"score", "--suite", suite, "--predictions", answers},
		"the same as JSON":         {"score", "--suite", suite, "--predictions", answers, "--json"},
		"a suite that is none":     {"score", "--suite", put("bad.tsv", "index\tquestion\tanswer\n"+esc+"\tq\t"+esc+"\n"), "--predictions", answers},
		"a column":                 {"score", "--suite", put("cols.tsv", "x"+esc+"\ty\n1\t2\n"), "--predictions", answers},
		"a model's configuration":  {"inspect", filepath.Dir(config)},
		"a model that is none":     {"ask", filepath.Dir(config), "none", "q"},
		"a recipe":                 {"run", recipe},
		"a flag":                   {"ask", "--" + esc},
		"a command":                {"do" + esc},
	} {
		var stdout, stderr bytes.Buffer
		c := root()
		say := printSafely(c, &stdout, &stderr)
		c.SetArgs(args)
		if err := c.Execute(); err != nil {
			tellError(say, err)
		}
		all := stdout.String() + stderr.String()
		if all == "" || strings.ContainsFunc(all, terminal.Control) {
			t.Errorf("%s: found %q", name, all)
		}
	}
}
