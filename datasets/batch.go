package datasets

import (
	"fmt"
	"math"
)

// IgnoreIndex is the label of a position that carries no loss.
const IgnoreIndex = -100

// An Example is a sample ready for the model. Labels has the length of IDs and is
// not shifted: Labels[i] is IDs[i] where the model is to learn it, IgnoreIndex
// elsewhere. Images are in the order in which they stand.
type Example struct {
	IDs, Labels []int32
	Images      []Image
	Rejected    *Example // of a pair: the sequence with the answer that is not chosen; it lies behind the chosen one in a batch
	Context     int      // answers that are read and not supervised, as they do not stand there as the model would write them
}

// An Encoder makes an Example of a Sample, whole: what does not fit is the
// loader's business. It is called from several goroutines at once, and its result
// depends on the sample alone.
type Encoder interface {
	Encode(s Sample) (Example, error)
}

// A Shrinker is an Encoder that can make less of a sample's pictures, as fewer tiles.
type Shrinker interface {
	Encoder
	// Shrinks says why it cannot, with any sample; nil if it can.
	Shrinks() error
	// Shrink is Encode with as many tokens of pictures as leave at most so many in all; if no number does, with as few as there can be.
	Shrink(s Sample, most int) (Example, error)
}

// check finds what an Encoder must not return.
func (e *Example) check() error {
	if len(e.IDs) != len(e.Labels) {
		return fmt.Errorf("encoder returned %d ids and %d labels", len(e.IDs), len(e.Labels))
	}
	if e.Rejected != nil {
		if err := e.Rejected.check(); err != nil {
			return fmt.Errorf("the rejected sequence: %w", err)
		}
	}
	end := 0
	for i, m := range e.Images {
		n := m.Layout.Len()
		if n < 1 || m.At < end || n > len(e.IDs)-m.At {
			return fmt.Errorf("encoder put image %d at [%d, %d) of %d ids, after %d", i, m.At, m.At+n, len(e.IDs), end)
		}
		end = m.At + n
		if err := m.check(); err != nil {
			return fmt.Errorf("encoder returned image %d: %w", i, err)
		}
	}
	return nil
}

// Targets is how many positions are learnt, of a pair in the sequence with fewer. Nothing predicts the first token.
func (e *Example) Targets() int {
	n := 0
	for i := 1; i < len(e.Labels); i++ {
		if e.Labels[i] != IgnoreIndex {
			n++
		}
	}
	if e.Rejected != nil {
		n = min(n, e.Rejected.Targets())
	}
	return n
}

// tokens and longest are the positions of all its sequences, and of the longest one.
func (e *Example) tokens() int {
	if e.Rejected != nil {
		return len(e.IDs) + len(e.Rejected.IDs)
	}
	return len(e.IDs)
}

func (e *Example) longest() int {
	if e.Rejected != nil {
		return max(len(e.IDs), len(e.Rejected.IDs))
	}
	return len(e.IDs)
}

// A Batch is B sequences of N tokens in all, laid end to end without padding.
type Batch struct {
	IDs       []int32  // [N]
	Labels    []int32  // [N], shifted: the target predicted at a position; IgnoreIndex at each sequence's last
	Offsets   []int32  // [B+1], sequence b is [Offsets[b], Offsets[b+1])
	Positions []int32  // [N], of each token in its sequence; nil: they count from 0
	Images    []Image  // At counts rows of the batch
	Next      Position // where loading goes on after this batch
	Counts    Counts   // what has happened up to Next
}

// Len is the number of sequences, B.
func (b *Batch) Len() int { return len(b.Offsets) - 1 }

// Targets is the number of positions that carry loss.
func (b *Batch) Targets() int {
	n := 0
	for _, l := range b.Labels {
		if l != IgnoreIndex {
			n++
		}
	}
	return n
}

// A Position says where loading goes on; kept as JSON it is all that a resumed
// run needs to see the batches, and the counts, of an uninterrupted one. The zero
// value is the start.
type Position struct {
	Epoch int    `json:"epoch"`
	Index int    `json:"index"`           // place in the epoch's order
	Piece int    `json:"piece,omitempty"` // of a sample that was split
	Seed  uint64 `json:"seed"`
	Rows  int    `json:"rows"` // length of the source, to notice that another one is read
	// Open are the sequences of batches that are being filled, see LoadOptions.Pack: of this epoch, or at an epoch's start of the one before.
	Open [][]SamplePlace `json:"open,omitempty"`
	// Counts up to here.
	Counts Counts `json:"counts"`
}

// Counts says what has become of the stored samples since the start.
type Counts struct {
	Samples   int `json:"samples"`             // samples of which something is in a batch
	Split     int `json:"split"`               // samples longer than MaxLength that were split
	Dropped   int `json:"dropped"`             // samples, or pieces of split ones, longer than MaxLength
	Skipped   int `json:"skipped"`             // samples that could not be read or encoded
	NoTargets int `json:"no_targets"`          // samples, or pieces, with nothing to learn
	Truncated int `json:"truncated,omitempty"` // samples longer than MaxLength of which the end was cut off
	Shrunk    int `json:"shrunk,omitempty"`    // samples longer than MaxLength of whose pictures less was made
	Context   int `json:"context,omitempty"`   // answers that are read and not supervised, see Example
}

// newBatch lays examples end to end.
func newBatch(examples []Example, tokens int, next Position) (*Batch, error) {
	if tokens > math.MaxInt32 {
		return nil, fmt.Errorf("batch of %d tokens, the limit is %d", tokens, math.MaxInt32)
	}
	b := &Batch{
		IDs: make([]int32, 0, tokens), Labels: make([]int32, 0, tokens), Positions: make([]int32, 0, tokens),
		Offsets: make([]int32, 1, len(examples)+1), Next: next, Counts: next.Counts,
	}
	for _, e := range examples {
		b.Append(e)
	}
	return b, nil
}

// Append lays an example behind the others, its labels shifted to the positions that predict them.
func (b *Batch) Append(e Example) {
	if len(b.Offsets) == 0 {
		b.Offsets = []int32{0}
	}
	for _, m := range e.Images {
		m.At += len(b.IDs)
		b.Images = append(b.Images, m)
	}
	b.IDs = append(b.IDs, e.IDs...)
	for i := range e.IDs {
		b.Positions = append(b.Positions, int32(i))
	}
	b.Labels = append(append(b.Labels, e.Labels[1:]...), IgnoreIndex)
	b.Offsets = append(b.Offsets, int32(len(b.IDs)))
	if e.Rejected != nil {
		b.Append(*e.Rejected)
	}
}
