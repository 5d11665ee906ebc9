package recipe

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// document parses exactly one YAML document whose top is a mapping.
func document(name string, b []byte) (*yaml.Node, error) {
	d := newDecoder(&Vocabulary{}, name, nil)
	if len(b) > maxBytes {
		d.problem(0, "", "is larger than %d bytes, too large for a recipe", maxBytes)
		return nil, d.err()
	}
	dec := yaml.NewDecoder(bytes.NewReader(b))
	var doc, more yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		d.problem(0, "", "is empty, expected a recipe")
	case err != nil:
		d.syntax(err, b)
	case len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode:
		d.problem(doc.Line, "", "expected keys and values at the top")
	default:
		if err := dec.Decode(&more); err == nil {
			d.problem(more.Line, "", "a second document begins, expected one")
		} else if !errors.Is(err, io.EOF) {
			d.syntax(err, b)
		}
	}
	if err := d.err(); err != nil {
		return nil, err
	}
	return doc.Content[0], nil
}

var syntaxLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// inFlow finds a variable that begins a value inside { } or [ ] without quotes, where YAML takes its braces for its own.
var inFlow = regexp.MustCompile(`(?m)^[^#\n]*[{\[][^#\n]*(?:[:,] +|\[ *)(\$\{\w+\})`)

// syntax turns an error of the YAML parser about a text into a problem.
func (d *decoder) syntax(err error, of []byte) {
	text, line := err.Error(), 0
	if m := syntaxLine.FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1]) // 0 if no line is given
		text = text[len(m[0]):]
	}
	if m := inFlow.FindSubmatch(of); m != nil {
		text += fmt.Sprintf("; inside { } and [ ], a value with %s stands in quotes", m[1])
	}
	d.problem(line, "", "not YAML: %s", text)
}

// A decoder fills structs from YAML nodes and gathers what is wrong.
type decoder struct {
	words       *Vocabulary
	file        string
	sets        []string            // overrides; the nodes of number i have line -(i+1)
	lines       map[string]int      // where each key that is present stands
	active      map[*yaml.Node]bool // aliases being followed
	root        reflect.Type        // that the document is read into
	kinds       map[string]string   // of stages, by their numbers
	places      map[string]string   // of keys, see put
	environment *Environment
	ofRecord    bool   // what a record holds was right when it was written, but variables need not be set any more
	lost        string // of a record: the variable without which the directory that paths are relative to is not known
	entries     int    // of lists, which aliases can multiply
	problems    []Problem
}

// maxEntries bounds what a small file full of aliases can grow to.
const maxEntries = 100_000

func newDecoder(words *Vocabulary, file string, sets []string) *decoder {
	return &decoder{words: words, file: file, sets: sets, lines: map[string]int{}, active: map[*yaml.Node]bool{},
		kinds: map[string]string{}, places: map[string]string{}, environment: newEnvironment()}
}

func (d *decoder) problem(line int, key, format string, args ...any) {
	if len(d.problems) == maxProblems {
		return
	}
	p := Problem{File: d.file, Line: max(line, 0), Key: key, Message: d.environment.Mask(fmt.Sprintf(format, args...))}
	if line < 0 {
		p.Override = d.sets[-line-1]
	}
	d.problems = append(d.problems, p)
}

// at reports a problem with a key at its line or, if it is absent, that of the nearest key around it.
// A key whose value could not be read is not complained about again, and of a record with variables that are not set no key is.
func (d *decoder) at(key, format string, args ...any) {
	if len(d.environment.unset) > 0 || !d.right(key) {
		return
	}
	for around := key; around != ""; {
		if line, ok := d.lines[around]; ok {
			d.problem(line, key, format, args...)
			return
		}
		around = around[:max(strings.LastIndexByte(around, '.'), 0)]
	}
	d.problem(0, key, format, args...)
}

// right reports whether no problem with a key, or with one in it, is known.
func (d *decoder) right(key string) bool {
	return !slices.ContainsFunc(d.problems, func(p Problem) bool { return p.Key == key || strings.HasPrefix(p.Key, key+".") })
}

// has says whether a key is present.
func (d *decoder) has(key string) bool { _, ok := d.lines[key]; return ok }

func (d *decoder) err() error {
	if len(d.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(d.problems, func(a, b Problem) int { return a.Line - b.Line })
	return &Error{d.problems}
}

// A field is one key a mapping may have.
type field struct {
	name            string
	required, short bool
	tag             reflect.StructTag
	value           reflect.Value
}

// fields lists the keys of a struct, those of embedded structs included.
func fields(v reflect.Value) []field {
	var out []field
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous {
			out = append(out, fields(v.Field(i))...)
			continue
		}
		name, opts, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "" || name == "-" {
			continue
		}
		out = append(out, field{name, strings.Contains(opts, "required"), strings.Contains(opts, "short"), f.Tag, v.Field(i)})
	}
	return out
}

// join makes the path of a key inside another.
func join(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}

// follow calls f with the node an alias stands for; an alias inside what it stands for is a problem.
func (d *decoder) follow(n *yaml.Node, key string, f func(*yaml.Node)) {
	if n.Kind != yaml.AliasNode {
		f(n)
		return
	}
	if d.active[n] {
		d.problem(n.Line, key, "alias *%s stands inside what it stands for", n.Value)
		return
	}
	d.active[n] = true
	d.follow(n.Alias, key, f)
	delete(d.active, n)
}

// A pair is one key of a mapping with its value.
type pair struct{ key, value *yaml.Node }

// pairs returns the keys of a mapping, with those of << behind its own; keys that come twice are problems.
func (d *decoder) pairs(n *yaml.Node, key string) []pair {
	return d.gather(n, key, map[*yaml.Node]bool{n: true})
}

// gather is pairs with the mappings that have had their turn: as the first to bring
// a key wins, a mapping met once more, even inside itself, has nothing to add.
func (d *decoder) gather(n *yaml.Node, key string, had map[*yaml.Node]bool) []pair {
	var own, merged []pair
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if k.ShortTag() == "!!merge" {
			merged = append(merged, d.merged(v, key, had)...)
			continue
		}
		if line, ok := seen[k.Value]; ok && k.Kind == yaml.ScalarNode {
			d.problem(k.Line, join(key, k.Value), "comes twice, first in line %d", line)
			continue
		}
		seen[k.Value] = k.Line
		own = append(own, pair{k, v})
	}
	for _, p := range merged {
		if _, ok := seen[p.key.Value]; !ok {
			seen[p.key.Value] = p.key.Line
			own = append(own, p)
		}
	}
	return own
}

// merged returns the keys that the value of a << brings: of a mapping, or of several in a list.
func (d *decoder) merged(v *yaml.Node, key string, had map[*yaml.Node]bool) []pair {
	var out []pair
	n := target(v)
	switch {
	case n.Kind == yaml.MappingNode && !had[n]:
		had[n] = true
		out = d.gather(n, key, had)
	case n.Kind == yaml.SequenceNode && !had[n]:
		had[n] = true
		for _, c := range n.Content {
			out = append(out, d.merged(c, key, had)...)
		}
	case !had[n]:
		d.problem(v.Line, key, "<< is %s, expected a mapping", describe(n))
	}
	return out
}

// document fills a struct from the mapping at the top.
func (d *decoder) document(root *yaml.Node, into reflect.Value) {
	d.root = into.Type()
	d.mapping(root, "", into)
}

// mapping fills the fields of structs from one mapping.
func (d *decoder) mapping(n *yaml.Node, key string, into ...reflect.Value) {
	var known []field
	for _, v := range into {
		known = append(known, fields(v)...)
	}
	d.follow(n, key, func(n *yaml.Node) {
		if n.Kind != yaml.MappingNode {
			for _, f := range known {
				list := n.Kind == yaml.SequenceNode && f.value.Kind() == reflect.Slice
				if f.short && (n.Kind == yaml.ScalarNode || list) {
					d.value(n, join(key, f.name), f)
					return
				}
			}
			d.problem(n.Line, key, "is %s, expected keys and values", describe(n))
			return
		}
		for _, p := range d.pairs(n, key) {
			i := slices.IndexFunc(known, func(f field) bool { return f.name == p.key.Value })
			if len(d.problems) == maxProblems {
				return
			}
			if i < 0 || p.key.Kind != yaml.ScalarNode {
				d.problem(p.key.Line, join(key, p.key.Value), "unknown key; %s", d.unknown(p.key.Value, key, names(known)))
				continue
			}
			d.lines[join(key, p.key.Value)] = p.key.Line
			d.value(p.value, join(key, p.key.Value), known[i])
		}
		for _, f := range known {
			if f.required && !d.has(join(key, f.name)) {
				d.problem(n.Line, join(key, f.name), "is required")
			}
		}
	})
}

func names(fs []field) []string {
	out := make([]string, len(fs))
	for i, f := range fs {
		out[i] = f.name
	}
	return out
}

// value fills one field.
func (d *decoder) value(n *yaml.Node, key string, f field) {
	if of, ok := f.value.Interface().(mapped); ok {
		d.mapped(n, key, f, of)
		return
	}
	switch f.value.Kind() {
	case reflect.Struct:
		d.mapping(n, key, f.value)
	case reflect.Pointer:
		f.value.Set(reflect.New(f.value.Type().Elem()))
		setDefaults(f.value.Elem())
		d.mapping(n, key, f.value.Elem())
	case reflect.Slice:
		d.list(n, key, f)
	default:
		d.follow(n, key, func(n *yaml.Node) { d.scalar(n, key, f) })
	}
}

// list fills a slice; a single value stands for a list of one.
func (d *decoder) list(n *yaml.Node, key string, f field) {
	d.follow(n, key, func(n *yaml.Node) {
		items := []*yaml.Node{n}
		if n.Kind == yaml.SequenceNode {
			items = n.Content
		}
		if len(items) == 0 {
			d.problem(n.Line, key, "is an empty list")
		}
		if d.entries += len(items); d.entries > maxEntries {
			d.problem(n.Line, key, "brings the number of list entries above %d", maxEntries)
			return
		}
		f.value.Set(reflect.MakeSlice(f.value.Type(), len(items), len(items)))
		if n.Kind != yaml.SequenceNode && f.value.Type().Elem() != reflect.TypeFor[Stage]() {
			d.put(key, join(d.place(key), "0"))
		}
		for i, item := range items {
			at := key
			if n.Kind == yaml.SequenceNode {
				at = join(key, strconv.Itoa(i))
				d.lines[at] = item.Line
			}
			e := f
			e.value = f.value.Index(i)
			if s, ok := e.value.Addr().Interface().(*Stage); ok {
				if at == key { // one stage that stands for a list: its keys are looked for as those of the first
					at = join(key, "0")
					d.lines[at] = item.Line
				}
				d.stage(item, at, s)
				continue
			}
			if e.value.Kind() == reflect.Struct {
				setDefaults(e.value)
			}
			d.value(item, at, e)
		}
	})
}

// stage fills a stage: its kind says which other keys there may be.
func (d *decoder) stage(n *yaml.Node, key string, s *Stage) {
	d.follow(n, key, func(n *yaml.Node) {
		if n.Kind != yaml.MappingNode {
			d.problem(n.Line, key, "is %s, expected keys and values", describe(n))
			return
		}
		into := []reflect.Value{reflect.ValueOf(s).Elem()}
		kind, line, err := kindOf(n)
		switch at := join(key, "kind"); { // without it, which keys there may be is not known
		case err != nil:
			d.problem(line, at, "%v", err)
			return
		case kind == "":
			d.problem(line, at, "is required: one of %s", strings.Join(Kinds(), ", "))
			return
		case !slices.Contains(Kinds(), kind):
			d.problem(line, at, "%q is unknown; %s", kind, nearest(kind, Kinds()))
			return
		}
		d.kinds[key[strings.LastIndexByte(key, '.')+1:]] = kind
		if keys := s.keysOf(kind); keys != nil {
			setDefaults(reflect.ValueOf(keys).Elem())
			into = append(into, reflect.ValueOf(keys).Elem())
		}
		d.mapping(n, key, into...)
	})
}

// kindOf reads the kind of a stage ahead of its other keys; empty if there is none, or none that is text.
func kindOf(n *yaml.Node) (kind string, line int, err error) {
	v := lookup(n, "kind", map[*yaml.Node]bool{})
	if v == nil {
		return "", n.Line, nil
	}
	kind, err = Expand(target(v).Value)
	return kind, v.Line, err
}
