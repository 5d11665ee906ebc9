package scenes

import (
	"math/bits"
	"math/rand/v2"
)

// MaxObjects is the largest number of objects in a scene.
const MaxObjects = 4

// Object is one thing in a scene.
type Object struct {
	Shape  Shape
	Colour Colour
	Size   Size
	Cell   int // 0..8 in reading order
	// DX and DY move the object off its cell's centre, in pixels.
	DX, DY int
}

func (o Object) row() int { return o.Cell / 3 }
func (o Object) col() int { return o.Cell % 3 }

// pair is the object's colour and shape, "red circle".
func (o Object) pair() string { return o.Colour.String() + " " + o.Shape.String() }

// Scene is one picture's contents. The objects are in reading order.
type Scene struct {
	Split      Split
	Level      int
	Index      int
	Background Background
	Objects    []Object
	// Row is the row (0..2) whose three objects alternate in colour or in shape, and -1 in other scenes.
	Row int

	key uint64
}

// Shares of the scenes of level 3 with 1, 2, 3 and 4 objects, and of those whose row alternates. The number is drawn before
// anything else, so that the splits do not differ in it.
var objectShares = [MaxObjects]float64{0.13, 0.28, 0.30, 0.29}

const (
	rowShare    = 0.15
	digitShare  = 0.35
	sharedColor = 0.30 // of further objects that take an earlier one's colour
	sharedShape = 0.30 // of further objects that take an earlier one's shape
)

// New makes scene i of a split. It depends on its arguments alone. Level 1 has one large object, level 2 up to two objects of any
// size, level 3 everything; other levels are taken as the nearest of these.
func New(seed uint64, split Split, level, i int) *Scene {
	level = min(max(level, 1), 3)
	s := &Scene{Split: split, Level: level, Index: i, Row: -1}
	s.key = mix(mix(mix(seed)^uint64(split)<<8^uint64(level)) ^ uint64(i))
	r := s.Rand(0)
	s.Background = Background(r.IntN(NumBackgrounds))
	switch {
	case level == 1:
		s.scatter(r, 1)
		s.Objects[0].Size = Large
	case level == 2:
		s.scatter(r, 1+r.IntN(2))
	case r.Float64() < rowShare:
		s.alternate(r)
	default:
		n, x := 1, r.Float64()
		for n < MaxObjects && x >= objectShares[n-1] {
			x -= objectShares[n-1]
			n++
		}
		s.scatter(r, n)
	}
	for j := range s.Objects {
		o := &s.Objects[j]
		reach := 2
		if o.Size == Large {
			reach = 1
		}
		o.DX, o.DY = r.IntN(2*reach+1)-reach, r.IntN(2*reach+1)-reach
	}
	return s
}

// Rand is a source of randomness of the scene's own; different purposes get independent ones.
func (s *Scene) Rand(purpose uint64) *rand.Rand {
	return rand.New(rand.NewPCG(s.key, mix(s.key+purpose)))
}

// mix is the finalizer of splitmix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// scatter puts n different objects into the cells of a layout. In the evaluation splits either the first object or the layout,
// or both, is one that training never shows.
func (s *Scene) scatter(r *rand.Rand, n int) {
	newPair, newLayout := false, false
	if s.Split != Train {
		newLayout = n > 1 && r.IntN(2) == 0
		newPair = !newLayout || r.IntN(2) == 0
	}
	for len(s.Objects) < n {
		o := drawPair(r, s.Split, s.Objects)
		if newPair && len(s.Objects) == 0 {
			o.Colour = heldColour(o.Shape, s.Split)
		}
		o.Size = Size(r.IntN(2))
		s.Objects = append(s.Objects, o)
	}
	r.Shuffle(n, func(i, j int) { s.Objects[i], s.Objects[j] = s.Objects[j], s.Objects[i] })
	mask := drawLayout(r, s.Split, n, newLayout)
	for j := range s.Objects {
		s.Objects[j].Cell = bits.TrailingZeros16(mask)
		mask &= mask - 1
	}
}

// alternate fills one row with objects X Y X that differ in colour alone or in shape alone, and may add one object elsewhere.
// In the evaluation splits X or Y is a pair that training never shows.
func (s *Scene) alternate(r *rand.Rand) {
	var x, y Object
	for {
		x, y = drawPair(r, s.Split, nil), drawPair(r, s.Split, nil)
		if r.IntN(2) == 0 {
			y.Shape = x.Shape
		} else {
			y.Colour = x.Colour
		}
		px, py := PairSplit(x.Shape, x.Colour), PairSplit(y.Shape, y.Colour)
		known := px == Train && py == Train
		if x != y && x.Shape.sameClass(y.Shape) && s.Split.admits(px) && s.Split.admits(py) && (s.Split == Train || !known) {
			break
		}
	}
	size := Size(r.IntN(2))
	s.Row = r.IntN(3)
	for j, o := range []Object{x, y, x} {
		o.Size, o.Cell = size, 3*s.Row+j
		s.Objects = append(s.Objects, o)
	}
	if r.IntN(3) > 0 {
		return
	}
	o := drawPair(r, s.Split, s.Objects)
	o.Size = Size(r.IntN(2))
	if o.Cell = r.IntN(6); o.Cell >= 3*s.Row {
		o.Cell += 3
		s.Objects = append(s.Objects, o)
		return
	}
	s.Objects = append([]Object{o}, s.Objects...)
}

// drawPair draws a shape and a colour that the split admits and that no earlier object has together. Shape and colour are drawn
// anew until they fit, which keeps the colours of each shape equally likely.
func drawPair(r *rand.Rand, split Split, earlier []Object) Object {
	for {
		o := Object{Shape: Shape(r.IntN(NumFigures)), Colour: Colour(r.IntN(NumColours))}
		if r.Float64() < digitShare {
			o.Shape = Digit0 + Shape(r.IntN(NumDigits))
		}
		if len(earlier) > 0 {
			like := earlier[r.IntN(len(earlier))]
			switch x := r.Float64(); {
			case x < sharedColor:
				o.Colour = like.Colour
			case x < sharedColor+sharedShape:
				o.Shape = like.Shape
			}
		}
		if !split.admits(PairSplit(o.Shape, o.Colour)) {
			continue
		}
		taken := false
		for _, e := range earlier {
			taken = taken || e.Shape == o.Shape && e.Colour == o.Colour
		}
		if !taken {
			return o
		}
	}
}

// drawLayout draws a set of n cells: one of the split's own if own is set, otherwise any that the split admits.
func drawLayout(r *rand.Rand, split Split, n int, own bool) uint16 {
	mine, free := layouts[n][split], layouts[n][Train]
	if own {
		return mine[r.IntN(len(mine))]
	}
	if split == Train {
		mine = nil
	}
	if k := r.IntN(len(mine) + len(free)); k < len(mine) {
		return mine[k]
	} else {
		return free[k-len(mine)]
	}
}

// layout is the set of occupied cells, bit i for cell i.
func (s *Scene) layout() (mask uint16) {
	for _, o := range s.Objects {
		mask |= 1 << o.Cell
	}
	return mask
}

// Novel says what the scene has that training never shows: a pair of shape and colour, a layout.
func (s *Scene) Novel() (pair, layout bool) {
	for _, o := range s.Objects {
		pair = pair || PairSplit(o.Shape, o.Colour) != Train
	}
	return pair, LayoutSplit(s.layout()) != Train
}
