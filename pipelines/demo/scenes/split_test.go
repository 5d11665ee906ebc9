package scenes

import (
	"bytes"
	"math/bits"
	"regexp"
	"strings"
	"testing"
)

func TestPairSplit(t *testing.T) {
	var byShape [NumShapes][3]int
	var byColour [NumColours][3]int
	for s := range Shape(NumShapes) {
		for c := range Colour(NumColours) {
			owner := PairSplit(s, c)
			byShape[s][owner]++
			if !s.IsDigit() {
				byColour[c][owner]++
			}
		}
	}
	for s, n := range byShape {
		if n != [3]int{6, 1, 1} {
			t.Errorf("%s: %v colours in train, validation, test, expected 6, 1, 1", Shape(s), n)
		}
	}
	for c, n := range byColour {
		if n != [3]int{6, 1, 1} {
			t.Errorf("%s: %v figures in train, validation, test, expected 6, 1, 1", Colour(c), n)
		}
	}
}

func TestLayoutSplit(t *testing.T) {
	var n [MaxObjects + 1][3]int
	for mask := uint16(1); mask < 1<<NumCells; mask++ {
		owner := LayoutSplit(mask)
		if hasFullLine(mask) && owner != Train {
			t.Errorf("layout %09b has a full line and belongs to %s", mask, owner)
		}
		if k := bits.OnesCount16(mask); k <= MaxObjects {
			n[k][owner]++
		}
	}
	want := [MaxObjects + 1][3]int{1: {9}, 2: {28, 4, 4}, 3: {68, 8, 8}, 4: {104, 12, 10}}
	if n != want {
		t.Errorf("layouts in train, validation, test by number of cells: %v, expected %v", n, want)
	}
}

var pairForm = regexp.MustCompile(`\b(` + strings.Join(colourNames[:], "|") + `) (` + strings.Join(figureNames[:], "|") + `|\d)(?:s|es)?\b`)

// pairOwner is the split of every pair, by its words.
var pairOwner = func() map[string]Split {
	owner := map[string]Split{}
	for s := range Shape(NumShapes) {
		for c := range Colour(NumColours) {
			owner[c.String()+" "+s.String()] = PairSplit(s, c)
		}
	}
	return owner
}()

// leaks returns the pairs of colour and shape in a text that the split may not name.
func leaks(text string, split Split) (bad []string) {
	for _, m := range pairForm.FindAllStringSubmatch(text, -1) {
		if pair := m[1] + " " + m[2]; !split.admits(pairOwner[pair]) {
			bad = append(bad, pair)
		}
	}
	return bad
}

// No scene holds what belongs to another split, and every evaluation scene holds something of its own split's.
func TestScenesKeepToTheirSplit(t *testing.T) {
	for _, split := range []Split{Train, Validation, Test} {
		novel := [2]int{}
		for i := range 30000 {
			s := New(5, split, 1+i%3, i)
			for _, o := range s.Objects {
				if owner := PairSplit(o.Shape, o.Colour); !split.admits(owner) {
					t.Fatalf("%s scene %d holds a %s, which belongs to %s", split, i, o.pair(), owner)
				}
			}
			if owner := LayoutSplit(s.layout()); !split.admits(owner) {
				t.Fatalf("%s scene %d has layout %09b, which belongs to %s", split, i, s.layout(), owner)
			}
			pair, layout := s.Novel()
			if split != Train && !pair && !layout {
				t.Fatalf("%s scene %d holds nothing of the split's own: %s", split, i, s.Caption())
			}
			if pair {
				novel[0]++
			}
			if layout {
				novel[1]++
			}
		}
		if split != Train && (novel[0] < 15000 || novel[1] < 6000) {
			t.Errorf("%s: %v scenes with a pair, a layout of the split's own, expected at least 15000 and 6000", split, novel)
		}
	}
}

// No text names a pair that belongs to another split.
func TestTextsKeepToTheirSplit(t *testing.T) {
	check := func(split Split, where, text string) {
		t.Helper()
		if bad := leaks(text, split); bad != nil {
			t.Fatalf("%s text of %s names %q: %s", split, where, bad, text)
		}
	}
	named := 0
	for _, stage := range stages {
		for x := range stage.samples(2000, 11) {
			for _, turn := range x.Turns {
				check(Train, x.Origin, turn.Value)
				named += len(pairForm.FindAllString(turn.Value, -1))
			}
		}
	}
	if named < 8000 {
		t.Errorf("only %d pairs found in train texts", named)
	}
	for _, split := range []Split{Validation, Test} {
		own := 0
		for i := range 2000 {
			s := New(5, split, 3, i)
			for _, q := range s.Questions(s.Rand(forTest)) {
				check(split, s.Caption(), q.Prompt())
			}
			check(split, "caption", s.Caption())
			own += len(leaks(s.Caption(), Train))
		}
		if own < 1000 {
			t.Errorf("%s: %d pairs of the split's own in captions, expected at least 1000", split, own)
		}
	}
}

// Training shows every value of every attribute by itself, and no test picture is a train picture.
func TestTrainShowsEveryValue(t *testing.T) {
	seen := map[string]int{}
	pictures := map[string]bool{}
	for i := range 4000 {
		s := New(7, Train, 3, i)
		seen[s.Background.String()]++
		for _, o := range s.Objects {
			for _, v := range []string{o.Shape.String(), o.Colour.String(), o.Size.String(), CellName(o.Cell)} {
				seen[v]++
			}
		}
		pictures[string(s.Image().Pix)] = true
	}
	if want := NumShapes + NumColours + NumBackgrounds + NumCells + 2; len(seen) != want {
		t.Errorf("%d values seen, expected %d", len(seen), want)
	}
	for v, n := range seen {
		if n < 200 {
			t.Errorf("%s seen %d times in 4000 scenes, expected at least 200", v, n)
		}
	}
	for i := range 2000 {
		if s := New(7, Test, 3, i); pictures[string(s.Image().Pix)] {
			t.Errorf("test scene %d is a train picture: %s", i, s.Caption())
		}
	}
	if a, b := New(7, Train, 3, 1).PNG(), New(7, Train, 3, 2).PNG(); bytes.Equal(a, b) {
		t.Error("two scenes have the same picture")
	}
}
