package scenes

import (
	"iter"
	"math/rand/v2"
	"slices"
	"strings"

	"moslava/datasets"
)

// Whose yields n samples of the train split that join a picture and a text: the text says what each of some people has, the picture
// shows one of these things, and who has it is asked. Nothing is offered to choose from, and nothing has a letter for a name.
func Whose(n int, seed uint64) iter.Seq[Sample] { return samples(n, whose(n, seed)) }

func whose(_ int, seed uint64) func(i int) Sample {
	return func(i int) Sample {
		for try := uint64(0); ; try++ {
			s := New(seed+try<<32, Train, 3, i)
			if turns := s.whose(s.Rand(forWhose)); turns != nil {
				return s.sample(turns)
			}
		}
	}
}

// whose makes up to four rounds of a text and a question, or none if the scene offers nothing to ask.
func (s *Scene) whose(r *rand.Rand) []Turn {
	t := s.talk(r)
	r.Shuffle(len(t.list), func(i, j int) { t.list[i], t.list[j] = t.list[j], t.list[i] })
	rounds := 2 + r.IntN(3)
	var turns []Turn
	for _, x := range t.list {
		class := classOf(x.answer)
		if class == nil || len(turns) == 2*rounds {
			continue
		}
		name, text := possessions(r, class, x.answer)
		ask := one(r, []string{"%s, who has it?", "who has %s?", "%s\nname the owner"}, x.ask)
		if r.IntN(2) == 0 {
			ask += "\n" + text
		} else {
			ask = text + "\n" + ask
		}
		if r.IntN(4) == 0 { // saying first what is looked for makes it easier to learn
			ask, name = "in full, "+ask, x.answer+" "+name
		}
		turns = append(turns, Turn{From: datasets.Human, Value: ask}, Turn{From: datasets.GPT, Value: name})
	}
	if turns == nil {
		return nil
	}
	turns[0].Value = imageMarker + turns[0].Value
	return turns
}

// possessions says in a text what three to five people have, one of them the value, and who that is.
func possessions(r *rand.Rand, class []string, value string) (owner, text string) {
	n := min(3+r.IntN(3), len(class))
	values := []string{value}
	for _, i := range r.Perm(len(class)) {
		if len(values) < n {
			values = appendNew(values, class[i])
		}
	}
	r.Shuffle(n, func(i, j int) { values[i], values[j] = values[j], values[i] })
	names := r.Perm(len(people))
	for i, v := range values {
		values[i] = people[names[i]]
		if v == value {
			owner = values[i]
		}
		values[i] = one(r, []string{"%s has %s"}, people[names[i]], v)
	}
	if r.IntN(2) == 0 {
		for i, v := range values {
			values[i] = strings.Replace(v, " has ", ". ", 1)
		}
		return owner, strings.Join(values, "\n")
	}
	return owner, strings.Join(values, ". ") + "."
}

// answerClasses are the sets of values that an answer is one of.
var answerClasses = [][]string{
	colourNames[:], backgroundNames[:], figureNames[:], cellNames[:], digitWords(0, 9),
	directions,
	plurals(),
}

func plurals() (out []string) {
	for s := range Shape(NumFigures) {
		out = append(out, s.plural())
	}
	return out
}

// classOf is the class of values that v belongs to, or nil.
func classOf(v string) []string {
	for _, c := range answerClasses {
		if slices.Contains(c, v) {
			return c
		}
	}
	return nil
}
