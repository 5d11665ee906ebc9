package language

import (
	"context"
	"fmt"
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
	Token func(id int32)
}

// Logits of hidden states x [n, D]: [n, V].
func (d *Decoder) Logits(x *autograd.Var) *autograd.Var { return d.Head.Logits(nil, x) }

// Read shows f the logits [n, V] of hidden states x [n, D], in memory of the cache that is taken back then.
func (d *Decoder) Read(c *Cache, x *autograd.Var, f func(logits []float32)) {
	f(d.Head.Logits(&c.tape, x).Floats())
	c.tape.Release()
}

// Decoding is one sequence in a cache that is being continued.
type Decoding struct {
	g     Generation
	slots []int // whose last hidden states Step reads
	ids   []int32
	rng   *rand.Rand
	beams *beams // nil: id by id
}

// Begin continues the sequence in a slot.
func (g Generation) Begin(slot int) (*Decoding, error) {
	x := &Decoding{g: g, slots: []int{slot}}
	if g.Beams <= 1 {
		x.rng = rand.New(rand.NewPCG(g.Sampling.Seed, 0))
		return x, nil
	}
	if g.Sampling.Temperature > 0 || g.Token != nil {
		return nil, fmt.Errorf("language: a search with %d beams neither samples nor tells ids as they come", g.Beams)
	}
	x.beams = &beams{width: g.Beams, running: []beam{{slot: slot}}, slots: []int{slot}}
	return x, nil
}

// Slots are those whose last hidden states Step reads next, in this order.
func (x *Decoding) Slots() []int { return x.slots }

// Step chooses from the logits [len(Slots), V] of the slots, which it changes, and returns the id to append to each of what are
// Slots then; none once the sequence has ended.
func (x *Decoding) Step(c *Cache, logits []float32) (next []int32) {
	vocabulary := len(logits) / len(x.slots)
	if x.beams != nil {
		if !x.beams.step(logits, vocabulary, x.g) {
			x.ids = x.beams.done[0].ids
			return nil
		}
		x.beams.place(c)
		x.slots = x.slots[:0]
		for _, r := range x.beams.running {
			x.slots = append(x.slots, r.slot)
			next = append(next, r.ids[len(r.ids)-1])
		}
		return next
	}
	id := x.g.Sampling.pick(logits, x.rng)
	x.ids = append(x.ids, id)
	if x.g.Token != nil {
		x.g.Token(id)
	}
	if len(x.ids) >= x.g.MaxNew || slices.Contains(x.g.Stop, id) {
		return nil
	}
	return []int32{id}
}

// IDs are the new ids; of beams, once the sequence has ended.
func (x *Decoding) IDs() []int32 { return x.ids }

// Close gives the memory of all slots of the sequence back to the cache.
func (x *Decoding) Close(c *Cache) {
	all := x.slots
	if x.beams != nil {
		all = x.beams.slots
	}
	for _, s := range all {
		c.Close(s)
	}
}

// Generate continues the sequences in the given slots of the cache, whose last hidden states
// [len(slots), D] Extend returned, and returns the new ids of each. The sequences are decoded together.
func (d *Decoder) Generate(ctx context.Context, c *Cache, slots []int, hidden *autograd.Var, g Generation) ([][]int32, error) {
	var all []*Decoding
	for _, s := range slots {
		x, err := g.Begin(s)
		if err != nil {
			return nil, err
		}
		all = append(all, x)
	}
	for live := all; ; {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		var chunks []Chunk
		var left []*Decoding
		d.Read(c, hidden, func(logits []float32) {
			vocabulary := len(logits) / hidden.Rows()
			for _, x := range live {
				n := len(x.slots) * vocabulary
				next := x.Step(c, logits[:n])
				logits = logits[n:]
				for i, id := range next {
					chunks = append(chunks, Chunk{Slot: x.slots[i], X: d.Embed.Forward(nil, []int32{id})})
				}
				if len(next) > 0 {
					left = append(left, x)
				}
			}
		})
		if live = left; len(live) == 0 {
			break
		}
		var err error
		if hidden, err = d.Extend(c, chunks); err != nil {
			return nil, err
		}
	}
	out := make([][]int32, len(all))
	for i, x := range all {
		out[i] = x.ids
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
