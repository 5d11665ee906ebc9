package scenes

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image/png"
	"math"
	"reflect"
	"testing"
)

// The same seed gives the same pixels and words everywhere; a change here changes every published score.
func TestGolden(t *testing.T) {
	for _, c := range []struct {
		split          Split
		level, i       int
		caption, image string
	}{
		{Train, 1, 0, "a large blue 4 at the bottom middle on a white background", "1a9674f9e58fa15e"},
		{Train, 2, 3, "a large teal triangle at the top right on a sky background", "362acfe540606df3"},
		{Train, 3, 4, "a large orange diamond at the middle right, a large blue star at the bottom left and a large blue diamond at the bottom right on a mint background", "ece1783a880023d4"},
		{Validation, 3, 5, "a large red triangle at the top right, a small pink triangle in the centre and a small teal square at the bottom right on a white background", "4a217b001640f43f"},
		{Test, 3, 6, "a small red star at the top middle and a small red cross at the bottom middle on a white background", "65a04d65a32c423f"},
		{Test, 3, 7, "a large yellow 1 at the middle left, a large red 1 in the centre and a large yellow 1 at the middle right on a brown background", "877df6bb11f0a982"},
	} {
		s := New(1, c.split, c.level, c.i)
		if got := s.Caption(); got != c.caption {
			t.Errorf("%s level %d scene %d: caption %q, expected %q", c.split, c.level, c.i, got, c.caption)
		}
		sum := sha256.Sum256(s.Image().Pix)
		if got := hex.EncodeToString(sum[:8]); got != c.image {
			t.Errorf("%s level %d scene %d: pixels %s, expected %s", c.split, c.level, c.i, got, c.image)
		}
	}
}

// The pixels of many scenes and the words of every stage, as hashes.
func TestGoldenHashes(t *testing.T) {
	got := map[string]string{}
	sum := sha256.New()
	for i := range 200 {
		sum.Write(New(1, Split(i%3), 3, i).Image().Pix)
	}
	got["pixels"] = hex.EncodeToString(sum.Sum(nil)[:8])
	for _, stage := range stages {
		sum.Reset()
		for x := range stage.samples(64, 1) {
			for _, turn := range x.Turns {
				fmt.Fprintf(sum, "%s: %s\n", turn.From, turn.Value)
			}
		}
		got[stage.name] = hex.EncodeToString(sum.Sum(nil)[:8])
	}
	want := map[string]string{
		"pixels": "fb399ddfa506b153", "pretrain": "44ab1284568f0e89", "align": "0b2a6f329a191315", "tune": "5ef5acb8719dad2c",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("hashes %v, expected %v", got, want)
	}
}

func TestNewIsAFunction(t *testing.T) {
	for i := range 300 {
		a, b := New(9, Test, 3, i), New(9, Test, 3, i)
		if !reflect.DeepEqual(a, b) || !bytes.Equal(a.PNG(), b.PNG()) {
			t.Fatalf("scene %d differs between two calls", i)
		}
		if !reflect.DeepEqual(a.Describe(a.Rand(1)), b.Describe(b.Rand(1))) || !reflect.DeepEqual(a.Questions(a.Rand(2)), b.Questions(b.Rand(2))) {
			t.Fatalf("texts of scene %d differ between two calls", i)
		}
	}
	if reflect.DeepEqual(New(9, Test, 3, 0).Objects, New(10, Test, 3, 0).Objects) {
		t.Error("two seeds give the same scene")
	}
	if low, high := New(9, Train, -4, 0), New(9, Train, 17, 0); low.Level != 1 || high.Level != 3 {
		t.Errorf("levels -4 and 17 became %d and %d, expected 1 and 3", low.Level, high.Level)
	}
}

func TestSceneStructure(t *testing.T) {
	for i := range 20000 {
		s := New(4, Split(i%3), 1+i/3%3, i)
		limit := [4]int{0, 1, 2, MaxObjects}[s.Level]
		if n := len(s.Objects); n < 1 || n > limit {
			t.Fatalf("level %d scene has %d objects, expected 1 to %d", s.Level, n, limit)
		}
		if s.Level == 1 && s.Objects[0].Size != Large {
			t.Fatalf("level 1 scene has a small object")
		}
		for k, o := range s.Objects {
			if k > 0 && o.Cell <= s.Objects[k-1].Cell {
				t.Fatalf("objects of %q are not in reading order", s.Caption())
			}
			if s.Row < 0 && !s.singles(byPair, k) {
				t.Fatalf("%q shows a %s twice", s.Caption(), o.pair())
			}
		}
	}
}

// Each object is drawn in its own colour, keeps off the edges, and a large one is clearly larger than a small one of its shape.
func TestObjectsAreDrawn(t *testing.T) {
	for shape := range Shape(NumShapes) {
		var area [2]int
		for size := range Size(2) {
			for cell := range NumCells {
				s := &Scene{Background: White, Row: -1, Objects: []Object{{Shape: shape, Colour: Blue, Size: size, Cell: cell}}}
				img := s.Image()
				inside := 0
				for y := range Side {
					for x := range Side {
						if img.RGBAAt(x, y) == Blue.RGBA() {
							inside++
							if x/22 != cell%3 && (x+1)/22 != cell%3 || y/22 != cell/3 && (y+1)/22 != cell/3 {
								t.Fatalf("%s %s in cell %d: pixel %d,%d is outside of the cell", size, shape, cell, x, y)
							}
						}
					}
				}
				if cell > 0 && inside != area[size] {
					t.Errorf("%s %s: %d pixels in cell %d, %d in cell 0", size, shape, inside, cell, area[size])
				}
				area[size] = inside
			}
		}
		if area[Small] < 12 || float64(area[Large]) < 1.7*float64(area[Small]) {
			t.Errorf("%s: %d pixels when large and %d when small", shape, area[Large], area[Small])
		}
	}
}

// lab is the colour in CIE L*a*b* under D65.
func lab(r, g, b uint8) [3]float64 {
	lin := func(v uint8) float64 {
		x := float64(v) / 255
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	f := func(t float64) float64 {
		if t > 0.008856 {
			return math.Cbrt(t)
		}
		return 7.787*t + 16.0/116
	}
	R, G, B := lin(r), lin(g), lin(b)
	x := f((0.4124*R + 0.3576*G + 0.1805*B) / 0.9505)
	y := f(0.2126*R + 0.7152*G + 0.0722*B)
	z := f((0.0193*R + 0.1192*G + 0.9505*B) / 1.089)
	return [3]float64{116*y - 16, 500 * (x - y), 200 * (y - z)}
}

// Colours stay well apart from one another and from every background.
func TestColoursAreApart(t *testing.T) {
	type named struct {
		name string
		lab  [3]float64
	}
	var all []named
	for c := range Colour(NumColours) {
		v := c.RGBA()
		all = append(all, named{c.String(), lab(v.R, v.G, v.B)})
	}
	for b := range Background(NumBackgrounds) {
		v := b.RGBA()
		all = append(all, named{b.String(), lab(v.R, v.G, v.B)})
	}
	for i, a := range all {
		for j, b := range all[:i] {
			least := 34.0 // an object and what is next to it
			if j >= NumColours {
				least = 20 // two backgrounds, each of which fills the picture
			}
			d := math.Hypot(math.Hypot(a.lab[0]-b.lab[0], a.lab[1]-b.lab[1]), a.lab[2]-b.lab[2])
			if d < least {
				t.Errorf("%s and %s are %.1f apart in CIELAB, expected %.0f", a.name, b.name, d, least)
			}
		}
	}
}

func TestPNG(t *testing.T) {
	s := New(1, Train, 3, 0)
	img, err := png.Decode(bytes.NewReader(s.PNG()))
	if err != nil {
		t.Fatal(err)
	}
	want := s.Image()
	if img.Bounds() != want.Bounds() {
		t.Fatalf("decoded size %v, expected %v", img.Bounds(), want.Bounds())
	}
	for y := range Side {
		for x := range Side {
			if r, g, b, a := img.At(x, y).RGBA(); [4]uint32{r, g, b, a} != func() [4]uint32 {
				r, g, b, a := want.At(x, y).RGBA()
				return [4]uint32{r, g, b, a}
			}() {
				t.Fatalf("pixel %d,%d differs after decoding", x, y)
			}
		}
	}
}

func BenchmarkPretrain(b *testing.B) {
	for range Pretrain(b.N, 1) {
	}
}

func BenchmarkPNG(b *testing.B) {
	for i := range b.N {
		New(1, Train, 3, i).PNG()
	}
}
