package main

import (
	"bytes"
	"strings"
	"testing"

	"moslava/language/tokenizer"
)

func runTokenize(t *testing.T, in string, flags ...string) (string, error) {
	t.Helper()
	c := root()
	var out bytes.Buffer
	c.SetArgs(append([]string{"tokenize", "--tokenizer", "../../pipelines/demo/towers/language"}, flags...))
	c.SetIn(strings.NewReader(in))
	c.SetOut(&out)
	err := c.Execute()
	return out.String(), err
}

func TestTokenizeLinesThereAndBack(t *testing.T) {
	long := strings.Repeat("ab c", 300_000) // more than any buffer
	text := "Hello, world\n\n  two  spaces \t tab\r\n" + long + "\nno line break at the end: é 🙂"
	ids, err := runTokenize(t, text)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(ids, "\n"); n != 5 {
		t.Fatalf("%d lines, want 5", n)
	}
	back, err := runTokenize(t, ids, "--decode")
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tokenizer.Open("../../pipelines/demo/towers/language/tokenizer.json")
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(text, "\n") {
		want, err := tok.Encode(line, false)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Split(back, "\n")[i]; got != tok.Decode(want, true) {
			t.Errorf("line %d comes back as %.60q", i, got)
		}
	}
}

func TestTokenizeJSON(t *testing.T) {
	in := "\"a\\nb <&> \\u00e9\"\n\"\"\n"
	ids, err := runTokenize(t, in, "--json")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(ids, "[") || !strings.HasSuffix(ids, "]\n[]\n") {
		t.Fatalf("ids %q", ids)
	}
	back, err := runTokenize(t, ids, "--json", "--decode")
	if err != nil || !strings.Contains(back, `b <&> é"`) || strings.Count(back, "\n") != 2 {
		t.Errorf("back: %q, %v", back, err)
	}
}

func TestTokenizeRefuses(t *testing.T) {
	for _, c := range []struct {
		in    string
		flags []string
		want  string
	}{
		{"\"a\"\nb\n", []string{"--json"}, "line 2: a JSON string expected"},
		{"[1, \"2\"]\n", []string{"--json", "--decode"}, "line 1: a JSON array of ids expected"},
		{"1\n1 x\n", []string{"--decode"}, `line 2: "x" found, an id expected`},
		{"", []string{"--tokenizer", t.TempDir()}, "neither tokenizer.json nor tokenizer.model"},
	} {
		if _, err := runTokenize(t, c.in, c.flags...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q %v: %v, want %q", c.in, c.flags, err, c.want)
		}
	}
	c := root()
	c.SetArgs([]string{"tokenize"})
	if err := c.Execute(); err == nil || !strings.Contains(err.Error(), "tokenizer") {
		t.Errorf("without a tokenizer: %v", err)
	}
}
