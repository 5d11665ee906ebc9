package scenes

import (
	"math/rand/v2"
	"strings"

	"moslava/datasets"
)

// people are the keys of look-ups. No option letter is among them.
var people = []string{"ann", "bob", "cal", "dan", "eve", "fay", "gus", "hal", "ivy", "jon", "kim", "lee"}

var ordinals = []string{"first", "second", "third", "fourth", "fifth"}

// Lookup makes a conversation without a picture that can be answered from its own text: who has what among three to five people,
// or which word stands where in a list. The values are the words that answers are made of; pairs of colour and shape are such
// as every split may name.
func Lookup(r *rand.Rand) []Turn {
	n := 3 + r.IntN(3)
	values := lookupValues(r, n)
	var l lookup
	if r.IntN(4) == 0 {
		l = wordList(r, values)
	} else {
		l = owners(r, values)
	}
	r.Shuffle(len(l.asks), func(i, j int) { l.asks[i], l.asks[j] = l.asks[j], l.asks[i] })
	if l.full.ask != "" && r.IntN(2) == 0 {
		l.asks[0] = l.full
	}
	var turns []Turn
	for i, x := range l.asks[:min(len(l.asks), 4+r.IntN(4))] {
		if i == 0 {
			x.ask = l.given + x.ask
		}
		turns = append(turns, Turn{From: datasets.Human, Value: x.ask}, Turn{From: datasets.GPT, Value: x.answer})
	}
	return turns
}

// lookup is a text and what can be asked about it.
type lookup struct {
	given string
	asks  []exchange
	full  exchange // about several things at once, if there is such a one
}

// owners says who has what, in sentences or in lines, and asks in both directions.
func owners(r *rand.Rand, values []string) (l lookup) {
	names := r.Perm(len(people))[:len(values)]
	facts := make([]string, len(values))
	form, sep := "%s has %s.", " "
	switch r.IntN(4) {
	case 0:
		form, sep = "%s. %s", "\n"
	case 1:
		form, sep = "%s: %s", "\n"
	}
	for i, v := range values {
		name := people[names[i]]
		facts[i] = one(r, []string{form}, name, v)
		l.asks = append(l.asks,
			exchange{ask: one(r, []string{"who has %s", "name the owner of %s", "%s"}, v), answer: name},
			exchange{ask: one(r, []string{"what has %s", "name the thing of %s", "%s"}, name), answer: v})
	}
	l.full = inFull(r, names, values)
	end := sep
	if r.IntN(3) == 0 { // the question may come on a line of its own
		end = "\n"
	}
	l.given = strings.Join(facts, sep) + end
	return l
}

// inFull asks for several owners, or for what several people have, at once. The answer repeats what is asked for before each thing
// that is found, so that what is looked up stands right before it.
func inFull(r *rand.Rand, names []int, values []string) exchange {
	var asked, told []string
	owners := r.IntN(2) == 0
	for _, i := range r.Perm(len(values))[:1+r.IntN(len(values))] {
		key, found := people[names[i]], values[i]
		if owners {
			key, found = found, key
		}
		asked, told = append(asked, key), append(told, key+" "+found)
	}
	form := "in full, what belongs to "
	if owners {
		form = "in full, the owners of "
	}
	return exchange{ask: form + strings.Join(asked, ", "), answer: strings.Join(told, ", ")}
}

// wordList gives values one after the other and asks by position and by neighbour.
func wordList(r *rand.Rand, values []string) (l lookup) {
	form, sep := "in the list %s: ", ", "
	if r.IntN(2) == 0 {
		form, sep = "%s\n", "\n"
	}
	l.given = one(r, []string{form}, strings.Join(values, sep))
	for i, v := range values {
		l.asks = append(l.asks,
			exchange{ask: one(r, []string{"the %s one", "name the %s"}, ordinals[i]), answer: v},
			exchange{ask: one(r, []string{"position of %s", "the place of %s in the list"}, v), answer: ordinals[i]})
		if i > 0 {
			l.asks = append(l.asks,
				exchange{ask: one(r, []string{"what follows %s?", "after %s comes"}, values[i-1]), answer: v},
				exchange{ask: one(r, []string{"what is before %s?", "before %s comes"}, v), answer: values[i-1]})
		}
	}
	l.asks = append(l.asks, exchange{ask: "the last one", answer: values[len(values)-1]})
	return l
}

// lookupValues draws n different values, half the time of one class and otherwise of several; three times in four of classes that
// are single words.
func lookupValues(r *rand.Rand, n int) []string {
	classes := valueClasses
	if r.IntN(4) > 0 {
		classes = classes[:wordClasses]
	}
	class, mixed := r.IntN(len(classes)), r.IntN(2) == 0
	values := make([]string, 0, n)
	for len(values) < n {
		if mixed {
			class = r.IntN(len(classes))
		}
		values = appendNew(values, classes[class](r))
	}
	return values
}

// appendNew appends v if the list does not hold it.
func appendNew(list []string, v string) []string {
	for _, have := range list {
		if have == v {
			return list
		}
	}
	return append(list, v)
}

// valueClasses draw from the classes of words that answers belong to; each has at least five. Those of single words come first.
var valueClasses = []func(*rand.Rand) string{
	func(r *rand.Rand) string { return Colour(r.IntN(NumColours)).String() },
	func(r *rand.Rand) string { return Shape(r.IntN(NumFigures)).String() },
	func(r *rand.Rand) string { return Shape(r.IntN(NumFigures)).plural() },
	func(r *rand.Rand) string { return (Digit0 + Shape(r.IntN(NumDigits))).String() },
	func(r *rand.Rand) string { return Background(r.IntN(NumBackgrounds)).String() },
	// Capital letters, so that their embeddings are trained: in texts they are things that people have, never names of options.
	func(r *rand.Rand) string { return string(rune('A' + r.IntN(8))) },
	func(r *rand.Rand) string { return CellName(r.IntN(NumCells)) },
	func(r *rand.Rand) string { return drawPair(r, Train, nil).pair() },
	func(r *rand.Rand) string { return directions[r.IntN(len(directions))] },
}

// wordClasses is how many of valueClasses are single words.
const wordClasses = 6
