package recipe

import (
	"reflect"
	"slices"
	"strings"

	"moslava/internal/spelling"
)

// A home is a mapping that a document may have, with the keys it takes.
type home struct {
	path  []string // keys from the top; * stands for a number
	kinds []string // of the stage that it is in or is; nil: all, or it is in none
	names []string
	short string // the key that a plain value in its place stands for; may be empty
}

var stageType = reflect.TypeFor[Stage]()

// homes lists the mappings that a type is read from, the nearest to the top first.
func homes(t reflect.Type, path, kinds []string) (out []home) {
	if t == stageType {
		out = append(out, homesOf(reflect.New(t).Elem(), path, kinds)...)
		for _, like := range [][]string{{Pretrain, Align, Tune}, {Evaluate}, {Export}} {
			out = append(out, homesOf(reflect.ValueOf(new(Stage).keysOf(like[0])).Elem(), path, like)...)
		}
		return out
	}
	return homesOf(reflect.New(t).Elem(), path, kinds)
}

func homesOf(v reflect.Value, path, kinds []string) []home {
	known := fields(v)
	here := home{path: path, kinds: kinds, names: names(known)}
	var below []home
	for _, f := range known {
		if f.short {
			here.short = f.name
		}
		t, at := f.value.Type(), append(slices.Clone(path), f.name)
		if t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
			if t.Kind() == reflect.Slice {
				at = append(at, "*")
			}
			t = t.Elem()
		}
		if _, mapping := f.value.Interface().(mapped); t.Kind() == reflect.Struct && !mapping {
			below = append(below, homes(t, at, kinds)...)
		}
	}
	return append([]home{here}, below...)
}

// shared is how many keys two paths begin with together.
func (h *home) shared(path []string) int {
	n := 0
	for n < len(h.path) && n < len(path) && (h.path[n] == path[n] || h.path[n] == "*" && isNumber(path[n])) {
		n++
	}
	return n
}

func isNumber(text string) bool { return text != "" && strings.Trim(text, "0123456789") == "" }

// steps counts the keys of a path; numbers take no step.
func steps(path []string) (n int) {
	for _, part := range path {
		if part != "*" && !isNumber(part) {
			n++
		}
	}
	return n
}

// describe says where it is, as seen from a mapping at path. other says that it is in a stage of another kind.
func (h *home) describe(path []string, other bool, word string) string {
	n := h.shared(path)
	if other {
		n = 0
	}
	at := append(slices.Clone(path[:n]), h.path[n:]...)
	text, stage := "", ""
	if len(at) > 1 && at[0] == "stages" && at[1] == "*" {
		if at, stage = at[2:], "a stage"; h.kinds != nil {
			stage += " of kind " + either(h.kinds)
		}
	}
	entry := len(at) > 0 && at[len(at)-1] == "*"
	if text = strings.TrimSuffix(strings.Join(at, "."), ".*"); entry {
		text = "an entry of " + text
	}
	switch {
	case text == "" && stage == "":
		return "at the top of the file"
	case text == "":
		text = stage
	case stage != "":
		text += " in " + stage
	}
	if h.short != "" && h.short != word {
		text += ", beside " + h.short
	}
	return "in " + text
}

// either lists words as a choice.
func either(words []string) string {
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " or " + words[n-1]
	}
	return words[0]
}

// unknown says what a message says about a key that the mapping at key, which takes the known ones, does not: where it belongs, or what was meant.
func (d *decoder) unknown(word, key string, known []string) string {
	path := strings.Split(d.place(key), ".")
	if key == "" {
		path = nil
	}
	all := homes(d.root, nil, nil)
	typing := func(a string) bool { return len(word) > 3 && spelling.Distance(word, a) <= 1 }
	if !slices.ContainsFunc(known, typing) {
		for _, other := range []bool{false, true} {
			if text := d.belongs(all, word, path, other); text != "" {
				return text
			}
		}
	}
	said := nearest(word, known)
	if !strings.HasPrefix(said, listed) {
		return said
	}
	for _, h := range all {
		if i := slices.IndexFunc(h.names, typing); i >= 0 {
			if text := d.belongs(all, h.names[i], path, false); text != "" {
				return `did you mean "` + h.names[i] + `"? It` + strings.TrimPrefix(text, "it")
			}
		}
	}
	return said
}

// belongs says into which mappings, the nearest to path, a key belongs: those of the same stage, or those of stages of other kinds.
func (d *decoder) belongs(all []home, word string, path []string, other bool) string {
	kind := ""
	if len(path) > 1 && path[0] == "stages" {
		kind = d.kinds[path[1]]
	}
	var found []string
	nearest := 0
	for _, h := range all {
		mine := kind == "" || h.kinds == nil || slices.Contains(h.kinds, kind)
		if mine == other || !slices.Contains(h.names, word) {
			continue
		}
		n := h.shared(path)
		far := steps(path[n:]) + steps(h.path[n:])
		if len(found) > 0 && far > nearest {
			continue
		}
		if len(found) > 0 && far < nearest {
			found = nil
		}
		nearest = far
		found = append(found, h.describe(path, other, word))
	}
	if len(found) == 0 {
		return ""
	}
	return "it belongs " + either(found)
}
