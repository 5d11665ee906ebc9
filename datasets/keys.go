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
	inside  *level // of the objects in its value
	passed  bool   // says nothing about what is learnt
	refused string // why it cannot be used
}

const (
	noVideo = "videos and sound are not read; a picture of it may stand in images"
	noTools = "tools and calls of them are not drawn; write what the model is to read and say as text"
	noNotes = "it is not drawn; write it into the answer as the chat template would have it"
	noPairs = "preferences are not learnt; keep the answer that is wanted as the last turn"
)

var (
	pictureLevel = &level{"a picture", used("bytes", "path", "url")}
	urlLevel     = &level{"image_url", with(passedOver("detail"), used("url"))}
	partLevel    = &level{"a content part", with(
		used("type", "text", "url", "path"),
		holding(pictureLevel, "image"),
		holding(urlLevel, "image_url"),
		refusing(noVideo, "video", "video_url", "audio", "input_audio", "audio_url"),
		passedOver("index"),
	)}
	turnLevel = &level{"a turn", with(
		used("from", "value", "role", "weight", "loss", "train", "user", "assistant"),
		holding(partLevel, "content"),
		refusing(noTools, "tool_calls", "function_call", "tool_call_id", "name"),
		refusing(noNotes, "reasoning_content", "reasoning", "thinking"),
		passedOver("id", "index", "turn", "source", "model", "timestamp", "create_time", "message_id", "hash",
			"lang", "language", "token_count"),
	)}
	rowLevel = &level{"a row", with(
		used("id", "system", "instruction", "input", "output", "history", "query", "response", "question", "answer"),
		holding(pictureLevel, "image", "images"),
		holding(turnLevel, "conversations", "messages", "prompt", "completion", "texts"),
		refusing(noTools, "tools", "functions", "tool_calls", "parallel_tool_calls"),
		refusing(noVideo, "video", "videos", "audio", "audios"),
		refusing(noPairs, "chosen", "rejected", "rejected_response"),
		refusing(noNotes, "reasoning_content", "reasoning", "thinking"),
		passedOver("uid", "uuid", "index", "idx", "key", "__key__", "__index_level_0__", "__hash__", "image_id",
			"question_id", "conversation_id", "conv_id", "sample_id", "prompt_id"),
		passedOver("source", "dataset", "dataset_name", "data_source", "origin", "subset", "split", "config", "category",
			"categories", "type", "task", "tags", "topic", "subject", "domain", "difficulty", "answer_type",
			"question_type", "language", "lang", "license", "model", "model_name"),
		passedOver("meta", "metadata", "info", "timestamp", "date", "created_at", "width", "height", "image_width",
			"image_height", "length", "num_turns", "num_tokens", "score", "hash", "md5", "sha256"),
	)}
)

func used(names ...string) map[string]key { return all(key{}, names) }

func passedOver(names ...string) map[string]key { return all(key{passed: true}, names) }

func refusing(why string, names ...string) map[string]key { return all(key{refused: why}, names) }

// holding are keys whose value holds objects of another level.
func holding(inside *level, names ...string) map[string]key { return all(key{inside: inside}, names) }

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
