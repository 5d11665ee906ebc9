package vlm

import (
	"slices"
	"testing"
)

// TestTogether: questions about one picture follow each other, pictures and questions in the order in which they come.
func TestTogether(t *testing.T) {
	a, b := []byte("a"), []byte("b")
	about := func(pictures ...[]byte) Question { return Question{Pictures: pictures} }
	got := together([]Question{about(b), about(), about(a), about(b), about(), about(slices.Clone(b)), about(a), about(a, b), about(b, a), about(a, b)})
	if want := []int{0, 3, 5, 1, 4, 2, 6, 7, 9, 8}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestFitting: a pass takes pieces while they fit, and one that is too long by itself.
func TestFitting(t *testing.T) {
	for _, c := range []struct {
		lengths, passes []int
	}{
		{[]int{rowsAtOnce}, []int{1}},
		{[]int{rowsAtOnce + 1, 1}, []int{1, 1}},
		{[]int{1, rowsAtOnce - 1, 1}, []int{2, 1}},
		{[]int{100, 3 * rowsAtOnce, 5, 6}, []int{1, 1, 2}},
	} {
		var level []*prefix
		for _, n := range c.lengths {
			level = append(level, &prefix{from: 7, to: 7 + n})
		}
		var got []int
		for len(level) > 0 {
			n := fitting(level)
			got, level = append(got, n), level[n:]
		}
		if !slices.Equal(got, c.passes) {
			t.Errorf("pieces of %v: passes of %v, want %v", c.lengths, got, c.passes)
		}
	}
}
