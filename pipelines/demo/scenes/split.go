package scenes

import "math/bits"

// Split says which part of the data a scene belongs to.
type Split uint8

// Train is everything a model may learn from. Validation and Test each own pairs and layouts that nothing else shows.
const (
	Train Split = iota
	Validation
	Test
)

func (s Split) String() string {
	switch s {
	case Validation:
		return "validation"
	case Test:
		return "test"
	}
	return "train"
}

// admits reports whether a scene or text of split s may hold something that belongs to owner.
func (s Split) admits(owner Split) bool { return owner == Train || owner == s }

// PairSplit says where a shape may have a colour: Train means everywhere, Validation and Test mean in that split alone. Of every
// shape's eight colours, and of every colour's eight figures, one belongs to Test and one to Validation.
func PairSplit(s Shape, c Colour) Split {
	switch c {
	case heldColour(s, Test):
		return Test
	case heldColour(s, Validation):
		return Validation
	}
	return Train
}

// heldColour is the colour that shape s has in the given evaluation split alone. 3 and 8 are coprime, so over the eight figures
// each colour comes once.
func heldColour(s Shape, split Split) Colour {
	k := 3 * int(s)
	if s.IsDigit() {
		k = 3*s.Value() + 1
	}
	if split == Test {
		k += 5
	}
	return Colour((k + 2) % NumColours)
}

// The layouts that belong to one evaluation split alone, by one of each: turned and mirrored they belong to it as well, so that no
// direction and hardly any cell is preferred. Of the 36, 84 and 126 layouts of two, three and four cells, Test and Validation own about
// a tenth each. Single cells and layouts with a full line are free.
var (
	testLayouts       = [][]int{{0, 8}, {1, 7}, {0, 5, 7}, {0, 2, 7}, {0, 2, 6, 8}, {1, 3, 5, 7}, {0, 2, 3, 5}, {0, 1, 3, 4}}
	validationLayouts = [][]int{{0, 2}, {0, 2, 4}, {0, 1, 3}, {0, 1, 7, 8}, {0, 2, 4, 7}, {0, 4, 5, 7}}
)

// layoutOwner holds the split of every layout.
var layoutOwner = func() (owner [1 << NumCells]Split) {
	for split, seeds := range map[Split][][]int{Test: testLayouts, Validation: validationLayouts} {
		for _, cells := range seeds {
			for turn := range 8 {
				var mask uint16
				for _, cell := range cells {
					mask |= 1 << turned(cell, turn)
				}
				owner[mask] = split
			}
		}
	}
	return owner
}()

// turned moves a cell by one of the eight symmetries of the grid.
func turned(cell, symmetry int) int {
	row, col := cell/3, cell%3
	if symmetry&1 != 0 {
		row = 2 - row
	}
	if symmetry&2 != 0 {
		col = 2 - col
	}
	if symmetry&4 != 0 {
		row, col = col, row
	}
	return 3*row + col
}

// LayoutSplit says where a set of occupied cells (bit i for cell i) may occur, in the way of [PairSplit].
func LayoutSplit(mask uint16) Split {
	return layoutOwner[mask&(1<<NumCells-1)]
}

// hasFullLine reports whether a row or a column is full.
func hasFullLine(mask uint16) bool {
	for i := range 3 {
		row, column := uint16(0b111)<<(3*i), uint16(0b001001001)<<i
		if mask&row == row || mask&column == column {
			return true
		}
	}
	return false
}

// layouts[n][split] lists the sets of n cells that belong to the split and have no full line: a full row is kept for objects that
// alternate, and columns are treated like rows so that no direction is preferred.
var layouts = func() (l [MaxObjects + 1][3][]uint16) {
	for mask := uint16(1); mask < 1<<NumCells; mask++ {
		if n := bits.OnesCount16(mask); n <= MaxObjects && !hasFullLine(mask) {
			owner := LayoutSplit(mask)
			l[n][owner] = append(l[n][owner], mask)
		}
	}
	return l
}()
