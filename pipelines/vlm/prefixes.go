package vlm

import "slices"

// prefix is a piece of one or more prompts that begin alike: what they share is computed once.
type prefix struct {
	from, to int   // positions of the prompts
	rows     []int // the prompts, the first of which has the piece's ids
	parent   *prefix
	children []*prefix
	slot     int
}

// worthSharing is how many positions a shared piece must save, so that its own pass pays.
const worthSharing = 16

// sharePrefixes cuts prompts, given as keys by position, into a forest of shared pieces and returns its
// levels, roots first. Every prompt is the only row of a leaf, which has its last position. With picture
// numbers in the keys, image tokens of different pictures are different.
func sharePrefixes(keys [][]int64) (levels [][]*prefix) {
	all := make([]int, len(keys))
	for i := range all {
		all[i] = i
	}
	level := cutPrefixes(keys, all, 0, nil)
	for len(level) > 0 {
		levels = append(levels, level)
		var next []*prefix
		for _, p := range level {
			if len(p.rows) > 1 {
				p.children = cutPrefixes(keys, p.rows, p.to, p)
			}
			next = append(next, p.children...)
		}
		level = next
	}
	return levels
}

// cutPrefixes makes the pieces that begin at from, in the order of their first rows.
func cutPrefixes(keys [][]int64, rows []int, from int, parent *prefix) []*prefix {
	if len(rows) == 1 {
		return []*prefix{{from: from, to: len(keys[rows[0]]), rows: rows, parent: parent}}
	}
	n := commonPrefix(keys, rows)
	if (n-from)*(len(rows)-1) >= worthSharing {
		return []*prefix{{from: from, to: n, rows: rows, parent: parent}}
	}
	var out []*prefix
	groups := groupBy(keys, rows, n)
	for _, g := range groups {
		if len(groups) == 1 { // the same up to the end of the shortest: nothing tells them apart
			for i := range g {
				out = append(out, cutPrefixes(keys, g[i:i+1], from, parent)...)
			}
			break
		}
		out = append(out, cutPrefixes(keys, g, from, parent)...)
	}
	return out
}

// groupBy sorts rows by their key at position n, in the order in which keys come.
func groupBy(keys [][]int64, rows []int, n int) (groups [][]int) {
	at := map[int64]int{}
	for _, r := range rows {
		k := keys[r][n]
		i, ok := at[k]
		if !ok {
			i = len(groups)
			at[k] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], r)
	}
	return groups
}

// commonPrefix is how many keys all rows begin with, at most one less than the shortest has, so that each
// has a last position of its own.
func commonPrefix(keys [][]int64, rows []int) int {
	first := keys[rows[0]]
	n := len(first) - 1
	for _, r := range rows[1:] {
		n = min(n, len(keys[r])-1)
		if !slices.Equal(first[:n], keys[r][:n]) {
			for i := range n {
				if first[i] != keys[r][i] {
					n = i
					break
				}
			}
		}
	}
	return n
}
