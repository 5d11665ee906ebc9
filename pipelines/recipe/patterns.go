package recipe

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"

	"gopkg.in/yaml.v3"

	"moslava/internal/pyregexp"
)

// Patterns are values for some layers, in the order of the file.
type Patterns[T any] []Pattern[T]

// A Pattern is one of them.
type Pattern[T any] struct {
	Layers string `yaml:"layers"` // a regular expression, in Python's syntax, for the end of a layer's path
	Value  T      `yaml:"value"`
}

func (Patterns[T]) expected() string { return "a mapping from patterns of layers to values" }

func (Patterns[T]) wrong(_ *decoder, pattern string) error {
	_, err := pyregexp.End(pattern)
	if err != nil || pattern == "" {
		return fmt.Errorf("is no pattern of layers: %v", err)
	}
	return nil
}

// Columns are names of columns by the key of a row that each is taken for.
type Columns []Column

// A Column is one of them.
type Column struct {
	Key  string `yaml:"key" words:"row keys"`
	Name string `yaml:"name"`
}

func (Columns) expected() string { return "a mapping from keys of rows to names of columns" }

func (Columns) wrong(d *decoder, key string) error {
	if known := d.words.Words["row keys"].Known; !slices.Contains(known, key) {
		return fmt.Errorf("is no key of rows; %s", nearest(key, known))
	}
	return nil
}

// A mapped value is a list that the file has as a mapping: the key of an entry is the first of its fields, the value its second.
type mapped interface {
	expected() string
	wrong(d *decoder, key string) error
}

// mapped fills such a list.
func (d *decoder) mapped(n *yaml.Node, key string, f field, of mapped) {
	d.follow(n, key, func(n *yaml.Node) {
		if n.Kind != yaml.MappingNode || len(n.Content) == 0 {
			d.problem(n.Line, key, "is %s, expected %s", describe(n), of.expected())
			return
		}
		for _, p := range d.pairs(n, key) {
			at := join(key, p.key.Value)
			d.lines[at] = p.key.Line
			if d.entries++; d.entries > maxEntries {
				d.problem(n.Line, key, "brings the number of list entries above %d", maxEntries)
				return
			}
			err := of.wrong(d, p.key.Value)
			if err == nil && p.key.Kind != yaml.ScalarNode {
				err = fmt.Errorf("is %s, expected a text", describe(p.key))
			}
			if err != nil {
				d.problem(p.key.Line, at, "%v", err)
				continue
			}
			e := reflect.New(f.value.Type().Elem()).Elem()
			e.Field(0).SetString(p.key.Value)
			d.put(at, join(d.place(key), strconv.Itoa(f.value.Len()))+"."+e.Type().Field(1).Tag.Get("yaml"))
			d.value(p.value, at, field{name: p.key.Value, tag: f.tag, value: e.Field(1)})
			f.value.Set(reflect.Append(f.value, e))
		}
	})
}
