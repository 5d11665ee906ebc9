package vision

import (
	"math"

	"moslava/internal/autograd"
)

// positions is the position table for images of h x w pixels, interpolated as the interpolate_pos_encoding of each tower does in
// transformers 5.23, where Config.Interpolates says so.
func (t *Tower) positions(tape *autograd.Tape, h, w int) *autograd.Var {
	table := t.embed.pos.Var()
	if rows := t.Config.bucketed(h, w); rows != nil {
		return tape.Embedding(table, rows)
	}
	if !t.Config.Interpolates(h, w) {
		return table
	}
	return tape.MatMul(t.Config.resampling(h, w), table)
}

// bucketed is the row of the position table for each patch of an image of h x w pixels, where the tower has no interpolation; nil
// where the table is taken as it is.
func (c *Config) bucketed(h, w int) []int32 {
	if c.kind.buckets == nil {
		return nil
	}
	side := c.side()
	ys, xs := c.kind.buckets(side, h/c.PatchSize), c.kind.buckets(side, w/c.PatchSize)
	var rows []int32
	same := len(ys) == side && len(xs) == side
	for _, y := range ys {
		for _, x := range xs {
			same = same && int(y)*side+int(x) == len(rows)
			rows = append(rows, y*int32(side)+x)
		}
	}
	if same {
		return nil
	}
	return rows
}

// resampling is the matrix [(1+)gh*gw, (1+)side*side] that keeps the class token's row and interpolates the grid as
// torch.nn.functional.interpolate does with half-pixel centres and the weights that the tower's row names.
func (c *Config) resampling(h, w int) *autograd.Var {
	side, gh, gw := c.side(), h/c.PatchSize, w/c.PatchSize
	first := 0
	if c.HasClass() {
		first = 1
	}
	n := side*side + first
	m := make([]float32, (gh*gw+first)*n)
	m[0] = 1 // of the class token; patches write their own
	if first == 0 {
		m[0] = 0
	}
	rows, cols := c.kind.interpolation(side, gh), c.kind.interpolation(side, gw)
	for y := range gh {
		for x := range gw {
			r := m[(first+y*gw+x)*n+first:]
			for _, a := range rows[y] {
				for _, b := range cols[x] {
					r[a.at*side+b.at] += float32(a.w * b.w)
				}
			}
		}
	}
	return autograd.New(m, gh*gw+first, n)
}

// Resampled is a position table [(1+)side*side, D] interpolated for images of h x w pixels.
func (c *Config) Resampled(table []float32, h, w int) []float32 {
	rows := c.side() * c.side()
	if c.HasClass() {
		rows++
	}
	v := autograd.New(table, rows, len(table)/rows)
	return (*autograd.Tape)(nil).MatMul(c.resampling(h, w), v).Floats()
}

// tap is a source position and its weight.
type tap struct {
	at int
	w  float64
}

// keys is the cubic convolution kernel of Keys (1981) with parameter a.
func keys(x, a float64) float64 {
	switch x = math.Abs(x); {
	case x < 1:
		return ((a+2)*x-(a+3))*x*x + 1
	case x < 2:
		return ((a*x-5*a)*x+8*a)*x - 4*a
	}
	return 0
}

// cubic is torch's mode bicubic without antialias. It gives, for each of out positions, the four source positions and their
// weights: a = -0.75, repeated edges.
func cubic(in, out int) [][]tap {
	ws := make([][]tap, out)
	for i := range out {
		src := (float64(i)+0.5)*float64(in)/float64(out) - 0.5
		base := int(math.Floor(src))
		f := src - float64(base)
		for k, x := range [4]float64{f + 1, f, 1 - f, 2 - f} {
			ws[i] = append(ws[i], tap{min(max(base-1+k, 0), in-1), keys(x, -0.75)})
		}
	}
	return ws
}

// cubicAntialiased is torch's mode bicubic with antialias. It gives, for each of out positions, the source positions that a
// kernel as wide as the scale covers, and their weights: a = -0.5, what lies beyond the edges left out and the rest brought to a sum of one (torch's _upsample_bicubic2d_aa).
func cubicAntialiased(in, out int) [][]tap {
	scale := float64(in) / float64(out)
	wide := max(scale, 1)
	ws := make([][]tap, out)
	for i := range out {
		centre := scale * (float64(i) + 0.5)
		lo := max(int(centre-2*wide+0.5), 0)
		hi := min(int(centre+2*wide+0.5), in)
		sum := 0.0
		for j := lo; j < hi; j++ {
			w := keys((float64(j)-centre+0.5)/wide, -0.5)
			ws[i] = append(ws[i], tap{j, w})
			sum += w
		}
		for k := range ws[i] {
			ws[i][k].w /= sum
		}
	}
	return ws
}
