package jinja

import (
	"slices"
)

// tests are those of jinja2/tests.py that have no argument; comparisons take one.
var tests map[string]func(r *run, v any, a args) bool

var comparisons = map[string]string{
	"==": "==", "eq": "==", "equalto": "==", "!=": "!=", "ne": "!=", ">": ">", "gt": ">", "greaterthan": ">", ">=": ">=", "ge": ">=",
	"<": "<", "lt": "<", "lessthan": "<", "<=": "<=", "le": "<=", "in": "in",
}

func initTests() {
	tests = map[string]func(r *run, v any, a args) bool{
		"divisibleby": func(r *run, v any, a args) bool {
			return r.equal(r.binary("%", v, a.bind(r, "divisibleby", 1, "num")[0]), 0)
		},
		"sameas": func(r *run, v any, a args) bool { return same(v, a.bind(r, "sameas", 1, "other")[0]) },
	}
	for name, op := range comparisons {
		tests[name] = func(r *run, v any, a args) bool { return r.compare(op, v, a.bind(r, name, 1, "other")[0]) }
	}
	for name, f := range map[string]func(r *run, v any) bool{
		"odd":       func(r *run, v any) bool { return r.equal(r.binary("%", v, 2), 1) },
		"even":      func(r *run, v any) bool { return r.equal(r.binary("%", v, 2), 0) },
		"defined":   func(_ *run, v any) bool { return typeName(v) != "Undefined" },
		"undefined": func(_ *run, v any) bool { return typeName(v) == "Undefined" },
		"filter": func(r *run, v any) bool {
			s, _ := plain(v)
			return filters[s] != nil || slices.Contains(unsupported, s)
		},
		"test":     func(r *run, v any) bool { s, _ := plain(v); return tests[s] != nil },
		"none":     func(_ *run, v any) bool { return v == nil },
		"boolean":  func(_ *run, v any) bool { return typeName(v) == "bool" },
		"false":    func(_ *run, v any) bool { return v == false },
		"true":     func(_ *run, v any) bool { return v == true },
		"integer":  func(_ *run, v any) bool { return typeName(v) == "int" },
		"float":    func(_ *run, v any) bool { return typeName(v) == "float" },
		"number":   func(_ *run, v any) bool { _, _, _, ok := number(v); return ok },
		"lower":    func(r *run, v any) bool { return r.cased(r.str(v), true) },
		"upper":    func(r *run, v any) bool { return r.cased(r.str(v), false) },
		"string":   func(_ *run, v any) bool { _, ok := plain(v); return ok },
		"mapping":  func(_ *run, v any) bool { return asDict(v) != nil },
		"escaped":  func(_ *run, v any) bool { return typeName(v) == "Markup" },
		"sequence": isSequence,
		"iterable": isIterable,
		"callable": isCallable,
	} {
		tests[name] = func(r *run, v any, a args) bool {
			a.bind(r, name, 0)
			return f(r, v)
		}
	}
}

func (r *run) test(name string, v any, a args) bool {
	f := tests[name]
	if f == nil {
		r.fail("there is no test named '%s'", name)
	}
	return f(r, v, a)
}

func isSequence(_ *run, v any) bool {
	switch v.(type) {
	case string, markup, *list, *tuple, *dict, *pyRange, *undefined:
		return true
	}
	return false
}

func isIterable(r *run, v any) bool {
	switch v.(type) {
	case *generator, *view, *loop:
		return true
	}
	return isSequence(r, v)
}

func isCallable(_ *run, v any) bool {
	switch v.(type) {
	case *function, *closure, *loop, *undefined:
		return true
	}
	return false
}

// same is Python's "is", as far as values tell.
func same(a, b any) bool { return a == b }
