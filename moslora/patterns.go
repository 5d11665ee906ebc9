package moslora

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"moslava/internal/pyregexp"
)

// Patterns is what holds for some modules, as PEFT's rank_pattern: values by regular expressions for the end of a module's
// path, matched as PEFT 0.21 does, from the start of the path as (.*\.)?(key)$ in Python's syntax. The first that matches counts,
// so the order of the file is kept.
type Patterns[T any] struct{ list []entry[T] }

type entry[T any] struct {
	key   string
	value T
	expr  *pyregexp.Expr
}

// Add puts a pattern behind the others.
func (p *Patterns[T]) Add(key string, value T) error {
	expr, err := pyregexp.End(key)
	if err != nil {
		return fmt.Errorf("pattern %q: %w", key, err)
	}
	p.list = append(p.list, entry[T]{key, value, expr})
	return nil
}

// unmatched are the patterns that no module has.
func (p Patterns[T]) unmatched(modules []string) (out []string) {
	for _, e := range p.list {
		if !slices.ContainsFunc(modules, e.match) {
			out = append(out, e.key)
		}
	}
	return out
}

// match takes what cannot be decided in time for no match; try has said so.
func (e entry[T]) match(module string) bool {
	if e.key == module || e.expr == nil {
		return e.key == module
	}
	ok, err := e.expr.Match(module)
	return ok && err == nil
}

// try fails if a pattern takes too long on one of the modules.
func (p Patterns[T]) try(modules []string) error {
	for _, e := range p.list {
		for _, m := range modules {
			if e.expr == nil {
				continue
			}
			if _, err := e.expr.Match(m); err != nil {
				return err
			}
		}
	}
	return nil
}

// get is the value for a module, or otherwise.
func (p Patterns[T]) get(module string, otherwise T) T {
	for _, e := range p.list {
		if e.match(module) {
			return e.value
		}
	}
	return otherwise
}

// set adds a module by its full path. Longer paths come first: one may be the end of another.
func (p *Patterns[T]) set(module string, value T) {
	at, _ := slices.BinarySearchFunc(p.list, len(module), func(e entry[T], n int) int {
		if len(e.key) >= n {
			return -1
		}
		return 1
	})
	p.list = slices.Insert(p.list, at, entry[T]{key: module, value: value})
}

// IsZero leaves empty ones out where the tag says omitzero.
func (p Patterns[T]) IsZero() bool { return len(p.list) == 0 }

// MarshalJSON writes an object in the order of the list.
func (p Patterns[T]) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, e := range p.list {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(e.key)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(e.value)
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// UnmarshalJSON reads an object, or null.
func (p *Patterns[T]) UnmarshalJSON(text []byte) error {
	p.list = nil
	if string(text) == "null" {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return fmt.Errorf("a pattern field is %.40s, want an object", text)
	}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return err
		}
		var value T
		if err := dec.Decode(&value); err != nil {
			return fmt.Errorf("pattern %q: %w", t, err)
		}
		if err := p.Add(t.(string), value); err != nil { // the decoder takes nothing else for a key
			return err
		}
	}
	return nil
}

// targets is target_modules: a list of names, or a regular expression.
type targets []string

// UnmarshalJSON reads a list, a string or null.
func (t *targets) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*t = nil
		if one != "" {
			*t = targets{one}
		}
		return nil
	}
	var list []string
	if err := json.Unmarshal(text, &list); err != nil {
		return errors.New("target_modules is neither a string nor a list of strings")
	}
	*t = list
	return nil
}
