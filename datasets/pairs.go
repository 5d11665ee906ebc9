package datasets

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// pairLevel is a row with two answers, of which one is chosen.
var pairLevel = &level{rowLevel.name, with(rowLevel.keys,
	holding(turnLevel, anyText, "chosen", "rejected"), used(aText, "rejected_response"))}

// base is the level of a row before columns are named.
func (o *Options) base() *level {
	if o.Pairs {
		return pairLevel
	}
	return rowLevel
}

// pairKeys are those that make a row one of a pair.
var pairKeys = []string{"chosen", "rejected", "rejected_response"}

var errNoPair = errors.New("no pair of answers, expected chosen and rejected, or messages and rejected_response")

// pair reads a row twice, with each of its answers: TRL's chosen and rejected, texts beside a question or whole conversations, LLaMA-Factory's,
// turns that end a conversation, and ms-swift's rejected_response beside messages.
func (opt *Options) pair(o *object, picture func(name string) ([]byte, error)) (s Sample, err error) {
	if !o.has("rejected_response") && (!o.has("chosen") || !o.has("rejected")) {
		return s, errNoPair
	}
	if o.has("rejected_response") && (o.has("chosen") || o.has("rejected")) {
		return s, errors.New("rejected_response stands beside chosen or rejected, expected one form")
	}
	single := *opt
	single.Pairs = false
	var both [2]Sample
	for i, which := range []string{"chosen", "rejected"} {
		row, err := answered(o, which)
		if err == nil {
			both[i], err = single.read(row, picture)
		}
		if err != nil {
			return s, fmt.Errorf("with the answer %s: %w", which, err)
		}
	}
	s = both[0]
	s.Rejected = both[1].Turns
	return s, s.asPair()
}

// answered is a row with one of its two answers in the place where its shape has the answer.
func answered(o *object, which string) (*object, error) {
	out := &object{}
	for _, f := range o.fields {
		if !slices.Contains(pairKeys, f.key) {
			out.fields = append(out.fields, f)
		}
	}
	if o.has("rejected_response") {
		if which == "chosen" {
			return out, nil
		}
		return out, out.end("messages", o.get("rejected_response"), true)
	}
	v := o.get(which)
	if turns, ok := v.([]any); ok && slices.ContainsFunc(turns, asks) {
		return out, out.whole(turns)
	}
	for _, keys := range [][2]string{{"prompt", "completion"}, {"question", "answer"}, {"query", "response"}, {"instruction", "output"}} {
		question, answer := keys[0], keys[1]
		if !out.has(question) {
			continue
		}
		if out.has(answer) {
			return nil, fmt.Errorf("%s stands beside chosen and rejected, expected one of them", answer)
		}
		if turn, ok := v.(*object); ok && answer == "completion" {
			v = []any{turn}
		} else if turns, ok := v.([]any); ok && answer != "completion" {
			return nil, fmt.Errorf("%s is a list of %d beside %s, expected a text", which, len(turns), question)
		}
		out.fields = append(out.fields, field{answer, v})
		return out, nil
	}
	for _, key := range []string{"conversations", "messages"} {
		if out.has(key) {
			return out, out.end(key, v, false)
		}
	}
	return nil, errors.New("an answer without what it answers, expected a prompt, question, query, instruction or conversation beside it, or whole conversations")
}

// asks says whether a turn is a question.
func asks(turn any) bool {
	o, ok := turn.(*object)
	if !ok {
		return false
	}
	for _, key := range []string{"from", "role"} {
		if name, ok := o.get(key).(string); ok {
			who, err := speaker(name)
			return err == nil && who == Human
		}
	}
	return false
}

// whole makes a conversation the row's. A prompt that repeats its first question goes.
func (o *object) whole(turns []any) error {
	if text, ok := o.get("prompt").(string); ok {
		for _, turn := range turns {
			if !asks(turn) {
				continue
			}
			first, _, err := content(turn.(*object))
			if err != nil {
				return err
			}
			if first != text {
				return errors.New("prompt is not the first question of the conversation (ignore: [prompt] leaves it out)")
			}
			break
		}
		o.fields = slices.DeleteFunc(o.fields, func(f field) bool { return f.key == "prompt" })
	}
	o.fields = append(o.fields, field{"messages", turns})
	return nil
}

// end puts an answer at the end of a conversation, or in the place of its last turn.
func (o *object) end(key string, answer any, replace bool) error {
	turns, err := turnList(o.get(key))
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	if replace {
		if len(turns) == 0 || asks(turns[len(turns)-1]) {
			return fmt.Errorf("%s does not end with an answer, expected the chosen one", key)
		}
		turns = turns[:len(turns)-1]
	}
	turns = slices.Clone(turns)
	switch v := answer.(type) {
	case *object:
		turns = append(turns, v)
	case []any:
		turns = append(turns, v...)
	default:
		turns = append(turns, &object{[]field{{"from", GPT}, {"value", v}}})
	}
	for i := range o.fields {
		if o.fields[i].key == key {
			o.fields[i].value = turns
		}
	}
	return nil
}

// asPair has nothing learnt of what both conversations begin with, and finds what is no pair.
func (s *Sample) asPair() error {
	n := min(len(s.Turns), len(s.Rejected))
	same := 0
	for same < n && s.Turns[same] == s.Rejected[same] {
		same++
	}
	switch {
	case s.Text != "" || n == 0:
		return errNoPair
	case same == len(s.Turns) && same == len(s.Rejected):
		return errors.New("chosen and rejected are the same: there is nothing to prefer")
	case same == len(s.Turns) || same == len(s.Rejected):
		return errors.New("one of chosen and rejected is where the other begins, expected an answer at the end of each")
	}
	for _, turns := range [][]Turn{s.Turns, s.Rejected} {
		if turns[len(turns)-1].From != GPT {
			return errors.New("one of chosen and rejected does not end with an answer")
		}
		for i := range same {
			turns[i].Context = turns[i].From == GPT
		}
	}
	if a, b := marks(s.Turns), marks(s.Rejected); a != b {
		return fmt.Errorf("chosen has %d image markers (%s) and rejected %d, expected the same pictures in both", a, ImageMarker, b)
	}
	return nil
}

func marks(turns []Turn) (n int) {
	for _, t := range turns {
		n += strings.Count(t.Value, ImageMarker)
	}
	return n
}
