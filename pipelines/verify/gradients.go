package verify

import (
	"slices"
	"strings"

	"moslava/internal/compare"
	"moslava/internal/nn"
)

// zeroTol is allowed of gradients that are zero in exact arithmetic, relative to the largest entry of all gradients.
const zeroTol = 1e-6

// gradients compares the gradients that ps have collected with the tensors whose names start with prefix and end with what fileName makes
// of the program's. Parameters without such a tensor must have none.
func (r *run) gradients(ps *nn.Params, prefix string, fileName func(string) string) error {
	scale, found := 0.0, false
	for _, name := range r.golden.Names() {
		if strings.HasPrefix(name, prefix) {
			data, err := r.golden.Float64(name)
			if err != nil {
				return err
			}
			scale, found = max(scale, compare.MaxAbs(data)), true
		}
	}
	if !found {
		return nil
	}
	for p := range ps.All() {
		name, got := prefix+fileName(p.Name), p.Var().GradFloats()
		want, ok := r.golden.Info(name)
		switch {
		case !ok && got != nil:
			r.fail(name, "has a gradient and none is wanted")
		case !ok:
		case got == nil:
			r.fail(name, "has no gradient")
		case !slices.Equal(want.Shape, p.Shape):
			r.fail(name, "shape is %v, want %v", p.Shape, want.Shape)
		case r.zero(name, scale):
			r.checkWithin(name, compare.Widen(got), p.Shape, zeroTol*scale, "zero in exact arithmetic")
		default:
			r.check(name, compare.Widen(got), p.Shape)
		}
	}
	return nil
}

// zero recognises gradients that are rounding noise: the bias of a key projection without rotary positions shifts all scores of a
// query alike, which softmax does not see.
func (r *run) zero(name string, scale float64) bool {
	if !strings.HasSuffix(name, ".k_proj.bias") && !strings.HasSuffix(name, ".key.bias") {
		return false
	}
	data, err := r.golden.Float64(name)
	return err == nil && compare.MaxAbs(data) <= zeroTol*scale
}

// own are the names of a tower or a decoder by itself: files have those of the program.
func own(name string) string { return name }
