package jinja

import (
	"slices"
	"strings"
)

// args are those of a call, evaluated.
type args struct {
	pos    []any
	names  []string
	values []any // of names
}

func (a args) named(name string) (any, bool) {
	if i := slices.Index(a.names, name); i >= 0 {
		return a.values[i], true
	}
	return nil, false
}

func (r *run) args(e argExprs, s *scope) args {
	var a args
	if len(e.positional) > 0 {
		a.pos = r.evalAll(e.positional, s)
	}
	if len(e.names) > 0 {
		a.names, a.values = e.names, r.evalAll(e.named, s)
	}
	if e.star != nil {
		items := r.iterate(r.eval(e.star, s))
		r.take(len(items) * sizeOfElement)
		a.pos = append(slices.Clip(a.pos), items...)
	}
	if e.stars != nil {
		d, ok := r.eval(e.stars, s).(*dict)
		if !ok {
			r.fail("** expects a dict")
		}
		a.names, a.values = slices.Clip(a.names), slices.Clip(a.values)
		for i, key := range d.keys {
			name, ok := key.(string)
			if _, twice := a.named(name); !ok || twice {
				r.fail("** gives an argument that is no name, or is given twice")
			}
			r.take(sizeOfEntry)
			a.names, a.values = append(a.names, name), append(a.values, d.values[i])
		}
	}
	return a
}

// absent stands for an argument that is not given.
type absent struct{}

// bind sorts arguments by the names of parameters, of which the first required must be given.
func (a args) bind(r *run, what string, required int, params ...string) []any {
	if len(a.pos) > len(params) {
		r.fail("%s: at most %d arguments expected, found %d", what, len(params), len(a.pos))
	}
	out := make([]any, len(params))
	for i := range out {
		out[i] = absent{}
	}
	copy(out, a.pos)
	for i, name := range a.names {
		k := slices.Index(params, name)
		if k < 0 || k < len(a.pos) {
			r.fail("%s: argument %s is unknown or given twice", what, name)
		}
		out[k] = a.values[i]
	}
	for i := range required {
		if out[i] == (absent{}) {
			r.fail("%s: argument %s is missing", what, params[i])
		}
	}
	return out
}

// function is one that templates may call.
type function struct {
	name string
	f    func(r *run, a args) any
}

func (r *run) call(f any, a args) any {
	r.step(1)
	r.enter()
	defer r.leave()
	switch f := f.(type) {
	case *function:
		return f.f(r, a)
	case *closure:
		return f.call(r, a)
	case *loop:
		return f.call(r, a)
	case *undefined:
		r.fail("%s", f.message())
	}
	r.fail("a value of type %s cannot be called", typeName(f))
	return nil
}

// macro is the text of a macro, or of the body of a call block.
type macro struct {
	name                    string
	params                  []string
	defaults                []expr // of the last parameters
	body                    []node
	caller, kwargs, varargs bool // it reads these
}

// note remembers that the body reads a special variable.
func (m *macro) note(name string) {
	switch name {
	case "caller":
		m.caller = true
	case "kwargs":
		m.kwargs = true
	case "varargs":
		m.varargs = true
	}
}

// closure is a macro with the variables around it.
type closure struct {
	*macro
	scope *scope
}

type macroNode struct {
	line  int
	macro *macro
}

// keep counts the variables that a macro holds on to.
func (r *run) keep(s *scope) {
	r.take(sizeOfClosure)
	for ; s != nil && !s.kept; s = s.parent {
		s.kept = true
		r.take(sizeOfObject + len(s.vars)*sizeOfEntry)
	}
}

func (n *macroNode) exec(r *run, s *scope) jump {
	r.keep(s)
	(&nameTarget{n.macro.name}).assign(r, s, &closure{n.macro, s})
	return jumpNone
}

type callNode struct {
	line int
	call *callExpr
	body *macro
}

func (n *callNode) exec(r *run, s *scope) jump {
	r.line = n.line
	r.keep(s)
	f := r.eval(n.call.f, s)
	a := r.args(n.call.args, s)
	if _, twice := a.named("caller"); twice {
		r.fail("a call block has an argument caller of its own")
	}
	a.names = append(slices.Clip(a.names), "caller")
	a.values = append(slices.Clip(a.values), &closure{n.body, s})
	r.out.write(r, r.str(r.call(f, a)))
	return jumpNone
}

// call follows jinja2/runtime.py, Macro.__call__.
func (c *closure) call(r *run, a args) any {
	s := &scope{parent: c.scope}
	r.step(len(c.params))
	given := make([]bool, len(c.params))
	for i, name := range c.params {
		if i < len(a.pos) {
			s.set(name, a.pos[i])
			given[i] = true
		}
	}
	extra := r.newDict()
	explicitCaller := slices.Contains(c.params, "caller")
	if c.caller && !explicitCaller {
		s.set("caller", r.undefined("no caller defined"))
	}
	for i, name := range a.names {
		k := slices.Index(c.params, name)
		switch {
		case k >= 0 && !given[k]:
			s.set(name, a.values[i])
			given[k] = true
		case name == "caller" && c.caller && !explicitCaller:
			s.set(name, a.values[i])
		case c.kwargs:
			extra.set(r, name, a.values[i])
		default:
			r.fail("macro %s takes no argument %s", c.name, name)
		}
	}
	if c.kwargs {
		s.set("kwargs", extra)
	}
	rest := a.pos[min(len(a.pos), len(c.params)):]
	if c.varargs {
		s.set("varargs", &tuple{rest})
	} else if len(rest) > 0 {
		r.fail("macro %s takes at most %d arguments, found %d", c.name, len(c.params), len(a.pos))
	}
	without := len(c.params) - len(c.defaults)
	for i, name := range c.params {
		switch {
		case given[i]:
		case i < without:
			s.set(name, r.undefined("parameter '%s' was not provided", name))
		default:
			s.set(name, r.eval(c.defaults[i-without], s))
		}
	}
	return r.capture(func() { r.body(c.body, s) })
}

// attribute is that of a macro.
func (c *closure) attribute(name string) (any, bool) {
	switch name {
	case "name":
		return c.name, true
	case "arguments":
		items := make([]any, len(c.params))
		for i, p := range c.params {
			items[i] = p
		}
		return &tuple{items}, true
	case "caller":
		return c.caller, true
	case "catch_kwargs":
		return c.kwargs, true
	case "catch_varargs":
		return c.varargs, true
	}
	return nil, false
}

// globals are the functions of the environment.
var globals map[string]*function

func init() { // not at the declaration: functions call functions
	globals = map[string]*function{}
	for name, f := range map[string]func(*run, args) any{
		"range": rangeFunction, "namespace": namespaceFunction, "dict": dictFunction,
		"cycler": cyclerFunction, "joiner": joinerFunction,
		"raise_exception": func(r *run, a args) any {
			message := a.bind(r, "raise_exception", 1, "message")[0]
			panic(&Error{r.line, Raised(r.str(message))})
		},
		"strftime_now": func(r *run, a args) any {
			return r.strftime(r.text(a.bind(r, "strftime_now", 1, "format")[0], "strftime_now"))
		},
		"lipsum": func(r *run, _ args) any {
			r.fail("lipsum is not supported: it is random")
			return nil
		},
	} {
		globals[name] = &function{name, f}
	}
}

func rangeFunction(r *run, a args) any {
	n := [3]int{0, 0, 1}
	if len(a.names) > 0 || len(a.pos) < 1 || len(a.pos) > 3 {
		r.fail("range: 1 to 3 integers expected")
	}
	for i, v := range a.pos {
		n[i] = r.int(v, "range")
	}
	if len(a.pos) == 1 {
		n[0], n[1] = 0, n[0]
	}
	if n[2] == 0 {
		r.fail("range: the step is 0")
	}
	r.take(sizeOfObject)
	out := newRange(n[0], n[1], n[2])
	if out.n > maxRange {
		r.fail("range: %d numbers, at most %d expected", out.n, maxRange)
	}
	return out
}

func dictFunction(r *run, a args) any {
	d := r.newDict()
	if len(a.pos) > 1 {
		r.fail("dict: at most 1 argument expected, found %d", len(a.pos))
	}
	for _, v := range a.pos {
		if from := asDict(v); from != nil {
			for i, key := range from.keys {
				d.set(r, key, from.values[i])
			}
			continue
		}
		for _, pair := range r.iterate(v) {
			kv := r.iterate(pair)
			if len(kv) != 2 {
				r.fail("dict: pairs expected, found %d values", len(kv))
			}
			d.set(r, kv[0], kv[1])
		}
	}
	for i, name := range a.names {
		d.set(r, name, a.values[i])
	}
	return d
}

func namespaceFunction(r *run, a args) any {
	d := dictFunction(r, a).(*dict)
	for _, key := range d.keys {
		if name, ok := key.(string); ok && strings.HasPrefix(name, "_") {
			r.fail("namespace: names do not begin with _, found %s", name)
		}
	}
	return &namespace{d}
}

func cyclerFunction(r *run, a args) any {
	if len(a.pos) == 0 {
		r.fail("cycler: at least one item expected")
	}
	r.take(sizeOfObject)
	return &cycler{items: a.pos}
}

// joinerFunction gives the separator from the second call on.
func joinerFunction(r *run, a args) any {
	sep := a.bind(r, "joiner", 0, "sep")[0]
	if sep == (absent{}) {
		sep = ", "
	}
	used := false
	r.take(2 * sizeOfObject)
	return &function{"joiner", func(*run, args) any {
		if !used {
			used = true
			return ""
		}
		return sep
	}}
}

// cycler is jinja2.utils.Cycler.
type cycler struct {
	items []any
	pos   int
}

func (c *cycler) attribute(name string) (any, bool) {
	switch name {
	case "next":
		return &function{"cycler.next", func(*run, args) any {
			v := c.items[c.pos]
			c.pos = (c.pos + 1) % len(c.items)
			return v
		}}, true
	case "reset":
		return &function{"cycler.reset", func(*run, args) any { c.pos = 0; return nil }}, true
	case "current":
		return c.items[c.pos], true
	}
	return nil, false
}
