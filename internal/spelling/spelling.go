// Package spelling measures how far a word is from another, for messages that say what may have been meant. It knows no
// list of words: which ones come into question, and how near is near enough, is for its callers.
package spelling

import "strings"

// Distance is Damerau's (optimal string alignment): insertions, deletions, replacements
// and swaps of neighbours that make a into b, in bytes, in lower case. Long words are cut: they are no typing errors.
func Distance(a, b string) int {
	a, b = strings.ToLower(a[:min(len(a), 64)]), strings.ToLower(b[:min(len(b), 64)])
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
