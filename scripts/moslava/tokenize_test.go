package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
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

// endless is input without a line break.
type endless struct{ read int }

func (e *endless) Read(b []byte) (int, error) {
	clear(b)
	e.read += len(b)
	return len(b), nil
}

// TestTokenizeEndlessLine: what was answered before is written, and no more is read than the bound.
func TestTokenizeEndlessLine(t *testing.T) {
	c, in := root(), new(endless)
	var out bytes.Buffer
	c.SetArgs([]string{"tokenize", "--tokenizer", "../../pipelines/demo/towers/language"})
	c.SetIn(io.MultiReader(strings.NewReader("a line\n"), in))
	c.SetOut(&out)
	if err := c.Execute(); err == nil || !strings.Contains(err.Error(), "line 2: it has more than 67108864 bytes") {
		t.Errorf("error %v", err)
	}
	if n := strings.Count(out.String(), "\n"); n != 1 || in.read > maxLine+1<<20 {
		t.Errorf("%d lines written, %d bytes read", n, in.read)
	}
}

func TestTokenizeJSON(t *testing.T) {
	in := "\"a\\nb <&> \\u00e9 \\u0085\"\n\"\"\n"
	ids, err := runTokenize(t, in, "--json")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(ids, "[") || !strings.HasSuffix(ids, "]\n[]\n") {
		t.Fatalf("ids %q", ids)
	}
	back, err := runTokenize(t, ids, "--json", "--decode")
	if err != nil || !strings.Contains(back, `b <&> é \u0085"`) || strings.Count(back, "\n") != 2 {
		t.Errorf("back: %q, %v", back, err)
	}
}

// A character without a token is left out and named; other lines are answered.
func TestTokenizeLeavesOutWhatHasNoToken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokenizer.json")
	plain := `{"model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":["a b"]}%s}`
	for rest, want := range map[string]string{
		"": `character "\x04" has no token`,
		`,"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":false}`: "byte 0x04 has no token",
	} {
		if err := os.WriteFile(file, fmt.Appendf(nil, plain, rest), 0o644); err != nil {
			t.Fatal(err)
		}
		c := root()
		var out, warnings bytes.Buffer
		c.SetArgs([]string{"tokenize", "--tokenizer", file})
		c.SetIn(strings.NewReader("a\x04b\nba\n"))
		c.SetOut(&out)
		c.SetErr(&warnings)
		if err := c.Execute(); err != nil || out.String() != "2\n1 0\n" || !strings.Contains(warnings.String(), want) {
			t.Errorf("%q, %q, %v, want %s", &out, &warnings, err, want)
		}
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
