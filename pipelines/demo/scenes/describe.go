package scenes

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"moslava/datasets"
)

// Caption is one sentence that lists the objects in reading order and names the background:
// "a large red circle at the top left and a small blue 7 in the centre on a navy background".
func (s *Scene) Caption() string {
	parts := make([]string, len(s.Objects))
	for i, o := range s.Objects {
		parts[i] = "a " + o.Size.String() + " " + o.pair() + " " + at(o.Cell)
	}
	last := len(parts) - 1
	list := parts[last]
	if last > 0 {
		list = strings.Join(parts[:last], ", ") + " and " + list
	}
	return list + " on a " + s.Background.String() + " background"
}

// brief lists the objects without size and background: "red circle top left, blue 7 centre".
func (s *Scene) brief() string {
	parts := make([]string, len(s.Objects))
	for i, o := range s.Objects {
		parts[i] = o.pair() + " " + CellName(o.Cell)
	}
	return strings.Join(parts, ", ")
}

// scan names what is in each cell in reading order, always in three words, and the background. The words of a cell thus
// stand at the same place in every text, so that a decoder need not search for where to look.
func (s *Scene) scan() string {
	words := make([]string, 0, NumCells+1)
	for cell := range NumCells {
		what := "no object here"
		for _, o := range s.Objects {
			if o.Cell == cell {
				what = o.Size.String() + " " + o.pair()
			}
		}
		words = append(words, what)
	}
	return strings.Join(append(words, "on "+s.Background.String()), " ")
}

// exchange is one request about the picture and its answer, with the facts that the answer needs and those that both give away.
type exchange struct {
	ask, answer string
	needs, told facts
	turn        float64 // where it comes among the scene's exchanges
}

// talk collects the exchanges that a scene offers.
type talk struct {
	*Scene
	r    *rand.Rand
	list []exchange
	// haste scales the turns that exchanges draw: those that few scenes offer come before the common ones if it is small.
	haste float64
}

// add appends an exchange; the answer gives away what it needs.
func (t *talk) add(needs, told facts, answer, ask string) {
	t.list = append(t.list, exchange{ask: ask, answer: answer, needs: needs, told: needs | told, turn: t.r.Float64() * t.haste})
}

// Turns of exchanges that every scene offers, and of those that follow from what an object is or stands next to.
const (
	inTime = 1.0
	early  = 0.4
)

// Turns of a conversation made by Describe.
const (
	minTurns = 6
	maxTurns = 10
)

// talk collects everything that can be asked about the scene.
func (s *Scene) talk(r *rand.Rand) *talk {
	t := &talk{Scene: s, r: r, haste: inTime}
	t.whole()
	for k := range s.Objects {
		t.object(k)
	}
	t.lists()
	t.pairs()
	t.numbers()
	t.haste = early
	for k := range s.Objects {
		t.derived(k)
		t.neighbours(k)
		t.alike(k)
	}
	t.row()
	return t
}

// Describe makes a conversation about the picture, requests with short open answers, [human, gpt] alternating and starting with the
// image marker: 6 to 10 exchanges in a random order. An exchange whose answer could be read off earlier turns is left out unless
// the conversation would be too short; the longest answer, the caption, comes last.
func (s *Scene) Describe(r *rand.Rand) []Turn {
	t := s.talk(r)
	slices.SortFunc(t.list, func(a, b exchange) int { return cmp.Compare(a.turn, b.turn) })

	want := minTurns + r.IntN(maxTurns-minTurns+1)
	var chosen, spare []exchange
	var told facts
	for _, x := range t.list {
		switch {
		case len(chosen) < want && x.needs&^told != 0:
			chosen, told = append(chosen, x), told|x.told
		default:
			spare = append(spare, x)
		}
	}
	for len(chosen) < minTurns && len(spare) > 0 {
		chosen, spare = append(chosen, spare[0]), spare[1:]
	}
	if r.IntN(2) == 0 && len(chosen) < maxTurns {
		chosen = append(chosen, exchange{ask: one(r, captionRequests), answer: s.Caption()})
	}
	turns := make([]Turn, 0, 2*len(chosen))
	for _, x := range chosen {
		turns = append(turns, Turn{From: datasets.Human, Value: x.ask}, Turn{From: datasets.GPT, Value: x.answer})
	}
	turns[0].Value = imageMarker + turns[0].Value
	return turns
}

var captionRequests = []string{"describe the picture", "describe everything", "write a caption", "tell what the picture shows"}

// whole asks about the picture as a whole.
func (t *talk) whole() {
	r := t.r
	t.add(theBackground, 0, t.Background.String(), one(r, []string{"name the background", "name the colour behind the objects", "background"}))
	t.add(theNumber, 0, strconv.Itoa(len(t.Objects)), one(r, []string{"count the objects", "number of objects", "count everything"}))
	cell := r.IntN(NumCells)
	if t.layout()>>cell&1 == 0 && r.IntN(2) == 0 {
		t.add(theGaps, 0, "nothing", one(r, []string{"describe the %s", "name the object at the %s"}, CellName(cell)))
	}
	if shape, ok := t.mostShape(); ok {
		t.add(t.all(theShape), 0, shape.plural(), one(r, []string{"name the most common shape", "most of the objects are"}))
	}
	if colour, ok := t.mostColour(); ok {
		t.add(t.all(theColour), 0, colour.String(), one(r, []string{"name the most common colour", "colour of most objects"}))
	}
}

// object asks about single attributes of object k.
func (t *talk) object(k int) {
	r, o := t.r, t.Objects[k]
	full := theColour(k) | theShape(k) | theSize(k)
	if r.IntN(2) == 0 {
		t.add(full, theCell(k), "a "+o.Size.String()+" "+o.pair(), one(r, []string{"describe the %s", "tell what is at the %s"}, CellName(o.Cell)))
	} else if r.IntN(2) == 0 {
		t.add(theColour(k)|theShape(k), theCell(k), o.pair(), one(r, []string{"name the object at the %s", "object at the %s"}, CellName(o.Cell)))
	}
	if who, told, ok := t.refer(r, k, "object", byShape, byPlace); ok {
		t.add(theColour(k), told, o.Colour.String(), one(r, []string{"colour of %s", "name the colour of %s"}, who))
	}
	if who, told, ok := t.refer(r, k, "object", byColour, byPlace); ok {
		t.add(theShape(k), told, o.Shape.String(), one(r, []string{"shape of %s", "name the shape of %s"}, who))
	}
	if who, told, ok := t.refer(r, k, "object", byShape, byColour, byPair, byPlace); ok && r.IntN(3) == 0 {
		t.add(theSize(k), told, o.Size.String(), one(r, []string{"size of %s", "tell the size of %s"}, who))
	}
	ways := []way{byShape, byColour, byPair}
	if who, told, ok := t.refer(r, k, "object", ways...); ok {
		t.add(theCell(k), told, CellName(o.Cell), one(r, []string{"place of %s", "find %s"}, who))
	}
	if who, told, ok := t.refer(r, k, "object", ways...); ok {
		if r.IntN(2) == 0 {
			t.add(theCell(k), told, CellName(mirrored(o.Cell, false)), one(r, []string{"mirror the picture, place of %s", "swap left and right, find %s"}, who))
		} else {
			t.add(theCell(k), told, CellName(mirrored(o.Cell, true)), one(r, []string{"turn the picture over, place of %s", "swap top and bottom, find %s"}, who))
		}
	}
}

// derived asks about what follows from object k's shape.
func (t *talk) derived(k int) {
	r, o := t.r, t.Objects[k]
	if o.Shape.IsDigit() {
		who, told, ok := t.refer(r, k, "digit", byColour, byPlace)
		if !ok {
			return
		}
		if t.count(func(p Object) bool { return p.Shape.IsDigit() }) == 1 {
			who, told = "the digit", 0
		}
		t.add(theShape(k), told, o.Shape.String(), one(r, []string{"read %s", "value of %s"}, who))
		if v := o.Shape.Value(); v < 9 {
			t.add(theShape(k), told, strconv.Itoa(v+1), one(r, []string{"add one to %s", "count on from %s"}, who))
		}
		return
	}
	if n, ok := o.Shape.points(); ok {
		if who, told, ok := t.refer(r, k, "shape", byShape, byColour, byPlace); ok {
			t.add(theShape(k), told, strconv.Itoa(n), one(r, []string{"points of %s", "count the points of %s"}, who))
		}
		if j, single := t.only(func(p Object) bool { m, has := p.Shape.points(); return has && m == n }); single && j == k && n > 0 {
			t.add(theColour(k), theShape(k), o.Colour.String(), one(r, []string{"colour of the shape with %s points", "name the colour with %s points"}, strconv.Itoa(n)))
		}
	}
	if j, single := t.only(func(p Object) bool { return p.Shape.rolls() }); single && j == k {
		t.add(theShape(k)|theColour(k), 0, o.pair(), one(r, []string{"name what rolls", "name the shape that rolls"}))
		t.add(theColour(k), 0, o.Colour.String(), one(r, []string{"colour of what rolls", "colour of the rolling shape"}))
		t.add(theCell(k), 0, CellName(o.Cell), one(r, []string{"place of what rolls", "find the rolling shape"}))
	}
}

// lists asks for one attribute of all objects.
func (t *talk) lists() {
	r := t.r
	if len(t.Objects) < 2 {
		return
	}
	var colours, shapes, digits []string
	var digitFacts facts
	for k, o := range t.Objects {
		colours, shapes = append(colours, o.Colour.String()), append(shapes, o.Shape.String())
		if o.Shape.IsDigit() {
			digits, digitFacts = append(digits, o.Shape.String()), digitFacts|theShape(k)
		}
	}
	t.add(t.all(theColour), 0, strings.Join(colours, ", "), one(r, []string{"list the colours", "read the colours in order"}))
	t.add(t.all(theShape), 0, strings.Join(shapes, ", "), one(r, []string{"list the shapes", "read the shapes in order"}))
	t.add(t.all(theShape)|t.all(theColour)|t.all(theCell), theNumber, t.brief(), one(r, []string{"list the objects", "list everything"}))
	if len(digits) > 1 {
		t.add(digitFacts, 0, strings.Join(digits, ", "), one(r, []string{"read the digits", "list the digits"}))
	}
}
