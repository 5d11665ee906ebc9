package chat

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// Templates with {% generation %} blocks give the ids and the mask of transformers (testdata/make_generation.py).
func TestGenerationBlocksAsTransformers(t *testing.T) {
	tok := byteTokenizer(t)
	for _, r := range readJSON[[]struct {
		Name, Template string
		Messages       []Message
		IDs, Mask      []int32
	}](t, "generation.golden.json") {
		tmpl, err := Parse(r.Template, nil)
		if err != nil {
			t.Fatal(err)
		}
		e, err := tmpl.Encode(tok, r.Messages, Options{})
		if err != nil {
			t.Errorf("%s: %v", r.Name, err)
			continue
		}
		mask := make([]int32, len(e.Labels))
		for i, l := range e.Labels {
			if l != IgnoreIndex {
				mask[i] = 1
				if l != e.IDs[i] {
					t.Errorf("%s: label %d is %d, the id %d", r.Name, i, l, e.IDs[i])
				}
			}
		}
		if !slices.Equal(e.IDs, r.IDs) || !slices.Equal(mask, r.Mask) {
			t.Errorf("%s, %d messages:\n ids %v\nwant %v\nmask %v\nwant %v", r.Name, len(r.Messages), e.IDs, r.IDs, mask, r.Mask)
		}
	}
}

func TestGenerationBlocksThatAreNone(t *testing.T) {
	tok := byteTokenizer(t)
	talk := []Message{{"user", "a"}, {"assistant", "b"}}
	for source, want := range map[string]string{
		"{% for m in messages %}<|im_start|>{{ m.role }}\n{% generation %}{% generation %}{{ m.content }}{% endgeneration %}{% endgeneration %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}": "block inside another",
		"{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}{% generation %}{% endgeneration %}":                                    ErrNoTargets.Error(),
	} {
		tmpl, err := Parse(source, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tmpl.Encode(tok, talk, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v, want %q", source, err, want)
		} else if want == ErrNoTargets.Error() && !errors.Is(err, ErrNoTargets) {
			t.Errorf("%v does not wrap ErrNoTargets", err)
		}
	}
}

// What is supervised, decoded, is what the assistant said, whatever the template and however many turns.
func TestSupervisedSpans(t *testing.T) {
	tok := byteTokenizer(t)
	for _, e := range []string{"<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "</s>"} {
		if _, err := tok.AddSpecial(e); err != nil {
			t.Fatal(err)
		}
	}
	talk := []Message{{"system", "Be brief."}, {"user", "One?"}, {"assistant", "1, and é 🙂"}, {"user", "Two?"}, {"assistant", "two\nlines"}}
	for name, end := range map[string]string{"chatml": "<|im_end|>", "internlm2_chat": "<|im_end|>", "qwen": "<|im_end|>", "llama3_chat": "<|eot_id|>", "vicuna_v1": "</s>"} {
		named, err := Named(name)
		if err != nil {
			t.Fatal(err)
		}
		source, vars := named.Source()
		jinja, err := Parse(source, vars)
		if err != nil {
			t.Fatal(err)
		}
		for kind, tmpl := range map[string]*Template{"named": named, "Jinja": jinja} {
			for _, in := range [][]Message{talk, talk[1:], talk[:3], talk[1:3]} {
				e, err := tmpl.Encode(tok, in, Options{})
				if err != nil {
					t.Fatal(err)
				}
				var spans []string
				for i := 0; i < len(e.Labels); i++ {
					from := i
					for i < len(e.Labels) && e.Labels[i] != IgnoreIndex {
						i++
					}
					if i > from {
						spans = append(spans, strings.TrimPrefix(tok.Decode(e.Labels[from:i], false), " "))
					}
				}
				var want []string
				for _, m := range in {
					if m.Role == "assistant" {
						want = append(want, m.Content+end)
					}
				}
				if !slices.Equal(spans, want) {
					t.Errorf("%s as %s: supervised %q, want %q", name, kind, spans, want)
				}
			}
		}
	}
}
