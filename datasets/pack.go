package datasets

import (
	"errors"
	"fmt"
	"slices"
)

// A bin is a batch that is being filled.
type bin struct {
	examples []Example
	places   []SamplePlace // of each example
	tokens   int
}

// A SamplePlace is where a sequence comes from: the place in an epoch's order, and which piece of a sample that was split.
type SamplePlace struct {
	Index int `json:"index"`
	Piece int `json:"piece,omitempty"`
}

// takes says whether a sequence of so many tokens fits into the bin. An empty one takes any.
func (o *LoadOptions) takes(b *bin, tokens int) bool {
	if len(b.examples) == 0 {
		return true
	}
	return !o.full(b) && (o.TokenBudget == 0 || b.tokens+tokens <= o.TokenBudget)
}

func (o *LoadOptions) full(b *bin) bool {
	return o.BatchSize > 0 && len(b.examples) >= o.BatchSize || o.TokenBudget > 0 && b.tokens >= o.TokenBudget
}

// bestFit is the open bin that a sequence leaves the least room in, or an empty one; nil if there is neither.
func (c *collector) bestFit(tokens int) *bin {
	o := &c.l.opt
	var best *bin
	for _, b := range c.open {
		if o.takes(b, tokens) && (best == nil || b.tokens > best.tokens) {
			best = b
		}
	}
	if best == nil && len(c.open) < max(1, o.Pack) {
		best = new(bin)
		c.open = append(c.open, best)
	}
	return best
}

func (b *bin) add(e Example, at SamplePlace) {
	b.examples, b.places, b.tokens = append(b.examples, e), append(b.places, at), b.tokens+e.tokens()
}

// fullest is the place of the open bin with the most tokens, the oldest of several.
func (c *collector) fullest() int {
	most := 0
	for i, b := range c.open {
		if b.tokens > c.open[most].tokens {
			most = i
		}
	}
	return most
}

// emit hands out an open bin; loading goes on at c.at, with the others.
func (c *collector) emit(i int) bool {
	b := c.open[i]
	c.open = slices.Delete(c.open, i, i+1)
	next := c.at
	next.Open = nil
	for _, o := range c.open {
		next.Open = append(next.Open, o.places)
	}
	batch, err := newBatch(b.examples, b.tokens, next)
	return c.yield(batch, err) && err == nil
}

// emitAll hands out the open bins, the oldest first.
func (c *collector) emitAll() bool {
	for len(c.open) > 0 {
		if !c.emit(0) {
			return false
		}
	}
	return true
}

// reopen fills the bins that a position left open. They are of the epoch before where the position is an epoch's start.
func (c *collector) reopen(from Position) error {
	epoch := from.Epoch
	if from.Index == 0 && from.Piece == 0 {
		epoch--
	}
	if len(from.Open) == 0 {
		return nil
	}
	row := c.l.order(epoch)
	for _, places := range from.Open {
		b := new(bin)
		for _, at := range places {
			out := c.l.work(job{epoch: epoch, index: at.Index, row: row(at.Index)}, &Look{})
			if out.err != nil {
				return out.err
			}
			if at.Piece >= len(out.pieces) {
				return fmt.Errorf("load: position says piece %d of %s, which has %d: the data or the options changed", at.Piece, out.origin, len(out.pieces))
			}
			b.add(out.pieces[at.Piece], at)
		}
		c.open = append(c.open, b)
	}
	return nil
}

// checkOpen finds a position whose open batches cannot be.
func (l *loader) checkOpen(from *Position) error {
	start := from.Epoch == 0 && from.Index == 0 && from.Piece == 0
	if n := len(from.Open); n > max(1, l.opt.Pack) || start && n > 0 {
		return fmt.Errorf("load: position has %d open batches, the options keep %d: the options changed", n, max(1, l.opt.Pack))
	}
	for _, places := range from.Open {
		if len(places) == 0 {
			return errors.New("load: position has an open batch of nothing")
		}
		for _, at := range places {
			if at.Index < 0 || at.Index >= l.n || at.Piece < 0 {
				return fmt.Errorf("load: position has index %d, piece %d in an open batch, of a source of %d samples", at.Index, at.Piece, l.n)
			}
		}
	}
	return nil
}
