package chat

import (
	"fmt"
	"slices"
	"strings"
)

// segment is a part of a rendered conversation that is tokenised on its own.
type segment struct {
	text    string
	target  bool // the model is taught to write it
	message int  // of a target: which message it belongs to
}

// classic is a template that is code.
type classic struct {
	marks []string // must be added tokens of the tokenizer
	// segments renders a conversation; prompt adds what the assistant's next turn starts with.
	segments func(messages []Message, prompt bool) ([]segment, error)
	jinja    string // what renders the same, for those who read the model later; "" if nothing does
	eos      string // ends the assistant's turn
}

var classics = map[string]classic{
	"vicuna_v1": {[]string{"</s>"}, vicunaSegments, vicunaJinja, "</s>"},
	"chatml":    {[]string{"<|im_start|>", "<|im_end|>"}, chatML.segments, chatML.jinja(), "<|im_end|>"},
	// InternLM2 has its chat tokens as <|im_start|> and <|im_end|>, too (xtuner/utils/templates.py, internlm2_chat).
	"internlm2_chat": {[]string{"<|im_start|>", "<|im_end|>"}, chatML.segments, chatML.jinja(), "<|im_end|>"},
	"qwen":           {[]string{"<|im_start|>", "<|im_end|>"}, qwen.segments, qwen.jinja(), "<|im_end|>"},
	"llama3_chat":    {[]string{"<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"}, llama3Chat.segments, llama3Chat.jinja(), "<|eot_id|>"},
	"plain":          {nil, plainSegments, "", ""},
}

const vicunaJinja = "{% if messages[0]['role'] != 'system' %}{{ '" + vicunaJinjaSystem + " ' }}{% elif messages[0]['content'] %}{{ messages[0]['content'] + ' ' }}{% endif %}" +
	"{% for message in messages %}{% if message['role'] == 'user' %}{{ 'USER: ' + message['content'] + ' ' }}" +
	"{% elif message['role'] == 'assistant' %}{{ 'ASSISTANT: ' + message['content'] + '</s>' }}{% endif %}{% endfor %}" +
	"{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"

// vicunaJinjaSystem is vicunaSystem inside of a quoted Jinja string.
const vicunaJinjaSystem = "A chat between a curious user and an artificial intelligence assistant. " +
	"The assistant gives helpful, detailed, and polite answers to the user\\'s questions."

// vicunaSystem is the system prompt of LLaVA 1.5 (llava/conversation.py, conv_vicuna_v1), used if messages have none.
const vicunaSystem = "A chat between a curious user and an artificial intelligence assistant. " +
	"The assistant gives helpful, detailed, and polite answers to the user's questions."

// vicunaSegments: "SYSTEM USER: question ASSISTANT: answer</s>USER: ..." (SeparatorStyle.TWO of llava/conversation.py).
func vicunaSegments(messages []Message, prompt bool) ([]segment, error) {
	text := vicunaSystem + " "
	turns := messages
	if turns[0].Role == "system" {
		text = turns[0].Content + " "
		if turns[0].Content == "" {
			text = ""
		}
		turns = turns[1:]
	}
	skipped := len(messages) - len(turns)
	var out []segment
	for i, m := range turns {
		if want := []string{"user", "assistant"}[i%2]; m.Role != want {
			return nil, turnError(skipped+i, m, "role %s expected here", want)
		}
		if m.Role == "user" {
			text += "USER: " + m.Content + " "
			continue
		}
		out = append(out, segment{text: text + "ASSISTANT:"}, segment{" " + m.Content + "</s>", true, skipped + i})
		text = ""
	}
	if prompt {
		text += "ASSISTANT:"
	}
	return append(out, segment{text: text}), nil
}

// headed is a family of templates in which every message has a header with its role.
type headed struct {
	open, close string // around the role
	end, gap    string // after the content: what ends the turn, and what nobody has to learn
	system      string // drawn if there is no system message; "" for none
}

var (
	chatML = headed{"<|im_start|>", "\n", "<|im_end|>", "\n", ""}
	// qwen: Qwen 1.5 and 2 and LLaVA's qwen_1_5 have a system prompt of their own.
	qwen = headed{"<|im_start|>", "\n", "<|im_end|>", "\n", "You are a helpful assistant."}
	// llama3: XTuner's llama3_chat; Meta's own template also strips the contents.
	llama3Chat = headed{"<|start_header_id|>", "<|end_header_id|>\n\n", "<|eot_id|>", "", ""}
)

func (h headed) segments(messages []Message, prompt bool) ([]segment, error) {
	roles := []string{"system", "user", "assistant", "tool"}
	text := ""
	if h.system != "" && messages[0].Role != "system" {
		text = h.open + "system" + h.close + h.system + h.end + h.gap
	}
	var out []segment
	for i, m := range messages {
		if !slices.Contains(roles, m.Role) {
			return nil, turnError(i, m, "one of %s expected", strings.Join(roles, ", "))
		}
		text += h.open + m.Role + h.close
		if m.Role == "assistant" {
			out = append(out, segment{text: text}, segment{m.Content + h.end, true, i})
			text = h.gap
			continue
		}
		text += m.Content + h.end + h.gap
	}
	if prompt {
		text += h.open + "assistant" + h.close
	}
	return append(out, segment{text: text}), nil
}

// jinja renders the same.
func (h headed) jinja() string {
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "\n", `\n`) + "'" }
	out := ""
	if h.system != "" {
		out = "{% if messages[0]['role'] != 'system' %}{{ " + quote(h.open+"system"+h.close+h.system+h.end+h.gap) + " }}{% endif %}"
	}
	return out + "{% for message in messages %}{{ " + quote(h.open) + " + message['role'] + " + quote(h.close) + " + message['content'] + " +
		quote(h.end+h.gap) + " }}{% endfor %}{% if add_generation_prompt %}{{ " + quote(h.open+"assistant"+h.close) + " }}{% endif %}"
}

// plainSegments: an image and its caption, as in the first stage of LLaVA (llava/train/train.py, preprocess_plain). The
// words of the question are left out; only its image markers stay.
func plainSegments(messages []Message, prompt bool) ([]segment, error) {
	user := messages[0]
	images := strings.Count(user.Content, ImageMarker)
	switch {
	case user.Role != "user":
		return nil, turnError(0, user, "role user expected here")
	case images == 0:
		return nil, turnError(0, user, "an %s expected", ImageMarker)
	case len(messages) > 2:
		return nil, turnError(2, messages[2], "one question and one answer expected")
	case len(messages) == 2 && messages[1].Role != "assistant":
		return nil, turnError(1, messages[1], "role assistant expected here")
	case len(messages) == 2 && prompt:
		return nil, turnError(1, messages[1], "nothing follows the answer")
	}
	out := []segment{{text: strings.Repeat(ImageMarker, images)}}
	if len(messages) == 2 {
		out = append(out, segment{messages[1].Content + "\n", true, 1})
	}
	return out, nil
}

// turnError says what is wrong with message i.
func turnError(i int, m Message, format string, args ...any) error {
	return fmt.Errorf("message %d (role %q): %w", i, m.Role, fmt.Errorf(format, args...))
}
