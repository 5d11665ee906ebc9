package autograd

import (
	"fmt"
	"slices"

	"github.com/nlpodyssey/spago/mat"
	"github.com/nlpodyssey/spago/mat/float"

	"moslava/internal/device"
)

// Var is a dense row-major float32 array that takes part in a computation. It is a spago
// mat.Tensor over memory of its own, so that spago's matrices and functions accept it, while
// gradients are handed over in place of being copied.
type Var struct {
	dev   device.Device
	buf   device.Buffer
	shape []int
	grad  *Var
	track bool
	held  bool // a recorded operation has it as an operand
	again bool // the operation that made it reads data in the backward pass
}

var _ mat.Tensor = (*Var)(nil)

// New wraps data, which must have exactly the elements that shape asks for.
func New(data []float32, shape ...int) *Var {
	if n := size(shape); len(data) != n {
		panic(fmt.Sprintf("autograd: %d elements cannot have shape %v", len(data), shape))
	}
	return Of(device.Host, device.Wrap(data), shape...)
}

// Of is a buffer of a device as an array.
func Of(dev device.Device, b device.Buffer, shape ...int) *Var {
	return &Var{dev: dev, buf: b, shape: slices.Clone(shape)}
}

// Outline is an array on a device that only counts: it has a shape and no elements.
func Outline(dev *device.Count, shape ...int) *Var {
	return Of(dev, device.Sized(size(shape)), shape...)
}

// NewOn takes memory from the pool of a device; its contents are undefined.
func NewOn(dev device.Device, shape ...int) *Var {
	return Of(dev, dev.Get(size(shape)), shape...)
}

// scalar is a host number beside arrays of a device.
func scalar(dev device.Device, v float32) *Var { return Of(dev, device.Wrap([]float32{v}), 1) }

// newVar is NewOn.
func newVar(dev device.Device, shape ...int) *Var { return NewOn(dev, shape...) }

// newZero is newVar, cleared.
func newZero(dev device.Device, shape ...int) *Var {
	v := newVar(dev, shape...)
	dev.Fill(v.buf, 0)
	return v
}

// Device is where the elements are.
func (v *Var) Device() device.Device { return v.dev }

// Buffer is the array on its device; none once the tape has taken it back.
func (v *Var) Buffer() device.Buffer { return v.buf }

func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// Floats is the array itself, not a copy; nil once the tape has taken it back.
func (v *Var) Floats() []float32 { return v.buf.Host() }

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
	return mat.NewDense[float32](mat.WithShape(v.shape...), mat.WithBacking(v.buf.Host()))
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
	return v.grad.buf.Host()
}

// AccGrad adds g to the gradient. A *Var becomes v's own: the caller must not use it again.
func (v *Var) AccGrad(g mat.Tensor) {
	gv, ok := g.(*Var)
	if !ok {
		gv = New(slices.Clone(mat.Data[float32](g.Value().(mat.Matrix))), v.shape...)
	}
	if gv.buf.Len() != v.Size() {
		panic(fmt.Sprintf("autograd: gradient of %d elements for shape %v", gv.buf.Len(), v.shape))
	}
	if v.grad == nil {
		v.grad = gv
		return
	}
	v.dev.Add(v.grad.buf, gv.buf)
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
func (v *Var) gradBuffer() device.Buffer {
	if v.grad == nil {
		v.grad = newZero(v.dev, v.shape...)
	}
	return v.grad.buf
}

// taken is an array with v's shape and memory, which v has no more.
func (v *Var) taken() *Var {
	w := &Var{dev: v.dev, buf: v.buf, shape: v.shape}
	v.buf = device.Buffer{}
	return w
}

// alias is an array with v's shape over v's memory, which stays v's.
func (v *Var) alias() *Var { return &Var{dev: v.dev, buf: v.buf.From(0), shape: v.shape} }

// wanted reports whether whoever takes the memory has to leave or to give back what is in it.
func (v *Var) wanted() bool { return v.track && v.again }

// release gives the memory back to the pool, if v is there and has any.
func (v *Var) release() {
	if v != nil && !v.buf.None() {
		v.dev.Put(v.buf)
		v.buf = device.Buffer{}
	}
}
