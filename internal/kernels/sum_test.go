package kernels

import (
	"fmt"
	"testing"
)

// A sum has the bits of one product after the other, for any number of threads, and leaves alone what is not its own.
func TestSumsAreProductsInOrder(t *testing.T) {
	defer func(n Workers) { on = n }(on)
	eachPath(t, func(t *testing.T) {
		for _, c := range []struct{ m, k, k2, n, n2 int }{
			{1, 5, 3, 7, 16}, {13, 64, 16, 33, 48}, {15, 257, 64, 17, 100}, {29, 300, 8, 40, 1}, {256, 576, 64, 64, 192},
		} {
			a, a2 := draw(1, c.m*c.k), draw(2, c.k2*c.m) // a2 is read by columns
			w, v, u := draw(3, c.n*c.k), draw(4, c.n*c.k2), draw(5, c.n2*c.k)
			ldc := c.n + 3
			start := draw(6, c.m*ldc)
			for _, b := range []*Packed{NK(w, c.n, c.k, c.k), on.Pack(w, c.n, c.k, F32), on.Pack(w, c.n, c.k, BF16)} {
				for _, add := range []bool{false, true} {
					want := append([]float32(nil), start...)
					on = Workers(1)
					on.Mul(c.m, a, c.k, 1, b, want, ldc, add)
					on.Mul(c.m, a2, 1, c.m, NK(v, c.n, c.k2, c.k2), want, ldc, true)
					want2 := make([]float32, c.m*c.n2)
					on.Mul(c.m, a, c.k, 1, NK(u, c.n2, c.k, c.k), want2, c.n2, false)
					for _, threads := range []int{1, 2, 3} {
						on = Workers(threads)
						l := on.PackLeft(make([]float32, c.m*c.k), c.m, a, c.k, 1, c.k)
						l2 := on.PackLeft(make([]float32, c.m*c.k2), c.m, a2, 1, c.m, c.k2)
						got, got2 := append([]float32(nil), start...), make([]float32, c.m*c.n2)
						on.Sums(Sum{[]Term{{l, b}, {l2, NK(v, c.n, c.k2, c.k2)}}, got, ldc, add},
							Sum{[]Term{{l, NK(u, c.n2, c.k, c.k)}}, got2, c.n2, false})
						where := fmt.Sprintf("%+v of %s, add %v, %d threads", c, b.Kind, add, threads)
						if c.m == 1 { // a single row is a product of another kind
							within(t, where, got[:c.n], wide(want[:c.n]), 1e-5)
							continue
						}
						sameBits(t, where, got, want)
						sameBits(t, where+", second", got2, want2)
					}
				}
			}
		}
	})
}

func TestSumsRefuseWhatDoesNotFit(t *testing.T) {
	l := on.PackLeft(make([]float32, 12), 3, make([]float32, 12), 4, 1, 4)
	for name, f := range map[string]func(){
		"no terms":      func() { on.Sums(Sum{C: make([]float32, 9), LDC: 3}) },
		"depth":         func() { on.Sums(Sum{[]Term{{l, NK(make([]float32, 15), 3, 5, 5)}}, make([]float32, 9), 3, false}) },
		"short result":  func() { on.Sums(Sum{[]Term{{l, NK(make([]float32, 12), 3, 4, 4)}}, make([]float32, 8), 3, false}) },
		"short weight":  func() { on.Sums(Sum{[]Term{{l, NK(make([]float32, 11), 3, 4, 4)}}, make([]float32, 9), 3, false}) },
		"short operand": func() { on.PackLeft(make([]float32, 12), 3, make([]float32, 11), 4, 1, 4) },
		"short room":    func() { on.PackLeft(make([]float32, 11), 3, make([]float32, 12), 4, 1, 4) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: nothing is said", name)
				}
			}()
			f()
		}()
	}
}
