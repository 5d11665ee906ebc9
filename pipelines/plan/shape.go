package plan

import (
	"moslava/datasets"
	"moslava/pipelines/vlm"
)

// Batch is the shape of what a step takes at a time.
type Batch struct {
	Lengths []int     // tokens of each sequence, image tokens included
	Images  []Picture // of all sequences, the tiles of each
	Targets int       // positions that carry loss
	Asking  []int     // of each sequence, positions from the first that carries loss to the end, 1 if none does; nil: all
}

// Picture is the size of a tile in pixels.
type Picture struct{ H, W int }

// Tokens is the number of positions.
func (b Batch) Tokens() int {
	n := 0
	for _, l := range b.Lengths {
		n += l
	}
	return n
}

// ShapeOf is the shape of a batch.
func ShapeOf(b *datasets.Batch) Batch {
	out := Batch{Targets: b.Targets()}
	for i := range b.Len() {
		lo, hi := int(b.Offsets[i]), int(b.Offsets[i+1])
		asking := min(1, hi-lo)
		for j := lo; j < hi; j++ {
			if b.Labels[j] != datasets.IgnoreIndex {
				asking = hi - j
				break
			}
		}
		out.Lengths, out.Asking = append(out.Lengths, hi-lo), append(out.Asking, asking)
	}
	for _, im := range b.Images {
		for _, t := range im.Tiles {
			out.Images = append(out.Images, Picture{t.H, t.W})
		}
	}
	return out
}

// sample is a batch of that shape for a model that counts: which tokens there are makes no difference, but for images' and targets'. None
// has a trained row of its own, as if those were of rare tokens.
func (b Batch) sample(m *vlm.Model) *datasets.Batch {
	c := m.Config
	out := &datasets.Batch{Offsets: []int32{0}, IDs: make([]int32, b.Tokens()), Labels: make([]int32, b.Tokens())}
	for i := range out.Labels {
		out.Labels[i] = datasets.IgnoreIndex
	}
	asking := b.Asking
	if asking == nil {
		asking = b.Lengths
	}
	targets := b.Targets
	for i, n := range b.Lengths { // the first that asks
		end := int(out.Offsets[i]) + n
		out.Offsets = append(out.Offsets, int32(end))
		if targets > 0 && asking[i] > 1 {
			out.Labels[end-asking[i]] = 0
			targets--
		}
	}
	for i, n := range asking {
		for j := int(out.Offsets[i+1]) - n; j < int(out.Offsets[i+1]) && targets > 0; j++ {
			if out.Labels[j] == datasets.IgnoreIndex {
				out.Labels[j] = 0
				targets--
			}
		}
	}
	own := map[int32]bool{}
	if c.HasVision() {
		own[c.ImageToken] = true
	}
	for _, rows := range m.Adapters.Rows() {
		for _, id := range rows.IDs {
			own[id] = true
		}
	}
	other := int32(0)
	for own[other] && int(other)+1 < c.Text.VocabSize {
		other++
	}
	for i := range out.IDs {
		out.IDs[i] = other
	}
	at, pixels := 0, map[Picture][]float32{}
	for _, p := range b.Images {
		if pixels[p] == nil {
			pixels[p] = make([]float32, 3*p.H*p.W) // nobody reads them
		}
		n := c.ImageTokens(p.H, p.W)
		out.Images = append(out.Images, datasets.OneTile(datasets.Tile{Pixels: pixels[p], H: p.H, W: p.W}, at, n))
		for range n {
			out.IDs[at] = c.ImageToken
			at++
		}
	}
	return out
}
