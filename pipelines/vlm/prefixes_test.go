package vlm

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestSharePrefixes: every prompt's pieces, from root to leaf, are its keys, each prompt has a leaf of its own with
// its last position, and no two rows of a piece differ in it.
func TestSharePrefixes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		keys := make([][]int64, 1+r.IntN(9))
		for i := range keys {
			if i > 0 && r.IntN(3) > 0 {
				from := keys[r.IntN(i)]
				keys[i] = slices.Clone(from[:1+r.IntN(len(from))])
			}
			for len(keys[i]) == 0 || r.IntN(40) > 0 {
				keys[i] = append(keys[i], int64(r.IntN(3)))
			}
		}
		leaves := make([]*prefix, len(keys))
		positions := 0
		for depth, level := range sharePrefixes(keys) {
			for _, p := range level {
				if (p.parent == nil) != (depth == 0) || p.parent != nil && p.parent.to != p.from || p.parent == nil && p.from != 0 || p.to <= p.from {
					t.Fatalf("a piece %d:%d at depth %d after %+v", p.from, p.to, depth, p.parent)
				}
				positions += p.to - p.from
				for _, row := range p.rows {
					if !slices.Equal(keys[row][p.from:p.to], keys[p.rows[0]][p.from:p.to]) {
						t.Fatalf("rows %v do not share %d:%d", p.rows, p.from, p.to)
					}
				}
				if len(p.children) == 0 {
					if len(p.rows) != 1 || p.to != len(keys[p.rows[0]]) || leaves[p.rows[0]] != nil {
						t.Fatalf("a leaf %+v of prompts %v", p, keys)
					}
					leaves[p.rows[0]] = p
				}
			}
		}
		all := 0
		for i, p := range leaves {
			if p == nil {
				t.Fatalf("prompt %d has no leaf", i)
			}
			all += len(keys[i])
		}
		if positions > all {
			t.Fatalf("%d positions of %d", positions, all)
		}
	}
	long := make([]int64, 40)
	if n := len(sharePrefixes([][]int64{append(long, 1, 2), append(long, 2, 2), append(long, 2, 3)})); n != 2 {
		t.Errorf("a long beginning makes %d levels, want 2", n)
	}
}
