package scenes

import "strconv"

func (q *quiz) rollColour() bool {
	k, ok := q.only(func(o Object) bool { return o.Shape.rolls() })
	return ok && q.offerColour(one(q.r, []string{"what colour is the shape that can roll?", "which colour has the shape that would roll down a hill?"}), k)
}

func (q *quiz) rollPlace() bool {
	k, ok := q.only(func(o Object) bool { return o.Shape.rolls() })
	return ok && q.offerPlace(one(q.r, []string{"where is the shape that can roll?", "where is the shape that would roll down a hill?"}), k)
}

// points asks for the number of corners that stick out. About half of the round and of the four-cornered shapes are passed
// over, since two shapes stand behind each of these answers.
func (q *quiz) points() bool {
	k := q.any()
	n, ok := q.Objects[k].Shape.points()
	if x := q.r.Float64(); !ok || n == 0 && x < 0.4 || n == 4 && x < 0.5 {
		return false
	}
	who, _, ok := q.refer(q.r, k, "shape", byColour, byPlace)
	return ok && q.fixed(one(q.r, []string{"how many points does %s have?", "how many points has %s?"}, who), strconv.Itoa(n), "0", "3", "4", "5")
}

// pointedColour asks for the colour of the only shape with so many points. A cross might be thought to have four.
func (q *quiz) pointedColour() bool {
	k := q.any()
	n, ok := q.Objects[k].Shape.points()
	if !ok || n == 0 || n == 4 && q.count(func(o Object) bool { return o.Shape == Cross }) > 0 {
		return false
	}
	_, single := q.only(func(o Object) bool { m, ok := o.Shape.points(); return ok && m == n })
	return single && q.offerColour(one(q.r, []string{"what colour is the shape that has %d points?", "which colour does the shape with %d points have?"}, n), k)
}

// twin is a drawn object and the only other one that is like it.
func (q *quiz) twin(like func(a, b Object) bool) (k, j int, ok bool) {
	k = q.any()
	o := q.Objects[k]
	if q.Row >= 0 {
		return 0, 0, false
	}
	j, ok = q.only(func(p Object) bool { return p != o && like(p, o) })
	return k, j, ok
}

func likeColour(a, b Object) bool { return a.Colour == b.Colour }
func likeShape(a, b Object) bool  { return a.Shape == b.Shape }

func (q *quiz) sameColour() bool {
	k, j, ok := q.twin(likeColour)
	if !ok {
		return false
	}
	who, _, ok := q.refer(q.r, k, "object", byShape)
	return ok && q.offerShape(one(q.r, []string{"which %s has the same colour as %s?", "what %s is coloured like %s?"}, q.Objects[j].Shape.class(), who), j, shapeWord(q.Objects[k]))
}

func (q *quiz) sameShape() bool {
	k, j, ok := q.twin(likeShape)
	if !ok {
		return false
	}
	who, _, ok := q.refer(q.r, k, "object", byColour)
	return ok && q.offerColour(one(q.r, []string{"which colour has the same shape as %s?", "what colour is the object shaped like %s?"}, who), j, colourWord(q.Objects[k]))
}

func (q *quiz) samePlace() bool {
	if q.r.IntN(2) == 0 {
		k, j, ok := q.twin(likeColour)
		if !ok {
			return false
		}
		who, _, ok := q.refer(q.r, k, "object", byShape)
		return ok && q.offerPlace(one(q.r, []string{"where is the object coloured like %s?", "where is the other object with the colour of %s?"}, who), j)
	}
	k, j, ok := q.twin(likeShape)
	if !ok {
		return false
	}
	who, _, ok := q.refer(q.r, k, "object", byColour)
	return ok && q.offerPlace(one(q.r, []string{"where is the object shaped like %s?", "where is the other object with the shape of %s?"}, who), j)
}

// rowNext asks how an alternating row goes on; the row ends with the other object, so the answer is the middle one.
func (q *quiz) rowNext() bool {
	items, ok := q.rowItems()
	if !ok {
		return false
	}
	x, y := q.Objects[items[0]], q.Objects[items[1]]
	if x.Colour != y.Colour {
		pool := q.colours(y.Shape)
		return q.offer(one(q.r, []string{"the row goes on in turn. which colour comes next?", "if the row went on, what colour would be next?"}),
			colourWord(y), q.shown(pool, colourWord), pool)
	}
	return q.offerShape(one(q.r, []string{"the row goes on in turn. which %s comes next?", "if the row went on, what %s would be next?"}, y.Shape.class()), items[1])
}

// mirror asks where an object would be in a mirror. The options are the places of two pairs that change places with one another, so
// that the pairing does not point at the answer; objects that would stay where they are are not asked for.
func (q *quiz) mirror() bool {
	k := q.any()
	who, _, ok := q.refer(q.r, k, "object", byShape, byColour, byPair)
	upsideDown := q.r.IntN(2) == 0
	cell := q.Objects[k].Cell
	answer := mirrored(cell, upsideDown)
	if !ok || q.Row >= 0 || answer == cell {
		return false
	}
	other := cell
	for other == cell || other == answer || mirrored(other, upsideDown) == other {
		other = q.r.IntN(NumCells)
	}
	forms := []string{"where would %s be if left and right were swapped?", "where would %s be in a mirror?"}
	if upsideDown {
		forms = []string{"where would %s be if top and bottom were swapped?", "where would %s be if the picture were turned over?"}
	}
	return q.fixed(one(q.r, forms, who), CellName(answer),
		CellName(cell), CellName(answer), CellName(other), CellName(mirrored(other, upsideDown)))
}

// What remain does with a scene of n objects: with removeShares[n] it names a colour that one object has, so that n-1 remain,
// else one that none has; keepShares[n] of the questions are kept. Together they make 1, 2, 3 and 4 equally likely.
var (
	removeShares = [MaxObjects + 1]float64{2: 1, 3: 0.714, 4: 0.375}
	keepShares   = [MaxObjects + 1]float64{2: 0.9, 3: 0.88, 4: 0.92}
)

func (q *quiz) remain() bool {
	n := len(q.Objects)
	if q.Row >= 0 || q.r.Float64() >= keepShares[n] {
		return false
	}
	want := 0
	if q.r.Float64() < removeShares[n] {
		want = 1
	}
	var gone []Colour
	for c := range Colour(NumColours) {
		if q.count(func(o Object) bool { return o.Colour == c }) == want {
			gone = append(gone, c)
		}
	}
	if len(gone) == 0 {
		return false
	}
	return q.fixed(one(q.r, []string{"if all the %s objects are taken away, how many are left?", "how many objects remain without the %s objects?"},
		gone[q.r.IntN(len(gone))]), strconv.Itoa(n-want), "1", "2", "3", "4")
}

func (q *quiz) plusOne() bool {
	k, who, ok := q.anyDigit()
	if !ok || q.Objects[k].Shape.Value() == 9 {
		return false
	}
	v := q.Objects[k].Shape.Value()
	return q.offer(one(q.r, []string{"which number follows %s?", "what is one more than %s?"}, who), strconv.Itoa(v+1), nil, digitWords(1, 9))
}
