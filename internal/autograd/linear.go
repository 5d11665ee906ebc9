package autograd

import (
	"fmt"
	"slices"

	"github.com/nlpodyssey/spago/mat"

	"moslava/internal/device"
	"moslava/internal/kernels"
)

// Matrix is the weight of a linear layer: a Var when it may be trained, or frozen and packed.
type Matrix struct {
	Var    *Var            // [out, in], or nil
	Packed *kernels.Packed // K = in, N = out, or nil
}

// Dims returns out and in.
func (m Matrix) Dims() (out, in int) {
	if m.Packed != nil {
		return m.Packed.N, m.Packed.K
	}
	return m.Var.shape[0], m.Var.Size() / m.Var.shape[0]
}

// right is the matrix as the right-hand side of x·Wᵀ.
func (m Matrix) right() device.Matrix {
	if m.Packed != nil {
		return device.Packed(m.Packed)
	}
	out, in := m.Dims()
	return device.NK(m.Var.buf, out, in, in)
}

// Layer is a linear layer: what W and Low make of x together, scaled by Magnitude, and Bias.
type Layer struct {
	W         Matrix
	Low       *LowRank   // or nil
	Magnitude *Magnitude // or nil; it needs a Low
	Bias      *Var       // [out], or nil
}

// linears are layers that read the same x. It is recorded once; each result is recorded as a linearOut, which brings its
// gradient back here.
type linears struct {
	in     Lazy
	layers []Layer
	low    []lowPass // of each layer, if it has a LowRank
	outs   []*Var
	grads  []*Var
	unread bool // of the results only the gradients are of use
	values bool // there is no backward pass
}

// Linear returns x·Wᵀ + b. x is [..., in], w [out, in], b [out] or nil; the result is [..., out].
func (t *Tape) Linear(x *Var, w Matrix, b *Var) *Var {
	return t.Linears(Kept(x), Layer{W: w, Bias: b})[0]
}

// Linears returns what every layer makes of x, without a magnitude x·Wᵀ + s·x·Aᵀ·Mᵀ·Bᵀ + b. x [..., in] is read once for all of them; in the backward pass,
// too, where products with weights and adapters are added up in place.
func (t *Tape) Linears(x Lazy, layers ...Layer) []*Var {
	return t.linears(&linears{in: x, layers: layers})
}

// LastLinear is Linears of one layer that ends what Checkpoint is given: nothing but what leaves it reads the result. It is not
// computed again.
func (t *Tape) LastLinear(x Lazy, layer Layer) *Var {
	scaled := layer.Magnitude != nil // whose gradient reads what it scales
	return t.linears(&linears{in: x, layers: []Layer{layer}, unread: t != nil && t.again && !scaled})[0]
}

func (t *Tape) linears(f *linears) []*Var {
	layers := f.layers
	if slices.ContainsFunc(layers, func(l Layer) bool { return l.Magnitude != nil }) {
		f.layers = slices.Clone(layers)
		for i, l := range layers {
			if l.Magnitude != nil {
				f.layers[i].Bias = nil // it comes after the scaling
			}
		}
	}
	if f.values = t.inference(); f.values {
		t.values(f)
	} else {
		t.record(f)
	}
	for i, l := range layers {
		if l.Magnitude != nil {
			f.outs[i] = t.Apply(&magnitude{z: f.outs[i], layer: l})
		}
	}
	return f.outs
}

// record makes the results, each an operation of its own.
func (t *Tape) record(f *linears) {
	f.low, f.grads = make([]lowPass, len(f.layers)), make([]*Var, len(f.layers))
	for i, l := range f.layers {
		if l.Low != nil && l.Low.Drop > 0 {
			f.low[i].mask = t.newMask(l.Low.Drop)
		}
	}
	all := t.Apply(f)
	for i := range f.outs {
		f.outs[i] = t.Apply(&linearOut{f, all, i})
	}
}

// values makes the results and nothing else: a token of a sequence is so little work that every allocation counts.
func (t *Tape) values(f *linears) {
	if slices.ContainsFunc(f.layers, func(l Layer) bool { return l.Low != nil }) {
		f.low = make([]lowPass, len(f.layers))
	}
	t.goOn()
	if _, err := f.forward(); err != nil {
		panic(&Error{fmt.Sprintf("%T", f), err})
	}
	f.release()
	for _, y := range f.outs {
		t.leave(f, y)
	}
}

func (f *linears) Operands() []mat.Tensor {
	vs := f.in.operands()
	for _, l := range f.layers {
		vs = append(vs, l.W.Var, l.Bias)
		if l.Low != nil {
			vs = append(vs, l.Low.A, l.Low.M, l.Low.C, l.Low.B)
		}
	}
	return tensors(vs...)
}

func (f *linears) Forward() (mat.Tensor, error) {
	dev, err := f.forward()
	if err != nil {
		return nil, err
	}
	return scalar(dev, 0), nil
}

// forward makes the results.
func (f *linears) forward() (device.Device, error) {
	x, err := f.in.value()
	if err != nil {
		return nil, err
	}
	defer f.in.free(x)
	dev, n := x.dev, x.Rows()
	for _, l := range f.layers {
		if err := l.check(x); err != nil {
			return nil, err
		}
	}
	f.outs = make([]*Var, 0, len(f.layers))
	if f.values && n == 1 {
		f.row(x)
		return dev, nil
	}
	if l := f.layers[0]; len(f.layers) == 1 && l.Low == nil && !f.unread {
		f.outs = []*Var{l.alone(x)}
		return dev, nil
	}
	room := pack(x)
	defer room.free()
	f.lowForward(x, room.left)
	if f.unread {
		for _, l := range f.layers {
			out, _ := l.W.Dims()
			f.outs = append(f.outs, newVar(dev, n, out)) // whatever it holds
		}
		return dev, nil
	}
	var sums []device.Sum
	var rooms []packed
	for i, l := range f.layers {
		out, _ := l.W.Dims()
		y := newVar(dev, n, out)
		f.outs = append(f.outs, y)
		terms := []device.Term{{A: room.left, B: l.W.right()}}
		if l.Low != nil {
			v, r := l.Low.mixed(f.low[i].u), l.Low.rank()
			room := pack(v)
			v.release()
			rooms = append(rooms, room)
			terms = append(terms, device.Term{A: room.left, B: device.NK(l.Low.B.buf, out, r, r)})
		}
		sums = append(sums, device.Sum{Terms: terms, C: y.buf, LDC: out})
	}
	dev.Sums(sums...)
	for i, l := range f.layers {
		if l.Bias != nil {
			dev.AddBias(f.outs[i].buf, l.Bias.buf, n, f.outs[i].Cols())
		}
	}
	for _, r := range rooms {
		r.free()
	}
	return dev, nil
}

// row is Forward for one row: a token of a sequence that grows. Its products read weights at the speed of memory.
func (f *linears) row(x *Var) {
	dev := x.dev
	products := make([]device.Product, len(f.layers))
	for i, l := range f.layers {
		out, _ := l.W.Dims()
		y := newVar(dev, 1, out)
		f.outs = append(f.outs, y)
		products[i] = device.Product{B: l.W.right(), C: y.buf}
	}
	dev.MulRow(x.buf, products...)
	for i, l := range f.layers {
		y := f.outs[i]
		if l.Low != nil {
			l.Low.addTo(y, x)
		}
		if l.Bias != nil {
			dev.AddBias(y.buf, l.Bias.buf, 1, y.Cols())
		}
	}
}

// alone is the result of a layer without an adapter. Mul has a form of its own for a single row.
func (l *Layer) alone(x *Var) *Var {
	out, in := l.W.Dims()
	n := x.Rows()
	y := newVar(x.dev, n, out)
	y.dev.Mul(n, x.buf, in, 1, l.W.right(), y.buf, out, false)
	if l.Bias != nil {
		y.dev.AddBias(y.buf, l.Bias.buf, n, out)
	}
	return y
}

// check is for what x has to fit.
func (l *Layer) check(x *Var) error {
	out, in := l.W.Dims()
	if x.Cols() != in {
		return fmt.Errorf("x %v does not fit a weight [%d, %d]", x.shape, out, in)
	}
	if w := l.Low; w != nil && (w.A.Cols() != in || w.B.shape[0] != out || w.B.Cols() != w.rank() || w.M != nil && w.M.Size() != w.rank()*w.rank()) {
		return fmt.Errorf("A %v and B %v do not fit a weight [%d, %d]", w.A.shape, w.B.shape, out, in)
	}
	return nil
}

func (f *linears) Backward(mat.Tensor) error {
	x, err := f.in.value()
	if err != nil {
		return err
	}
	defer f.in.free(x)
	dev, n, in := x.dev, x.Rows(), x.Cols()
	dx := f.in.tracked()
	var rooms []packed
	var terms []device.Term
	for i, l := range f.layers {
		g := f.grads[i]
		if g == nil {
			continue
		}
		out, _ := l.W.Dims()
		if l.Bias.RequiresGrad() {
			dev.SumRows(l.Bias.gradBuffer(), g.buf, n, out)
		}
		if l.W.Var.RequiresGrad() {
			dev.Mul(out, g.buf, 1, out, device.KN(x.buf, n, in, in), l.W.Var.gradBuffer(), in, true)
		}
		if !dx && l.Low == nil {
			continue
		}
		r := pack(g)
		rooms = append(rooms, r)
		terms = append(terms, device.Term{A: r.left, B: l.W.right().T()})
		f.low[i].g = r.left
	}
	f.lowBackward(x)
	for _, g := range f.grads {
		if g != nil {
			g.release()
		}
	}
	var d *Var
	if dx {
		d = newVar(dev, x.shape...)
		more, rooms2 := f.lowTerms()
		dev.Sums(device.Sum{Terms: append(terms, more...), C: d.buf, LDC: in})
		f.addDropped(d)
		rooms = append(rooms, rooms2...)
	}
	for i := range f.low {
		f.low[i].du.release()
	}
	for _, r := range rooms {
		r.free()
	}
	if d == nil {
		return nil
	}
	return f.in.backward(d)
}

func (f *linears) release() {
	for i := range f.low {
		f.low[i].u.release()
	}
}

// packed is a left-hand operand in memory of the pool.
type packed struct {
	left device.Left
	room *Var
}

// pack packs x [n, k] for products.
func pack(x *Var) packed {
	n, k := x.Rows(), x.Cols()
	room := newVar(x.dev, n, k)
	return packed{x.dev.Pack(room.buf, n, x.buf, k), room}
}

func (p packed) free() { p.room.release() }

// linearOut is one result of linears.
type linearOut struct {
	f   *linears
	all *Var
	i   int
}

func (o *linearOut) Operands() []mat.Tensor       { return tensors(o.all) }
func (o *linearOut) Forward() (mat.Tensor, error) { return o.f.outs[o.i], nil }

func (o *linearOut) Backward(g mat.Tensor) error {
	o.f.grads[o.i] = g.(*Var)
	if !o.all.HasGrad() {
		o.all.AccGrad(scalar(o.all.dev, 0)) // or the tape would pass linears over
	}
	return nil
}
