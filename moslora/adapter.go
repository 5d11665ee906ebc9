package moslora

import (
	"errors"
	"fmt"
	"iter"
	"slices"

	"moslava/internal/autograd"
	"moslava/internal/device"
	"moslava/internal/kernels"
	"moslava/internal/nn"
)

// Adapter is the low-rank term of one linear.
type Adapter struct {
	Module string // name of the linear
	Config Config
	A, B   *nn.Param
	M      *nn.Param // nil without a mixer; a fixed one is never trained
	Mag    *nn.Param // [out], DoRA's magnitudes, or nil
	C      *nn.Param // coefficients of runs of rows of A, or nil; they alone are trained then
	Bias   *nn.Param // [out], added times the scale (PEFT's lora_bias), or nil
	Lookup bool      // the module is an embedding: A has a column for each of its rows

	magnitude *autograd.Magnitude // Mag on the tape
	start     *principal          // of PiSSA, or nil
	blocks    []int               // lengths of C's runs
}

var _ nn.Adapter = (*Adapter)(nil)

// Suffixes of the parameters' names, after the module's.
const (
	suffixA = ".lora_A.weight"
	suffixM = ".lora_AB.weight"
	suffixB = ".lora_B.weight"
	suffixG = ".lora_magnitude_vector" // without .weight, as PEFT writes it
	suffixV = ".lora_B.bias"
)

// newAdapter makes the adapter of l, from src.
func newAdapter(l *nn.Linear, cfg Config, src nn.Source) (*Adapter, error) {
	a := &Adapter{Module: l.Name, Config: cfg, Lookup: l.Lookup()}
	if cfg.Start == PiSSA {
		return a, a.split(l, src)
	}
	var errs []error
	from := func(src nn.Source, suffix string, init nn.Init, shape ...int) *nn.Param {
		p, err := nn.Declare(l.Weight.Device(), src, l.Name+suffix, init, shape...)
		if err != nil {
			errs = append(errs, err)
		}
		return p
	}
	param := func(suffix string, init nn.Init, shape ...int) *nn.Param { return from(src, suffix, init, shape...) }
	initA, initB := nn.Init(nn.KaimingUniform), nn.Init(nn.Zeros)
	if a.Lookup { // as PEFT has it
		initA, initB = nn.Zeros, nn.Normal(1)
	}
	a.A = param(suffixA, initA, cfg.R, l.In())
	a.B = param(suffixB, initB, l.Out(), cfg.R)
	if cfg.LoRABias {
		a.Bias = param(suffixV, nn.Zeros, l.Out())
	}
	switch {
	case cfg.Mixer == None || len(errs) > 0: // a rank that the others do not have takes no memory here
	case cfg.Mixer == Butterfly: // whether or not a file has it
		a.M = from(nn.Random(0), suffixM, butterfly, cfg.R, cfg.R)
	default:
		a.M = param(suffixM, cfg.Mixer.init(), cfg.R, cfg.R)
	}
	if cfg.DoRA {
		if a.Mag = param(suffixG, rowNorms(l), l.Out()); a.Mag != nil {
			a.magnitude = &autograd.Magnitude{Var: a.Mag.Var()}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return a, err
	}
	if cfg.Start == MoSLoRAInit {
		a.A.Rewrite(func(data []float32) { copy(data, a.mixed()) })
		a.M, a.Config.Mixer, a.Config.Start = nil, None, LoRAStart
	}
	return a, nil
}

// split makes a PiSSA adapter: as src has it, if it has one, or from l's weight.
func (a *Adapter) split(l *nn.Linear, src nn.Source) error {
	if err := checkPrincipal(l); err != nil {
		return err
	}
	r, in, out := a.Config.R, l.In(), l.Out()
	var A, B []float32
	saved, ok := src.(savedSource)
	switch {
	case ok:
		dA, errA := saved.Tensor(l.Name+suffixA, []int{2 * r, in}, nil)
		dB, errB := saved.Tensor(l.Name+suffixB, []int{out, 2 * r}, nil)
		if err := errors.Join(errA, errB); err != nil {
			return err
		}
		A, B, a.start = halved(dA, dB, r)
	case r > min(out, in):
		return fmt.Errorf("moslora: %s: r is %d, and the weight [%d, %d] has %d singular values", l.Name, r, out, in, min(out, in))
	case l.Weight.Outlined(): // a weight without elements has no singular values, and nothing reads them
		a.start = new(principal)
	default:
		p, err := principalOf(l, a.Config)
		if err != nil {
			return err
		}
		A, B, a.start = slices.Clone(p.a), slices.Clone(p.b), p
	}
	dev := l.Weight.Device()
	a.A, a.B = nn.NewParamOn(dev, l.Name+suffixA, A, r, in), nn.NewParamOn(dev, l.Name+suffixB, B, out, r)
	return nil
}

// Adapt adds s·B·M·A to a layer of the tape, DoRA's magnitudes, and s times its own bias to the layer's.
func (a *Adapter) Adapt(t *autograd.Tape, layer *autograd.Layer) {
	w := &autograd.LowRank{A: a.A.Var(), B: a.B.Var(), Scale: a.Config.Scale(), Drop: a.Config.Dropout}
	if a.M != nil {
		w.M = a.M.Var()
	}
	if a.C != nil {
		w.C, w.Blocks = a.C.Var(), a.blocks
	}
	layer.Low, layer.Magnitude = w, a.magnitude
	if a.Bias != nil {
		layer.Bias = a.shifted(t, layer.Bias)
	}
}

// shifted is a layer's bias, which may be nil, with s·Bias.
func (a *Adapter) shifted(t *autograd.Tape, bias *autograd.Var) *autograd.Var {
	scale := slices.Repeat([]float32{a.Config.Scale()}, a.Bias.Size())
	b := t.MulColumns(a.Bias.Var(), autograd.New(scale, len(scale)))
	if bias == nil {
		return b
	}
	return t.Add(bias, b)
}

// Delta is s·B·M·A, [out, in], or of an embedding transposed, as its table lies: what is added to the weight, before DoRA scales the sum.
func (a *Adapter) Delta() []float32 {
	r, in, out := a.Config.R, a.A.Shape[1], a.B.Shape[0]
	ma := a.mixed()
	d := make([]float32, out*in)
	if a.Lookup {
		device.Host.Workers().Mul(in, ma, 1, in, kernels.NK(a.B.Floats(), out, r, r), d, out, false)
	} else {
		device.Host.Workers().Mul(out, a.B.Floats(), r, 1, kernels.KN(ma, r, in, in), d, in, false)
	}
	kernels.Scale(d, a.Config.Scale())
	return d
}

// MergeInto adds s·B·M·A to the weight, and gives its rows their magnitudes.
func (a *Adapter) MergeInto(w []float32) {
	device.Host.Workers().Add(w, a.Delta())
	switch {
	case a.Mag == nil:
	case a.Lookup:
		rescaleColumns(w, a.Mag.Floats())
	default:
		rescale(w, a.Mag.Floats())
	}
}

// mixed is M·A, or A itself.
func (a *Adapter) mixed() []float32 {
	if a.C != nil {
		return a.weighted()
	}
	if a.M == nil {
		return a.A.Floats()
	}
	r, in := a.Config.R, a.A.Shape[1]
	ma := make([]float32, r*in)
	device.Host.Workers().Mul(r, a.M.Floats(), r, 1, kernels.KN(a.A.Floats(), r, in, in), ma, in, false)
	return ma
}

// Params are those that are trained: A unless it is frozen, M if it is learned, B, magnitudes and biases; of a
// composition coefficients alone.
func (a *Adapter) Params() []*nn.Param { return a.params(true) }

// Fixed are those that are never trained.
func (a *Adapter) Fixed() []*nn.Param { return a.params(false) }

func (a *Adapter) params(trained bool) (out []*nn.Param) {
	fresh := a.C == nil
	for _, p := range []struct {
		p       *nn.Param
		trained bool
	}{{a.A, fresh && !a.Config.FreezeA}, {a.M, fresh && !a.Config.Mixer.Fixed()}, {a.C, true}, {a.B, fresh}, {a.Mag, fresh}, {a.Bias, fresh}} {
		if p.p != nil && p.trained == trained {
			out = append(out, p.p)
		}
	}
	return out
}

// Set is the adapters attached to a model, in the order of its linears.
type Set struct {
	// Prepared, if there, is told of every adapter that Attach has made: a PiSSA start takes a while.
	Prepared func(module string)
	list     []*Adapter
	rows     []tableRows
	saved    []string // parameters of the model that are trained whole beside adapters
	tied     bool     // see Beside.Tied
}

// All yields the adapters.
func (s *Set) All() iter.Seq[*Adapter] { return slices.Values(s.list) }

// Len is the number of adapters.
func (s *Set) Len() int { return len(s.list) }

// Params yields the parameters of all adapters and trained rows.
func (s *Set) Params() iter.Seq[*nn.Param] {
	return func(yield func(*nn.Param) bool) {
		for _, a := range s.list {
			for _, p := range a.Params() {
				if !yield(p) {
					return
				}
			}
		}
		for _, r := range s.rows {
			if !yield(r.rows.Weight) {
				return
			}
		}
	}
}

// Fixed yields the parameters of adapters that are never trained.
func (s *Set) Fixed() iter.Seq[*nn.Param] {
	return func(yield func(*nn.Param) bool) {
		for _, a := range s.list {
			for _, p := range a.Fixed() {
				if !yield(p) {
					return
				}
			}
		}
	}
}

// Train makes all adapters trainable, or freezes them.
func (s *Set) Train(on bool) {
	for p := range s.Params() {
		p.Var().SetRequiresGrad(on)
	}
	for _, a := range s.list {
		if a.magnitude != nil {
			a.magnitude.Forget()
		}
	}
}

// Attach hangs an adapter on every linear and table for which within is true and which cfg targets, drawing
// or loading its parameters from src, and adds them to s with what is trained beside them. A target that matches nothing is an error,
// and so is a linear that has an adapter already; after an error nothing is attached. A head that shares an embedding's table gets its own
// first if one of them is meant and cfg.Tied is false.
func (s *Set) Attach(ps *nn.Params, within func(name string) bool, cfg Config, src nn.Source) error {
	if err := cfg.Validate(); err != nil {
		return fmt.Errorf("moslora: %w", err)
	}
	found, err := cfg.choose(ps, within)
	if err != nil {
		return fmt.Errorf("moslora: %w", err)
	}
	if len(found.linears) == 0 {
		return fmt.Errorf("moslora: targets %q match none of the %d linears (such as %s)", cfg.Targets, len(found.names), sample(found.names))
	}
	more, err := cfg.Beside.beside(ps, within, found)
	errs := []error{err}
	var modules []string
	var list []fresh
	for _, l := range found.linears {
		modules = append(modules, l.Name)
		if err := cfg.fits(l); err != nil {
			errs = append(errs, err)
			continue
		}
		f, err := prepare(l, cfg.For(l.Name), src)
		if err != nil {
			errs = append(errs, err)
		}
		list = append(list, f)
		if s.Prepared != nil {
			s.Prepared(l.Name)
		}
	}
	errs = append(errs, cfg.unmatched(found.names, modules))
	if err := errors.Join(errs...); err != nil {
		return err
	}
	s.tied = s.tied || cfg.Tied
	s.take(ps, more)
	s.attach(list)
	return nil
}

// fresh is an adapter that is not yet on its linear.
type fresh struct {
	l *nn.Linear
	a *Adapter
}

func prepare(l *nn.Linear, cfg Config, src nn.Source) (fresh, error) {
	if l.Adapter != nil {
		return fresh{}, fmt.Errorf("moslora: %s has an adapter already", l.Name)
	}
	if err := cfg.Validate(); err != nil {
		return fresh{}, fmt.Errorf("moslora: %s: %w", l.Name, err)
	}
	if err := cfg.lookup(l); err != nil {
		return fresh{}, err
	}
	a, err := newAdapter(l, cfg, src)
	return fresh{l, a}, err
}

// attach is done once nothing can fail any more, so that a model has all adapters or none.
func (s *Set) attach(list []fresh) {
	for _, f := range list {
		f.l.Adapter = f.a
		if f.a.start != nil {
			f.a.start.addTo(f.l, -1, f.a.Config.Scale())
		}
		s.list = append(s.list, f.a)
	}
}

func sample(names []string) string {
	if len(names) == 0 {
		return "none at all"
	}
	return names[0]
}

// layers are those that adapters can be on.
func layers(ps *nn.Params) []*nn.Linear { return append(slices.Collect(ps.Linears()), ps.Tables()...) }

// Detach takes all adapters and rows off without merging them. A weight that PiSSA had split is put together again, to rounding; what was
// trained whole stays.
func (s *Set) Detach(ps *nn.Params) {
	for _, l := range layers(ps) {
		a, ok := l.Adapter.(*Adapter)
		if !ok || !slices.Contains(s.list, a) {
			continue
		}
		if l.Adapter = nil; a.start != nil {
			a.start.addTo(l, 1, a.Config.Scale())
		}
	}
	for _, e := range ps.Embeddings() {
		e.Rows = nil
	}
	for _, h := range ps.Heads() {
		h.Rows = nil
	}
	*s = Set{Prepared: s.Prepared}
}

// Off has the model compute without the adapters and rows until on is called: what it was before they were attached, but for a weight that PiSSA
// has split.
func (s *Set) Off(ps *nn.Params) (on func()) {
	var back []func()
	for _, l := range layers(ps) {
		if a, ok := l.Adapter.(*Adapter); ok && slices.Contains(s.list, a) {
			l.Adapter = nil
			back = append(back, func() { l.Adapter = a })
		}
	}
	for _, e := range ps.Embeddings() {
		rows := e.Rows
		e.Rows = nil
		back = append(back, func() { e.Rows = rows })
	}
	for _, h := range ps.Heads() {
		rows := h.Rows
		h.Rows = nil
		back = append(back, func() { h.Rows = rows })
	}
	return func() {
		for _, f := range back {
			f()
		}
	}
}

// Under are the adapters of some modules, with what is trained beside them.
func (s *Set) Under(within func(module string) bool) *Set {
	out := &Set{tied: s.tied}
	for _, a := range s.list {
		if within(a.Module) {
			out.list = append(out.list, a)
		}
	}
	for _, r := range s.rows {
		if within(r.module) {
			out.rows = append(out.rows, r)
		}
	}
	for _, name := range s.saved {
		if within(name) {
			out.saved = append(out.saved, name)
		}
	}
	return out
}

// Merge folds every adapter into its layer for good, and rows into their tables.
func (s *Set) Merge(ps *nn.Params) {
	for _, l := range layers(ps) {
		if a, ok := l.Adapter.(*Adapter); ok && slices.Contains(s.list, a) {
			l.Merge()
			if a.Bias != nil {
				ps.AddBias(l)
				l.ShiftBias(a.Config.Scale(), a.Bias.Floats())
			}
		}
	}
	for _, e := range ps.Embeddings() {
		e.MergeRows()
	}
	for _, h := range ps.Heads() {
		h.MergeRows()
	}
	*s = Set{Prepared: s.Prepared}
}
