package chat

import (
	"fmt"
	"strings"
)

// spans are byte ranges of a rendered conversation, in order.
type spans [][2]int

// generated are the ranges that the template draws inside of {% generation %} blocks: what transformers'
// apply_chat_template(return_assistant_tokens_mask=True) finds. whole is the same text without marks.
func (t *Template) generated(messages []Message, prompt bool, whole string) (spans, error) {
	if !t.jinja.marks {
		return nil, nil
	}
	const begin, end = "\x00\x01moslava+", "\x00\x01moslava-"
	text, err := t.jinja.execute(t.values(messages), prompt, func(first bool) string {
		if first {
			return begin
		}
		return end
	})
	if err != nil {
		return nil, err
	}
	var out spans
	var plain strings.Builder
	for {
		before, rest, found := strings.Cut(text, begin)
		plain.WriteString(before)
		if !found {
			break
		}
		inside, after, closed := strings.Cut(rest, end)
		if !closed || strings.Contains(inside, begin) {
			return nil, fmt.Errorf("a {%% generation %%} block inside another, or one that does not end")
		}
		out = append(out, [2]int{plain.Len(), plain.Len() + len(inside)})
		plain.WriteString(inside)
		text = after
	}
	if plain.String() != whole {
		return nil, fmt.Errorf("the template renders something else when its {%% generation %%} blocks are marked")
	}
	return out, nil
}

// cut appends the segments of one assistant's turn, whole[from:to]: what is inside of s is supervised. White space between the
// generation prompt and a span belongs to the span, as the model has to write it. It returns up to where out reaches.
func (s spans) cut(out []segment, whole string, done, from, to int) ([]segment, int) {
	out = append(out, segment{text: whole[done:from]})
	done = from
	for _, span := range s {
		start, end := max(span[0], from), min(span[1], to)
		if end <= start {
			continue
		}
		if strings.TrimSpace(whole[done:start]) == "" {
			start = done
		}
		if start > done {
			out = append(out, segment{text: whole[done:start]})
		}
		out = append(out, segment{text: whole[start:end], target: true})
		done = end
	}
	return out, done
}
