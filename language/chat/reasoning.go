package chat

import (
	"fmt"
	"regexp"
	"strings"

	"moslava/language/tokenizer"
)

// Templates of models that reason before they answer (DeepSeek-R1's distilled models, QwQ, Qwen3, SmolLM3) draw the same answer in up to three
// ways: with its reasoning while it is the last turn, without once another turn follows, and as a generation prompt that ends inside of
// the tag that opens reasoning. The model writes an answer behind the generation prompt, so that is where it is taught.

const reasoningTags = `((?:seed:)?(?:think|thinking|thought|reasoning))`

var (
	reasoningOpen  = regexp.MustCompile(`<` + reasoningTags + `>(\s*)(</` + reasoningTags + `>\s*)?$`) // at the end of a prompt
	reasoningClose = regexp.MustCompile(`</` + reasoningTags + `>`)
	reasoningEmpty = regexp.MustCompile(`^\s*<` + reasoningTags + `>\s*</` + reasoningTags + `>`)
)

// reasons reports whether the template has to do with reasoning, and so may draw an earlier answer without it.
func (t *Template) reasons() bool {
	return strings.Contains(t.source, "</") && reasoningClose.MatchString(t.source)
}

// written is an assistant's turn as the model has to write it behind the generation prompt.
type written struct {
	answer  string // supervised, up to and including the token that ends it
	eos     string // to be put behind it, where the template ends turns with nothing
	rest    string // what the template draws behind that
	rebuilt bool   // the template draws it otherwise, even while it is the last turn
}

// writtenTurn finds what the model has to write behind before, the generation prompt of a turn. through is the conversation up to and with
// the turn. Reasoning that the template drops is put back; where the prompt opens reasoning and the content has none, it is closed at
// once, as such models do it themselves: "<think>\n" is followed by "\n</think>\n\n" and the content.
func (t *Template) writtenTurn(tok *tokenizer.Tokenizer, before, through, content string) (written, error) {
	reasoning, answer := cutReasoning(content)
	turn, drawn := strings.CutPrefix(through, before)
	if drawn {
		e, err := t.turnEnd(tok, turn, content)
		if err == nil || answer == strings.TrimSpace(content) {
			return written{turn[:e.end], e.eos, turn[e.end:], false}, err
		}
	}
	base, text := before, strings.TrimSpace(content)
	if !drawn {
		m := reasoningOpen.FindStringSubmatchIndex(before)
		if m == nil || !strings.HasPrefix(through, before[:m[0]]) {
			return written{}, redrawn(before, through)
		}
		base = before[:m[0]]
		if text = behind(before[m[2]:m[3]], before[m[4]:m[5]], text); m[6] >= 0 { // closed already
			if text = answer; reasoning != "" {
				return written{}, fmt.Errorf("its content has reasoning (%q), and the template's generation prompt closes reasoning before it starts: take it out of the row, or take another chat_template",
					excerpt(reasoning))
			}
		}
	}
	turn = through[len(base):]
	from := 0 // behind the reasoning that the template draws
	if all := reasoningClose.FindAllStringIndex(turn, -1); len(all) > 0 {
		from = all[len(all)-1][1]
	}
	e, err := t.turnEnd(tok, turn[from:], answer)
	if err != nil {
		return written{}, err
	}
	if drawn && from > 0 && strings.Contains(turn[:from], reasoning) {
		return written{turn[:from+e.end], e.eos, turn[from+e.end:], false}, nil
	}
	if lead := strings.TrimSpace(turn[:from+e.start]); lead != "" && (reasoning == "" || !strings.Contains(lead, reasoning)) {
		return written{}, redrawn(before, through)
	}
	return written{text + turn[from+e.start+len(answer):from+e.end], e.eos, turn[from+e.end:], true}, nil
}

// cutReasoning divides a content that closes reasoning into it and the answer, both trimmed; of another the answer is all.
func cutReasoning(content string) (reasoning, answer string) {
	all := reasoningClose.FindAllStringSubmatchIndex(content, -1)
	if len(all) == 0 {
		return "", strings.TrimSpace(content)
	}
	last := all[len(all)-1]
	reasoning = strings.TrimSpace(content[:last[0]])
	return strings.TrimSpace(strings.TrimPrefix(reasoning, "<"+content[last[2]:last[3]]+">")), strings.TrimSpace(content[last[1]:])
}

// behind is a content behind a prompt that ends in the opening tag and space.
func behind(tag, space, content string) string {
	if rest, ok := strings.CutPrefix(content, "<"+tag+">"); ok {
		return strings.TrimPrefix(rest, space)
	}
	if reasoningClose.MatchString(content) {
		return content
	}
	return space + "</" + tag + ">" + space + space + content
}

// redrawn is the error that before, a generation prompt, does not stand at the beginning of other.
func redrawn(before, other string) error {
	n := commonLen(before, other)
	return fmt.Errorf("the template renders what comes before it differently when it asks for it (%q) and when it has it (%q)",
		excerpt(before[n:]), excerpt(other[n:]))
}

// KeepsAnswers reports whether an answer stays as the model wrote it once another turn follows. If not, Encode teaches the last answer
// of a conversation alone, and Encoded.Context counts the others.
func (t *Template) KeepsAnswers(tok *tokenizer.Tokenizer) bool {
	probe := []Message{{Role: "user", Content: "a"}, {Role: "assistant", Content: "b"}, {Role: "user", Content: "c"}, {Role: "assistant", Content: "d"}}
	if t.jinja == nil {
		return true
	}
	e, err := t.encode(tok, probe, Options{}, false)
	return err != nil || e.Context == 0
}
