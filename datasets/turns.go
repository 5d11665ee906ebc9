package datasets

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// VideoMarker stands in texts where a video goes.
const VideoMarker = "<video>"

// A talk is the turns of a row as they are read, and its pictures by their markers.
type talk struct {
	turns []Turn
	slots []any // for each marker its own picture, nil for the next one of the row's

	prompt *prompt // nil: none
}

func (t *talk) say(from, text string) {
	text = strings.ReplaceAll(text, contextMarker, ImageMarker)
	t.turns = append(t.turns, Turn{From: from, Value: text})
	t.slots = append(t.slots, make([]any, strings.Count(text, ImageMarker))...)
}

// messages reads the turns under a key; context says that none of them is learnt.
func (t *talk) messages(name string, v any, context bool) error {
	list, err := turnList(v)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for i, v := range list {
		o, ok := v.(*object)
		if !ok {
			return fmt.Errorf("%s %d is %s, expected an object", name, i, found(v))
		}
		n := len(t.turns)
		if err := t.message(o, len(list) == 1 && !context); err != nil {
			return fmt.Errorf("%s %d: %w", name, i, err)
		}
		for k := n; k < len(t.turns); k++ {
			t.turns[k].Context = t.turns[k].Context || context && t.turns[k].From == GPT
		}
	}
	return nil
}

// turnList is a list of turns; a struct of lists, which the older Sequence feature of datasets makes of it, is turned round.
func turnList(v any) ([]any, error) {
	if list, ok := v.([]any); ok {
		return list, nil
	}
	o, ok := v.(*object)
	if !ok {
		return nil, fmt.Errorf("found %s, expected a list of turns", found(v))
	}
	var out []any
	first := ""
	for _, f := range o.fields {
		list, ok := f.value.([]any)
		if f.value == nil {
			continue
		}
		if !ok {
			return nil, fmt.Errorf("%s is %s, expected a list", f.key, found(f.value))
		}
		if first == "" {
			first = f.key
			for range list {
				out = append(out, &object{})
			}
		}
		if len(list) != len(out) {
			return nil, fmt.Errorf("%d of %s and %d of %s", len(out), first, len(list), f.key)
		}
		for i, x := range list {
			turn := out[i].(*object)
			turn.fields = append(turn.fields, field{f.key, x})
		}
	}
	return out, nil
}

// message reads one turn, or the question and answer of an object that has user and assistant.
func (t *talk) message(o *object, alone bool) error {
	if o.get("user") != nil || o.get("assistant") != nil {
		return t.exchange("user", o.get("user"), "assistant", o.get("assistant"))
	}
	who := o.get("from")
	if who == nil {
		who = o.get("role")
	}
	if who == nil {
		return errors.New("neither from nor role")
	}
	name, err := asText("from", who)
	if err != nil {
		return err
	}
	text, own, err := content(o)
	if err != nil {
		return err
	}
	t.slots = append(t.slots, own...)
	if alone && name == pretrain {
		pair, err := captionTurns(text)
		t.turns = append(t.turns, pair...)
		return err
	}
	from, err := speaker(name)
	if err != nil {
		return err
	}
	context, err := isContext(o, from)
	t.turns = append(t.turns, Turn{From: from, Value: text, Context: context})
	return err
}

// exchange reads a question and its answer.
func (t *talk) exchange(question string, q any, answer string, a any) error {
	ask, err := asText(question, q)
	if err != nil {
		return err
	}
	say, err := asText(answer, a)
	if err != nil {
		return err
	}
	t.say(Human, ask)
	t.say(GPT, say)
	return nil
}

// isContext says whether a turn is not learnt: its weight is 0, or loss or train is false.
func isContext(o *object, from string) (bool, error) {
	context, said := false, ""
	for _, name := range []string{"weight", "loss", "train"} {
		v := o.get(name)
		if v == nil {
			continue
		}
		on, err := switchOf(name, v)
		if err != nil {
			return false, err
		}
		off := !on
		switch {
		case said != "" && off != context:
			return false, fmt.Errorf("%s and %s say different things", said, name)
		case !off && from != GPT:
			return false, fmt.Errorf("%s of a %s turn asks for it to be learnt, and only answers are", name, from)
		}
		context, said = off, name
	}
	return context && from == GPT, nil
}

// switchOf reads a value that says whether an answer is learnt.
func switchOf(name string, v any) (bool, error) {
	switch v := v.(type) {
	case bool:
		return v, nil
	case number:
		weight, err := strconv.ParseFloat(string(v), 64)
		if err != nil || weight != 0 && weight != 1 {
			return false, fmt.Errorf("%s is %s, expected 0 or 1: an answer is learnt or it is not", name, v)
		}
		return weight == 1, nil
	}
	return false, fmt.Errorf("%s is %s, expected 0, 1, true or false", name, found(v))
}

func isSwitch(name string, v any) error {
	_, err := switchOf(name, v)
	return err
}

// isSpeaker leaves to message what only the whole row tells.
func isSpeaker(_ string, v any) error {
	name, ok := v.(string)
	if !ok || name == pretrain {
		return nil
	}
	_, err := speaker(name)
	return err
}

// pretrain speaks a text that is all of a row.
const pretrain = "pretrain"

// history reads earlier exchanges, [question, answer] each.
func (t *talk) history(v any) error {
	if isEmpty(v) {
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		return fmt.Errorf("history is %s, expected a list of [question, answer]", found(v))
	}
	for i, v := range list {
		pair, ok := v.([]any)
		if !ok || len(pair) != 2 {
			return fmt.Errorf("history %d is %s, expected [question, answer]", i, found(v))
		}
		if err := t.exchange("question", pair[0], "answer", pair[1]); err != nil {
			return fmt.Errorf("history %d: %w", i, err)
		}
	}
	return nil
}

// captionTurns divides a pretraining text (XTuner 1.0, role pretrain: every token
// but the images' is a target) at the end of its leading image markers. A text
// without pictures is a gpt turn alone.
func captionTurns(text string) ([]Turn, error) {
	images, rest := 0, text
	for {
		after, ok := strings.CutPrefix(strings.TrimLeftFunc(rest, unicode.IsSpace), ImageMarker)
		if !ok {
			break
		}
		images, rest = images+1, after
	}
	switch inside := strings.Count(rest, ImageMarker); {
	case inside > 0:
		return nil, fmt.Errorf("pretrain: %d of %d pictures stand inside or after the text, expected all before it", inside, images+inside)
	case strings.TrimSpace(rest) == "":
		return nil, fmt.Errorf("pretrain: no text with %d pictures", images)
	case images == 0:
		return []Turn{{From: GPT, Value: text}}, nil
	}
	return []Turn{{From: Human, Value: strings.Repeat(ImageMarker, images)}, {From: GPT, Value: strings.TrimLeftFunc(rest, unicode.IsSpace)}}, nil
}
