package chat

import "testing"

// A portable template draws texts as the template itself does, lists of parts as the same texts, and is portable.
func TestPortable(t *testing.T) {
	contents := []string{"What?", "<image>\nWhat?", "a\n<image>\nb", "a <image> b", "<image><image>\n\nWhat?\n", "", "\n<image>"}
	parts := []struct {
		list list
		text string
	}{
		{list{map[string]any{"type": "image"}, map[string]any{"type": "text", "text": "What?"}}, "<image>\nWhat?"},
		{list{map[string]any{"type": "text", "text": "What?"}}, "What?"},
		{list{map[string]any{"type": "text", "text": "a"}, map[string]any{"type": "image"}, map[string]any{"type": "text", "text": "b"}}, "a<image>\nb"},
		{list{map[string]any{"type": "image"}, map[string]any{"type": "text", "text": "see <image> there"}}, "see <image> there"},
	}
	ends := map[string]string{"bos_token": "<|endoftext|>", "eos_token": "<|im_end|>"}
	both := "{% for m in messages %}{{ m.role }}:{% if m.content is string %}{{ m.content }}{% else %}{% for c in m.content %}{% if c.type == 'image' %}<image>{% else %}{{ c.text }}{% endif %}{% endfor %}{% endif %}<|im_end|>{% endfor %}"
	for name, c := range map[string]struct {
		tmpl    *Template
		changed bool // is not portable by itself
		texts   bool // takes texts by itself
	}{
		"smollm2": {parsed(t, smolLM2, ends), true, true}, "chatml": {parsed(t, "\n"+chatMLSource, ends), true, true}, "llama3": {parsed(t, llama3, ends), true, true},
		"named": {named(t, "vicuna_v1"), true, true}, "parts alone": {parsed(t, llavaHF, ends), true, false}, "both": {parsed(t, both, ends), false, true},
	} {
		text, vars := c.tmpl.Portable()
		if own, _ := c.tmpl.Source(); (own != text) != c.changed {
			t.Errorf("%s: changed is %v", name, !c.changed)
		}
		to := parsed(t, text, vars)
		if again, _ := to.Portable(); again != text {
			t.Errorf("%s: a portable template is changed again", name)
		}
		for _, content := range contents {
			in := []Message{{Role: "user", Content: content}, {Role: "assistant", Content: "A."}, {Role: "user", Content: "Sure?"}}
			want, err := c.tmpl.Render(in, true)
			got, err2 := to.Render(in, true)
			if err != nil || err2 != nil || got != want {
				t.Errorf("%s %q:\n got %q (%v)\nwant %q (%v)", name, content, got, err2, want, err)
			}
		}
		if !c.texts {
			continue
		}
		for _, p := range parts {
			want, err := to.jinja.render(list{map[string]any{"role": "user", "content": p.text}}, true)
			got, err2 := to.jinja.render(list{map[string]any{"role": "user", "content": p.list}}, true)
			if c.changed && (err != nil || err2 != nil || got != want) {
				t.Errorf("%s, parts of %q:\n got %q (%v)\nwant %q (%v)", name, p.text, got, err2, want, err)
			}
		}
	}
	if text, _ := named(t, "plain").Portable(); text != "" {
		t.Errorf("plain: %q", text)
	}
}
