package tokenizer

import (
	"container/heap"
	"math"
)

// symbol is a node of the doubly linked list that a word's merges shorten. A symbol of zero bytes has been merged away.
type symbol struct {
	id         int32
	prev, next int32 // indices, -1 at the ends
	bytes      int32
}

// candidate is a merge that was possible when it was queued; at is the index of its left symbol.
type candidate struct {
	merge
	at int32
}

// queue yields the lowest rank first, and of equals the leftmost.
type queue []candidate

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	return q[i].rank < q[j].rank || q[i].rank == q[j].rank && q[i].at < q[j].at
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(candidate)) }
func (q *queue) Pop() any {
	n := len(*q) - 1
	x := (*q)[n]
	*q = (*q)[:n]
	return x
}

// merge returns the symbols that word ends in; with an error of letters, those of the characters that have tokens.
func (b *BPE) merge(word string) ([]symbol, error) {
	if b.ignoreMerges {
		if id, ok := b.vocab[word]; ok {
			return []symbol{{id: id, prev: -1, next: -1, bytes: int32(len(word))}}, nil
		}
	}
	symbols, err := b.letters(word)
	switch {
	case len(symbols) < 2:
	case len(symbols) <= shortWord:
		symbols = b.mergeShort(symbols)
	default:
		symbols = b.mergeLong(symbols)
	}
	return symbols, err
}

// mergeLong takes O(n log n): a queue of possible merges over a linked list, where stale entries are recognised when
// they are taken out.
func (b *BPE) mergeLong(symbols []symbol) []symbol {
	var q queue
	consider := func(i, j int32) {
		if m, ok := b.merges[pair{symbols[i].id, symbols[j].id}]; ok {
			heap.Push(&q, candidate{m, i})
		}
	}
	for i := range len(symbols) - 1 {
		consider(int32(i), int32(i+1))
	}
	for len(q) > 0 {
		c := heap.Pop(&q).(candidate)
		left := &symbols[c.at]
		if left.bytes == 0 || left.next < 0 {
			continue
		}
		right := &symbols[left.next]
		if m, ok := b.merges[pair{left.id, right.id}]; !ok || m.id != c.id {
			continue
		}
		left.id, left.bytes, left.next = c.id, left.bytes+right.bytes, right.next
		right.bytes = 0
		if left.next >= 0 {
			symbols[left.next].prev = c.at
			consider(c.at, left.next)
		}
		if left.prev >= 0 {
			consider(left.prev, c.at)
		}
	}
	live := symbols[:0]
	for _, s := range symbols {
		if s.bytes > 0 {
			live = append(live, s)
		}
	}
	return live
}

// shortWord is up to how many symbols looking at all pairs beats a queue of them.
const shortWord = 32

// mergeShort does what merge does, symbol by symbol in one row.
func (b *BPE) mergeShort(row []symbol) []symbol {
	var possible [shortWord]merge // of each symbol and the next
	find := func(i int) {
		m, ok := b.merges[pair{row[i].id, row[i+1].id}]
		if !ok {
			m.rank = math.MaxInt32
		}
		possible[i] = m
	}
	for i := range len(row) - 1 {
		find(i)
	}
	for len(row) > 1 {
		at := 0
		for i := 1; i < len(row)-1; i++ {
			if possible[i].rank < possible[at].rank {
				at = i
			}
		}
		m := possible[at]
		if m.rank == math.MaxInt32 {
			break
		}
		row[at].id, row[at].bytes = m.id, row[at].bytes+row[at+1].bytes
		if at+2 < len(row) {
			copy(possible[at+1:], possible[at+2:len(row)-1])
		}
		row = append(row[:at+1], row[at+2:]...)
		if at > 0 {
			find(at - 1)
		}
		if at+1 < len(row) {
			find(at)
		}
	}
	return row
}
