package language

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"sort"

	"moslava/internal/autograd"
	"moslava/internal/kernels"
)

// Sampling says how the next id is chosen.
type Sampling struct {
	Temperature float64 // 0 is greedy
	TopP        float64 // 0 and 1 keep all
	Seed        uint64
}

// Generation says how a continuation ends and is chosen.
type Generation struct {
	MaxNew   int
	Stop     []int32 // ids that end a sequence; they are part of the result
	Sampling Sampling
	// Beams above 1 search for the continuation with the highest mean log-probability with so many beams (see beam.go), in
	// place of choosing id by id; Temperature must be 0 and Token nil.
	Beams int
	// Token, if not nil, is told every new id as it comes.
	Token func(sequence int, id int32)
}

// Logits of hidden states x [n, D]: [n, V].
func (d *Decoder) Logits(x *autograd.Var) *autograd.Var { return d.Head.Logits(nil, x) }

// Generate continues the sequences in the given slots of the cache, whose last hidden states
// [len(slots), D] Extend returned, and returns the new ids of each. The sequences are decoded together.
func (d *Decoder) Generate(ctx context.Context, c *Cache, slots []int, hidden *autograd.Var, g Generation) ([][]int32, error) {
	if g.Beams > 1 {
		return d.searchBeams(ctx, c, slots, hidden, g)
	}
	out := make([][]int32, len(slots))
	live := make([]int, len(slots))
	rngs := make([]*rand.Rand, len(slots))
	for i := range slots {
		live[i] = i
		rngs[i] = rand.New(rand.NewPCG(g.Sampling.Seed, uint64(i)))
	}
	for len(live) > 0 {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		all := d.Head.Logits(&c.tape, hidden)
		logits, vocabulary := all.Floats(), all.Cols()
		var chunks []Chunk
		var next []int
		for r, i := range live {
			id := g.Sampling.pick(logits[r*vocabulary:][:vocabulary], rngs[i])
			out[i] = append(out[i], id)
			if g.Token != nil {
				g.Token(i, id)
			}
			if len(out[i]) >= g.MaxNew || slices.Contains(g.Stop, id) {
				continue
			}
			next = append(next, i)
			chunks = append(chunks, Chunk{Slot: slots[i], X: d.Embed.Forward(nil, []int32{id})})
		}
		c.tape.Release()
		if live = next; len(live) == 0 {
			break
		}
		var err error
		if hidden, err = d.Extend(c, chunks); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// pick chooses an id from one row of logits, which it may change.
func (s Sampling) pick(logits []float32, r *rand.Rand) int32 {
	if s.Temperature <= 0 {
		return int32(argmax(logits))
	}
	kernels.Scale(logits, float32(1/s.Temperature))
	kernels.Softmax(logits)
	ids := make([]int, len(logits))
	for i := range ids {
		ids[i] = i
	}
	sort.SliceStable(ids, func(a, b int) bool { return logits[ids[a]] > logits[ids[b]] })
	var kept float64
	n := len(ids)
	for i, id := range ids {
		kept += float64(logits[id])
		if s.TopP > 0 && s.TopP < 1 && kept >= s.TopP {
			n = i + 1
			break
		}
	}
	at := r.Float64() * kept
	for _, id := range ids[:n] {
		if at -= float64(logits[id]); at < 0 {
			return int32(id)
		}
	}
	return int32(ids[n-1])
}

// argmax is the first largest element; NaN is never chosen unless all are.
func argmax(x []float32) int {
	best, at := float32(math.Inf(-1)), 0
	for i, v := range x {
		if v > best {
			best, at = v, i
		}
	}
	return at
}
