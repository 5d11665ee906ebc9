package chat

import (
	"slices"
	"testing"
)

// An answer that is context keeps its ids and loses its labels, whatever the template.
func TestContextIsNotSupervised(t *testing.T) {
	tok := byteTokenizer(t)
	for _, e := range []string{"<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "</s>"} {
		if _, err := tok.AddSpecial(e); err != nil {
			t.Fatal(err)
		}
	}
	templates := map[string]*Template{"Jinja": parsed(t, smolLM2, nil), "generation blocks": parsed(t, "{% for m in messages %}<|im_start|>{{ m.role }}\n"+
		"{% if m.role == 'assistant' %}{% generation %}{{ m.content }}<|im_end|>{% endgeneration %}{% else %}{{ m.content }}<|im_end|>{% endif %}\n{% endfor %}"+
		"{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}", nil)}
	for _, name := range []string{"chatml", "qwen", "llama3_chat", "vicuna_v1"} {
		templates[name] = named(t, name)
	}
	talk := []Message{{"system", "S"}, {"user", "One?"}, {"assistant", "bad"}, {"user", "Two?"}, {"assistant", "good"}}
	for name, tmpl := range templates {
		all, err := tmpl.Encode(tok, talk, Options{})
		if err != nil {
			t.Fatal(name, err)
		}
		some, err := tmpl.Encode(tok, talk, Options{Context: []int{2}})
		if err != nil {
			t.Fatal(name, err)
		}
		if !slices.Equal(all.IDs, some.IDs) {
			t.Errorf("%s: other ids", name)
		}
		first, err := tmpl.Encode(tok, talk[:3], Options{})
		if err != nil {
			t.Fatal(name, err)
		}
		count := func(e Encoded) (n int) {
			for _, l := range e.Labels {
				if l != IgnoreIndex {
					n++
				}
			}
			return n
		}
		if got, want := count(some), count(all)-count(first); got != want || want == 0 {
			t.Errorf("%s: %d labels, want %d", name, got, want)
		}
		for i, l := range some.Labels {
			if l != IgnoreIndex && (i < len(first.IDs)-1 || l != all.Labels[i]) {
				t.Errorf("%s: label %d at %d", name, l, i)
			}
		}
	}
}
