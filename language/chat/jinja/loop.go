package jinja

type forNode struct {
	line         int
	target       target
	iter         expr
	test         expr // nil without
	recursive    bool
	body, orElse []node
}

// loop is the variable loop inside of a for block (jinja2/runtime.py, LoopContext).
type loop struct {
	node    *forNode
	scope   *scope
	source  []any
	keep    func(item any) bool // the loop's own test; nil without
	ahead   []any               // looked at, not yet given
	index0  int
	depth0  int
	length  int // -1: not known yet
	before  any
	current any
	changed *tuple
}

func (n *forNode) exec(r *run, s *scope) jump {
	r.line = n.line
	n.run(r, s, r.eval(n.iter, s), 0)
	return jumpNone
}

func (n *forNode) run(r *run, s *scope, over any, depth0 int) {
	r.line = n.line
	r.take(4 * sizeOfObject)
	l := &loop{node: n, source: r.iterate(over), index0: -1, depth0: depth0, length: -1}
	if n.recursive {
		r.keep(s)
		l.scope = s
	}
	if n.test != nil {
		l.keep = func(item any) bool {
			inner := &scope{parent: s}
			n.target.assign(r, inner, item)
			return r.truth(r.eval(n.test, inner))
		}
	} else {
		l.length = len(l.source)
	}
	for l.next(r) {
		inner := &scope{parent: s, vars: map[string]any{"loop": l}}
		r.line = n.line
		n.target.assign(r, inner, l.current)
		if r.body(n.body, inner) == jumpBreak {
			break
		}
	}
	l.keep = nil // of a loop that a template holds on to, variables go
	if l.index0 < 0 {
		r.body(n.orElse, &scope{parent: s})
	}
}

// pull is the next element that the loop's test lets through.
func (l *loop) pull(r *run) bool {
	for len(l.source) > 0 {
		item := l.source[0]
		l.source = l.source[1:]
		r.step(1)
		if l.keep == nil || l.keep(item) {
			l.ahead = append(l.ahead, item)
			return true
		}
	}
	return false
}

func (l *loop) next(r *run) bool {
	if len(l.ahead) == 0 && !l.pull(r) {
		return false
	}
	l.before, l.current = l.current, l.ahead[0]
	l.ahead = l.ahead[1:]
	l.index0++
	return true
}

func (l *loop) len(r *run) int {
	if l.length < 0 {
		for l.pull(r) {
			r.take(sizeOfElement)
		}
		l.length = l.index0 + 1 + len(l.ahead)
	}
	return l.length
}

// attribute is loop.name.
func (l *loop) attribute(r *run, name string) (any, bool) {
	switch name {
	case "index0":
		return l.index0, true
	case "index":
		return l.index0 + 1, true
	case "first":
		return l.index0 == 0, true
	case "last":
		return len(l.ahead) == 0 && !l.pull(r), true
	case "length":
		return l.len(r), true
	case "revindex":
		return l.len(r) - l.index0, true
	case "revindex0":
		return l.len(r) - l.index0 - 1, true
	case "depth":
		return l.depth0 + 1, true
	case "depth0":
		return l.depth0, true
	case "previtem":
		if l.index0 == 0 {
			return r.undefined("there is no previous item"), true
		}
		return l.before, true
	case "nextitem":
		if len(l.ahead) == 0 && !l.pull(r) {
			return r.undefined("there is no next item"), true
		}
		return l.ahead[0], true
	case "cycle":
		r.take(sizeOfObject)
		return &function{"loop.cycle", func(r *run, a args) any {
			if len(a.pos) == 0 {
				r.fail("loop.cycle: no items")
			}
			return a.pos[l.index0%len(a.pos)]
		}}, true
	case "changed":
		r.take(sizeOfObject)
		return &function{"loop.changed", func(r *run, a args) any {
			now := &tuple{a.pos}
			if l.changed != nil && r.equal(l.changed, now) {
				return false
			}
			l.changed = now
			return true
		}}, true
	}
	return nil, false
}

// call is loop(over) inside of a recursive loop.
func (l *loop) call(r *run, a args) any {
	over := a.bind(r, "loop", 1, "iterable")[0]
	if !l.node.recursive {
		r.fail("the loop of line %d is called, but is not marked recursive", l.node.line)
	}
	r.enter()
	defer r.leave()
	return r.capture(func() { l.node.run(r, l.scope, over, l.depth0+1) })
}
