package device

import "moslava/internal/kernels"

// right is the matrix as kernels take it.
func (m Matrix) right() *kernels.Packed {
	switch {
	case m.packed != nil:
		return m.packed
	case m.across:
		return kernels.KN(m.buf.host, m.K, m.N, m.ld)
	}
	return kernels.NK(m.buf.host, m.N, m.K, m.ld)
}

// PackWeight is kernels.Pack, with absmax of NF4 quantised as well where rows are whole blocks.
func (c *CPU) PackWeight(w Buffer, n, k int, kind kernels.Kind) *kernels.Packed {
	if kind != kernels.NF4 || k%64 != 0 {
		return c.workers.Pack(w.host, n, k, kind)
	}
	p, err := c.workers.QuantizeNF4(w.host, n, k).Pack(c.workers)
	if err != nil {
		panic(err) // the sizes are such that it cannot be
	}
	return p
}

// Unpack makes a host array.
func (c *CPU) Unpack(p *kernels.Packed) Buffer {
	out := make([]float32, p.N*p.K)
	p.Dense(c.workers, out)
	return Wrap(out)
}

// Mul is one product.
func (c *CPU) Mul(m int, a Buffer, rs, cs int, b Matrix, y Buffer, ldc int, accumulate bool) {
	c.workers.Mul(m, a.host, rs, cs, b.right(), y.host, ldc, accumulate)
}

// MulRow is the products of one row.
func (c *CPU) MulRow(x Buffer, products ...Product) {
	var few [4]kernels.Right
	rights := few[:0]
	for _, p := range products {
		rights = append(rights, kernels.Right{B: p.B.right(), Y: p.C.host})
	}
	c.workers.MulEach(1, x.host, rights...)
}

// Pack packs a left-hand side.
func (c *CPU) Pack(room Buffer, m int, x Buffer, k int) Left {
	return Left{M: m, K: k, left: c.workers.PackLeft(room.host, m, x.host, k, 1, k)}
}

// Sums computes sums of products that do not depend on one another.
func (c *CPU) Sums(sums ...Sum) {
	list := make([]kernels.Sum, len(sums))
	for i, s := range sums {
		list[i] = kernels.Sum{C: s.C.host, LDC: s.LDC, Terms: make([]kernels.Term, len(s.Terms))}
		for j, t := range s.Terms {
			list[i].Terms[j] = kernels.Term{A: t.A.left, B: t.B.right()}
		}
	}
	c.workers.Sums(list...)
}
