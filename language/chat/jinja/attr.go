package jinja

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// attribute is v.name: Python's attribute, or else the item (jinja2/sandbox.py, getattr).
func (r *run) attribute(v any, name string) any {
	if a, ok := r.ownAttribute(v, name); ok {
		return a
	}
	if d := asDict(v); d != nil {
		if item, ok := d.get(r, name); ok {
			return item
		}
	}
	return r.missing(v, name)
}

func (r *run) missing(v any, name string) any {
	if u, ok := v.(*undefined); ok {
		r.fail("%s", u.message())
	}
	return r.undefined("'%s' has no attribute '%s'", describe(v), name)
}

// describe is jinja2's object_type_repr.
func describe(v any) string {
	if v == nil {
		return "None"
	}
	return typeName(v) + " object"
}

// ownAttribute is an attribute that Python's object has. Those that change it, or that begin with _, are refused when
// they are used.
func (r *run) ownAttribute(v any, name string) (any, bool) {
	r.step(1)
	var methods map[string]method
	var refused []string
	switch v := v.(type) {
	case string, markup:
		methods = stringMethods
	case *dict:
		methods, refused = dictMethods, []string{"clear", "pop", "popitem", "setdefault", "update"}
	case *list:
		methods, refused = listMethods, []string{"append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove"}
	case *tuple, *pyRange:
		methods = listMethods
		if name == "copy" {
			return nil, false
		}
	case *namespace:
		if a, ok := v.attrs.get(r, name); ok {
			return a, true
		}
		return nil, false
	case *loop:
		return v.attribute(r, name)
	case *closure:
		return v.attribute(name)
	case *cycler:
		return v.attribute(name)
	}
	if m, ok := methods[name]; ok {
		r.take(sizeOfObject)
		return &function{name, func(r *run, a args) any { return m(r, v, a) }}, true
	}
	if slices.Contains(refused, name) {
		return r.undefined("'%s' of a %s would change it, which templates may not", name, typeName(v)), true
	}
	if strings.HasPrefix(name, "__") && strings.HasSuffix(name, "__") && dunders[name] {
		return r.undefined("access to '%s' of a %s is not safe", name, typeName(v)), true
	}
	return nil, false
}

// dunders are attributes that every Python object has.
var dunders = map[string]bool{
	"__class__": true, "__doc__": true, "__init__": true, "__new__": true, "__eq__": true, "__hash__": true,
	"__repr__": true, "__str__": true, "__dir__": true, "__reduce__": true, "__getattribute__": true,
	"__format__": true, "__sizeof__": true,
}

// item is v[key]: Python's item, or else the attribute (jinja2/sandbox.py, getitem).
func (r *run) item(v, key any) any {
	switch v := v.(type) {
	case *undefined:
		r.fail("%s", v.message())
	case *dict:
		switch key.(type) {
		case *list, *dict: // a TypeError, which jinja2 takes for absence
		default:
			if item, ok := v.get(r, key); ok {
				return item
			}
		}
	default:
		if n, isInt := key.(int); isInt {
			if item, ok := r.at(v, n); ok {
				return item
			}
			return r.undefined("%s has no element %s", describe(v), strconv.Itoa(n))
		}
		if b, isBool := key.(bool); isBool {
			return r.item(v, map[bool]int{true: 1}[b])
		}
	}
	if name, ok := plain(key); ok {
		if a, ok := r.ownAttribute(v, name); ok {
			return a
		}
		return r.undefined("'%s' has no attribute '%s'", describe(v), name)
	}
	return r.undefined("%s has no element of type %s", describe(v), typeName(key))
}

// at is element n of a sequence, from the end if n is negative.
func (r *run) at(v any, n int) (any, bool) {
	size, ok := r.length(v)
	if !ok {
		return nil, false
	}
	if n < 0 {
		n += size
	}
	if n < 0 || n >= size {
		return nil, false
	}
	switch v := v.(type) {
	case string:
		return r.charAt(v, n), true
	case markup:
		return markup(r.charAt(string(v), n)), true
	case *list:
		return v.items[n], true
	case *tuple:
		return v.items[n], true
	case *pyRange:
		return v.start + n*v.step, true
	}
	return nil, false
}

func (r *run) charAt(s string, n int) string {
	from := offset(s, n)
	_, size := utf8.DecodeRuneInString(s[from:])
	r.scan(n)
	return s[from : from+size]
}

// offset is the index of the byte at which character n begins, from 0 to the length.
func offset(s string, n int) int {
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s)
}

// slice is v[start:stop:step].
func (r *run) slice(v any, bounds [3]any) any {
	if u, ok := v.(*undefined); ok {
		r.fail("%s", u.message())
	}
	size, ok := r.length(v)
	if !ok || asDict(v) != nil {
		r.fail("a value of type %s has no slices", typeName(v))
	}
	for _, b := range bounds {
		if _, isInt := b.(int); b != nil && !isInt {
			if _, isBool := b.(bool); !isBool {
				r.fail("a slice by a value of type %s", typeName(b))
			}
		}
	}
	step := 1
	if bounds[2] != nil {
		step = r.int(bounds[2], "slice")
	}
	if step == 0 {
		r.fail("a slice has step 0")
	}
	start, stop := r.bounds(bounds, size, step)
	n := newRange(start, stop, step).n
	switch v := v.(type) {
	case string:
		return r.sliceText(v, start, step, n)
	case markup:
		return markup(r.sliceText(string(v), start, step, n))
	case *list:
		return &list{r.pick(v.items, start, step, n)}
	case *tuple:
		return &tuple{r.pick(v.items, start, step, n)}
	case *pyRange:
		return newRange(v.start+start*v.step, v.start+stop*v.step, v.step*step)
	}
	r.fail("a value of type %s has no slices", typeName(v))
	return nil
}

// bounds clips start and stop as Python does.
func (r *run) bounds(b [3]any, size, step int) (start, stop int) {
	low, high := 0, size
	if step < 0 {
		low, high = -1, size-1
	}
	clip := func(v any, absent int) int {
		if v == nil {
			return absent
		}
		n := r.int(v, "slice")
		if n < 0 && n >= math.MinInt+size {
			n += size
		}
		return max(low, min(high, n))
	}
	if step < 0 {
		return clip(b[0], high), clip(b[1], low)
	}
	return clip(b[0], low), clip(b[1], high)
}

func (r *run) pick(items []any, start, step, n int) []any {
	r.take(n*sizeOfElement + sizeOfObject)
	out := make([]any, n)
	for i := range out {
		out[i] = items[start+i*step]
	}
	return out
}

func (r *run) sliceText(s string, start, step, n int) string {
	if n == 0 {
		return ""
	}
	if step == 1 {
		r.scan(len(s))
		from := offset(s, start)
		return s[from : from+offset(s[from:], n)]
	}
	r.take(product(len(s), 4) + 4*n)
	chars := []rune(s)
	out := make([]rune, n)
	for i := range out {
		out[i] = chars[start+i*step]
	}
	return string(out)
}
