package jinja

// expr is an expression that has been parsed.
type expr interface {
	eval(r *run, s *scope) any
}

type (
	constExpr struct{ value any }
	nameExpr  struct {
		line int
		name string
	}
	tupleExpr struct {
		line  int
		items []expr
	}
	listExpr struct {
		line  int
		items []expr
	}
	dictExpr struct {
		line         int
		keys, values []expr
	}
	condExpr struct {
		line               int
		test, then, orElse expr // orElse may be nil
	}
	logicExpr struct {
		line        int
		or          bool
		left, right expr
	}
	notExpr struct {
		line int
		of   expr
	}
	compareExpr struct {
		line  int
		first expr
		ops   []string
		rest  []expr
	}
	binaryExpr struct {
		line        int
		op          string
		left, right expr
	}
	unaryExpr struct {
		line int
		op   string
		of   expr
	}
	concatExpr struct {
		line  int
		parts []expr
	}
	attrExpr struct {
		line int
		of   expr
		name string
	}
	itemExpr struct {
		line    int
		of, key expr
	}
	sliceExpr struct {
		line                  int
		of, start, stop, step expr // the last three may be nil
	}
	callExpr struct {
		line int
		f    expr
		args argExprs
	}
	filterExpr struct {
		line int
		of   expr // nil: the text of a block
		name string
		args argExprs
	}
	testExpr struct {
		line int
		of   expr
		name string
		args argExprs
	}
	argExprs struct {
		positional  []expr
		names       []string
		named       []expr
		star, stars expr
	}
)

// eval evaluates e at its line, and counts it.
func (r *run) eval(e expr, s *scope) any {
	r.step(1)
	r.enter()
	v := e.eval(r, s)
	r.leave()
	return v
}

func (e *constExpr) eval(*run, *scope) any { return e.value }

func (e *nameExpr) eval(r *run, s *scope) any {
	r.line = e.line
	return r.lookup(s, e.name)
}

func (r *run) evalAll(items []expr, s *scope) []any {
	r.take(len(items)*sizeOfElement + sizeOfObject)
	out := make([]any, len(items))
	for i, e := range items {
		out[i] = r.eval(e, s)
	}
	return out
}

func (e *tupleExpr) eval(r *run, s *scope) any { return &tuple{r.evalAll(e.items, s)} }
func (e *listExpr) eval(r *run, s *scope) any  { return &list{r.evalAll(e.items, s)} }

func (e *dictExpr) eval(r *run, s *scope) any {
	d := r.newDict()
	for i := range e.keys {
		key := r.eval(e.keys[i], s)
		v := r.eval(e.values[i], s)
		r.line = e.line
		d.set(r, key, v)
	}
	return d
}

func (e *condExpr) eval(r *run, s *scope) any {
	switch {
	case r.truth(r.eval(e.test, s)):
		return r.eval(e.then, s)
	case e.orElse != nil:
		return r.eval(e.orElse, s)
	}
	return r.undefined("the inline if-expression of line %d is false and has no else", e.line)
}

func (e *logicExpr) eval(r *run, s *scope) any {
	left := r.eval(e.left, s)
	if r.truth(left) == e.or {
		return left
	}
	return r.eval(e.right, s)
}

func (e *notExpr) eval(r *run, s *scope) any { return !r.truth(r.eval(e.of, s)) }

func (e *compareExpr) eval(r *run, s *scope) any {
	left := r.eval(e.first, s)
	for i, op := range e.ops {
		right := r.eval(e.rest[i], s)
		r.line = e.line
		if !r.compare(op, left, right) {
			return false
		}
		left = right
	}
	return true
}

func (e *binaryExpr) eval(r *run, s *scope) any {
	left := r.eval(e.left, s)
	right := r.eval(e.right, s)
	r.line = e.line
	return r.binary(e.op, left, right)
}

func (e *unaryExpr) eval(r *run, s *scope) any {
	v := r.eval(e.of, s)
	r.line = e.line
	return r.unary(e.op, v)
}

func (e *concatExpr) eval(r *run, s *scope) any {
	var b buffer
	for _, part := range e.parts {
		r.line = e.line
		b.write(r, r.str(r.eval(part, s)))
	}
	return b.text(r)
}

func (e *attrExpr) eval(r *run, s *scope) any {
	v := r.eval(e.of, s)
	r.line = e.line
	return r.attribute(v, e.name)
}

func (e *itemExpr) eval(r *run, s *scope) any {
	v := r.eval(e.of, s)
	key := r.eval(e.key, s)
	r.line = e.line
	return r.item(v, key)
}

func (e *sliceExpr) eval(r *run, s *scope) any {
	v := r.eval(e.of, s)
	var bounds [3]any
	for i, b := range []expr{e.start, e.stop, e.step} {
		if b != nil {
			bounds[i] = r.eval(b, s)
		}
	}
	r.line = e.line
	return r.slice(v, bounds)
}

func (e *callExpr) eval(r *run, s *scope) any {
	f := r.eval(e.f, s)
	a := r.args(e.args, s)
	r.line = e.line
	return r.call(f, a)
}

func (e *filterExpr) eval(r *run, s *scope) any {
	var v any
	if e.of == nil {
		v = r.filtered
	} else {
		v = r.eval(e.of, s)
	}
	a := r.args(e.args, s)
	r.line = e.line
	return r.filter(e.name, v, a)
}

func (e *testExpr) eval(r *run, s *scope) any {
	v := r.eval(e.of, s)
	a := r.args(e.args, s)
	r.line = e.line
	return r.test(e.name, v, a)
}
