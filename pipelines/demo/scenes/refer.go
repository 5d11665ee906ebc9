package scenes

import (
	"fmt"
	"math/rand/v2"
)

// way is one of the means of singling out an object in words.
type way uint8

const (
	byShape  way = iota // the circle, the 7
	byColour            // the red object
	byPair              // the red circle
	byPlace             // the object at the top left
)

// refer names object k, by one of the ways that fit it alone, drawn at random. noun stands where the way does not name the shape:
// "object", "shape" or "digit". It also says which facts about the object the words give away.
func (s *Scene) refer(r *rand.Rand, k int, noun string, ways ...way) (words string, told facts, ok bool) {
	fit := make([]way, 0, 4)
	for _, w := range ways {
		if s.singles(w, k) {
			fit = append(fit, w)
		}
	}
	if len(fit) == 0 {
		return "", 0, false
	}
	o := s.Objects[k]
	switch fit[r.IntN(len(fit))] {
	case byShape:
		return "the " + o.Shape.String(), theShape(k), true
	case byColour:
		return "the " + o.Colour.String() + " " + noun, theColour(k), true
	case byPair:
		return "the " + o.pair(), theShape(k) | theColour(k), true
	}
	return "the " + noun + " " + at(o.Cell), theCell(k), true
}

// singles reports whether the way fits no other object.
func (s *Scene) singles(w way, k int) bool {
	o := s.Objects[k]
	for j, p := range s.Objects {
		if j == k {
			continue
		}
		shape, colour := p.Shape == o.Shape, p.Colour == o.Colour
		if w == byShape && shape || w == byColour && colour || w == byPair && shape && colour {
			return false
		}
	}
	return true
}

// facts is a set of things that can be known about a scene: four bits for each object, and a few about the whole.
type facts uint32

const (
	theBackground facts = 1 << (4*MaxObjects + iota)
	theNumber
	theGaps // which cells are empty
)

func theColour(k int) facts { return 1 << (4 * k) }
func theShape(k int) facts  { return 2 << (4 * k) }
func theSize(k int) facts   { return 4 << (4 * k) }
func theCell(k int) facts   { return 8 << (4 * k) }

// all joins one kind of fact over every object.
func (s *Scene) all(of func(int) facts) (f facts) {
	for k := range s.Objects {
		f |= of(k)
	}
	return f
}

// only is the one object for which the condition holds.
func (s *Scene) only(cond func(Object) bool) (k int, ok bool) {
	k = -1
	for j, o := range s.Objects {
		if cond(o) {
			if k >= 0 {
				return -1, false
			}
			k = j
		}
	}
	return k, k >= 0
}

// count is the number of objects for which the condition holds.
func (s *Scene) count(cond func(Object) bool) (n int) {
	for _, o := range s.Objects {
		if cond(o) {
			n++
		}
	}
	return n
}

// side is one of the four sides a neighbour may be on.
type side struct {
	words string
	holds func(o, anchor Object) bool
}

// In Describe and in the questions "above" and the like compare rows and columns alone.
var sides = []side{
	{"left of", func(o, a Object) bool { return o.col() < a.col() }},
	{"right of", func(o, a Object) bool { return o.col() > a.col() }},
	{"above", func(o, a Object) bool { return o.row() < a.row() }},
	{"below", func(o, a Object) bool { return o.row() > a.row() }},
}

// directions are all that direction says.
var directions = []string{"left", "right", "above", "below", "above left", "above right", "below left", "below right"}

// direction says where o lies as seen from anchor: "above", "left", "above left".
func direction(o, anchor Object) string {
	vertical, horizontal := "", ""
	switch {
	case o.row() < anchor.row():
		vertical = "above"
	case o.row() > anchor.row():
		vertical = "below"
	}
	switch {
	case o.col() < anchor.col():
		horizontal = "left"
	case o.col() > anchor.col():
		horizontal = "right"
	}
	if vertical != "" && horizontal != "" {
		return vertical + " " + horizontal
	}
	return vertical + horizontal
}

// mostShape is the figure that more than half of the objects share, at least two of them.
func (s *Scene) mostShape() (Shape, bool) {
	for _, o := range s.Objects {
		if n := s.count(func(p Object) bool { return p.Shape == o.Shape }); n > 1 && 2*n > len(s.Objects) && !o.Shape.IsDigit() {
			return o.Shape, true
		}
	}
	return 0, false
}

// mostColour is the colour that more than half of the objects share, at least two of them.
func (s *Scene) mostColour() (Colour, bool) {
	for _, o := range s.Objects {
		if n := s.count(func(p Object) bool { return p.Colour == o.Colour }); n > 1 && 2*n > len(s.Objects) {
			return o.Colour, true
		}
	}
	return 0, false
}

// mirrored is the cell an object moves to when left and right, or top and bottom, change places.
func mirrored(cell int, upsideDown bool) int {
	if upsideDown {
		return 3*(2-cell/3) + cell%3
	}
	return 3*(cell/3) + 2 - cell%3
}

// rowItems are the objects X Y X of the row that alternates, as indices.
func (s *Scene) rowItems() (items [3]int, ok bool) {
	if s.Row < 0 {
		return items, false
	}
	for k, o := range s.Objects {
		if o.row() == s.Row {
			items[o.col()] = k
		}
	}
	return items, true
}

// one draws one of the forms and fills it in.
func one(r *rand.Rand, forms []string, args ...any) string {
	f := forms[r.IntN(len(forms))]
	if len(args) == 0 {
		return f
	}
	return fmt.Sprintf(f, args...)
}
