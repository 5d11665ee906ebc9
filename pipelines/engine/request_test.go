package engine

import (
	"slices"
	"testing"
)

// TestByPictures: requests about one picture follow each other, pictures and requests in the order in which they come.
func TestByPictures(t *testing.T) {
	a, b := []byte("a"), []byte("b")
	about := func(pictures ...[]byte) Request { return Request{Pictures: pictures} }
	got := byPictures([]Request{about(b), about(), about(a), about(b), about(), about(slices.Clone(b)), about(a), about(a, b), about(b, a), about(a, b)})
	if want := []int{0, 3, 5, 1, 4, 2, 6, 7, 9, 8}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestAlike: the last position of a prompt is always its own.
func TestAlike(t *testing.T) {
	for _, c := range []struct {
		a, b []int64
		want int
	}{
		{[]int64{1, 2, 3}, []int64{1, 2, 3}, 2},
		{[]int64{1, 2, 3}, []int64{1, 2, 3, 4}, 3},
		{[]int64{1, 2, 3, 4}, []int64{1, 2}, 1},
		{[]int64{1, -2, 3}, []int64{1, -3, 3}, 1},
		{nil, []int64{1}, 0},
		{[]int64{1}, []int64{1}, 0},
	} {
		if got := alike(c.a, c.b); got != c.want {
			t.Errorf("%v and %v: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
