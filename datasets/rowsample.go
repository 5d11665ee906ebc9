package datasets

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// FormatLLMAdapters is the one format that has to be asked for: each row's instruction and output are put into
// LLM-Adapters' prompt, a text that is learnt whole (see Sample.Text).
const FormatLLMAdapters = "llm-adapters"

// A shape is a set of keys that hold a conversation.
type shape struct {
	key   string   // names it
	along []string // other keys that belong to it
	read  func(t *talk, o *object) error
	front bool // its questions have no markers: pictures stand before the first one
	asks  bool // it takes a prompt
	sees  bool // there has to be a picture
}

// shapes are tried in this order, and at most one may be in a row.
var shapes = []shape{
	{key: "conversations", along: []string{"system"}, read: func(t *talk, o *object) error {
		return t.messages("conversations", o.get("conversations"), false)
	}},
	{key: "messages", along: []string{"system"}, read: func(t *talk, o *object) error {
		return t.messages("messages", o.get("messages"), false)
	}},
	{key: "texts", along: []string{"system"}, front: true, read: func(t *talk, o *object) error {
		return t.messages("texts", o.get("texts"), false)
	}},
	{key: "instruction", along: []string{"system", "history", "input", "output"}, read: alpaca},
	{key: "query", along: []string{"system", "history", "response"}, read: func(t *talk, o *object) error {
		if err := t.history(o.get("history")); err != nil {
			return err
		}
		return t.exchange("query", o.get("query"), "response", o.get("response"))
	}},
	{key: "prompt", along: []string{"system", "completion"}, read: promptCompletion},
	questionShape("question"),
	questionShape("questions"),
	captionShape("caption"),
	captionShape("captions"),
	captionShape("text"),
}

// alpaca reads instruction, input, output and history: the input stands on a line of its own below the instruction.
func alpaca(t *talk, o *object) error {
	if err := t.history(o.get("history")); err != nil {
		return err
	}
	ask := o.get("instruction")
	if o.has("input") {
		a, err := asText("instruction", ask)
		if err != nil {
			return err
		}
		b, err := asText("input", o.get("input"))
		if err != nil {
			return err
		}
		ask = a + "\n" + b
	}
	return t.exchange("instruction", ask, "output", o.get("output"))
}

// promptCompletion reads TRL's two columns, texts or lists of messages. What the prompt's answers say is not learnt.
func promptCompletion(t *talk, o *object) error {
	for _, half := range []struct{ key, from string }{{"prompt", Human}, {"completion", GPT}} {
		v := o.get(half.key)
		if _, ok := v.([]any); ok {
			if err := t.messages(half.key, v, half.from == Human); err != nil {
				return err
			}
			continue
		}
		text, err := asText(half.key, v)
		if err != nil {
			return err
		}
		t.say(half.from, text)
	}
	return nil
}

var errShapeless = errors.New("neither conversations nor messages, nor instruction and output, query and response, " +
	"prompt and completion, question and answer, texts, or image and caption")

// shapes says whether a key is one of those of which a row has to have one.
func (opt *Options) shapes(key string) bool {
	if opt.Format == FormatLLMAdapters {
		return key == "instruction"
	}
	return slices.ContainsFunc(shapes, func(s shape) bool { return s.key == key }) || opt.Pairs && key == "chosen" || opt.Prompt != "" && slices.Contains(answers, key)
}

// shapeless is the error of a row without any.
func (opt *Options) shapeless() error {
	if opt.Format == FormatLLMAdapters {
		return errNoInstruction
	}
	if opt.Pairs {
		return errNoPair
	}
	return errShapeless
}

// shapeOf is the one shape whose key is in a row; keys of others beside it are an error, because they would be lost.
func (opt *Options) shapeOf(o *object) (*shape, error) {
	var is *shape
	for i := range shapes {
		key := shapes[i].key
		switch {
		case o.get(key) == nil:
		case is == nil:
			is = &shapes[i]
		case opt.prompts(key): // it stands in what is asked, as another's key may
		case opt.prompts(is.key) && is.key != "question" && o.has(key):
			is = &shapes[i]
		case o.has(key) && o.has(is.key):
			return nil, fmt.Errorf("both %s and %s, expected one of them (ignore: [%s] leaves the second out)",
				is.key, key, key)
		case o.has(key):
			is = &shapes[i]
		}
	}
	if is == nil && opt.Prompt != "" && slices.ContainsFunc(answers, o.has) {
		unasked := questionShape("question")
		is = &unasked
	}
	if is == nil {
		return nil, errShapeless
	}
	if opt.Prompt != "" && !is.asks {
		return nil, errPromptUnused
	}
	for _, s := range shapes {
		for _, k := range s.along {
			if o.has(k) && !slices.Contains(is.along, k) && !opt.prompts(k) {
				return nil, fmt.Errorf("%s stands beside %s and would not be used (ignore: [%s] leaves it out)", k, is.key, k)
			}
		}
	}
	return is, nil
}

// sample makes a Sample of a row. The rules for rows of JSON and of Arrow stand here and in what it calls.
func (opt *Options) sample(o *object, picture func(name string) ([]byte, error)) (s Sample, err error) {
	if opt.Pairs {
		s, err = opt.pair(o, picture)
	} else {
		s, err = opt.read(o, picture)
	}
	return s, opt.told(err)
}

func (opt *Options) read(o *object, picture func(name string) ([]byte, error)) (s Sample, err error) {
	if err := opt.once(o); err != nil {
		return s, err
	}
	if s.ID, err = readID(o.get("id")); err != nil {
		return s, err
	}
	if opt.Format == FormatLLMAdapters {
		s.Text, err = instruct(o)
		return s, err
	}
	if o.has("instruction") && o.has("answer") {
		return s, errors.New("answer stands beside instruction and output: LLM-Adapters' rows are read with " +
			"format: llm-adapters, others with ignore: [answer]")
	}
	is, err := opt.shapeOf(o)
	if err != nil {
		return s, err
	}
	t := talk{prompt: opt.prompt()}
	if o.has("system") {
		text, err := asText("system", o.get("system"))
		if err != nil {
			return s, err
		}
		t.say(System, text)
	}
	if err := is.read(&t, o); err != nil {
		return s, err
	}
	if !opt.ignores(VideoMarker) {
		for i, turn := range t.turns {
			if turn.From == Human && strings.Contains(turn.Value, VideoMarker) {
				return s, fmt.Errorf("turn %d has the marker %s: videos are not read (ignore: [%q] takes it as text)",
					i, VideoMarker, VideoMarker)
			}
		}
	}
	row, err := rowPictures(o)
	if err != nil {
		return s, err
	}
	if is.sees && len(row) == 0 {
		return s, fmt.Errorf("%s without a picture, expected image or images beside it", is.key)
	}
	err = t.place(&s, row, opt.ImageFirst || is.front, picture)
	s.Turns = t.turns
	return s, err
}
