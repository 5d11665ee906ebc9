package datasets

import (
	"slices"
	"testing"
)

// TestLayout: words between the features of two tiles, as families with tiles have them.
func TestLayout(t *testing.T) {
	l := Layout{{IDs: []int32{5, 6}}, {N: 2}, {IDs: []int32{7}}, {Tile: 1, From: 2, N: 1}, {Tile: 1, N: 2}, {IDs: []int32{5}}}
	if l.Len() != 9 || l.Features() != 5 {
		t.Errorf("%d positions, %d features", l.Len(), l.Features())
	}
	if got, want := l.IDs(9), []int32{5, 6, 9, 9, 7, 9, 9, 9, 5}; !slices.Equal(got, want) {
		t.Errorf("ids %v, want %v", got, want)
	}
	m := Image{Layout: l, At: 10}
	want := []Place{{12, 0, 0, 2}, {15, 1, 2, 1}, {16, 1, 0, 2}}
	if got := slices.Collect(m.Places()); !slices.Equal(got, want) {
		t.Errorf("places %v, want %v", got, want)
	}
	for p := range m.Places() {
		if p != want[0] {
			t.Errorf("the first place is %v", p)
		}
		break
	}
}
