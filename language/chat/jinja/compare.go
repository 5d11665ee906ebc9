package jinja

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// compare is a op b.
func (r *run) compare(op string, a, b any) bool {
	switch op {
	case "==":
		return r.equal(a, b)
	case "!=":
		return !r.equal(a, b)
	case "in":
		return r.contains(b, a)
	case "not in":
		return !r.contains(b, a)
	}
	r.mustBeDefined(a, b)
	x, _, _, ok1 := number(a)
	y, _, _, ok2 := number(b)
	if ok1 && ok2 && (math.IsNaN(x) || math.IsNaN(y)) {
		return false
	}
	c := r.order(a, b)
	switch op {
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	}
	return c >= 0
}

// order compares what Python can compare with <.
func (r *run) order(a, b any) int {
	r.enter()
	defer r.leave()
	r.mustBeDefined(a, b)
	x, m, whole1, ok1 := number(a)
	y, n, whole2, ok2 := number(b)
	switch {
	case ok1 && ok2 && whole1 && whole2:
		return cmp.Compare(m, n)
	case ok1 && ok2:
		return cmp.Compare(x, y)
	}
	if s, ok := plain(a); ok {
		if t, ok := plain(b); ok {
			r.scan(min(len(s), len(t)))
			return strings.Compare(s, t)
		}
	}
	p, ok1 := sequence(a)
	q, ok2 := sequence(b)
	if !ok1 || !ok2 || typeName(a) != typeName(b) {
		r.fail("values of type %s and %s have no order", typeName(a), typeName(b))
	}
	for i := range min(len(p), len(q)) {
		if !r.equal(p[i], q[i]) {
			return r.order(p[i], q[i])
		}
	}
	return cmp.Compare(len(p), len(q))
}

func sequence(v any) ([]any, bool) {
	switch v := v.(type) {
	case *list:
		return v.items, true
	case *tuple:
		return v.items, true
	}
	return nil, false
}

// plain is the text of a string.
func plain(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case markup:
		return string(v), true
	}
	return "", false
}

// equal is a == b.
func (r *run) equal(a, b any) bool {
	r.step(1)
	if s, ok := plain(a); ok {
		t, ok := plain(b)
		if ok && len(s) == len(t) {
			r.scan(len(s))
			return s == t
		}
		return false
	}
	x, m, whole1, ok1 := number(a)
	if ok1 {
		y, n, whole2, ok2 := number(b)
		if whole1 && whole2 {
			return m == n
		}
		return ok2 && x == y
	}
	if a == b {
		return true
	}
	r.enter()
	defer r.leave()
	if p, ok := sequence(a); ok {
		q, ok := sequence(b)
		return ok && typeName(a) == typeName(b) && slices.EqualFunc(p, q, r.equal)
	}
	switch x := a.(type) {
	case *undefined:
		_, ok := b.(*undefined)
		return ok
	case *dict:
		y, ok := b.(*dict)
		return ok && r.equalDicts(x, y)
	case *pyRange:
		y, ok := b.(*pyRange)
		return ok && x.n == y.n && (x.n == 0 || x.start == y.start && (x.n == 1 || x.step == y.step))
	case *view:
		y, ok := b.(*view)
		if !ok || x.kind != y.kind || x.kind == "values" || len(x.of.keys) != len(y.of.keys) {
			return false
		}
		for i, key := range x.of.keys {
			v, ok := y.of.get(r, key)
			if !ok || x.kind == "items" && !r.equal(x.of.values[i], v) {
				return false
			}
		}
		return true
	}
	return false
}

func (r *run) equalDicts(x, y *dict) bool {
	if len(x.keys) != len(y.keys) {
		return false
	}
	for i, key := range x.keys {
		if v, ok := y.get(r, key); !ok || !r.equal(x.values[i], v) {
			return false
		}
	}
	return true
}

// contains is v in in.
func (r *run) contains(in, v any) bool {
	if s, ok := plain(in); ok {
		part, ok := plain(v)
		if !ok {
			r.mustBeDefined(v)
			r.fail("'in' of a string expects a string, found %s", typeName(v))
		}
		r.scan(len(s))
		return strings.Contains(s, part)
	}
	switch in := in.(type) {
	case *dict:
		_, ok := in.get(r, v)
		return ok
	case *view:
		if in.kind == "keys" {
			_, ok := in.of.get(r, v)
			return ok
		}
	}
	items, ok := r.elements(in)
	if !ok {
		r.fail("'in' of a value of type %s", typeName(in))
	}
	return slices.ContainsFunc(items, func(item any) bool { return r.equal(item, v) })
}
