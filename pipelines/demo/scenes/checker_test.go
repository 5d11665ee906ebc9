package scenes

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// reader answers questions from their words and the scene's objects, on its own: nothing here is shared with the code that asks.
type reader struct{ *Scene }

// matching lists the objects that a phrase such as "the red circle" or "the digit at the top left" fits.
func (s reader) matching(phrase string) (found []Object, err error) {
	words := strings.Fields(strings.TrimPrefix(phrase, "the "))
	cell := -1
	if _, place, ok := strings.Cut(phrase, " at the "); ok {
		cell = slices.Index(cellNames[:], place)
		words = words[:1]
	} else if strings.HasSuffix(phrase, " in the centre") {
		cell, words = 4, words[:1]
	} else if strings.HasSuffix(phrase, " in the picture") {
		words = words[:1]
	}
	for _, o := range s.Objects {
		fits := cell < 0 || o.Cell == cell
		for _, w := range words {
			switch {
			case w == "object":
			case w == "digit":
				fits = fits && o.Shape >= Digit0
			case w == "shape":
				fits = fits && o.Shape < Digit0
			default:
				fits = fits && (o.Colour.String() == w || o.Shape.String() == w)
			}
		}
		if fits {
			found = append(found, o)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%q fits no object", phrase)
	}
	return found, nil
}

func (s reader) theOnly(phrase string) (Object, error) {
	found, err := s.matching(phrase)
	if err == nil && len(found) > 1 {
		err = fmt.Errorf("%q fits %d objects", phrase, len(found))
	}
	if err != nil {
		return Object{}, err
	}
	return found[0], nil
}

// filter returns the attribute of the only object that keep holds for.
func (s reader) filter(attribute func(Object) string, keep func(Object) bool) (string, error) {
	var found []Object
	for _, o := range s.Objects {
		if keep(o) {
			found = append(found, o)
		}
	}
	if len(found) != 1 {
		return "", fmt.Errorf("%d objects fit", len(found))
	}
	return attribute(found[0]), nil
}

func colourText(o Object) string { return o.Colour.String() }
func shapeText(o Object) string  { return o.Shape.String() }
func cellText(o Object) string   { return cellNames[o.Cell] }

// attributeOf picks the attribute that a question asks for by the question's own word.
func attributeOf(word string) func(Object) string {
	switch word {
	case "colour":
		return colourText
	case "where":
		return cellText
	}
	return shapeText
}

func rolling(o Object) bool { return o.Shape.String() == "circle" || o.Shape.String() == "ring" }

var corners = map[string]string{"circle": "0", "ring": "0", "triangle": "3", "square": "4", "diamond": "4", "star": "5"}

// most is the value that more than half of the objects have.
func (s reader) most(attribute func(Object) string) (string, error) {
	n := map[string]int{}
	for _, o := range s.Objects {
		n[attribute(o)]++
	}
	for v, c := range n {
		if 2*c > len(s.Objects) {
			return v, nil
		}
	}
	return "", fmt.Errorf("no majority")
}

func pluralText(o Object) string {
	return strings.Replace(o.Shape.String()+"s", "crosss", "crosses", 1)
}

type rule struct {
	form   *regexp.Regexp
	answer func(s reader, m []string) (string, error)
}

func when(form string, answer func(s reader, m []string) (string, error)) rule {
	return rule{regexp.MustCompile("^(?:" + form + `)$`), answer}
}

// told answers by an attribute of the object that the first group names.
func told(attribute func(Object) string) func(reader, []string) (string, error) {
	return func(s reader, m []string) (string, error) {
		o, err := s.theOnly(m[1])
		return attribute(o), err
	}
}

// rules cover every form of question. The order matters: the general forms come last.
var rules = []rule{
	when(`what colour is the background\?|which background does the picture have\?|what is the colour behind the objects\?`,
		func(s reader, _ []string) (string, error) { return s.Background.String(), nil }),
	when(`what does the picture mostly show\?|which shape is the most common here\?`,
		func(s reader, _ []string) (string, error) { return s.most(pluralText) }),
	when(`which colour do most of the objects have\?|which colour is the most common here\?`,
		func(s reader, _ []string) (string, error) { return s.most(colourText) }),
	when(`how many objects are there\?|how many objects does the picture show\?`,
		func(s reader, _ []string) (string, error) { return strconv.Itoa(len(s.Objects)), nil }),
	when(`(?:if all|how many objects remain without) the (\w+) objects(?: are taken away, how many are left)?\?`,
		func(s reader, m []string) (string, error) {
			n := 0
			for _, o := range s.Objects {
				if m[1] != colourText(o) {
					n++
				}
			}
			return strconv.Itoa(n), nil
		}),
	when(`how many points (?:does|has) (.*?)(?: have)?\?`, told(func(o Object) string { return corners[o.Shape.String()] })),
	when(`(?:what|which) colour (?:is|does) the shape (?:that has|with) (\d) points(?: have)?\?`, func(s reader, m []string) (string, error) {
		return s.filter(colourText, func(o Object) bool { return corners[o.Shape.String()] == m[1] })
	}),
	when(`(?:what|which) (colour) (?:is|has) the shape that (?:can roll|would roll down a hill)\?`, func(s reader, m []string) (string, error) {
		return s.filter(colourText, rolling)
	}),
	when(`where is the shape that (?:can roll|would roll down a hill)\?`, func(s reader, m []string) (string, error) {
		return s.filter(cellText, rolling)
	}),
	when(`(?:if the row went on, what|the row goes on in turn\. which) (colour|shape|digit) (?:would be|comes) next\?`, nextInRow),
	when(`where would (.*) be (?:in a mirror|if left and right were swapped)\?`,
		told(func(o Object) string { return flip(cellText(o), "left", "right") })),
	when(`where would (.*) be if (?:the picture were turned over|top and bottom were swapped)\?`,
		told(func(o Object) string { return flip(cellText(o), "top", "bottom") })),
	when(`which number follows (.*)\?|what is one more than (.*)\?`, func(s reader, m []string) (string, error) {
		o, err := s.theOnly(m[1] + m[2])
		return strconv.Itoa(o.Shape.Value() + 1), err
	}),
	when(`where is (.*) as seen from (.*)\?|how does (.*) lie to (.*)\?`, func(s reader, m []string) (string, error) {
		o, err := s.theOnly(m[1] + m[3])
		if err != nil {
			return "", err
		}
		p, err := s.theOnly(m[2] + m[4])
		return seenFrom(o, p), err
	}),
	when(`(?:which|what) (colour|shape|digit) (?:is|has)(?: the object)?(?: that is)? (larger|smaller) than (?:all others|the rest)\?`, oddOne),
	when(`(?:what|which) (colour|shape|digit) (?:is|lies)(?: the object)? (left of|right of|above|below) (.*)\?`, beside),
	when(`(?:which|what) (shape|digit|colour) (?:has the same|is the object|is) (colour|shape)(?:d|ed)? (?:as|like) (.*)\?`, alikeTo),
	when(`(where) is the (?:other )?object (?:with the )?(colour|shape)(?:d|ed)? (?:like|of) (.*)\?`, alikeTo),
	when(`(?:what|which object) is (at the .*|in the centre)\?`, func(s reader, m []string) (string, error) {
		o, err := s.theOnly("the object " + m[1])
		return colourText(o) + " " + shapeText(o), err
	}),
	when(`(?:what number is|which value does) (.*?)(?: have)?\?`, told(shapeText)),
	when(`what colour is (.*)\?`, told(colourText)),
	when(`which colour does (.*) have\?`, told(colourText)),
	when(`what shape is (.*)\?`, told(shapeText)),
	when(`what kind of shape does (.*) have\?`, told(shapeText)),
	when(`(?:where|in which part of the picture) is (.*)\?`, told(cellText)),
}

func flip(place, a, b string) string {
	return strings.NewReplacer(a, b, b, a).Replace(place)
}

func nextInRow(s reader, m []string) (string, error) {
	for row := range 3 {
		var have []string
		for cell := 3 * row; cell < 3*row+3; cell++ {
			for _, o := range s.Objects {
				if o.Cell == cell {
					have = append(have, attributeOf(m[1])(o))
				}
			}
		}
		if len(have) == 3 {
			if have[0] != have[2] || have[0] == have[1] {
				return "", fmt.Errorf("row %v does not alternate", have)
			}
			return have[1], nil
		}
	}
	return "", fmt.Errorf("no full row")
}

func seenFrom(o, p Object) string {
	words := []string{}
	if dy := o.Cell/3 - p.Cell/3; dy < 0 {
		words = append(words, "above")
	} else if dy > 0 {
		words = append(words, "below")
	}
	if dx := o.Cell%3 - p.Cell%3; dx < 0 {
		words = append(words, "left")
	} else if dx > 0 {
		words = append(words, "right")
	}
	return strings.Join(words, " ")
}

func oddOne(s reader, m []string) (string, error) {
	return s.filter(attributeOf(m[1]), func(o Object) bool {
		for _, p := range s.Objects {
			if p != o && (m[2] == "larger" && p.Size >= o.Size || m[2] == "smaller" && p.Size <= o.Size) {
				return false
			}
		}
		return true
	})
}

func beside(s reader, m []string) (string, error) {
	anchor, err := s.theOnly(m[3])
	if err != nil {
		return "", err
	}
	return s.filter(attributeOf(m[1]), func(o Object) bool {
		return slices.Contains(strings.Fields(seenFrom(o, anchor)), strings.TrimSuffix(m[2], " of"))
	})
}

func alikeTo(s reader, m []string) (string, error) {
	o, err := s.theOnly(m[3])
	if err != nil {
		return "", err
	}
	return s.filter(attributeOf(m[1]), func(p Object) bool {
		return p != o && attributeOf(m[2])(p) == attributeOf(m[2])(o)
	})
}

// read answers a question.
func (s reader) read(text string) (string, error) {
	for _, r := range rules {
		if m := r.form.FindStringSubmatch(text); m != nil {
			return r.answer(s, m)
		}
	}
	return "", fmt.Errorf("no rule reads it")
}

// Every question has four different options, and the one that a reader of the words and the scene arrives at is the answer, alone.
func TestQuestionsHaveOneRightAnswer(t *testing.T) {
	kinds := map[string]int{}
	for _, split := range []Split{Train, Validation, Test} {
		for i := range 4000 {
			s := New(3, split, 1+min(i%8, 2), i)
			for _, q := range s.Questions(s.Rand(forTest)) {
				kinds[q.Kind]++
				got, err := reader{s}.read(q.Text)
				if err != nil {
					t.Fatalf("%s: %q: %v", s.Caption(), q.Text, err)
				}
				sorted := slices.Clone(q.Options)
				slices.Sort(sorted)
				if len(q.Options) != 4 || len(slices.Compact(sorted)) != 4 {
					t.Fatalf("%q: options %q, expected four different ones", q.Text, q.Options)
				}
				if want := q.Options[q.Answer]; got != want {
					t.Fatalf("%s: %q: answer %q, expected %q", s.Caption(), q.Text, want, got)
				}
				if !slices.Contains(L2[:], q.L2) || q.Category == "" {
					t.Fatalf("%s: l2-category %q, category %q", q.Kind, q.L2, q.Category)
				}
			}
		}
	}
	for _, a := range askers {
		if kinds[a.kind] < 500 {
			t.Errorf("%d questions of kind %s in 12000 scenes, expected at least 500", kinds[a.kind], a.kind)
		}
	}
}
