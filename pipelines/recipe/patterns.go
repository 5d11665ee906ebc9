package recipe

import (
	"reflect"
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

func (Patterns[T]) isPatterns() {}

// patterns fills a field of type Patterns from a mapping.
func (d *decoder) patterns(n *yaml.Node, key string, f field) {
	d.follow(n, key, func(n *yaml.Node) {
		if n.Kind != yaml.MappingNode || len(n.Content) == 0 {
			d.problem(n.Line, key, "is %s, expected a mapping from patterns of layers to values", describe(n))
			return
		}
		for _, p := range d.pairs(n, key) {
			at := join(key, p.key.Value)
			d.lines[at] = p.key.Line
			if d.entries++; d.entries > maxEntries {
				d.problem(n.Line, key, "brings the number of list entries above %d", maxEntries)
				return
			}
			if _, err := pyregexp.End(p.key.Value); err != nil || p.key.Kind != yaml.ScalarNode || p.key.Value == "" {
				d.problem(p.key.Line, at, "is no pattern of layers: %v", err)
				continue
			}
			e := reflect.New(f.value.Type().Elem()).Elem()
			e.Field(0).SetString(p.key.Value)
			d.put(at, join(d.place(key), strconv.Itoa(f.value.Len()))+".value")
			d.value(p.value, at, field{name: p.key.Value, tag: f.tag, value: e.Field(1)})
			f.value.Set(reflect.Append(f.value, e))
		}
	})
}
