package scenes

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// MMBench's six l2-categories, as its files spell them.
const (
	CoarsePerception   = "coarse_perception"
	FineInstance       = "finegrained_perception (instance-level)"
	FineCross          = "finegrained_perception (cross-instance)"
	AttributeReasoning = "attribute_reasoning"
	RelationReasoning  = "relation_reasoning"
	LogicReasoning     = "logic_reasoning"
)

// L2 lists the l2-categories in the order in which TestTSV asks them.
var L2 = [...]string{CoarsePerception, FineInstance, FineCross, AttributeReasoning, RelationReasoning, LogicReasoning}

// Question is a multiple-choice question about a scene. Exactly one option is right.
type Question struct {
	L2       string   // one of L2
	Category string   // MMBench's name for the leaf
	Kind     string   // which of this package's questions it is, "shape-of"
	Text     string   // without options
	Options  []string // four different ones, in random order
	Answer   int      // index into Options
}

// letters label options.
const letters = "ABCD"

// AnswerRequest ends a multiple-choice prompt; it is LLaVA's, which MMBench runs of LLaVA models use.
const AnswerRequest = "Answer with the option's letter from the given choices directly."

// Prompt is the question as it is put to a model: text, one line an option, [AnswerRequest].
func (q Question) Prompt() string {
	var b strings.Builder
	b.WriteString(q.Text + "\n")
	for i, o := range q.Options {
		fmt.Fprintf(&b, "%c. %s\n", letters[i], o)
	}
	b.WriteString(AnswerRequest)
	return b.String()
}

// asker makes one kind of question of a scene that allows it.
type asker struct {
	l2, category, kind string
	ask                func(*quiz) bool
}

// askers lists every kind of question.
var askers = []asker{
	{CoarsePerception, "image_scene", "background", (*quiz).background},
	{CoarsePerception, "image_topic", "most-shape", (*quiz).mostShape},
	{CoarsePerception, "image_style", "most-colour", (*quiz).mostColour},
	{FineInstance, "attribute_recognition", "colour-of", (*quiz).colourOf},
	{FineInstance, "attribute_recognition", "shape-of", (*quiz).shapeOf},
	{FineInstance, "attribute_recognition", "object-at", (*quiz).objectAt},
	{FineInstance, "object_localization", "place-of", (*quiz).placeOf},
	{FineInstance, "object_localization", "count", (*quiz).countAll},
	{FineInstance, "ocr", "digit", (*quiz).digit},
	{FineCross, "spatial_relationship", "neighbour", (*quiz).neighbour},
	{FineCross, "attribute_comparison", "odd-size", (*quiz).oddSize},
	{AttributeReasoning, "physical_property_reasoning", "roll-colour", (*quiz).rollColour},
	{AttributeReasoning, "physical_property_reasoning", "roll-place", (*quiz).rollPlace},
	{AttributeReasoning, "identity_reasoning", "points", (*quiz).points},
	{AttributeReasoning, "identity_reasoning", "pointed-colour", (*quiz).pointedColour},
	{RelationReasoning, "physical_relation", "same-colour", (*quiz).sameColour},
	{RelationReasoning, "physical_relation", "same-shape", (*quiz).sameShape},
	{RelationReasoning, "physical_relation", "same-place", (*quiz).samePlace},
	{LogicReasoning, "future_prediction", "row-next", (*quiz).rowNext},
	{LogicReasoning, "future_prediction", "mirror", (*quiz).mirror},
	{LogicReasoning, "structuralized_imagetext_understanding", "remain", (*quiz).remain},
	{LogicReasoning, "structuralized_imagetext_understanding", "plus-one", (*quiz).plusOne},
}

// Questions makes one question of every kind that the scene allows, in random order.
func (s *Scene) Questions(r *rand.Rand) []Question {
	var out []Question
	for _, a := range askers {
		q := quiz{Scene: s, r: r}
		if a.ask(&q) {
			q.out.L2, q.out.Category, q.out.Kind = a.l2, a.category, a.kind
			out = append(out, q.out)
		}
	}
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// Reply is how a tuned model is to answer: the right option's text. MMBench's rules take it as well as the letter, and what it says
// is a word for what is seen.
func (q Question) Reply() string { return q.Options[q.Answer] }

// quiz is a question in the making.
type quiz struct {
	*Scene
	r   *rand.Rand
	out Question
}

// offer sets text and options: the answer, at most two of the preferred wrong ones (values of other objects in the scene), and
// values from the pool. A value in neither list is never right, one in barred never offered.
func (q *quiz) offer(text, answer string, preferred, pool []string, barred ...string) bool {
	no := map[string]bool{answer: true}
	for _, b := range barred {
		no[b] = true
	}
	options := []string{answer}
	take := func(from []string, limit int) {
		for _, i := range q.r.Perm(len(from)) {
			if len(options) < limit && !no[from[i]] {
				no[from[i]] = true
				options = append(options, from[i])
			}
		}
	}
	take(preferred, 3)
	take(pool, 4)
	if len(options) < 4 {
		return false
	}
	q.r.Shuffle(4, func(i, j int) { options[i], options[j] = options[j], options[i] })
	q.out.Text, q.out.Options = text, options
	for i, o := range options {
		if o == answer {
			q.out.Answer = i
		}
	}
	return true
}

// fixed offers the four given values, one of which is the answer.
func (q *quiz) fixed(text, answer string, four ...string) bool {
	return q.offer(text, answer, nil, four)
}

// colours are the colours that the split may show on the shape: all that an answer could be.
func (q *quiz) colours(s Shape) (out []string) {
	for c := range Colour(NumColours) {
		if q.Split.admits(PairSplit(s, c)) {
			out = append(out, c.String())
		}
	}
	return out
}

// shapes are the shapes of s's class that the split may show in the colour.
func (q *quiz) shapes(s Shape, c Colour) (out []string) {
	for t := range Shape(NumShapes) {
		if t.sameClass(s) && q.Split.admits(PairSplit(t, c)) {
			out = append(out, t.String())
		}
	}
	return out
}

// shown keeps those of the pool that some object in the scene has.
func (q *quiz) shown(pool []string, of func(Object) string) (out []string) {
	for _, v := range pool {
		if q.count(func(o Object) bool { return of(o) == v }) > 0 {
			out = append(out, v)
		}
	}
	return out
}

func colourWord(o Object) string { return o.Colour.String() }
func shapeWord(o Object) string  { return o.Shape.String() }
func placeWord(o Object) string  { return CellName(o.Cell) }

// offerColour, offerShape and offerPlace ask for an attribute of object k.
func (q *quiz) offerColour(text string, k int, barred ...string) bool {
	o := q.Objects[k]
	pool := q.colours(o.Shape)
	return q.offer(text, colourWord(o), q.shown(pool, colourWord), pool, barred...)
}

func (q *quiz) offerShape(text string, k int, barred ...string) bool {
	o := q.Objects[k]
	pool := q.shapes(o.Shape, o.Colour)
	return q.offer(text, shapeWord(o), q.shown(pool, shapeWord), pool, barred...)
}

func (q *quiz) offerPlace(text string, k int) bool {
	shown := q.shown(cellNames[:], placeWord)
	q.r.Shuffle(len(shown), func(i, j int) { shown[i], shown[j] = shown[j], shown[i] })
	// Offering more of the occupied cells would give away something of the layout.
	return q.offer(text, placeWord(q.Objects[k]), shown[:min(2, len(shown))], cellNames[:])
}

// any draws an object.
func (q *quiz) any() int { return q.r.IntN(len(q.Objects)) }

// digitWords are the digits from first to last.
func digitWords(first, last int) (out []string) {
	for d := first; d <= last; d++ {
		out = append(out, strconv.Itoa(d))
	}
	return out
}
