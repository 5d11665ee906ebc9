package autograd

import (
	"fmt"
	"slices"

	"github.com/nlpodyssey/spago/mat"
	"github.com/nlpodyssey/spago/mat/float"

	"moslava/internal/kernels"
)

// Var is a dense row-major float32 array that takes part in a computation. It is a spago
// mat.Tensor over memory of its own, so that spago's matrices and functions accept it, while
// gradients are handed over in place of being copied.
type Var struct {
	data  []float32
	shape []int
	grad  *Var
	track bool
	again bool // the operation that made it reads data in the backward pass
}

var _ mat.Tensor = (*Var)(nil)

// New wraps data, which must have exactly the elements that shape asks for.
func New(data []float32, shape ...int) *Var {
	if n := size(shape); len(data) != n {
		panic(fmt.Sprintf("autograd: %d elements cannot have shape %v", len(data), shape))
	}
	return &Var{data: data, shape: slices.Clone(shape)}
}

// newVar takes memory from the pool; its contents are undefined.
func newVar(shape ...int) *Var {
	return &Var{data: pool.get(size(shape)), shape: slices.Clone(shape)}
}

// newZero is newVar, cleared.
func newZero(shape ...int) *Var {
	v := newVar(shape...)
	clear(v.data)
	return v
}

func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// Floats is the array itself, not a copy; nil once the tape has taken it back.
func (v *Var) Floats() []float32 { return v.data }

// Rows is the product of all dimensions but the last.
func (v *Var) Rows() int {
	if c := v.Cols(); c > 0 {
		return size(v.shape) / c
	}
	return 0
}

// Cols is the last dimension.
func (v *Var) Cols() int { return v.shape[len(v.shape)-1] }

// Shape returns the size in each dimension.
func (v *Var) Shape() []int { return v.shape }

// Dims returns the number of dimensions.
func (v *Var) Dims() int { return len(v.shape) }

// Size returns the number of elements.
func (v *Var) Size() int { return size(v.shape) }

// Dense is spago's matrix over the same memory.
func (v *Var) Dense() *mat.Dense[float32] {
	return mat.NewDense[float32](mat.WithShape(v.shape...), mat.WithBacking(v.data))
}

// Data returns the elements as spago's slice type.
func (v *Var) Data() float.Slice { return v.Dense().Data() }

// Item returns the value of an array of one element.
func (v *Var) Item() float.Float { return v.Dense().Item() }

// At returns the element at the indices.
func (v *Var) At(indices ...int) mat.Tensor { return v.Dense().At(indices...) }

// SetAt sets the element at the indices.
func (v *Var) SetAt(m mat.Tensor, indices ...int) { v.Dense().SetAt(m, indices...) }

// Value returns v.
func (v *Var) Value() mat.Tensor { return v }

// RequiresGrad reports whether gradients flow into v.
func (v *Var) RequiresGrad() bool { return v != nil && v.track }

// SetRequiresGrad makes v a leaf that collects a gradient, or stops it.
func (v *Var) SetRequiresGrad(track bool) { v.track = track }

// HasGrad reports whether a gradient has flowed into v.
func (v *Var) HasGrad() bool { return v.grad != nil }

// Grad returns the accumulated gradient, or an untyped nil.
func (v *Var) Grad() mat.Tensor {
	if v.grad == nil {
		return nil
	}
	return v.grad
}

// GradFloats is the accumulated gradient, nil if there is none.
func (v *Var) GradFloats() []float32 {
	if v.grad == nil {
		return nil
	}
	return v.grad.data
}

// AccGrad adds g to the gradient. A *Var becomes v's own: the caller must not use it again.
func (v *Var) AccGrad(g mat.Tensor) {
	gv, ok := g.(*Var)
	if !ok {
		gv = New(slices.Clone(mat.Data[float32](g.Value().(mat.Matrix))), v.shape...)
	}
	if len(gv.data) != v.Size() {
		panic(fmt.Sprintf("autograd: gradient of %d elements for shape %v", len(gv.data), v.shape))
	}
	if v.grad == nil {
		v.grad = gv
		return
	}
	kernels.Add(v.grad.data, gv.data)
	gv.release()
}

// ZeroGrad drops the gradient.
func (v *Var) ZeroGrad() {
	if v.grad != nil {
		v.grad.release()
		v.grad = nil
	}
}

// gradBuffer is the gradient of a leaf, made zero if there is none yet: for operations that
// add in place.
func (v *Var) gradBuffer() []float32 {
	if v.grad == nil {
		v.grad = newZero(v.shape...)
	}
	return v.grad.data
}

// wanted reports whether whoever takes the memory has to leave or to give back what is in it.
func (v *Var) wanted() bool { return v.track && v.again }

// release gives the memory back to the pool, if v is there and has any.
func (v *Var) release() {
	if v != nil && v.data != nil {
		pool.put(v.data)
		v.data = nil
	}
}
