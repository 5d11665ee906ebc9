package jinja

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// parseTuple reads an expression, or several with commas; conditional says whether "a if b" is one.
func (p *parser) parseTuple(conditional bool, ends ...string) expr {
	return p.tuple(conditional, false, ends)
}

func (p *parser) tuple(conditional, parentheses bool, ends []string) expr {
	line := p.cur().line
	var items []expr
	isTuple := false
	for {
		t := p.cur()
		if t.kind == tokVarEnd || t.kind == tokBlockEnd || p.isOp(")") || t.kind == tokName && slices.Contains(ends, t.text) {
			break
		}
		if conditional {
			items = append(items, p.parseExpr())
		} else {
			items = append(items, p.parseOr())
		}
		if !p.skipOp(",") {
			break
		}
		isTuple = true
	}
	if !isTuple && len(items) == 1 {
		return items[0]
	}
	if !isTuple && !parentheses {
		p.unexpected("an expression")
	}
	return &tupleExpr{line, items}
}

func (p *parser) parseExpr() expr {
	defer p.nest()()
	unknown := len(p.unknown)
	e := p.parseOr()
	for p.isName("if") {
		p.unknown = p.unknown[:unknown]
		soft := p.soft
		p.soft = true
		c := &condExpr{line: p.next().line, then: e}
		c.test = p.parseOr()
		if p.skipName("else") {
			c.orElse = p.parseExpr()
		}
		p.soft = soft
		e = c
	}
	return e
}

func (p *parser) parseOr() expr {
	e := p.parseAnd()
	for p.isName("or") {
		e = &logicExpr{p.next().line, true, e, p.parseAnd()}
	}
	return e
}

func (p *parser) parseAnd() expr {
	e := p.parseNot()
	for p.isName("and") {
		e = &logicExpr{p.next().line, false, e, p.parseNot()}
	}
	return e
}

func (p *parser) parseNot() expr {
	if p.isName("not") {
		defer p.nest()()
		return &notExpr{p.next().line, p.parseNot()}
	}
	return p.parseCompare()
}

func (p *parser) parseCompare() expr {
	first := p.parseSum()
	c := &compareExpr{line: p.cur().line, first: first}
	for {
		t := p.cur()
		switch {
		case t.kind == tokOp && slices.Contains([]string{"==", "!=", "<", ">", "<=", ">="}, t.text):
			p.next()
		case p.isName("in"):
			p.next()
		case p.isName("not") && p.nextIs(tokName, "in"):
			p.next()
			p.next()
			t.text = "not in"
		case len(c.ops) == 0:
			return first
		default:
			return c
		}
		c.ops = append(c.ops, t.text)
		c.rest = append(c.rest, p.parseSum())
	}
}

// binary folds operators of one precedence from the left.
func (p *parser) binary(operand func() expr, ops ...string) expr {
	e := operand()
	for t := p.cur(); t.kind == tokOp && slices.Contains(ops, t.text); t = p.cur() {
		p.next()
		e = &binaryExpr{t.line, t.text, e, operand()}
	}
	return e
}

func (p *parser) parseSum() expr     { return p.binary(p.parseConcat, "+", "-") }
func (p *parser) parseProduct() expr { return p.binary(p.parsePower, "*", "/", "//", "%") }
func (p *parser) parsePower() expr   { return p.binary(func() expr { return p.parseUnary(true) }, "**") }

func (p *parser) parseConcat() expr {
	first := p.parseProduct()
	if !p.isOp("~") {
		return first
	}
	c := &concatExpr{p.cur().line, []expr{first}}
	for p.skipOp("~") {
		c.parts = append(c.parts, p.parseProduct())
	}
	return c
}

func (p *parser) parseUnary(filters bool) expr {
	var e expr
	if t := p.cur(); p.isOp("-") || p.isOp("+") {
		defer p.nest()()
		p.next()
		e = &unaryExpr{t.line, t.text, p.parseUnary(false)}
	} else {
		e = p.parsePrimary()
	}
	e = p.parsePostfix(e)
	for filters {
		switch {
		case p.isOp("|"):
			e = p.parseFilters(e)
		case p.isName("is"):
			e = p.parseTest(e)
		case p.isOp("("):
			e = p.parseCall(e)
		default:
			return e
		}
	}
	return e
}

func (p *parser) parsePrimary() expr {
	defer p.nest()()
	t := p.cur()
	switch t.kind {
	case tokName:
		p.next()
		switch t.text {
		case "true", "True":
			return &constExpr{true}
		case "false", "False":
			return &constExpr{false}
		case "none", "None":
			return &constExpr{nil}
		case "caller", "varargs", "kwargs":
			for _, m := range p.macros {
				m.note(t.text)
			}
		}
		return &nameExpr{t.line, t.text}
	case tokString:
		var sb strings.Builder
		for p.cur().kind == tokString {
			sb.WriteString(p.next().text)
		}
		return &constExpr{sb.String()}
	case tokInt, tokFloat:
		return p.parseNumber()
	case tokOp:
		switch t.text {
		case "(":
			p.next()
			e := p.tuple(true, true, nil)
			p.expectOp(")")
			return e
		case "[":
			p.next()
			return &listExpr{t.line, p.parseItems("]")}
		case "{":
			p.next()
			return p.parseDict(t.line)
		}
	}
	p.unexpected("an expression")
	return nil
}

func (p *parser) parseNumber() expr {
	t := p.next()
	if t.kind == tokFloat {
		f, err := strconv.ParseFloat(t.text, 64)
		if err != nil && f == 0 {
			failAt(t.line, "%s is no number", t.text)
		}
		return &constExpr{f}
	}
	n, err := strconv.ParseInt(t.text, 0, 64)
	if strings.Trim(t.text, "0") == "" {
		n, err = 0, nil
	}
	if err != nil {
		failAt(t.line, "the number %s does not fit into 64 bits", t.text)
	}
	return &constExpr{int(n)}
}

// parseItems reads expressions with commas up to the closing bracket.
func (p *parser) parseItems(closing string) []expr {
	var items []expr
	for !p.isOp(closing) {
		items = append(items, p.parseExpr())
		if !p.skipOp(",") {
			break
		}
	}
	p.expectOp(closing)
	return items
}

func (p *parser) parseDict(line int) expr {
	d := &dictExpr{line: line}
	for !p.isOp("}") {
		d.keys = append(d.keys, p.parseExpr())
		p.expectOp(":")
		d.values = append(d.values, p.parseExpr())
		if !p.skipOp(",") {
			break
		}
	}
	p.expectOp("}")
	return d
}

func (p *parser) parsePostfix(e expr) expr {
	for {
		t := p.cur()
		switch {
		case p.skipOp("."):
			switch name := p.next(); name.kind {
			case tokName:
				e = &attrExpr{t.line, e, name.text}
			case tokInt:
				p.pos--
				e = &itemExpr{t.line, e, p.parseNumber()}
			default:
				failAt(name.line, "a name or number expected behind the dot, found '%s'", name)
			}
		case p.skipOp("["):
			e = p.parseSubscript(t.line, e)
		case p.isOp("("):
			e = p.parseCall(e)
		default:
			return e
		}
	}
}

func (p *parser) parseSubscript(line int, of expr) expr {
	if p.isOp("]") {
		p.unexpected("an expression")
	}
	s := &sliceExpr{line: line, of: of}
	if !p.isOp(":") {
		e := p.parseExpr()
		if p.skipOp("]") {
			return &itemExpr{line, of, e}
		}
		if p.isOp(",") {
			p.next()
			return &itemExpr{line, of, &tupleExpr{line, append([]expr{e}, p.parseItems("]")...)}}
		}
		s.start = e
	}
	p.expectOp(":")
	if !p.isOp(":") && !p.isOp("]") {
		s.stop = p.parseExpr()
	}
	if p.skipOp(":") && !p.isOp("]") {
		s.step = p.parseExpr()
	}
	p.expectOp("]")
	return s
}

func (p *parser) parseCall(f expr) expr {
	line := p.cur().line
	return &callExpr{line, f, p.parseArgs()}
}

func (p *parser) parseArgs() argExprs {
	p.expectOp("(")
	var a argExprs
	for !p.isOp(")") {
		t := p.cur()
		switch {
		case p.skipOp("*"):
			p.ensure(a.star == nil && a.stars == nil)
			a.star = p.parseExpr()
		case p.skipOp("**"):
			p.ensure(a.stars == nil)
			a.stars = p.parseExpr()
		case t.kind == tokName && p.nextIs(tokOp, "="):
			p.ensure(a.stars == nil && !slices.Contains(a.names, t.text))
			p.pos += 2
			a.names = append(a.names, t.text)
			a.named = append(a.named, p.parseExpr())
		default:
			p.ensure(a.star == nil && a.stars == nil && len(a.names) == 0)
			a.positional = append(a.positional, p.parseExpr())
		}
		if !p.skipOp(",") {
			break
		}
	}
	p.expectOp(")")
	return a
}

func (p *parser) ensure(ok bool) {
	if !ok {
		failAt(p.cur().line, "invalid arguments of a call")
	}
}

// parseFilters reads "|name(args)" as often as it comes; of is nil in blocks, whose text is filtered.
func (p *parser) parseFilters(of expr) expr {
	for p.skipOp("|") {
		of = p.parseFilter(of)
	}
	return of
}

func (p *parser) dotted() token {
	name := p.expect(tokName)
	for p.skipOp(".") {
		name.text += "." + p.expect(tokName).text
	}
	return name
}

func (p *parser) parseFilter(of expr) expr {
	name := p.dotted()
	f := &filterExpr{line: name.line, of: of, name: name.text}
	if p.isOp("(") {
		f.args = p.parseArgs()
	}
	if filterNamed(f.name) == nil && !p.soft {
		p.unknown = append(p.unknown, &Error{name.line, errors.New(noFilter(f.name))})
	}
	return f
}

func (p *parser) parseTest(of expr) expr {
	line := p.next().line
	negated := p.skipName("not")
	name := p.dotted()
	n := &testExpr{line: line, of: of, name: name.text}
	t := p.cur()
	switch {
	case p.isOp("("):
		n.args = p.parseArgs()
	case t.kind == tokString || t.kind == tokInt || t.kind == tokFloat || p.isOp("[") || p.isOp("{") ||
		t.kind == tokName && !slices.Contains([]string{"else", "or", "and"}, t.text):
		if p.isName("is") {
			failAt(t.line, "tests cannot be chained with is")
		}
		n.args.positional = []expr{p.parsePostfix(p.parsePrimary())}
	}
	if tests[n.name] == nil && !p.soft {
		p.unknown = append(p.unknown, &Error{name.line, fmt.Errorf("there is no test named '%s'", n.name)})
	}
	if negated {
		return &notExpr{line, n}
	}
	return n
}
