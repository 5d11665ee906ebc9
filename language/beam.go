package language

import (
	"cmp"
	"math"
	"slices"

	"moslava/internal/kernels"
)

// beams is one sequence's beam search, with the numbers of GenerationMixin._beam_search of transformers 5.23 at length_penalty 1 and
// early_stopping False: scores are sums of log-probabilities in float32, finished ones divided by how many ids they have.
type beams struct {
	width   int
	running []beam     // by falling score; one before the first step
	done    []finished // by falling score, width at most
	length  int        // ids of each running beam
	slots   []int      // of the cache that belong to the search
}

type beam struct {
	slot  int
	score float32
	ids   []int32
}

type finished struct {
	score float32
	ids   []int32
}

// candidate is a continuation of a running beam by one id.
type candidate struct {
	from  int
	id    int32
	score float32
}

// step chooses continuations from the running beams' logits, which it changes, and reports whether the search goes on. The
// slots of the new beams are those of the beams they continue.
func (b *beams) step(logits []float32, vocabulary int, g Generation) bool {
	best := b.best(logits, vocabulary, max(2, 1+len(g.Stop))*b.width)
	b.length++
	var running []beam
	all := true // continuations have ended
	for rank, c := range best {
		ids := append(slices.Clip(b.running[c.from].ids), c.id)
		ended := b.length >= g.MaxNew || slices.Contains(g.Stop, c.id)
		all = all && ended
		switch {
		case ended && rank < b.width: // those behind are only there so that enough go on
			b.finish(finished{c.score / float32(b.length), ids})
		case !ended && len(running) < b.width:
			running = append(running, beam{slot: b.running[c.from].slot, score: c.score, ids: ids})
		}
	}
	if all || len(running) == 0 {
		return false
	}
	b.running = running
	// What runs could only improve on the worst that is finished if its score, at the present length, is higher.
	return len(b.done) < b.width || running[0].score/float32(b.length) > b.done[len(b.done)-1].score
}

// best are the n continuations of the highest score, falling; of equal ones the first beam's and the lowest id.
func (b *beams) best(logits []float32, vocabulary, n int) []candidate {
	var out []candidate
	for i, r := range b.running {
		row := logits[i*vocabulary:][:vocabulary]
		values := slices.Clone(row)
		lse := kernels.Softmax(row)
		for id, v := range values {
			score := float32(float64(v)-lse) + r.score
			if math.IsNaN(float64(score)) || len(out) == n && score <= out[n-1].score {
				continue
			}
			c := candidate{i, int32(id), score}
			at, _ := slices.BinarySearchFunc(out, c, func(a, b candidate) int {
				if a.score == b.score {
					return -1 // after its equals
				}
				return cmp.Compare(b.score, a.score)
			})
			out = slices.Insert(out, at, c)[:min(n, len(out)+1)]
		}
	}
	return out
}

// finish keeps a finished sequence if it is among the best.
func (b *beams) finish(f finished) {
	at, _ := slices.BinarySearchFunc(b.done, f, func(a, b finished) int {
		if a.score == b.score {
			return -1
		}
		return cmp.Compare(b.score, a.score)
	})
	b.done = slices.Insert(b.done, at, f)
	b.done = b.done[:min(len(b.done), b.width)]
}

// place gives every running beam a slot of its own: the first that continues a beam goes on in its slot, others in copies, for which slots of
// beams that nobody continues are taken, or new ones.
func (b *beams) place(c *Cache) {
	used := map[int]bool{}
	for _, r := range b.running {
		used[r.slot] = true
	}
	var free []int
	for _, s := range b.slots {
		if !used[s] {
			free = append(free, s)
		}
	}
	taken := map[int]bool{}
	for i := range b.running {
		r := &b.running[i]
		if !taken[r.slot] {
			taken[r.slot] = true
			continue
		}
		var to int
		if len(free) > 0 {
			to, free = free[0], free[1:]
		} else {
			to = c.Open(c.slots[r.slot].capacity)
			b.slots = append(b.slots, to)
		}
		c.Fork(r.slot, to)
		r.slot = to
		taken[to] = true
	}
}
