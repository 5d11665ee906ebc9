package moslora

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"moslava/internal/nn"
)

// Beside is what is trained beside adapters and stored with them, under PEFT's names.
type Beside struct {
	// Save are modules that are trained whole, matched as Targets are: modules_to_save.
	Save []string
	// Tokens are ids whose rows of the embedding are trained, and of a head that shares its table: trainable_token_indices.
	Tokens []int32
	// HeadTokens are those of a head with a table of its own.
	HeadTokens []int32
	// NewTokens are ids of tokens that were added to the vocabulary. Their rows are trained, besides those above, in
	// every table that has no adapter and is not in Save.
	NewTokens []int32
	// Bias says which biases are trained: "none" or empty, "lora_only" for those of layers with an adapter, "all".
	Bias string
	// Tied keeps a head that shares the embedding's table sharing it: what adapts or replaces one does so to both (ensure_weight_tying).
	// Otherwise the other keeps the table as it was, and both are apart from then on.
	Tied bool
}

// Biases are the names that Bias takes; the first is as good as none.
func Biases() []string { return []string{"none", "all", "lora_only"} }

func (b Beside) faults() (fs faults) {
	if b.Bias != "" && !slices.Contains(Biases(), b.Bias) {
		fs.add("bias", "is %q; known are %s", b.Bias, listed(Biases()))
	}
	moduleFaults(&fs, "modules_to_save", b.Save, false, false)
	for _, ids := range [][]int32{b.Tokens, b.HeadTokens} {
		for i, id := range ids {
			if id < 0 || slices.Contains(ids[:i], id) {
				fs.add("trainable_token_indices", "has %d: want each id once, from 0", id)
			}
		}
	}
	return fs
}

const suffixT = ".token_adapter.trainable_tokens_delta"

// tableRows are rows of a table that are trained.
type tableRows struct {
	module string
	rows   *nn.Rows
}

// beside is what Attach trains beside the adapters of one call, found before anything is changed.
type beside struct {
	saved []string // names of parameters
	apart []*nn.Head
	rows  []tableRows
	place []**nn.Rows // where each goes
}

// beside finds what b means of a model; found are the layers that get an adapter.
func (b Beside) beside(ps *nn.Params, within func(name string) bool, found *chosen) (*beside, error) {
	out, adapted := &beside{apart: found.apart}, found.linears
	var errs []error
	used := map[string]bool{}
	save := func(param, module string) {
		if slices.ContainsFunc(adapted, func(l *nn.Linear) bool { return l.Name == module }) {
			errs = append(errs, fmt.Errorf("moslora: %s has an adapter and is in modules_to_save: one of the two", module))
		}
		out.saved = append(out.saved, param)
	}
	meant := func(module string) bool {
		found := false
		for _, t := range b.Save {
			if endsIn(module, t) {
				found, used[t] = true, true
			}
		}
		return found && within(module)
	}
	for p := range ps.All() {
		module := p.Name[:max(0, strings.LastIndexByte(p.Name, '.'))]
		if !meant(module) {
			continue
		}
		save(p.Name, module)
		if p.Rounded() {
			errs = append(errs, fmt.Errorf("moslora: %s is in modules_to_save and kept in fewer bits: what rounding left of it would be trained", module))
		}
	}
	for _, h := range ps.Heads() {
		e := h.Tied()
		if e == nil {
			continue
		}
		head, embed := meant(h.Name), slices.Contains(out.saved, e.Weight.Name)
		switch {
		case !head && !embed:
		case b.Tied && !embed:
			save(e.Weight.Name, e.Name)
		case !b.Tied:
			if !slices.Contains(out.apart, h) {
				out.apart = append(out.apart, h)
			}
			if head {
				save(h.Name+".weight", h.Name)
			}
		}
	}
	for _, t := range b.Save {
		if !used[t] {
			errs = append(errs, fmt.Errorf("moslora: modules_to_save: %q is no module of the model", t))
		}
	}
	errs = append(errs, out.biases(ps, b.Bias, within, adapted), b.tokens(ps, out, within, adapted))
	return out, errors.Join(errs...)
}

// biases adds those that are trained.
func (out *beside) biases(ps *nn.Params, kind string, within func(name string) bool, adapted []*nn.Linear) error {
	switch kind {
	case "all":
		for p := range ps.All() {
			if strings.HasSuffix(p.Name, ".bias") && within(p.Name) && !slices.Contains(out.saved, p.Name) {
				out.saved = append(out.saved, p.Name)
			}
		}
	case "lora_only":
		for _, l := range adapted {
			if l.Bias != nil {
				out.saved = append(out.saved, l.Bias.Name)
			}
		}
	}
	return nil
}

// tokens makes the rows that are trained, from the tables as they are.
func (b Beside) tokens(ps *nn.Params, out *beside, within func(name string) bool, adapted []*nn.Linear) error {
	var errs []error
	taken := func(l *nn.Linear) bool {
		return slices.Contains(adapted, l) || slices.Contains(out.saved, l.Name+".weight")
	}
	add := func(l *nn.Linear, place **nn.Rows, ids []int32, n int) {
		if len(ids) > 0 && taken(l) {
			errs = append(errs, fmt.Errorf("moslora: rows of %s are in trainable_token_indices, "+
				"and it is a target or in modules_to_save as well: one of them", l.Name))
			return
		}
		if !taken(l) {
			ids = union(ids, b.NewTokens)
		}
		if len(ids) == 0 {
			return
		}
		if most := slices.Max(ids); int(most) >= n {
			errs = append(errs,
				fmt.Errorf("moslora: trainable_token_indices has %d, and %s has %d rows", most, l.Name, n))
			return
		}
		if *place != nil {
			errs = append(errs, fmt.Errorf("moslora: rows of %s are trained already", l.Name))
			return
		}
		out.rows = append(out.rows, tableRows{l.Name, rowsOf(l, ids)})
		out.place = append(out.place, place)
	}
	for _, e := range ps.Embeddings() {
		if within(e.Name) {
			add(&e.Linear, &e.Rows, b.Tokens, e.In())
		}
	}
	for _, h := range ps.Heads() {
		e := h.Tied()
		tied := e != nil && !slices.Contains(out.apart, h)
		switch {
		case !within(h.Name):
		case tied && !subset(b.HeadTokens, b.Tokens):
			errs = append(errs, fmt.Errorf("moslora: %s and %s share a table: rows of one are rows of the other; "+
				"give the same ids for both, or for the embedding alone", h.Name, e.Name))
		case !tied:
			add(&h.Linear, &h.Rows, b.HeadTokens, h.Out())
		}
		rows := len(b.Tokens) + len(b.NewTokens)
		if e != nil && !tied && slices.Contains(adapted, &h.Linear) && !taken(&e.Linear) && rows > 0 {
			errs = append(errs, fmt.Errorf("moslora: rows of %s are trained, and %s, which shares its table, is a target: "+
				"what becomes of the rows there is not defined; name both in targets, or neither", e.Name, h.Name))
		}
	}
	return errors.Join(errs...)
}

// union appends to ids those of more that they lack.
func union(ids, more []int32) []int32 {
	out := slices.Clone(ids)
	for _, id := range more {
		if !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

// subset reports whether all of some are among ids.
func subset(some, ids []int32) bool {
	return !slices.ContainsFunc(some, func(id int32) bool { return !slices.Contains(ids, id) })
}

// rowsOf copies rows of a table; of an outline they have no elements.
func rowsOf(l *nn.Linear, ids []int32) *nn.Rows {
	d := l.Weight.Shape[1]
	var data []float32
	if !l.Weight.Outlined() {
		data = make([]float32, len(ids)*d)
		table := l.Weight.Floats()
		for k, id := range ids {
			copy(data[k*d:], table[int(id)*d:][:d])
		}
	}
	return &nn.Rows{IDs: slices.Clone(ids), Weight: nn.NewParamOn(l.Weight.Device(), l.Name+suffixT, data, len(ids), d)}
}

// take hangs everything on.
func (s *Set) take(ps *nn.Params, b *beside) {
	for _, h := range b.apart {
		if h.Tied() != nil {
			ps.Untie(h)
		}
	}
	for i, r := range b.rows {
		*b.place[i] = r.rows
		s.rows = append(s.rows, r)
	}
	for _, name := range b.saved {
		if !slices.Contains(s.saved, name) {
			s.saved = append(s.saved, name)
		}
	}
}

// Saves reports whether a parameter of the model is trained with the adapters and stored entire beside them.
func (s *Set) Saves(name string) bool { return slices.Contains(s.saved, name) }

// Rows yields the names of tables and their trained rows.
func (s *Set) Rows() func(yield func(module string, rows *nn.Rows) bool) {
	return func(yield func(string, *nn.Rows) bool) {
		for _, r := range s.rows {
			if !yield(r.module, r.rows) {
				return
			}
		}
	}
}

// Forgets drops the names of parameters that somebody else takes care of.
func (s *Set) Forgets(drop func(name string) bool) { s.saved = slices.DeleteFunc(s.saved, drop) }
