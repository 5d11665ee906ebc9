package datasets

import (
	"errors"
	"fmt"
	"slices"
)

// answers are the keys of a row's answer, of which one is used.
var answers = []string{"answer", "multiple_choice_answer", "answers"}

// questionShape has a question with its answer, or a list of each.
func questionShape(key string) shape {
	return shape{key: key, along: append([]string{"system"}, answers...), front: true, asks: true, read: func(t *talk, o *object) error {
		if key == "questions" {
			return t.pairs(o)
		}
		say, err := answerOf(o)
		if err != nil {
			return err
		}
		ask, err := t.ask(o)
		if err != nil {
			return err
		}
		t.say(Human, ask)
		if o.has("multiple_choice_answer") { // is what VQAv2 says is right, whatever single annotators said
			t.say(GPT, say)
			return nil
		}
		t.answer(say, o.get("answers"), o.get("answer"))
		return nil
	}}
}

// answer says an answer, and keeps the others of those that its row has.
func (t *talk) answer(say string, rows ...any) {
	t.say(GPT, say)
	var also []string
	for _, v := range rows {
		for _, text := range textsIn(v, nil) {
			if text != say && !slices.Contains(also, text) {
				also = append(also, text)
			}
		}
	}
	t.turns[len(t.turns)-1].Also = also
}

// textsIn lists the texts of what oneOf takes one from.
func textsIn(v any, out []string) []string {
	switch v := v.(type) {
	case *object:
		for _, k := range []string{"text", "answer"} {
			if v.get(k) != nil {
				return textsIn(v.get(k), out)
			}
		}
	case []any:
		for _, x := range v {
			out = textsIn(x, out)
		}
	default:
		if text := plainText(v); !isEmpty(v) && text != "" {
			out = append(out, text)
		}
	}
	return out
}

// ask is the question of a row: its own, what the prompt makes of it, or the prompt.
func (t *talk) ask(o *object) (string, error) {
	if t.prompt == nil {
		return asText("question", o.get("question"))
	}
	if o.has("question") && !t.prompt.has("question") {
		return "", errors.New("prompt has no {question}, and the row has a question: write {question} where it goes (ignore: [question] leaves it out)")
	}
	return t.prompt.fill(o)
}

// pairs reads a list of questions and one of their answers.
func (t *talk) pairs(o *object) error {
	if t.prompt != nil {
		return errPromptUnused
	}
	asked, _ := o.get("questions").([]any)
	said, ok := o.get("answers").([]any)
	if !ok || len(asked) != len(said) || len(asked) == 0 {
		return fmt.Errorf("questions are %s and answers are %s, expected an answer for each question", found(o.get("questions")), found(o.get("answers")))
	}
	for i := range asked {
		ask, err := asText("questions", asked[i])
		if err != nil {
			return fmt.Errorf("question %d: %w", i, err)
		}
		say, err := oneOf("answers", said[i])
		if err != nil {
			return fmt.Errorf("answer %d: %w", i, err)
		}
		t.say(Human, ask)
		t.answer(say, said[i])
	}
	return nil
}

// answerOf is a row's answer. VQAv2 has its annotators' most frequent one beside all of theirs.
func answerOf(o *object) (string, error) {
	switch {
	case o.has("answer") && (o.has("answers") || o.has("multiple_choice_answer")):
		other := "answers"
		if !o.has(other) {
			other = "multiple_choice_answer"
		}
		return "", fmt.Errorf("both answer and %s, expected one of them (ignore: [%s] leaves the second out)", other, other)
	case o.has("multiple_choice_answer"):
		return asText("multiple_choice_answer", o.get("multiple_choice_answer"))
	case o.has("answers"):
		return oneOf("answers", o.get("answers"))
	}
	return oneOf("answer", o.get("answer"))
}

// oneOf is a text, or of a list of texts the most frequent one, of equally frequent ones the first. An entry may be an object with the text as answer
// (VQAv2), and the list one with texts as text (SQuAD).
func oneOf(key string, v any) (string, error) {
	if o, ok := v.(*object); ok {
		for _, k := range []string{"text", "answer"} {
			if o.get(k) != nil {
				return oneOf(key, o.get(k))
			}
		}
		return "", fmt.Errorf("%s is an object without text or answer", key)
	}
	list, ok := v.([]any)
	if !ok {
		return asText(key, v)
	}
	best, most := "", 0
	count := map[string]int{}
	var order []string
	for i, x := range list {
		if isEmpty(x) {
			continue
		}
		if _, nested := x.([]any); nested {
			return "", fmt.Errorf("%s %d is %s, expected a text", key, i, found(x))
		}
		text, err := oneOf(fmt.Sprintf("%s %d", key, i), x)
		if err != nil {
			return "", err
		}
		if count[text]++; count[text] == 1 {
			order = append(order, text)
		}
	}
	for _, text := range order {
		if count[text] > most {
			best, most = text, count[text]
		}
	}
	if most == 0 {
		return "", fmt.Errorf("%s is %s without a text", key, found(v))
	}
	return best, nil
}

// captionShape has a picture and a text about it.
func captionShape(key string) shape {
	return shape{key: key, along: []string{"system"}, front: true, asks: true, sees: true, read: func(t *talk, o *object) error {
		say, err := oneOf(key, o.get(key))
		if err != nil {
			return err
		}
		ask := ""
		if t.prompt != nil {
			if ask, err = t.prompt.fill(o); err != nil {
				return err
			}
		}
		t.say(Human, ask)
		t.answer(say, o.get(key))
		return nil
	}}
}
