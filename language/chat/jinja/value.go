package jinja

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// Python's types, besides nil, bool, int, float64 and string. Lists and dictionaries do not change once they are made.
type (
	list  struct{ items []any }
	tuple struct{ items []any }
	// markup is markupsafe.Markup, which the filters safe and escape give: text added to it is escaped.
	markup string
	// namespace is the one value that templates change.
	namespace struct{ attrs *dict }
	// generator gives its elements once.
	generator struct{ pull func() []any }
	// view is items(), keys() or values() of a dictionary.
	view struct {
		of   *dict
		kind string
	}
	// pyRange is range(start, stop, step), of n numbers.
	pyRange struct{ start, stop, step, n int }
	// undefined is what a name or attribute that is not there gives: it prints as nothing, and fails when it is used.
	undefined struct {
		format string
		args   [2]string
	}
)

const maxRange = 100_000 // as jinja2.sandbox has it

func (u *undefined) message() string {
	n := strings.Count(u.format, "%")
	return fmt.Sprintf(u.format, []any{shorten(u.args[0]), shorten(u.args[1])}[:n]...)
}

func (r *run) undefined(format string, args ...any) *undefined {
	r.take(sizeOfObject)
	u := &undefined{format: format}
	for i, a := range args {
		if s, ok := a.(string); ok {
			u.args[i] = s
		} else {
			u.args[i] = fmt.Sprint(a)
		}
	}
	return u
}

// dict is a dictionary in the order of insertion.
type dict struct {
	keys, values []any
	index        map[any]int // by hashable
}

func (r *run) newDict() *dict {
	r.take(sizeOfObject)
	return &dict{}
}

func (d *dict) set(r *run, key, v any) {
	h := r.hashable(key)
	if i, ok := d.index[h]; ok {
		d.values[i] = v
		return
	}
	r.take(sizeOfEntry)
	if d.index == nil {
		d.index = map[any]int{}
	}
	d.index[h] = len(d.keys)
	d.keys, d.values = append(d.keys, key), append(d.values, v)
}

func (d *dict) get(r *run, key any) (any, bool) {
	if i, ok := d.index[r.hashable(key)]; ok {
		return d.values[i], true
	}
	return nil, false
}

// hashable is a Go map's key for a key of a dictionary: equal keys give equal ones.
func (r *run) hashable(key any) any {
	switch k := key.(type) {
	case string:
		return k
	case markup:
		return string(k)
	case bool:
		if k {
			return 1
		}
		return 0
	case float64:
		if k == math.Trunc(k) && math.Abs(k) < 1<<62 {
			return int(k)
		}
	case *tuple:
		r.enter()
		defer r.leave()
		var b buffer
		for _, item := range k.items {
			h := r.hashable(item)
			text := ""
			switch h := h.(type) {
			case [1]string:
				text = h[0]
			case string:
				text = h
			default:
				text = fmt.Sprint(h)
			}
			b.write(r, fmt.Sprintf("%T:%d:", h, len(text)))
			b.write(r, text)
		}
		return [1]string{b.text(r)}
	case *list, *dict, *view:
		r.fail("a value of type %s cannot be a key", typeName(key))
	}
	return key
}

func newRange(start, stop, step int) *pyRange {
	n := 0
	switch {
	case step > 0 && start < stop:
		n = int((uint(stop)-uint(start)-1)/uint(step)) + 1
	case step < 0 && start > stop:
		n = int((uint(start)-uint(stop)-1)/(-uint(step))) + 1
	}
	if n < 0 {
		n = math.MaxInt
	}
	return &pyRange{start, stop, step, n}
}

// typeName is what Python calls the type of v.
func typeName(v any) string {
	switch v.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case int:
		return "int"
	case float64:
		return "float"
	case string:
		return "str"
	case markup:
		return "Markup"
	case *list:
		return "list"
	case *tuple:
		return "tuple"
	case *dict:
		return "dict"
	case *namespace:
		return "Namespace"
	case *generator:
		return "generator"
	case *view:
		return "dict_" + v.(*view).kind
	case *pyRange:
		return "range"
	case *undefined:
		return "Undefined"
	case *loop:
		return "LoopContext"
	case *closure:
		return "Macro"
	}
	return "function"
}

func (r *run) truth(v any) bool {
	switch v := v.(type) {
	case nil, *undefined:
		return false
	case bool:
		return v
	case int:
		return v != 0
	case float64:
		return v != 0
	}
	if n, ok := r.length(v); ok {
		return n > 0
	}
	return true
}

// length is len(v), if v has one.
func (r *run) length(v any) (int, bool) {
	switch v := v.(type) {
	case string:
		r.scan(len(v))
		return utf8.RuneCountInString(v), true
	case markup:
		return r.length(string(v))
	case *list:
		return len(v.items), true
	case *tuple:
		return len(v.items), true
	case *dict:
		return len(v.keys), true
	case *view:
		return len(v.of.keys), true
	case *pyRange:
		return v.n, true
	case *undefined:
		return 0, true
	case *loop:
		return v.len(r), true
	}
	return 0, false
}

// iterate gives the elements of v, which must not be changed.
func (r *run) iterate(v any) []any {
	items, ok := r.elements(v)
	if !ok {
		r.fail("a value of type %s cannot be iterated", typeName(v))
	}
	return items
}

func (r *run) elements(v any) ([]any, bool) {
	switch v := v.(type) {
	case string:
		return r.characters(v), true
	case markup:
		return r.characters(string(v)), true
	case *list:
		return v.items, true
	case *tuple:
		return v.items, true
	case *dict:
		return v.keys, true
	case *undefined:
		return nil, true
	case *generator:
		pull := v.pull
		v.pull = nil
		if pull == nil {
			return nil, true
		}
		return pull(), true
	case *view:
		return v.items(r), true
	case *pyRange:
		r.take(product(v.n, sizeOfElement))
		items := make([]any, v.n)
		for i := range items {
			items[i] = v.start + i*v.step
		}
		return items, true
	}
	return nil, false
}

func (v *view) items(r *run) []any {
	switch v.kind {
	case "keys":
		return v.of.keys
	case "values":
		return v.of.values
	}
	r.take(len(v.of.keys) * (2*sizeOfElement + sizeOfObject))
	items := make([]any, len(v.of.keys))
	for i, key := range v.of.keys {
		items[i] = &tuple{[]any{key, v.of.values[i]}}
	}
	return items
}

func (r *run) characters(s string) []any {
	r.take(product(len(s), sizeOfElement))
	items := make([]any, 0, len(s))
	for _, c := range s {
		items = append(items, string(c))
	}
	return items
}

// listOf is a new list of items, which the caller has counted or not made.
func (r *run) listOf(items []any) *list {
	r.take(sizeOfObject)
	return &list{items}
}

func (r *run) copyOf(items []any) []any {
	r.take(len(items) * sizeOfElement)
	return slices.Clone(items)
}

func asDict(v any) *dict {
	d, _ := v.(*dict)
	return d
}

// text is v as a string, which it must be.
func (r *run) text(v any, what string) string {
	switch v := v.(type) {
	case string:
		return v
	case markup:
		return string(v)
	case *undefined:
		r.fail("%s", v.message())
	}
	r.fail("%s: a string expected, found %s", what, typeName(v))
	return ""
}

// int is v as an integer, which it must be.
func (r *run) int(v any, what string) int {
	switch v := v.(type) {
	case int:
		return v
	case bool:
		if v {
			return 1
		}
		return 0
	case *undefined:
		r.fail("%s", v.message())
	}
	r.fail("%s: an integer expected, found %s", what, typeName(v))
	return 0
}

// Pairs is a dictionary in an order of its own, for the variables of Render.
type Pairs []Pair

// Pair is a key and its value.
type Pair struct {
	Key   string
	Value any
}

// fromGo is a variable of Render as templates see it.
func (r *run) fromGo(v any, depth int) any {
	if depth > maxNesting {
		r.fail("the variables have more than %d levels", maxNesting)
	}
	r.take(sizeOfElement)
	switch v := v.(type) {
	case nil, bool, int, float64:
		return v
	case string:
		r.take(len(v))
		return v
	case Pairs:
		d := &dict{}
		for _, p := range v {
			d.set(r, p.Key, r.fromGo(p.Value, depth+1))
		}
		return d
	}
	rv := reflect.ValueOf(v)
	switch rv.Kind() {
	case reflect.Slice:
		l := &list{make([]any, rv.Len())}
		for i := range l.items {
			l.items[i] = r.fromGo(rv.Index(i).Interface(), depth+1)
		}
		return l
	case reflect.Map:
		d := &dict{}
		keys := rv.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return compareKeys(a.String(), b.String()) })
		for _, key := range keys {
			d.set(r, key.String(), r.fromGo(rv.MapIndex(key).Interface(), depth+1))
		}
		return d
	}
	r.fail("a variable of the Go type %T is not supported", v)
	return nil
}

// compareKeys is the order of a Go map's keys: messages begin with their role, parts with their type.
func compareKeys(a, b string) int {
	first := func(k string) bool { return k == "role" || k == "type" }
	switch {
	case first(a) && !first(b):
		return -1
	case first(b) && !first(a):
		return 1
	}
	return cmp.Compare(a, b)
}
