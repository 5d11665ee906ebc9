package scenes

import (
	"math/rand/v2"
	"slices"
	"strings"

	"moslava/datasets"
)

// Recite makes a request to say a list of words again, in the same order or backwards, and its answer. Every word of the answer
// has to be found in the list by the word before it, so that few samples teach a decoder to look things up.
func Recite(r *rand.Rand) []Turn {
	words := make([]string, 0, 16)
	for n := 4 + r.IntN(13); len(words) < n; {
		words = appendNew(words, anyWord(r))
	}
	sep := one(r, []string{", ", "\n"}) // never a space: two words of a list are no phrase
	ask, answer := one(r, []string{"say again", "repeat"}), slices.Clone(words)
	if r.IntN(2) == 0 {
		ask = one(r, []string{"say backwards", "turn round"})
		slices.Reverse(answer)
	}
	return []Turn{{From: datasets.Human, Value: ask + "\n" + strings.Join(words, sep)}, {From: datasets.GPT, Value: strings.Join(answer, sep)}}
}

// anyWord draws a single word, a person or the value of some class.
func anyWord(r *rand.Rand) string {
	if r.IntN(4) == 0 {
		return people[r.IntN(len(people))]
	}
	return valueClasses[r.IntN(wordClasses)](r)
}
