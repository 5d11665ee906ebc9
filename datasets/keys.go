package datasets

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"moslava/internal/spelling"
)

// A level is a place in a row at which keys stand: the row itself, a turn, a part of a turn's content, a picture.
type level struct {
	name string
	keys map[string]key
}

// A key is what is known of one. A key of none of the kinds is an error, and so is one that says why it is refused.
type key struct {
	inside  *level                         // of the objects in its value
	passed  bool                           // says nothing about what is learnt
	refused string                         // why it cannot be used
	takes   kinds                          // besides what is as good as no value; empty: anything
	value   func(name string, v any) error // of a text, number or truth value; nil: there is nothing more to say
}

// kinds are those that values are of, by their first bytes in JSON: " [ { 0 and t for true or false.
type kinds string

const (
	anything kinds = ""
	aText    kinds = `"`
	aMessage kinds = `"[` // a text or a list of its parts
	aPicture kinds = `"[{`
	anyText  kinds = `"[{`
	turns    kinds = `[{`
	anID     kinds = `"0`
	aSwitch  kinds = `0t`
	texts    kinds = `"[` // one, or several that stand for one
)

// has says whether a kind is one of them; null is of all.
func (k kinds) has(kind byte) bool {
	if kind == 'f' {
		kind = 't'
	}
	return k == anything || kind == 'n' || strings.IndexByte(string(k), kind) >= 0
}

// misfit is the error of a value of another kind.
func (k kinds) misfit(name, found string) error {
	return fmt.Errorf("%s is %s, expected %s", name, found, k)
}

func (k kinds) String() string {
	names := map[rune]string{'"': "a text", '[': "a list", '{': "an object", '0': "a number", 't': "true or false"}
	var out []string
	for _, c := range k {
		out = append(out, names[c])
	}
	return strings.Join(out, " or ")
}

const (
	noVideo = "videos and sound are not read; a picture of it may stand in images"
	noTools = "tools and calls of them are not rendered; write what the model is to read and say as text"
	noNotes = "it is not rendered; write it into the answer as the chat template would have it"
	noPairs = "pairs of answers are learnt in a stage with preference; elsewhere keep the answer that is wanted as the last turn"
)

var (
	pictureLevel = &level{"a picture", with(used(anything, "bytes"), used(aText, "path", "url"))}
	urlLevel     = &level{"image_url", with(passedOver("detail"), used(aText, "url"))}
	partLevel    = &level{"a content part", with(
		used(aText, "type", "text", "url", "path"),
		holding(pictureLevel, aPicture, "image"),
		holding(urlLevel, aPicture, "image_url"),
		refusing(noVideo, "video", "video_url", "audio", "input_audio", "audio_url"),
		passedOver("index"),
	)}
	turnLevel = &level{"a turn", with(
		all(key{takes: aText, value: isSpeaker}, []string{"from", "role"}),
		all(key{takes: aSwitch, value: isSwitch}, []string{"weight", "loss", "train"}),
		used(aText, "user", "assistant"),
		used(aMessage, "value"),
		holding(partLevel, aMessage, "content"),
		refusing(noTools, "tool_calls", "function_call", "tool_call_id", "name"),
		refusing(noNotes, "reasoning_content", "reasoning", "thinking"),
		passedOver("id", "index", "turn", "source", "model", "timestamp", "create_time", "message_id", "hash",
			"lang", "language", "token_count"),
	)}
	answerLevel = &level{"an answer", with( // VQAv2's, and SQuAD's
		used(texts, "answer", "text"),
		passedOver("answer_confidence", "confidence", "answer_id", "answer_start", "answer_end"),
	)}
	rowLevel = &level{"a row", with(
		used(anID, "id"),
		used(aText, "system", "instruction", "input", "output", "query", "response", "question", "multiple_choice_answer"),
		used("[", "history", "questions"),
		used(texts, "answer", "caption", "captions", "text"),
		holding(answerLevel, anyText, "answers"),
		holding(pictureLevel, aPicture, "image", "images"),
		holding(turnLevel, turns, "conversations", "messages", "texts"),
		holding(turnLevel, aMessage, "prompt", "completion"),
		refusing(noTools, "tools", "functions", "tool_calls", "parallel_tool_calls"),
		refusing(noVideo, "video", "videos", "audio", "audios"),
		refusing(noPairs, "chosen", "rejected", "rejected_response"),
		refusing(noNotes, "reasoning_content", "reasoning", "thinking"),
		passedOver("uid", "uuid", "index", "idx", "key", "__key__", "__index_level_0__", "Unnamed: 0", "__hash__", "image_id",
			"question_id", "conversation_id", "conv_id", "sample_id", "prompt_id"),
		passedOver("source", "dataset", "dataset_name", "data_source", "origin", "subset", "split", "config", "category",
			"categories", "type", "task", "tags", "topic", "subject", "domain", "difficulty", "answer_type",
			"question_type", "language", "lang", "license", "model", "model_name"),
		passedOver("meta", "metadata", "info", "timestamp", "date", "created_at", "width", "height", "image_width",
			"image_height", "length", "num_turns", "num_tokens", "score", "hash", "md5", "sha256"),
	)}
)

func used(takes kinds, names ...string) map[string]key { return all(key{takes: takes}, names) }

func passedOver(names ...string) map[string]key { return all(key{passed: true}, names) }

func refusing(why string, names ...string) map[string]key { return all(key{refused: why}, names) }

// holding are keys whose value holds objects of another level.
func holding(inside *level, takes kinds, names ...string) map[string]key {
	return all(key{inside: inside, takes: takes}, names)
}

func all(k key, names []string) map[string]key {
	out := map[string]key{}
	for _, n := range names {
		out[n] = k
	}
	return out
}

func with(tables ...map[string]key) map[string]key {
	out := map[string]key{}
	for _, t := range tables {
		maps.Copy(out, t)
	}
	return out
}

// problem is what is wrong with a key that has a value, or nil.
func (l *level) problem(name string) error {
	k, known := l.keys[name]
	switch {
	case !known:
		return fmt.Errorf("key %q is not known: %s (ignore: [%s] lets it pass)", name, l.nearest(name), name)
	case k.refused != "":
		return fmt.Errorf("key %q: %s (ignore: [%s] leaves it out)", name, k.refused, name)
	}
	return nil
}

// nearest says what may have been meant.
func (l *level) nearest(name string) string {
	var names []string
	for n, k := range l.keys {
		if strings.EqualFold(n, name) {
			return fmt.Sprintf("it is spelt %q", n)
		}
		if !k.passed {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	best, least := "", max(1, min(len(name)/2, 2))
	for _, n := range names {
		if d := spelling.Distance(name, n); d < least || d == least && best == "" {
			best, least = n, d
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	names = slices.DeleteFunc(names, func(n string) bool { return l.keys[n].refused != "" })
	return fmt.Sprintf("%s has %s", l.name, strings.Join(names, ", "))
}
