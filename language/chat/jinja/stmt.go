package jinja

import (
	"strings"
	"time"
)

// run is one rendering.
type run struct {
	budget
	now      time.Time
	mark     func(begin bool) string
	out      *buffer
	filtered string // the text of the block whose filters are evaluated
}

// scope holds variables. Reading goes through the parents, writing does not.
type scope struct {
	vars   map[string]any
	parent *scope
	kept   bool // by a macro, longer than its block runs
}

func (s *scope) set(name string, v any) {
	if s.vars == nil {
		s.vars = map[string]any{}
	}
	s.vars[name] = v
}

func (r *run) lookup(s *scope, name string) any {
	for ; s != nil; s = s.parent {
		if v, ok := s.vars[name]; ok {
			return v
		}
	}
	if f, ok := globals[name]; ok {
		return f
	}
	if name == "self" { // the blocks of a template, of which there are none
		return &namespace{&dict{}}
	}
	return r.undefined("'%s' is undefined", name)
}

// buffer collects text as pieces, so that long strings are copied once at most.
type buffer struct {
	pieces []string
	small  strings.Builder // behind the pieces
	size   int
}

const (
	longPiece = 512 // bytes from which on a string is a piece of its own
	fullPiece = 4096
)

func (b *buffer) write(r *run, s string) {
	r.take(len(s))
	b.size += len(s)
	if b.small.Len() > 0 && (len(s) >= longPiece || b.small.Len()+len(s) > fullPiece) {
		b.pieces = append(b.pieces, b.small.String())
		b.small = strings.Builder{}
	}
	if len(s) >= longPiece {
		b.pieces = append(b.pieces, s)
	} else {
		b.small.WriteString(s)
	}
}

func (b *buffer) text(r *run) string {
	switch {
	case len(b.pieces) == 0:
		return b.small.String()
	case len(b.pieces) == 1 && b.small.Len() == 0:
		return b.pieces[0]
	}
	r.step(1 + b.size/64)
	var sb strings.Builder
	sb.Grow(b.size)
	for _, p := range b.pieces {
		sb.WriteString(p)
	}
	sb.WriteString(b.small.String())
	return sb.String()
}

// capture returns what f prints.
func (r *run) capture(f func()) string {
	outer := r.out
	var b buffer
	r.out = &b
	f()
	r.out = outer
	return b.text(r)
}

// jump says whether a statement leaves the loop around it.
type jump uint8

const (
	jumpNone jump = iota
	jumpBreak
	jumpContinue
)

// node is a statement that has been parsed.
type node interface {
	exec(r *run, s *scope) jump
}

type (
	textNode  struct{ text string }
	printNode struct {
		line int
		of   expr
	}
	groupNode struct{ body []node }
	jumpNode  struct{ jump jump }
	setNode   struct {
		line   int
		target target
		value  expr
	}
	setBlockNode struct {
		line    int
		target  target
		filters expr // nil without
		body    []node
	}
	ifNode struct {
		line   int
		tests  []expr
		bodies [][]node
		orElse []node
	}
	withNode struct {
		line    int
		targets []target
		values  []expr
		body    []node
	}
	filterNode struct {
		line    int
		filters expr
		body    []node
	}
	generationNode struct {
		line int
		body []node
	}
)

// body executes statements up to the first that jumps.
func (r *run) body(nodes []node, s *scope) jump {
	r.enter()
	defer r.leave()
	for _, n := range nodes {
		r.step(1)
		if j := n.exec(r, s); j != jumpNone {
			return j
		}
	}
	return jumpNone
}

func (n *textNode) exec(r *run, _ *scope) jump {
	r.out.write(r, n.text)
	return jumpNone
}

func (n *printNode) exec(r *run, s *scope) jump {
	r.line = n.line
	r.out.write(r, r.str(r.eval(n.of, s)))
	return jumpNone
}

func (n *groupNode) exec(r *run, s *scope) jump { return r.body(n.body, s) }
func (n *jumpNode) exec(*run, *scope) jump      { return n.jump }

func (n *setNode) exec(r *run, s *scope) jump {
	r.line = n.line
	v := r.eval(n.value, s)
	r.line = n.line
	n.target.assign(r, s, v)
	return jumpNone
}

func (n *setBlockNode) exec(r *run, s *scope) jump {
	r.line = n.line
	var j jump
	inner := &scope{parent: s}
	text := r.capture(func() { j = r.body(n.body, inner) })
	if j != jumpNone {
		return j
	}
	var v any = text
	if n.filters != nil {
		v = r.filterText(n.filters, text, inner)
	}
	n.target.assign(r, s, v)
	return jumpNone
}

// filterText applies the filters of a block to its text.
func (r *run) filterText(filters expr, text string, s *scope) any {
	outer := r.filtered
	r.filtered = text
	v := r.eval(filters, s)
	r.filtered = outer
	return v
}

func (n *ifNode) exec(r *run, s *scope) jump {
	for i, test := range n.tests {
		r.line = n.line
		if r.truth(r.eval(test, s)) {
			return r.body(n.bodies[i], s)
		}
	}
	return r.body(n.orElse, s)
}

func (n *withNode) exec(r *run, s *scope) jump {
	r.line = n.line
	inner := &scope{parent: s}
	for i, e := range n.values {
		n.targets[i].assign(r, inner, r.eval(e, s))
	}
	return r.body(n.body, inner)
}

func (n *filterNode) exec(r *run, s *scope) jump {
	r.line = n.line
	var j jump
	inner := &scope{parent: s}
	text := r.capture(func() { j = r.body(n.body, inner) })
	if j != jumpNone {
		return j
	}
	r.out.write(r, r.str(r.filterText(n.filters, text, inner)))
	return jumpNone
}

func (n *generationNode) exec(r *run, s *scope) jump {
	r.line = n.line
	mark := func(begin bool) {
		if r.mark != nil {
			r.out.write(r, r.mark(begin))
		}
	}
	mark(true)
	r.body(n.body, &scope{parent: s})
	mark(false)
	return jumpNone
}

// target is what is assigned to.
type target interface {
	assign(r *run, s *scope, v any)
}

type (
	nameTarget  struct{ name string }
	attrTarget  struct{ namespace, name string }
	tupleTarget struct{ all []target }
)

func (t *nameTarget) assign(r *run, s *scope, v any) {
	r.step(4)
	if s.kept {
		r.take(sizeOfEntry)
	}
	s.set(t.name, v)
}

func (t *attrTarget) assign(r *run, s *scope, v any) {
	ns, ok := r.lookup(s, t.namespace).(*namespace)
	if !ok {
		r.fail("'%s.%s' cannot be assigned to: '%s' is no namespace", t.namespace, t.name, t.namespace)
	}
	if strings.HasPrefix(t.name, "_") {
		r.fail("'%s.%s' cannot be assigned to: names in a namespace do not begin with _", t.namespace, t.name)
	}
	ns.attrs.set(r, t.name, v)
}

func (t *tupleTarget) assign(r *run, s *scope, v any) {
	items := r.iterate(v)
	if len(items) != len(t.all) {
		r.fail("%d values cannot be unpacked into %d variables", len(items), len(t.all))
	}
	for i, one := range t.all {
		one.assign(r, s, items[i])
	}
}
