package terminal

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{
		"plain\ttext\n是的 🙂 é":     "plain\ttext\n是的 🙂 é",
		"\x1b[2J":                 `\u001b[2J`,
		"\x1b]0;title\x07":        `\u001b]0;title\u0007`,
		"a\rb\bc\x7f\x00":         `a\u000db\u0008c\u007f\u0000`,
		"\u009b31m":               `\u009b31m`,
		"\x9b31m":                 `\x9b31m`,
		"\u202etxt.exe\u2066":     `\u202etxt.exe\u2066`,
		"שלום\u200f":              "שלום\u200f",
		"\xe6\x98":                `\xe6\x98`,
		"\xed\xa0\x80":            `\xed\xa0\x80`,
		"\U000e0001 is no matter": "\U000e0001 is no matter",
	} {
		if got := Escape(in); got != want {
			t.Errorf("%q: found %q, expected %q", in, got, want)
		}
	}
	if got := Line("a\x1b[2J\nb\tc\u2028d\u202ee"); got != "a [2J b c d e" {
		t.Errorf("found %q", got)
	}
}

// A writer gives the same whatever parts the text comes in.
func TestWriterInParts(t *testing.T) {
	text := "é\x1b[1m是🙂\xff\u009b\n\xe6"
	for size := 1; size < len(text); size++ {
		var out bytes.Buffer
		w := NewWriter(&out)
		for rest := text; rest != ""; {
			n := min(size, len(rest))
			if m, err := w.Write([]byte(rest[:n])); m != n || err != nil {
				t.Fatal(m, err)
			}
			rest = rest[n:]
		}
		if err := w.Flush(); err != nil || out.String() != Escape(text) {
			t.Errorf("%d bytes at a time: found %q, expected %q, %v", size, out.String(), Escape(text), err)
		}
	}
}

// JSON that passes a writer is the same value.
func TestJSONStays(t *testing.T) {
	text := "\x1b[2J \u009b \u202e \x7f \\u001b é"
	var out bytes.Buffer
	if err := json.NewEncoder(NewWriter(&out)).Encode(text); err != nil {
		t.Fatal(err)
	}
	var back string
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || back != text || strings.ContainsFunc(out.String(), Control) {
		t.Errorf("found %q from %q, %v", back, out.String(), err)
	}
}

func TestRawAndData(t *testing.T) {
	var out bytes.Buffer
	w := NewWriter(&out)
	if Raw(w) != &out || Raw(&out) != &out || Data(w) != &out || Is(w) {
		t.Error("a buffer is no terminal, and what is written to it is data")
	}
}

func FuzzWriter(f *testing.F) {
	f.Add([]byte("a\x1b[2J\xe6\x98"), 3)
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		var out bytes.Buffer
		w := NewWriter(&out)
		cut = min(max(cut, 0), len(b))
		for _, part := range [][]byte{b[:cut], b[cut:]} {
			if _, err := w.Write(part); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil || out.String() != Escape(string(b)) || strings.ContainsFunc(out.String(), Control) {
			t.Errorf("found %q of %q, %v", out.String(), b, err)
		}
	})
}
