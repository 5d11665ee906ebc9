package pyregexp

import (
	"strings"
	"testing"
)

// What Python 3.11's re says of the same expressions and names.
func TestPythonExpressions(t *testing.T) {
	for _, c := range []struct {
		end        bool
		text, name string
		want       bool
	}{
		{false, `^(?!.*mlp).*\.(q_proj|v_proj)$`, "model.layers.0.self_attn.q_proj", true},
		{false, `^(?!.*mlp).*\.(q_proj|v_proj)$`, "model.layers.0.mlp.q_proj", false},
		{false, `.*q_proj`, "model.q_proj.more", false},
		{false, `q_proj|v_proj`, "model.q_proj", false},
		{false, `a|ab`, "ab", true}, // fullmatch tries the second way
		{false, `.*(?<!vision)\.q_proj`, "a.vision.q_proj", false},
		{false, `(?P<x>a+)b`, "aab", true},
		{true, `^(?!.*layers\.0).*q_proj`, "model.layers.1.self_attn.q_proj", true},
		{true, `^(?!.*layers\.0).*q_proj`, "model.layers.0.self_attn.q_proj", false},
		{true, `layers\.1\.self_attn\.v_proj`, "model.layers.1.self_attn.v_proj", true},
		{true, `proj`, "model.q_proj", false},
		{true, `q_proj|o`, "model.o", true},
	} {
		compile := Full
		if c.end {
			compile = End
		}
		e, err := compile(c.text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := e.Match(c.name); err != nil || got != c.want {
			t.Errorf("%q on %q: %v, %v; want %v", c.text, c.name, got, err, c.want)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, text := range []string{`(a`, `a)`, `)(`, `[`} {
		if _, err := Full(text); err == nil {
			t.Errorf("%q compiles", text)
		}
		if _, err := End(text); err == nil {
			t.Errorf("%q compiles", text)
		}
	}
	e, err := Full(`(a+)+b`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Match(strings.Repeat("a", 60)); err == nil || !strings.Contains(err.Error(), "nested repetitions") {
		t.Errorf("a pattern without end: %v", err)
	}
}
