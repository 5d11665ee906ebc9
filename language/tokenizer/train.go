package tokenizer

import (
	"container/heap"
	"fmt"
	"iter"
	"maps"
	"slices"
)

// Spacing says how the words of a byte-level vocabulary come by the space before them.
type Spacing bool

const (
	// AsWritten puts no space before a text, and splits digits one by one, as SmolLM's tokenizers do. A word that opens a text or a
	// line is another token than the same word elsewhere.
	AsWritten Spacing = false
	// Everywhere puts a space before every text and line, so that a word is the same token wherever it stands: what a small model
	// needs to find in its prompt the word that it is about to say.
	Everywhere Spacing = true
)

// TrainByteLevelBPE learns a byte-level BPE vocabulary from texts and returns it as a tokenizer.json: GPT-2's word
// pattern, ids in the order special tokens, the 256 byte letters, merges.
// Special tokens that occur in texts are learnt nothing from. The same texts give the same bytes: of equally frequent
// pairs the lexicographically first is merged. The vocabulary is smaller than vocabSize if no pair is left to merge.
func TrainByteLevelBPE(texts iter.Seq[string], vocabSize int, special []string, spaces Spacing) ([]byte, error) {
	if least := len(special) + 256; vocabSize < least || vocabSize > maxID+1 {
		return nil, fmt.Errorf("tokenizer: vocabulary of %d tokens, %d..%d expected (%d special tokens and 256 bytes)", vocabSize, least, maxID+1, len(special))
	}
	vocab := slices.Clone(special)
	for _, r := range slices.Sorted(maps.Keys(letterByte)) {
		vocab = append(vocab, string(r))
	}
	untrained, err := writeByteLevel(vocab, len(special), nil, spaces)
	if err != nil {
		return nil, err
	}
	splitter, err := Parse(untrained) // the words are exactly those that encoding will see; it also checks special
	if err != nil {
		return nil, err
	}
	words, err := splitter.countWords(texts)
	if err != nil {
		return nil, err
	}
	tr := newTrainer(vocab, words)
	for len(tr.vocab) < vocabSize && tr.mergeBest() {
	}
	return writeByteLevel(tr.vocab, len(special), tr.merges, spaces)
}

// countWords counts the words that the model would be given, spelled in byte letters.
func (t *Tokenizer) countWords(texts iter.Seq[string]) (map[string]int, error) {
	counts := map[string]int{}
	for text := range texts {
		err := t.added.Load().verbatim.split(text, opening, func(section string, at place, token *AddedToken) error {
			if token == nil {
				normal, err := t.normalize(section, at)
				if err != nil {
					return err
				}
				words := []string{normal}
				for _, split := range t.preTokenizers {
					words = split(words, at)
				}
				for _, w := range words {
					counts[toByteLetters(w)]++
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return counts, nil
}

// trainer keeps the words as id sequences, and for each neighbouring pair how often and in which words it occurs.
type trainer struct {
	vocab  []string
	ids    map[string]int32
	words  [][]int32
	counts []int
	freq   map[pair]int
	where  map[pair]map[int]struct{}
	queue  pairQueue
	merges [][2]string
}

func newTrainer(vocab []string, counts map[string]int) *trainer {
	tr := &trainer{vocab: vocab, ids: map[string]int32{}, freq: map[pair]int{}, where: map[pair]map[int]struct{}{}}
	for id, token := range vocab {
		tr.ids[token] = int32(id)
	}
	changed := map[pair]struct{}{}
	for i, w := range slices.Sorted(maps.Keys(counts)) {
		var ids []int32
		for _, r := range w {
			ids = append(ids, tr.ids[string(r)])
		}
		tr.words, tr.counts = append(tr.words, ids), append(tr.counts, counts[w])
		tr.count(i, +1, changed)
	}
	tr.enqueue(changed)
	return tr
}

// count adds (sign +1) or removes (-1) the pairs of word i.
func (tr *trainer) count(i, sign int, changed map[pair]struct{}) {
	w := tr.words[i]
	for k := range len(w) - 1 {
		p := pair{w[k], w[k+1]}
		tr.freq[p] += sign * tr.counts[i]
		if tr.where[p] == nil {
			tr.where[p] = map[int]struct{}{}
		}
		if sign > 0 {
			tr.where[p][i] = struct{}{}
		} else {
			delete(tr.where[p], i)
		}
		changed[p] = struct{}{}
	}
}

func (tr *trainer) enqueue(changed map[pair]struct{}) {
	for p := range changed {
		if n := tr.freq[p]; n > 0 {
			heap.Push(&tr.queue, pairCount{p, n, tr.vocab[p.left], tr.vocab[p.right]})
		} else {
			delete(tr.freq, p)
			delete(tr.where, p)
		}
	}
}

// mergeBest merges the most frequent pair everywhere; false if there is none.
func (tr *trainer) mergeBest() bool {
	for len(tr.queue) > 0 {
		best := heap.Pop(&tr.queue).(pairCount)
		if tr.freq[best.pair] != best.count {
			continue // stale: the pair was queued again when its count changed
		}
		token := best.left + best.right
		id, ok := tr.ids[token] // another pair may have made the token before
		if !ok {
			id = int32(len(tr.vocab))
			tr.vocab = append(tr.vocab, token)
			tr.ids[token] = id
		}
		tr.merges = append(tr.merges, [2]string{best.left, best.right})
		changed := map[pair]struct{}{}
		for i := range maps.Clone(tr.where[best.pair]) {
			tr.count(i, -1, changed)
			tr.words[i] = replacePair(tr.words[i], best.pair, id)
			tr.count(i, +1, changed)
		}
		tr.enqueue(changed)
		return true
	}
	return false
}

// replacePair writes id for every p in ids, from the left, in place.
func replacePair(ids []int32, p pair, id int32) []int32 {
	out := ids[:0]
	for k := 0; k < len(ids); k++ {
		if k+1 < len(ids) && ids[k] == p.left && ids[k+1] == p.right {
			out = append(out, id)
			k++
		} else {
			out = append(out, ids[k])
		}
	}
	return out
}

type pairCount struct {
	pair
	count       int
	left, right string
}

// pairQueue yields the most frequent pair first, and of equals the lexicographically first.
type pairQueue []pairCount

func (q pairQueue) Len() int { return len(q) }
func (q pairQueue) Less(i, j int) bool {
	a, b := q[i], q[j]
	if a.count != b.count {
		return a.count > b.count
	}
	return a.left < b.left || a.left == b.left && a.right < b.right
}
func (q pairQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *pairQueue) Push(x any)   { *q = append(*q, x.(pairCount)) }
func (q *pairQueue) Pop() any {
	n := len(*q) - 1
	x := (*q)[n]
	*q = (*q)[:n]
	return x
}

// writeByteLevel is the tokenizer.json of a byte-level vocabulary whose first nSpecial tokens are special.
func writeByteLevel(vocab []string, nSpecial int, merges [][2]string, spaces Spacing) ([]byte, error) {
	byteLevel := object{"type": "ByteLevel", "add_prefix_space": bool(spaces), "trim_offsets": true, "use_regex": true}
	added := make([]AddedToken, nSpecial)
	for i := range added {
		added[i] = AddedToken{ID: int32(i), Content: vocab[i], Special: true}
	}
	lines := make([]string, len(merges)) // the form that every version of tokenizers reads
	for i, m := range merges {
		lines[i] = m[0] + " " + m[1]
	}
	f := document{Added: added, Decoder: byteLevel}
	if spaces == Everywhere {
		f.Normalizer = object{"type": "Replace", "pattern": object{"String": "\n"}, "content": "\n "}
		f.PreTokenizer = byteLevel
	} else {
		f.PreTokenizer = object{"type": "Sequence", "pretokenizers": []object{{"type": "Digits", "individual_digits": true}, byteLevel}}
	}
	f.Model.Vocab, f.Model.Merges = vocab, lines
	return f.json()
}
