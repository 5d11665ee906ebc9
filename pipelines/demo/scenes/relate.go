package scenes

import "strconv"

// pairs asks about two objects at a time.
func (t *talk) pairs() {
	for k := range t.Objects {
		for j := range t.Objects {
			if j != k {
				t.compare(k, j)
			}
		}
	}
}

// compare asks how object k stands to object j in place and in size. Each pair gives one or neither, lest they crowd the rest.
func (t *talk) compare(k, j int) {
	r, o, p := t.r, t.Objects[k], t.Objects[j]
	a, toldA, okA := t.refer(r, k, "object", byShape, byColour, byPair)
	b, toldB, okB := t.refer(r, j, "object", byShape, byColour, byPair)
	if !okA || !okB {
		return
	}
	switch r.IntN(8) {
	case 0, 1, 2:
		t.add(theCell(k)|theCell(j), toldA|toldB, direction(o, p), one(r, []string{"direction from %[2]s to %[1]s", "from %[2]s find %[1]s"}, a, b))
	case 3:
		answer := "the same size"
		if o.Size > p.Size {
			answer = "larger"
		} else if o.Size < p.Size {
			answer = "smaller"
		}
		t.add(theSize(k)|theSize(j), toldA|toldB, answer, one(r, []string{"compare the size of %s with %s", "size of %s next to %s"}, a, b))
	}
}

// neighbours asks for the only object on one side of object k, and for the one that differs from all others in size.
func (t *talk) neighbours(k int) {
	r, anchor := t.r, t.Objects[k]
	which := sides[r.IntN(len(sides))]
	if j, single := t.only(func(o Object) bool { return which.holds(o, anchor) }); single {
		if who, told, ok := t.refer(r, k, "object", byShape, byColour); ok {
			o := t.Objects[j]
			switch r.IntN(3) {
			case 0:
				t.add(theShape(j)|theColour(j), told, o.pair(), one(r, []string{"name the object %s %s", "object %s %s"}, which.words, who))
			case 1:
				t.add(theColour(j), told, o.Colour.String(), one(r, []string{"name the colour %s %s", "colour %s %s"}, which.words, who))
			default:
				t.add(theShape(j), told, o.Shape.String(), one(r, []string{"name the shape %s %s", "shape %s %s"}, which.words, who))
			}
		}
	}
	if j, single := t.only(func(o Object) bool { return o.Size == anchor.Size }); single && j == k && len(t.Objects) > 1 {
		word := "largest"
		if anchor.Size == Small {
			word = "smallest"
		}
		if r.IntN(2) == 0 {
			t.add(theColour(k), theSize(k), anchor.Colour.String(), one(r, []string{"colour of the %s object", "name the colour of the %s object"}, word))
		} else {
			t.add(theShape(k), theSize(k), anchor.Shape.String(), one(r, []string{"shape of the %s object", "name the shape of the %s object"}, word))
		}
	}
}

// alike asks which other object shares object k's colour or shape.
func (t *talk) alike(k int) {
	r, o := t.r, t.Objects[k]
	if len(t.Objects) < 2 {
		return
	}
	if who, told, ok := t.refer(r, k, "object", byShape); ok {
		j, single := t.only(func(p Object) bool { return p != o && p.Colour == o.Colour })
		ask := one(r, []string{"name the shape that has the same colour as %s", "same colour as %s"}, who)
		if single {
			t.add(theShape(j), told, t.Objects[j].Shape.String(), ask)
		} else if t.singles(byColour, k) && r.IntN(4) == 0 {
			t.add(t.all(theColour), told, "nothing", ask)
		}
	}
	if who, told, ok := t.refer(r, k, "object", byColour); ok {
		j, single := t.only(func(p Object) bool { return p != o && p.Shape == o.Shape })
		ask := one(r, []string{"name the colour that has the same shape as %s", "same shape as %s"}, who)
		if single {
			t.add(theColour(j), told, t.Objects[j].Colour.String(), ask)
		} else if t.singles(byShape, k) && r.IntN(4) == 0 {
			t.add(t.all(theShape), told, "nothing", ask)
		}
	}
}

// numbers asks for counts of some of the objects and for what is left without them.
func (t *talk) numbers() {
	r := t.r
	like := t.Objects[r.IntN(len(t.Objects))]
	sameColour := t.count(func(o Object) bool { return o.Colour == like.Colour })
	t.add(t.all(theColour)|theNumber, 0, strconv.Itoa(sameColour), one(r, []string{"count the %s objects", "number of %s objects"}, like.Colour))
	digits := t.count(func(o Object) bool { return o.Shape.IsDigit() })
	switch {
	case r.IntN(2) == 0:
		t.add(t.all(theShape)|theNumber, 0, strconv.Itoa(digits), one(r, []string{"count the digits", "number of digits"}))
	case !like.Shape.IsDigit():
		n := t.count(func(o Object) bool { return o.Shape == like.Shape })
		t.add(t.all(theShape)|theNumber, 0, strconv.Itoa(n), one(r, []string{"count the %s", "number of %s"}, like.Shape.plural()))
	}
	gone, left := like.Colour, len(t.Objects)-sameColour
	if r.IntN(3) == 0 {
		gone = Colour(r.IntN(NumColours))
		left = t.count(func(o Object) bool { return o.Colour != gone })
	}
	t.add(t.all(theColour)|theNumber, 0, strconv.Itoa(left), one(r, []string{"take away the %s objects, count the rest", "number of objects that are not %s"}, gone))
}

// row asks how the alternating row goes on.
func (t *talk) row() {
	items, ok := t.rowItems()
	if !ok {
		return
	}
	r := t.r
	x, y := t.Objects[items[0]], t.Objects[items[1]]
	t.add(theColour(items[1])|theShape(items[1]), 0, y.pair(), one(r, []string{"continue the row", "name what follows in the row"}))
	if x.Colour != y.Colour {
		t.add(theColour(items[1]), 0, y.Colour.String(), one(r, []string{"continue the colours of the row", "colour that follows in the row"}))
	} else {
		t.add(theShape(items[1]), 0, y.Shape.String(), one(r, []string{"continue the shapes of the row", "shape that follows in the row"}))
	}
}
