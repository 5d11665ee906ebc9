package moslora

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
)

// patterns is a field such as PEFT's rank_pattern: what holds for some modules, by regular expressions
// for the end of their path. The first that matches counts, so the order of the file is kept.
type patterns[T any] struct{ list []entry[T] }

type entry[T any] struct {
	key   string
	value T
	expr  *regexp.Regexp
}

// get is the value for a module, or otherwise.
func (p patterns[T]) get(module string, otherwise T) T {
	for _, e := range p.list {
		if e.key == module || e.expr != nil && e.expr.MatchString(module) {
			return e.value
		}
	}
	return otherwise
}

// set adds a module by its full path. Longer paths come first: one may be the end of another.
func (p *patterns[T]) set(module string, value T) {
	at, _ := slices.BinarySearchFunc(p.list, len(module), func(e entry[T], n int) int {
		if len(e.key) >= n {
			return -1
		}
		return 1
	})
	p.list = slices.Insert(p.list, at, entry[T]{key: module, value: value})
}

// IsZero leaves empty ones out where the tag says omitzero.
func (p patterns[T]) IsZero() bool { return len(p.list) == 0 }

// MarshalJSON writes an object in the order of the list.
func (p patterns[T]) MarshalJSON() ([]byte, error) {
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
func (p *patterns[T]) UnmarshalJSON(text []byte) error {
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
		e := entry[T]{key: t.(string)} // the decoder takes nothing else for a key
		if err := dec.Decode(&e.value); err != nil {
			return fmt.Errorf("pattern %q: %w", e.key, err)
		}
		// As PEFT matches: from the start of the path, with anything that ends in a dot before the key.
		if e.expr, err = regexp.Compile(`^(?:.*\.)?(?:` + e.key + `)$`); err != nil {
			return fmt.Errorf("pattern %q: %w", e.key, err)
		}
		p.list = append(p.list, e)
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
