// Package hfconfig checks the fields of a Hugging Face config.json that some models have and a program does not
// implement. It knows how such a file is read, under exact names, and values at which a field has no effect. Which
// fields a model has, and what they do, is known to the packages that read its configuration.
package hfconfig

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Fields are the members of a JSON object.
type Fields map[string]json.RawMessage

// Parse reads an object.
func Parse(raw []byte) (Fields, error) {
	var f Fields
	if err := json.Unmarshal(raw, &f); err != nil {
		return nil, err
	}
	if f == nil {
		return nil, errors.New("null in place of an object")
	}
	return f, nil
}

// Into reads the fields into a struct as encoding/json does, but only under their exact names, as transformers reads them: encoding/json would
// take Hidden_Size for hidden_size.
func (f Fields) Into(v any) error {
	exact := maps.Clone(f)
	maps.DeleteFunc(exact, func(name string, _ json.RawMessage) bool {
		return strings.ContainsFunc(name, func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	})
	raw, err := json.Marshal(exact)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, v)
}

// Has reports whether a field is there and not null.
func (f Fields) Has(name string) bool {
	v, ok := f[name]
	return ok && string(v) != "null"
}

// Null reports whether a field is there and null, which is not the same as absent: no default takes its place.
func (f Fields) Null(name string) bool { return string(f[name]) == "null" }

// Neutral lists, by field, the values at which the field has no effect. Null is one of them without saying.
type Neutral map[string][]any

// Values that many fields share.
var (
	Off   = []any{false, 0.0, "", []any{}} // of switches, probabilities and lists
	Unit  = []any{1.0}                     // of factors
	Few   = []any{0.0, 1.0}                // of numbers of experts
	Never []any                            // the field itself is too much
)

// Check returns an error for each field of f with a value that is not neutral, sorted by name.
func (n Neutral) Check(f Fields) (errs []error) {
	for _, name := range slices.Sorted(maps.Keys(n)) {
		raw, ok := f[name]
		if !ok {
			continue
		}
		var v any
		if err := json.Unmarshal(raw, &v); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
			continue
		}
		if v == nil || slices.ContainsFunc(n[name], func(w any) bool { return reflect.DeepEqual(v, w) }) {
			continue
		}
		errs = append(errs, fmt.Errorf("%s is %s, which is not supported", name, short(raw)))
	}
	return errs
}

// Plus is n with the fields of more.
func (n Neutral) Plus(more Neutral) Neutral {
	out := maps.Clone(n)
	maps.Copy(out, more)
	return out
}

// Without is n without some fields.
func (n Neutral) Without(names ...string) Neutral {
	out := maps.Clone(n)
	for _, name := range names {
		delete(out, name)
	}
	return out
}

// short is a value for a message.
func short(raw []byte) string {
	s := strings.Join(strings.Fields(string(raw)), " ")
	if r := []rune(s); len(r) > 60 {
		s = string(r[:60]) + "..."
	}
	return s
}
