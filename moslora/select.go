package moslora

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"moslava/internal/nn"
	"moslava/internal/pyregexp"
)

// selector decides which modules are meant by a list of targets.
type selector struct {
	all   bool // every linear; tables are not
	names []string
	expr  *pyregexp.Expr
}

// What stands in a list of modules beside names.
const (
	allLinear     = "all-linear" // every linear but the output layer
	patternPrefix = "re:"        // before a regular expression for whole paths
)

// selectorOf reads a list without faults; one that is empty is that of all linears, or of none if it excludes.
func selectorOf(list []string, excludes bool) (selector, error) {
	if !excludes && (len(list) == 0 || list[0] == allLinear) {
		return selector{all: true}, nil
	}
	if len(list) > 0 {
		if pattern, ok := strings.CutPrefix(list[0], patternPrefix); ok {
			expr, err := pyregexp.Full(pattern)
			return selector{expr: expr}, err
		}
	}
	return selector{names: list}, nil
}

func (s selector) match(name string, table bool) (bool, error) {
	switch {
	case s.all:
		return !table, nil
	case s.expr != nil:
		return s.expr.Match(name)
	}
	return slices.ContainsFunc(s.names, func(t string) bool { return endsIn(name, t) }), nil
}

// chosen is what a configuration means of a model.
type chosen struct {
	names   []string     // of all modules that could be meant
	linears []*nn.Linear // that get an adapter
	apart   []*nn.Head   // which need a table of their own first
	shared  []*nn.Head   // whose embedding is meant, and which stay tied to it
}

// choose finds the modules that c targets among those for which within is true.
func (c Config) choose(ps *nn.Params, within func(name string) bool) (*chosen, error) {
	targets, errT := selectorOf(c.Targets, false)
	exclude, errE := selectorOf(c.Exclude, true)
	if err := errors.Join(errT, errE); err != nil {
		return nil, err
	}
	out := new(chosen)
	wants := func(l *nn.Linear, table bool) (bool, error) {
		if !within(l.Name) {
			return false, nil
		}
		out.names = append(out.names, l.Name)
		ok, err := targets.match(l.Name, table)
		if !ok || err != nil {
			return false, err
		}
		no, err := exclude.match(l.Name, table)
		return !no, err
	}
	for l := range ps.Linears() {
		if ok, err := wants(l, false); err != nil {
			return nil, err
		} else if ok {
			out.linears = append(out.linears, l)
		}
	}
	if err := c.tables(ps, out, wants); err != nil {
		return nil, err
	}
	names := make([]string, len(out.linears))
	for i, l := range out.linears {
		names[i] = l.Name
	}
	return out, errors.Join(c.RankPattern.try(names), c.AlphaPattern.try(names), c.MixerPattern.try(names))
}

// tables are the embeddings and heads that are meant. Where a head shares the table, one of them alone is adapted as PEFT adapts it: the
// other keeps the table as it was, so that they are apart from then on, unless c ties them.
func (c Config) tables(ps *nn.Params, out *chosen, wants func(l *nn.Linear, table bool) (bool, error)) error {
	for _, e := range ps.Embeddings() {
		ok, err := wants(&e.Linear, true)
		if err != nil {
			return err
		}
		for _, h := range ps.Heads() {
			if h.Tied() != e {
				continue
			}
			head, err := wants(&h.Linear, true)
			switch {
			case err != nil:
				return err
			case !ok && !head:
			case c.Tied:
				ok, out.shared = true, append(out.shared, h)
			default:
				out.apart = append(out.apart, h)
				if head {
					out.linears = append(out.linears, &h.Linear)
				}
			}
		}
		if ok {
			out.linears = append(out.linears, &e.Linear)
		}
	}
	for _, h := range ps.Heads() {
		if h.Tied() != nil {
			continue
		}
		if ok, err := wants(&h.Linear, true); err != nil {
			return err
		} else if ok {
			out.linears = append(out.linears, &h.Linear)
		}
	}
	return nil
}

// fits refuses what a layer cannot have, such as a rank that is above both sides of a weight: the product could not have it.
func (c Config) fits(l *nn.Linear) error {
	if err := c.lookup(l); err != nil {
		return err
	}
	if r := c.For(l.Name).R; r > max(l.In(), l.Out()) {
		return fmt.Errorf("moslora: %s: r is %d, and the layer maps %d to %d: a rank above both sides adds nothing but memory; want at most %d",
			l.Name, r, l.In(), l.Out(), min(l.In(), l.Out()))
	}
	return nil
}

// lookup refuses what an embedding cannot have.
func (c Config) lookup(l *nn.Linear) error {
	switch {
	case !l.Lookup():
	case c.Start == PiSSA:
		return fmt.Errorf("moslora: %s is an embedding, which start pissa does not split: "+
			"PEFT starts it as plain LoRA without a word; leave it out of targets", l.Name)
	case c.LoRABias:
		return fmt.Errorf("moslora: %s is an embedding, for which PEFT has no lora_bias: leave it out of targets",
			l.Name)
	case c.DoRA && c.Tied:
		return fmt.Errorf("moslora: %s: dora would give embedding and output layer lengths of their own, "+
			"and ensure_weight_tying keeps one table: leave one of the two out", l.Name)
	}
	return nil
}

// Select is the layers that Attach would hang adapters on; a model without elements is enough (see nn.Outline).
func (c Config) Select(ps *nn.Params, within func(name string) bool) ([]*nn.Linear, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("moslora: %w", err)
	}
	found, err := c.choose(ps, within)
	if err != nil {
		return nil, fmt.Errorf("moslora: %w", err)
	}
	var errs []error
	for _, l := range found.linears {
		errs = append(errs, c.fits(l))
	}
	return found.linears, errors.Join(errs...)
}

// Made is the adapters that Attach would make for the layers that Select finds, on none of them.
func (c Config) Made(ps *nn.Params, within func(name string) bool, src nn.Source) (out []*Adapter, err error) {
	linears, err := c.Select(ps, within)
	if err != nil {
		return nil, err
	}
	for _, l := range linears {
		a, err := newAdapter(l, c.For(l.Name), src)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}
