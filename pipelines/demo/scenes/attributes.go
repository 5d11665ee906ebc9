package scenes

import (
	"image/color"
	"strconv"
)

// Shape is what an object is: one of eight figures, or a digit (Digit0 + 0..9).
type Shape uint8

// The figures come first, then the ten digits.
const (
	Circle Shape = iota
	Square
	Triangle
	Star
	Cross
	Diamond
	Heart
	Ring
	Digit0

	NumFigures = int(Digit0)
	NumDigits  = 10
	NumShapes  = NumFigures + NumDigits
)

var figureNames = [NumFigures]string{"circle", "square", "triangle", "star", "cross", "diamond", "heart", "ring"}

// IsDigit reports whether the object is a digit.
func (s Shape) IsDigit() bool { return s >= Digit0 }

// Value is the digit's value, 0..9, and -1 for a figure.
func (s Shape) Value() int {
	if !s.IsDigit() {
		return -1
	}
	return int(s - Digit0)
}

// String is the word used in texts: "circle" or "7".
func (s Shape) String() string {
	if s.IsDigit() {
		return strconv.Itoa(s.Value())
	}
	return figureNames[s]
}

// plural is the word for several figures; digits have none.
func (s Shape) plural() string {
	if s == Cross {
		return "crosses"
	}
	return s.String() + "s"
}

// points is the number of corners that stick out, and whether the figure has an undisputed number of them: people differ over
// crosses and hearts, and digits are not asked.
func (s Shape) points() (int, bool) {
	switch s {
	case Circle, Ring:
		return 0, true
	case Triangle:
		return 3, true
	case Square, Diamond:
		return 4, true
	case Star:
		return 5, true
	}
	return 0, false
}

// rolls reports whether a thing of this shape rolls on a slope.
func (s Shape) rolls() bool { return s == Circle || s == Ring }

// class is what questions call the shape when they ask for it.
func (s Shape) class() string {
	if s.IsDigit() {
		return "digit"
	}
	return "shape"
}

// sameClass reports whether both are figures or both are digits.
func (s Shape) sameClass(t Shape) bool { return s.IsDigit() == t.IsDigit() }

// Colour is an object's colour.
type Colour uint8

// The eight colours of objects. No background has any of them.
const (
	Red Colour = iota
	Green
	Blue
	Yellow
	Orange
	Purple
	Pink
	Teal

	NumColours = 8
)

var colourNames = [NumColours]string{"red", "green", "blue", "yellow", "orange", "purple", "pink", "teal"}

var colourRGB = [NumColours]color.RGBA{
	{224, 24, 32, 255}, {44, 166, 40, 255}, {36, 108, 246, 255}, {244, 204, 0, 255},
	{252, 126, 8, 255}, {168, 52, 196, 255}, {255, 116, 190, 255}, {0, 152, 160, 255},
}

func (c Colour) String() string { return colourNames[c] }

// RGBA is the opaque sRGB colour an object is filled with.
func (c Colour) RGBA() color.RGBA { return colourRGB[c] }

// Background is the even colour behind the objects: five pale ones and three dark ones.
type Background uint8

// The eight backgrounds.
const (
	White Background = iota
	Cream
	Mint
	Sky
	Lilac
	Black
	Navy
	Brown

	NumBackgrounds = 8
)

var backgroundNames = [NumBackgrounds]string{"white", "cream", "mint", "sky", "lilac", "black", "navy", "brown"}

var backgroundRGB = [NumBackgrounds]color.RGBA{
	{252, 252, 252, 255}, {255, 228, 170, 255}, {172, 240, 196, 255}, {164, 212, 255, 255},
	{216, 190, 248, 255}, {8, 8, 8, 255}, {10, 18, 76, 255}, {74, 42, 16, 255},
}

func (b Background) String() string { return backgroundNames[b] }

// RGBA is the opaque sRGB colour of the background.
func (b Background) RGBA() color.RGBA { return backgroundRGB[b] }

// Size is small or large.
type Size uint8

// A large object is about 19 pixels across, a small one 12.
const (
	Small Size = iota
	Large
)

func (s Size) String() string {
	if s == Large {
		return "large"
	}
	return "small"
}

// NumCells is the number of places: a 3 x 3 grid, numbered in reading order.
const NumCells = 9

var cellNames = [NumCells]string{
	"top left", "top middle", "top right",
	"middle left", "centre", "middle right",
	"bottom left", "bottom middle", "bottom right",
}

// CellName is the name of a cell of the 3 x 3 grid; cells are numbered 0..8 in reading order. Other numbers give "".
func CellName(cell int) string {
	if cell < 0 || cell >= NumCells {
		return ""
	}
	return cellNames[cell]
}

// at is the cell's name with its preposition.
func at(cell int) string {
	if cell == 4 {
		return "in the centre"
	}
	return "at the " + cellNames[cell]
}
