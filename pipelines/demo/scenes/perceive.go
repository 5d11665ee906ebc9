package scenes

import "strconv"

func (q *quiz) background() bool {
	return q.offer(one(q.r, []string{
		"what colour is the background?",
		"which background does the picture have?",
		"what is the colour behind the objects?",
	}), q.Background.String(), nil, backgroundNames[:])
}

func (q *quiz) mostShape() bool {
	shape, ok := q.Scene.mostShape()
	if !ok {
		return false
	}
	var pool []string
	for s := range Shape(NumFigures) {
		pool = append(pool, s.plural())
	}
	return q.offer(one(q.r, []string{"what does the picture mostly show?", "which shape is the most common here?"}),
		shape.plural(), q.shown(pool, func(o Object) string { return o.Shape.plural() }), pool)
}

func (q *quiz) mostColour() bool {
	colour, ok := q.Scene.mostColour()
	if !ok {
		return false
	}
	return q.offer(one(q.r, []string{"which colour do most of the objects have?", "which colour is the most common here?"}),
		colour.String(), q.shown(colourNames[:], colourWord), colourNames[:])
}

func (q *quiz) colourOf() bool {
	k := q.any()
	who, _, ok := q.refer(q.r, k, "object", byShape, byPlace)
	return ok && q.offerColour(one(q.r, []string{"what colour is %s?", "which colour does %s have?"}, who), k)
}

func (q *quiz) shapeOf() bool {
	k := q.any()
	if q.Objects[k].Shape.IsDigit() {
		return false
	}
	who, _, ok := q.refer(q.r, k, "object", byColour, byPlace)
	return ok && q.offerShape(one(q.r, []string{"what shape is %s?", "what kind of shape does %s have?"}, who), k)
}

func (q *quiz) digit() bool {
	k, who, ok := q.anyDigit()
	return ok && q.offerShape(one(q.r, []string{"what number is %s?", "which value does %s have?"}, who), k)
}

// anyDigit draws a digit and words that fit it alone.
func (q *quiz) anyDigit() (k int, who string, ok bool) {
	var digits []int
	for k, o := range q.Objects {
		if o.Shape.IsDigit() {
			digits = append(digits, k)
		}
	}
	switch {
	case len(digits) == 0:
		return 0, "", false
	case len(digits) == 1 && q.r.IntN(2) == 0:
		return digits[0], "the digit in the picture", true
	}
	k = digits[q.r.IntN(len(digits))]
	who, _, ok = q.refer(q.r, k, "digit", byColour, byPlace)
	return k, who, ok
}

// objectAt offers two colours on each of two shapes, so that both have to be seen and no option is more like the others than the
// rest. The second pair is another object's if the split admits all four.
func (q *quiz) objectAt() bool {
	k := q.any()
	o := q.Objects[k]
	if q.Row >= 0 {
		return false
	}
	for try := range 40 {
		p := q.Objects[q.any()]
		if try >= 2*len(q.Objects) {
			p = drawPair(q.r, q.Split, nil)
		}
		if p.Colour == o.Colour || p.Shape == o.Shape || !p.Shape.sameClass(o.Shape) ||
			!q.Split.admits(PairSplit(p.Shape, o.Colour)) || !q.Split.admits(PairSplit(o.Shape, p.Colour)) {
			continue
		}
		return q.fixed(one(q.r, []string{"what is %s?", "which object is %s?"}, at(o.Cell)), o.pair(), o.pair(), p.pair(),
			Object{Shape: p.Shape, Colour: o.Colour}.pair(), Object{Shape: o.Shape, Colour: p.Colour}.pair())
	}
	return false
}

func (q *quiz) placeOf() bool {
	k := q.any()
	if q.Row >= 0 { // only the middle object could be told from the others
		return false
	}
	who, _, ok := q.refer(q.r, k, "object", byShape, byColour, byPair)
	return ok && q.offerPlace(one(q.r, []string{"where is %s?", "in which part of the picture is %s?"}, who), k)
}

// countShares keep this share of the count questions of scenes with 1, 2, 3 and 4 objects, so that each number is right equally often.
var countShares = [MaxObjects]float64{1, 0.46, 0.43, 0.44}

func (q *quiz) countAll() bool {
	n := len(q.Objects)
	if q.Row >= 0 || q.r.Float64() >= countShares[n-1] {
		return false
	}
	return q.fixed(one(q.r, []string{"how many objects are there?", "how many objects does the picture show?"}),
		strconv.Itoa(n), "1", "2", "3", "4")
}

// neighbour asks for the only object on one side of another.
func (q *quiz) neighbour() bool {
	anchor := q.any()
	which := sides[q.r.IntN(len(sides))]
	k, ok := q.only(func(o Object) bool { return which.holds(o, q.Objects[anchor]) })
	if !ok {
		return false
	}
	if q.r.IntN(2) == 0 {
		who, _, ok := q.refer(q.r, anchor, "object", byShape, byPlace)
		return ok && q.offerColour(one(q.r, []string{"what colour is the object %s %s?", "which colour is %s %s?"}, which.words, who), k)
	}
	who, _, ok := q.refer(q.r, anchor, "object", byColour, byPlace)
	return ok && q.offerShape(one(q.r, []string{"which %s is %s %s?", "what %s lies %s %s?"}, q.Objects[k].Shape.class(), which.words, who), k)
}

// oddSize asks for the only large or only small object.
func (q *quiz) oddSize() bool {
	size := Size(q.r.IntN(2))
	k, ok := q.only(func(o Object) bool { return o.Size == size })
	if !ok || len(q.Objects) < 2 {
		return false
	}
	word := [2]string{"smaller", "larger"}[size]
	if q.r.IntN(2) == 0 {
		return q.offerColour(one(q.r, []string{"what colour is the object that is %s than all others?", "which colour has the object %s than the rest?"}, word), k)
	}
	return q.offerShape(one(q.r, []string{"which %s is %s than all others?", "what %s is %s than the rest?"}, q.Objects[k].Shape.class(), word), k)
}
