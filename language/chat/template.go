// Package chat renders conversations as a model's chat template has it, and turns them into ids and labels in one pass:
// the ids that stand before an answer in training are exactly those the model sees when it has to give that answer. It
// knows templates and a tokenizer. Of a picture it knows the ids that stand for it, which are given to it, and of a
// model nothing.
package chat

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ImageMarker stands for an image in a message's content.
const ImageMarker = "<image>"

// Message is one turn. Roles are those the template knows: system, user and assistant in nearly all.
type Message struct {
	Role    string
	Content string
}

// Template renders conversations. It is safe for concurrent use.
type Template struct {
	name    string // for messages
	eos     string // "" if unknown
	jinja   *jinja // nil for a classic
	source  string // of jinja
	classic classic
	parts   bool // content is handed to Jinja as a list of text and image parts
}

// Parse compiles a Jinja template. vars are the variables it sees besides messages and add_generation_prompt:
// bos_token, eos_token and so on. As in transformers, a template cannot read files. It is a program all the same: one that exceeds
// the limits of package jinja is an error when it is rendered, with the line and the limit.
func Parse(source string, vars map[string]string) (*Template, error) {
	return parse("chat template", source, vars)
}

func parse(name, source string, vars map[string]string) (*Template, error) {
	j, err := parseJinja(source, maps.Clone(vars))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	t := &Template{name: name, jinja: j, source: source, eos: vars["eos_token"]}
	t.parts = j.wantsParts()
	return t, nil
}

// Named returns a template that models use without Jinja: vicuna_v1 (LLaVA 1.5), llama3_chat and internlm2_chat (XTuner), qwen (with its
// system prompt), chatml (with none of its own) or plain (the captions of LLaVA's first stage).
func Named(name string) (*Template, error) {
	c, ok := classics[name]
	if !ok {
		return nil, fmt.Errorf("chat template %q is not one of %s", name, strings.Join(slices.Sorted(maps.Keys(classics)), ", "))
	}
	return &Template{name: "chat template " + name, classic: c}, nil
}

// Source is the Jinja text of the template and the special tokens it sees, for writing them beside a model. A Named one gives
// Jinja that renders the same, with the token that ends a turn as eos_token; plain, which is for captions alone, gives nothing.
func (t *Template) Source() (text string, vars map[string]string) {
	if t.jinja == nil {
		if t.classic.jinja == "" {
			return "", nil
		}
		return t.classic.jinja, map[string]string{"eos_token": t.classic.eos}
	}
	return t.source, maps.Clone(t.jinja.vars)
}

// Render returns the text of messages; addGenerationPrompt adds what the assistant's next turn starts with. Image
// markers stay as they are; Encode replaces them.
func (t *Template) Render(messages []Message, addGenerationPrompt bool) (string, error) {
	text, err := t.render(messages, addGenerationPrompt)
	if err != nil {
		return "", fmt.Errorf("%s: %w", t.name, err)
	}
	return text, nil
}

func (t *Template) render(messages []Message, prompt bool) (string, error) {
	if len(messages) == 0 {
		return "", fmt.Errorf("no messages")
	}
	if t.jinja != nil {
		return t.jinja.render(t.values(messages), prompt)
	}
	segments, err := t.classic.segments(messages, prompt)
	if err != nil {
		return "", err
	}
	var sb strings.Builder
	for _, s := range segments {
		sb.WriteString(s.text)
	}
	return sb.String(), nil
}

// values are messages as templates see them.
func (t *Template) values(messages []Message) list {
	out := make(list, len(messages))
	for i, m := range messages {
		var content any = m.Content
		if t.parts {
			content = contentParts(m.Content)
		}
		out[i] = map[string]any{"role": m.Role, "content": content}
	}
	return out
}

// contentParts cuts content at its image markers. The line break between a marker and text goes: a template of this
// kind puts its own.
func contentParts(content string) list {
	texts := strings.Split(content, ImageMarker)
	out := list{}
	for i, s := range texts {
		if i > 0 {
			out = append(out, map[string]any{"type": "image"})
			s = strings.TrimPrefix(s, "\n")
		}
		if i < len(texts)-1 {
			s = strings.TrimSuffix(s, "\n")
		}
		if s != "" || len(texts) == 1 {
			out = append(out, map[string]any{"type": "text", "text": s})
		}
	}
	return out
}

// shown is what a template draws of the same content handed over in several ways; "" where it does not show the text.
type shown struct {
	plain, marked       string // a string, and one with an image marker
	textOnly, withImage string // lists of parts
}

// shows tries a template on contents of all kinds.
func (j *jinja) shows() shown {
	const probe = "zqprobeqz"
	show := func(content any) string {
		text, err := j.render(list{map[string]any{"role": "user", "content": content}}, false)
		if err != nil || !strings.Contains(text, probe) || strings.Contains(text, "'type'") || strings.Contains(text, `"type"`) {
			return ""
		}
		return text
	}
	return shown{plain: show(probe), marked: show(ImageMarker + "\n" + probe),
		textOnly: show(contentParts(probe)), withImage: show(contentParts(ImageMarker + probe))}
}

// wantsParts finds out by trial whether a template reads content as a list of parts: it must show the text of a list,
// and either show its image too, otherwise than it shows a marker in a string, or show nothing of a plain string.
func (j *jinja) wantsParts() bool {
	s := j.shows()
	if s.plain == "" {
		return s.textOnly != "" || s.withImage != ""
	}
	return s.withImage != "" && s.textOnly != "" && s.withImage != s.textOnly && s.withImage != s.marked
}
