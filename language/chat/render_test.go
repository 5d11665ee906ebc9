package chat

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func readJSON[T any](t testing.TB, name string) T {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var v T
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// goldenMessage is a message whose content is a string or a list of parts.
type goldenMessage struct {
	Role    string          `json:"role"`
	Content json.RawMessage `json:"content"`
}

func toMessages(t testing.TB, in []goldenMessage) []Message {
	t.Helper()
	var out []Message
	for _, m := range in {
		var text string
		if json.Unmarshal(m.Content, &text) != nil {
			var parts []struct{ Type, Text string }
			if err := json.Unmarshal(m.Content, &parts); err != nil {
				t.Fatal(err)
			}
			for _, p := range parts {
				if p.Type == "image" {
					text += ImageMarker + "\n"
				} else {
					text += p.Text
				}
			}
		}
		out = append(out, Message{m.Role, text})
	}
	return out
}

var tokens = map[string]string{"bos_token": "<s>", "eos_token": "</s>"}

func TestModelTemplates(t *testing.T) {
	type row struct {
		K, T, N string
		Msgs    []goldenMessage
		G       bool
		Want    string
	}
	for _, r := range readJSON[[]row](t, "jinja.json") {
		tmpl, err := Parse(r.T, tokens)
		if err != nil {
			t.Errorf("%s: %v", r.K, err)
			continue
		}
		if tmpl.parts != (r.N == "mm") {
			t.Errorf("%s: list of parts %v, want %v", r.K, tmpl.parts, r.N == "mm")
		}
		if got, err := tmpl.Render(toMessages(t, r.Msgs), r.G); err != nil || got != r.Want {
			t.Errorf("%s, prompt %v:\n got %q (%v)\nwant %q", r.K, r.G, got, err, r.Want)
		}
	}
}

func TestJinjaFeatures(t *testing.T) {
	type tmpl struct {
		Name, Template string
		Rows           []struct {
			Messages    []goldenMessage
			Prompt      bool
			Want, Error string
		}
	}
	for _, c := range readJSON[[]tmpl](t, "templates.json") {
		t.Run(c.Name, func(t *testing.T) {
			tmpl, err := Parse(c.Template, tokens)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range c.Rows {
				got, err := tmpl.Render(toMessages(t, r.Messages), r.Prompt)
				switch {
				case r.Error != "" && (err == nil || !strings.Contains(err.Error(), r.Error)):
					t.Errorf("error %v, want %s", err, r.Error)
				case r.Error == "" && (err != nil || got != r.Want):
					t.Errorf("prompt %v\n got %q (%v)\nwant %q", r.Prompt, got, err, r.Want)
				}
			}
		})
	}
}

func TestNamed(t *testing.T) {
	one := []Message{{"user", "<image>\nWhat?"}, {"assistant", "A cat."}}
	two := append(one[:2:2], Message{"user", "Sure?"})
	system := append([]Message{{"system", "Be brief."}}, two...)
	silent := append([]Message{{"system", ""}}, two...)
	for _, c := range []struct {
		name   string
		in     []Message
		prompt bool
		want   string
	}{
		{"vicuna_v1", one, false, vicunaSystem + " USER: <image>\nWhat? ASSISTANT: A cat.</s>"},
		{"vicuna_v1", one[:1], true, vicunaSystem + " USER: <image>\nWhat? ASSISTANT:"},
		{"vicuna_v1", system, true, "Be brief. USER: <image>\nWhat? ASSISTANT: A cat.</s>USER: Sure? ASSISTANT:"},
		{"vicuna_v1", silent, true, "USER: <image>\nWhat? ASSISTANT: A cat.</s>USER: Sure? ASSISTANT:"},
		{"chatml", one, false, "<|im_start|>user\n<image>\nWhat?<|im_end|>\n<|im_start|>assistant\nA cat.<|im_end|>\n"},
		{"chatml", system[:2], true, "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n<image>\nWhat?<|im_end|>\n<|im_start|>assistant\n"},
		{"internlm2_chat", one[:1], true, "<|im_start|>user\n<image>\nWhat?<|im_end|>\n<|im_start|>assistant\n"},
		{"qwen", one, false, "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n<image>\nWhat?<|im_end|>\n<|im_start|>assistant\nA cat.<|im_end|>\n"},
		{"qwen", system[:2], true, "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n<image>\nWhat?<|im_end|>\n<|im_start|>assistant\n"},
		{"llama3_chat", system[:3], true, "<|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n<image>\nWhat?<|eot_id|>" +
			"<|start_header_id|>assistant<|end_header_id|>\n\nA cat.<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"},
		{"plain", one, false, "<image>A cat.\n"},
		{"plain", one[:1], true, "<image>"},
	} {
		tmpl, err := Named(c.name)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := tmpl.Render(c.in, c.prompt); err != nil || got != c.want {
			t.Errorf("%s:\n got %q (%v)\nwant %q", c.name, got, err, c.want)
		}
		source, vars := tmpl.Source()
		if c.name == "plain" {
			if source != "" {
				t.Errorf("plain gives %q to those who ask questions", source)
			}
			continue
		}
		written, err := Parse(source, vars)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := written.Render(c.in, c.prompt); err != nil || got != c.want {
			t.Errorf("%s, as it is written beside a model:\n got %q (%v)\nwant %q", c.name, got, err, c.want)
		}
	}
	for name, in := range map[string][]Message{
		"vicuna_v1": {{"user", "a"}, {"user", "b"}}, "chatml": {{"human", "a"}}, "plain": {{"user", "no image"}},
	} {
		tmpl, _ := Named(name)
		if _, err := tmpl.Render(in, true); err == nil || !strings.Contains(err.Error(), "message ") {
			t.Errorf("%s: error %v", name, err)
		}
		if _, err := tmpl.Render(nil, true); err == nil {
			t.Errorf("%s: an empty conversation was rendered", name)
		}
	}
	if _, err := Named("vicuna"); err == nil || !strings.Contains(err.Error(), "chatml, internlm2_chat, llama3_chat, plain, qwen, vicuna_v1") {
		t.Errorf("error %v", err)
	}
}

func TestParseErrors(t *testing.T) {
	for source, want := range map[string]string{
		"a\n{{ x":                        `line 2: "{{" is never closed`,
		"{# x":                           "never closed",
		"{% raw %} {{ x }}":              "never closed",
		"{% if x %}":                     "",
		"{% include '/secret.txt' %}":    "include",
		"{% import 'x' as y %}":          "import",
		"{{ x | nosuchfilter }}":         "nosuchfilter",
		strings.Repeat(" ", maxSource+1): "262145 bytes",
	} {
		tmpl, err := Parse(source, nil)
		if err == nil { // an unknown filter is noticed when it is used
			_, err = tmpl.Render([]Message{{"user", "a"}}, true)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: error %v, want %s", source, err, want)
		}
	}
}

func TestTemplateCannotGrowWithoutBound(t *testing.T) {
	tmpl, err := Parse("{% for i in range(1000) %}"+strings.Repeat("x", 200_000)+"{% endfor %}", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tmpl.Render([]Message{{"user", "a"}}, true); err == nil || !strings.Contains(err.Error(), "limit of bytes") {
		t.Errorf("error %v", err)
	}
	tmpl, err = Parse("{{ range(1000000000) }}", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tmpl.Render([]Message{{"user", "a"}}, true); err == nil || !strings.Contains(err.Error(), "range") {
		t.Errorf("error %v", err)
	}
}

func TestConcurrentRender(t *testing.T) {
	tmpl, err := Parse("{% macro f(x) %}<{{ x }}>{% endmacro %}{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{{ f(m.content) }}{{ ns.n }}{% endfor %}", nil)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				if got, err := tmpl.Render([]Message{{"user", "a"}, {"assistant", "b"}}, true); err != nil || got != "<a>1<b>2" {
					t.Errorf("%q (%v)", got, err)
				}
			}
		})
	}
	wg.Wait()
}
