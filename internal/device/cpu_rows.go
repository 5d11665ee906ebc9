package device

import "moslava/internal/kernels"

// Gather copies rows.
func (c *CPU) Gather(dst, src Buffer, at []int32, d int) {
	for i, r := range at {
		copy(dst.host[i*d:][:d], src.host[int(r)*d:])
	}
}

// Scatter copies rows to their places.
func (c *CPU) Scatter(dst, src Buffer, at []int32, d int) {
	for i, r := range at {
		copy(dst.host[int(r)*d:][:d], src.host[i*d:])
	}
}

// ScatterAdd adds rows at their places, in order.
func (c *CPU) ScatterAdd(dst, src Buffer, at []int32, d int) {
	for i, r := range at {
		kernels.Axpy(dst.host[int(r)*d:][:d], 1, src.host[i*d:][:d])
	}
}

// ClearRows makes rows zero.
func (c *CPU) ClearRows(dst Buffer, at []int32, d int) {
	for _, r := range at {
		clear(dst.host[int(r)*d:][:d])
	}
}

// GatherPacked copies rows of a packed table, of which each lies apart.
func (c *CPU) GatherPacked(dst Buffer, table *kernels.Packed, at []int32) {
	const grain = 32 // rows that are worth a worker
	c.workers.Rows(len(at), grain, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			table.Row(int(at[i]), dst.host[i*table.K:][:table.K])
		}
	})
}

// CopyColumns copies columns of rows.
func (c *CPU) CopyColumns(dst Buffer, wd, to int, src Buffer, ws, from, n, rows int) {
	for r := range rows {
		copy(dst.host[r*wd+to:][:n], src.host[r*ws+from:])
	}
}

// AddColumns adds columns of rows.
func (c *CPU) AddColumns(dst Buffer, wd, to int, src Buffer, ws, from, n, rows int) {
	for r := range rows {
		d := dst.host[r*wd+to:][:n]
		for j, v := range src.host[r*ws+from:][:n] {
			d[j] += v
		}
	}
}

// Unfold leaves out rows and columns that do not fill a patch, as a strided convolution does.
func (c *CPU) Unfold(dst Buffer, images [][]float32, h, w, p int) {
	gh, gw, width := h/p, w/p, 3*p*p
	c.workers.Each(len(images)*gh, func(i int) {
		px, y := images[i/gh], i%gh
		for x := range gw {
			d := dst.host[((i/gh*gh+y)*gw+x)*width:]
			for c := range 3 {
				for r := range p {
					copy(d[(c*p+r)*p:][:p], px[(c*h+y*p+r)*w+x*p:])
				}
			}
		}
	})
}

// GatherTurned copies columns to rows.
func (c *CPU) GatherTurned(dst, src Buffer, at []int32, r, n int) {
	for i, id := range at {
		for k := range r {
			dst.host[i*r+k] = src.host[k*n+int(id)]
		}
	}
}

// AddTurned adds rows to columns, in order.
func (c *CPU) AddTurned(dst, src Buffer, at []int32, r, n int) {
	for i, id := range at {
		for k := range r {
			dst.host[k*n+int(id)] += src.host[i*r+k]
		}
	}
}

// Transpose goes through rows of x.
func (c *CPU) Transpose(dst, x Buffer, n, m int) {
	for i := range n {
		for j := range m {
			dst.host[j*n+i] = x.host[i*m+j]
		}
	}
}

// SetColumns replaces columns.
func (c *CPU) SetColumns(y, cols Buffer, at []int32, rows int) {
	m, k := y.n/rows, len(at)
	for i := range rows {
		for j, column := range at {
			y.host[i*m+int(column)] = cols.host[i*k+j]
		}
	}
}

// CutColumns takes columns off.
func (c *CPU) CutColumns(cols, y Buffer, at []int32, rows int) {
	m, k := y.n/rows, len(at)
	for i := range rows {
		for j, column := range at {
			cols.host[i*k+j] = y.host[i*m+int(column)]
			y.host[i*m+int(column)] = 0
		}
	}
}
