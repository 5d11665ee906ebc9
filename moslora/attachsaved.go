package moslora

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"moslava/internal/nn"
)

// tokenIndices is trainable_token_indices: a list for the embedding, or lists by module.
type tokenIndices struct {
	list     []int32
	byModule map[string][]int32
}

// UnmarshalJSON reads a list, an object of lists, or null.
func (t *tokenIndices) UnmarshalJSON(text []byte) error {
	*t = tokenIndices{}
	if json.Unmarshal(text, &t.list) == nil {
		return nil
	}
	if err := json.Unmarshal(text, &t.byModule); err != nil {
		return errors.New("trainable_token_indices is neither a list of ids nor an object of such lists by module")
	}
	return nil
}

// MarshalJSON writes what was read.
func (t tokenIndices) MarshalJSON() ([]byte, error) {
	if t.byModule != nil {
		return json.Marshal(t.byModule)
	}
	return json.Marshal(t.list)
}

// IsZero leaves it out where the tag says omitzero.
func (t tokenIndices) IsZero() bool { return len(t.list) == 0 && len(t.byModule) == 0 }

// of are the ids of a module, under its name in the file.
func (t tokenIndices) of(module string) []int32 {
	for name, ids := range t.byModule {
		if endsIn(module, name) {
			return ids
		}
	}
	if t.byModule == nil {
		return t.list
	}
	return nil
}

// readTokens finds out which rows a file holds.
func (s *Saved) readTokens(c *peftConfig, list []stored, name func(string) string) error {
	found := false
	for _, t := range list {
		if t.role != roleT {
			continue
		}
		found = true
		ids := c.Tokens.of(t.module)
		if err := (Beside{Tokens: ids}).faults().err(); err != nil {
			return err
		}
		if len(t.shape) != 2 || t.shape[0] != len(ids) {
			return fmt.Errorf("%s has shape %v, and trainable_token_indices has %d ids for it", t.key, t.shape, len(ids))
		}
		s.tokens[name(t.module)] = ids
	}
	if !found && !c.Tokens.IsZero() {
		return errors.New("trainable_token_indices names rows, and the file holds no trainable_tokens_delta")
	}
	return nil
}

// attachSaved does all or nothing. A head that shares its table with an embedding gets one of its own where the
// directory adapts or replaces one of them, unless it says ensure_weight_tying. With DoRA PEFT shares A and B then, and
// each table has lengths of its own: they are apart.
func (s *Set) attachSaved(ps *nn.Params, saved *Saved) error {
	apart, err := saved.settleTied(ps)
	errs := []error{err}
	list, used, err := saved.adapters(ps)
	errs = append(errs, err)
	rows, err := saved.tableRows(ps, used)
	errs = append(errs, err)
	var whole []string
	for _, name := range slices.Sorted(maps.Keys(saved.tensors)) {
		if used[name] {
			continue
		}
		shape, t := shapeOf(ps, name, apart), saved.tensors[name]
		switch {
		case shape == nil:
			errs = append(errs, fmt.Errorf("%s: the model has no place for %s", saved.dir, name))
		case !slices.Equal(shape, t.shape):
			errs = append(errs, fmt.Errorf("%s: %s has shape %v, want %v", saved.dir, name, t.shape, shape))
		default:
			whole = append(whole, name)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	rows.apart = apart
	for _, name := range whole { // of the base while it is still one table
		if saved.below[name] {
			errs = append(errs, saved.set(ps, name))
		} else {
			rows.saved = append(rows.saved, name)
		}
	}
	s.tied = s.tied || saved.tied
	s.take(ps, rows)
	for _, name := range rows.saved {
		errs = append(errs, saved.set(ps, name))
	}
	s.attach(list)
	return errors.Join(errs...)
}

// set replaces a parameter; a shared table is found under either name.
func (s *Saved) set(ps *nn.Params, name string) error {
	p := ps.Get(name)
	for _, h := range ps.Heads() {
		if p == nil && h.Name+".weight" == name {
			p = h.Weight
		}
	}
	if err := p.Set(s.tensors[name].data, s.tensors[name].shape); err != nil {
		return fmt.Errorf("%s: %w", s.dir, err)
	}
	return nil
}

// shapeOf is that of a parameter, nil if there is none; heads with no table of their own have that of the shared one.
func shapeOf(ps *nn.Params, name string, apart []*nn.Head) []int {
	if p := ps.Get(name); p != nil {
		return p.Shape
	}
	for _, h := range ps.Heads() {
		if h.Name+".weight" == name {
			return h.Weight.Shape
		}
	}
	return nil
}

// settleTied finds the heads that have to be apart from their embeddings. Where they stay tied, what the file holds of both must be the same,
// and the head's is dropped.
func (s *Saved) settleTied(ps *nn.Params) (apart []*nn.Head, err error) {
	for _, h := range ps.Heads() {
		e := h.Tied()
		if e == nil {
			continue
		}
		head, embed := s.touches(h.Name), s.touches(e.Name)
		s.tied = s.tied && !s.configs[h.Name].DoRA && !s.configs[e.Name].DoRA
		switch {
		case !s.tied && (head || embed || !s.sameBelow(h.Name, e.Name) ||
			!slices.Equal(s.tokens[h.Name], s.tokens[e.Name]) && s.tokens[h.Name] != nil):
			apart = append(apart, h)
		case s.tied && head && !embed:
			return nil, fmt.Errorf("%s: ensure_weight_tying is true, and there is something for %s and nothing for %s, whose table it shares", s.dir, h.Name, e.Name)
		case s.tied && head:
			if !s.sameFor(h.Name, e.Name) {
				return nil, fmt.Errorf("%s: ensure_weight_tying is true, and %s and %s are not the same", s.dir, h.Name, e.Name)
			}
			s.drop(h.Name)
		}
		if slices.Equal(s.tokens[h.Name], s.tokens[e.Name]) {
			delete(s.tokens, h.Name)
			delete(s.tensors, h.Name+suffixT)
		}
	}
	return apart, nil
}

// touches reports whether the directory adapts or replaces a table.
func (s *Saved) touches(module string) bool {
	_, adapted := s.configs[module]
	_, saved := s.tensors[module+".weight"]
	return adapted || saved && !s.below[module+".weight"]
}

// sameBelow reports whether the tables of the base that the file holds, if it holds both, are one.
func (s *Saved) sameBelow(head, embed string) bool {
	w, okW := s.tensors[head+".weight"]
	v, okV := s.tensors[embed+".weight"]
	return !okW || !okV || slices.Equal(w.data, v.data)
}

// sameFor compares what there is for a head with what there is for its embedding, whose adapter is the head's transposed.
func (s *Saved) sameFor(head, embed string) bool {
	for _, pair := range [][2]string{{suffixA, suffixB}, {suffixB, suffixA}, {suffixM, suffixM}} {
		a, okA := s.tensors[head+pair[0]]
		b, okB := s.tensors[embed+pair[1]]
		if okA {
			b.transpose()
		}
		if okA && (!okB || !slices.Equal(a.data, b.data) || !slices.Equal(a.shape, b.shape)) {
			return false
		}
	}
	w, ok := s.tensors[head+".weight"]
	v := s.tensors[embed+".weight"]
	return !ok || s.below[head+".weight"] || slices.Equal(w.data, v.data)
}

// drop forgets everything of a module.
func (s *Saved) drop(module string) {
	delete(s.configs, module)
	for name := range s.tensors {
		if strings.HasPrefix(name, module+".") {
			delete(s.tensors, name)
		}
	}
}

// adapters makes those of the directory; used are the names of tensors in them.
func (s *Saved) adapters(ps *nn.Params) (list []fresh, used map[string]bool, err error) {
	used = map[string]bool{}
	src := savedSource(func(name string, shape []int) ([]float32, error) {
		t, ok := s.tensors[name]
		if !ok {
			return nil, fmt.Errorf("%s: there is no %s", s.dir, name)
		}
		if !slices.Equal(t.shape, shape) {
			return nil, fmt.Errorf("%s: %s has shape %v, want %v", s.dir, name, t.shape, shape)
		}
		return slices.Clone(t.data), nil
	})
	all := slices.Collect(ps.Linears())
	for _, e := range ps.Embeddings() {
		all = append(all, &e.Linear)
	}
	for _, h := range ps.Heads() {
		all = append(all, &h.Linear)
	}
	var errs []error
	for _, l := range all {
		cfg, ok := s.configs[l.Name]
		if !ok {
			continue
		}
		if s.lookup[l.Name] != l.Lookup() {
			errs = append(errs, fmt.Errorf("%s: what is stored for %s is of an embedding: %v, and the model's is one: %v", s.dir, l.Name, s.lookup[l.Name], l.Lookup()))
			continue
		}
		f, err := prepare(l, cfg, src)
		if err == nil {
			err = s.checkFixed(f.a)
		}
		if err != nil {
			errs = append(errs, err)
		}
		list = append(list, f)
		used[l.Name+suffixA], used[l.Name+suffixM], used[l.Name+suffixB] = true, true, true
		used[l.Name+suffixG], used[l.Name+suffixV] = cfg.DoRA, cfg.LoRABias
	}
	return list, used, errors.Join(errs...)
}

// tableRows makes the rows of the directory.
func (s *Saved) tableRows(ps *nn.Params, used map[string]bool) (*beside, error) {
	out := new(beside)
	var errs []error
	add := func(l *nn.Linear, place **nn.Rows, n int) {
		ids, ok := s.tokens[l.Name]
		if !ok {
			return
		}
		t, d := s.tensors[l.Name+suffixT], l.Weight.Shape[1]
		used[l.Name+suffixT] = true
		switch {
		case t.shape[1] != d:
			errs = append(errs, fmt.Errorf("%s: %s has shape %v, want [%d %d]", s.dir, l.Name+suffixT, t.shape, len(ids), d))
		case len(ids) > 0 && int(slices.Max(ids)) >= n:
			errs = append(errs, fmt.Errorf("%s: trainable_token_indices has %d, and %s has %d rows", s.dir, slices.Max(ids), l.Name, n))
		case s.touches(l.Name):
			errs = append(errs, fmt.Errorf("%s: holds rows of %s, and an adapter of it or all of it as well", s.dir, l.Name))
		default:
			out.rows = append(out.rows, tableRows{l.Name, &nn.Rows{IDs: ids, Weight: nn.NewParamOn(l.Weight.Device(), l.Name+suffixT, slices.Clone(t.data), t.shape...)}})
			out.place = append(out.place, place)
		}
	}
	for _, e := range ps.Embeddings() {
		add(&e.Linear, &e.Rows, e.In())
	}
	for _, h := range ps.Heads() {
		add(&h.Linear, &h.Rows, h.Out())
	}
	return out, errors.Join(errs...)
}
