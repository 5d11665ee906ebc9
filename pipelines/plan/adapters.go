package plan

import (
	"maps"

	"moslava/internal/autograd"
	"moslava/internal/device"
	"moslava/internal/nn"
	"moslava/moslora"
	"moslava/pipelines/vlm"
)

// AdapterOutline is an adapter's shape.
type AdapterOutline struct {
	Rank    int
	Mixer   bool // there is one
	Fixed   bool // and it is not trained
	FrozenA bool // neither is A
	DoRA    bool // there are magnitudes
	Bias    bool // B has a bias
	Dropout bool

	Coefficients int // if there are any, they alone are trained
}

// outlined is an adapter without elements.
type outlined struct {
	low    *autograd.LowRank
	params []*nn.Param
}

// LowRank, MergeInto and Params implement nn.Adapter.
func (o *outlined) LowRank() *autograd.LowRank { return o.low }
func (o *outlined) MergeInto([]float32)        {}
func (o *outlined) Params() []*nn.Param        { return o.params }

// hang makes the adapter of a linear; train says whether adapters are trained.
func (o *AdapterOutline) hang(dev *device.Count, l *nn.Linear, train bool) *outlined {
	out := &outlined{low: &autograd.LowRank{Scale: 1}}
	param := func(name string, trained bool, shape ...int) *autograd.Var {
		p := nn.OutlineParam(dev, l.Name+"."+name, shape...)
		p.Var().SetRequiresGrad(trained)
		out.params = append(out.params, p)
		return p.Var()
	}
	on := train && o.Coefficients == 0
	out.low.A = param("A", on && !o.FrozenA, o.Rank, l.In())
	if o.Mixer {
		out.low.M = param("M", on && !o.Fixed, o.Rank, o.Rank)
	}
	if o.Coefficients > 0 {
		out.low.C = param("C", train, o.Coefficients)
	}
	out.low.B = param("B", on, l.Out(), o.Rank)
	if o.DoRA {
		out.low.Magnitude = &autograd.Magnitude{Var: param("G", on, l.Out()), Lookup: l.Lookup()}
	}
	if o.Bias {
		out.low.Bias = param("V", on, l.Out())
	}
	if o.Dropout {
		out.low.Drop = 0.5 // how many elements are dropped makes no difference
	}
	return out
}

// hang gives a layer the adapter that the part has for it, or none.
func (s *step) hang(l *nn.Linear) {
	l.Adapter = nil
	if o := s.part.Adapters[l.Name]; o != nil {
		a := o.hang(s.dev, l, s.part.TrainAdapters)
		l.Adapter, s.adapters = a, append(s.adapters, a.params...)
	}
}

// rows are those of a table that are trained by themselves, or nil. Which they are is not known here: the last, which samples do not
// have, so that they are taken to be rare.
func (s *step) rows(table *nn.Linear) *nn.Rows {
	n := s.part.Rows[table.Name]
	if n == 0 {
		return nil
	}
	words, width := table.Weight.Shape[0], table.Weight.Shape[1]
	r := &nn.Rows{Weight: nn.OutlineParam(s.dev, table.Name+".rows", n, width)}
	r.Weight.Var().SetRequiresGrad(s.part.TrainAdapters)
	for i := range n {
		r.IDs = append(r.IDs, int32(words-1-i))
	}
	s.adapters = append(s.adapters, r.Weight)
	return r
}

// AttachComposition notes the adapters of a composition.
func (p *Part) AttachComposition(m *vlm.Model, c *moslora.Composition) {
	if p.Adapters == nil {
		p.Adapters = map[string]*AdapterOutline{}
	}
	for l := range m.Params.Linears() {
		if rank, n := c.Shape(l.Name); rank > 0 {
			p.Adapters[l.Name] = &AdapterOutline{Rank: rank, Coefficients: n}
		}
	}
}

// Attach notes the adapters that a stage hangs on a part of the model, as vlm's AttachAdapters does.
func (p *Part) Attach(m *vlm.Model, part string, cfg moslora.Config) error {
	if p.Adapters == nil {
		p.Adapters = map[string]*AdapterOutline{}
	}
	laid, err := m.LayAdapters(part, cfg)
	if err != nil {
		return err
	}
	if p.Rows == nil {
		p.Saved, p.Rows = map[string]bool{}, map[string]int{}
	}
	for _, name := range laid.Saved {
		p.Saved[name] = true
	}
	maps.Copy(p.Rows, laid.Rows)
	linears := laid.Linears
	for _, l := range linears {
		c := cfg.For(l.Name)
		p.Adapters[l.Name] = &AdapterOutline{Rank: c.R, Mixer: c.Mixer != moslora.None && c.Start != moslora.MoSLoRAInit, Fixed: c.Mixer.Fixed(),
			FrozenA: c.FreezeA, DoRA: c.DoRA, Bias: c.LoRABias, Dropout: c.Dropout > 0}
	}
	unread, err := m.UnreadLinears(part, cfg)
	if err != nil {
		return err
	}
	p.Counts = append(p.Counts, AdapterCount{Part: part, Trained: countOf(linears, cfg), Unread: countOf(unread, cfg)})
	return nil
}
