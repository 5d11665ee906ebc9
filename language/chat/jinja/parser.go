package jinja

import (
	"slices"
	"strings"
)

// parser builds statements as jinja2/parser.py does. Its expressions are in parser_expr.go.
type parser struct {
	tokens      []token
	pos         int
	depth       int
	loops       int      // for blocks around, inside of the innermost macro
	soft        bool     // inside of an if, where unknown filters and tests fail when they are used
	unknown     []*Error // filters and tests elsewhere
	macros      []*macro // that are being read
	generations bool
}

func (p *parser) cur() token { return p.tokens[p.pos] }

func (p *parser) next() token {
	t := p.tokens[p.pos]
	if t.kind != tokEOF {
		p.pos++
	}
	return t
}

func (p *parser) isOp(op string) bool     { t := p.cur(); return t.kind == tokOp && t.text == op }
func (p *parser) isName(name string) bool { t := p.cur(); return t.kind == tokName && t.text == name }

// nextIs looks one token ahead.
func (p *parser) nextIs(k kind, text string) bool {
	if p.pos+1 >= len(p.tokens) {
		return false
	}
	t := p.tokens[p.pos+1]
	return t.kind == k && t.text == text
}

func (p *parser) skipOp(op string) bool {
	if p.isOp(op) {
		p.pos++
		return true
	}
	return false
}

func (p *parser) skipName(name string) bool {
	if p.isName(name) {
		p.pos++
		return true
	}
	return false
}

func (p *parser) expectOp(op string) {
	if !p.skipOp(op) {
		p.unexpected("'" + op + "'")
	}
}

func (p *parser) expect(k kind) token {
	if p.cur().kind != k {
		p.unexpected("'" + token{kind: k, text: "name"}.String() + "'")
	}
	return p.next()
}

func (p *parser) unexpected(want string) {
	failAt(p.cur().line, "expected %s, found '%s'", want, p.cur())
}

// nest counts what is inside of one another, for the sake of the stack.
func (p *parser) nest() func() {
	if p.depth++; p.depth > maxNesting {
		failAt(p.cur().line, "more than %d brackets, operators or blocks inside one another", maxNesting)
	}
	return func() { p.depth-- }
}

// parseBody reads statements up to one of the tags ends, of which it consumes the name, or up to the end of the
// template.
func (p *parser) parseBody(ends ...string) []node {
	defer p.nest()()
	opened := p.cur().line
	if len(ends) > 0 {
		p.skipOp(":")
		p.expect(tokBlockEnd)
	}
	var body []node
	for {
		switch t := p.next(); t.kind {
		case tokEOF:
			if len(ends) > 0 {
				failAt(t.line, "the template ends inside of the block of line %d, '%s' expected",
					opened, strings.Join(ends, "' or '"))
			}
			return body
		case tokData:
			body = append(body, &textNode{t.text})
		case tokVarBegin:
			body = append(body, &printNode{t.line, p.parseTuple(true)})
			p.expect(tokVarEnd)
		case tokBlockBegin:
			name := p.cur()
			if name.kind != tokName {
				failAt(name.line, "tag name expected, found '%s'", name)
			}
			p.next()
			if slices.Contains(ends, name.text) {
				return body
			}
			body = append(body, p.parseStatement(name))
			p.expect(tokBlockEnd)
		}
	}
}

// last is the name of the tag at which parseBody stopped.
func (p *parser) last() string { return p.tokens[p.pos-1].text }

// scoped parses a body that has variables of its own.
func (p *parser) scoped(ends ...string) []node {
	soft := p.soft
	p.soft = false
	defer func() { p.soft = soft }()
	return p.parseBody(ends...)
}

func (p *parser) parseStatement(name token) node {
	switch name.text {
	case "for":
		return p.parseFor(name.line)
	case "if":
		return p.parseIf(name.line)
	case "set":
		return p.parseSet(name.line)
	case "macro":
		return p.parseMacro(name.line)
	case "call":
		return p.parseCallBlock(name.line)
	case "filter":
		return p.parseFilterBlock(name.line)
	case "with":
		return p.parseWith(name.line)
	case "print":
		return p.parsePrint(name.line)
	case "generation":
		p.generations = true
		return &generationNode{line: name.line, body: p.macroBody(&macro{}, "endgeneration")}
	case "break", "continue":
		if p.loops == 0 {
			failAt(name.line, "%s outside of a loop", name.text)
		}
		return &jumpNode{map[string]jump{"break": jumpBreak, "continue": jumpContinue}[name.text]}
	case "include", "import", "from", "extends", "block", "autoescape":
		failAt(name.line, "{%% %s %%} is not supported: a chat template is one file, of text", name.text)
	}
	failAt(name.line, "unknown tag '%s'", name.text)
	return nil
}

func (p *parser) parseFor(line int) node {
	n := &forNode{line: line}
	n.target = p.parseTarget("in", false)
	if !p.skipName("in") {
		p.unexpected("'in'")
	}
	n.iter = p.parseTuple(false, "recursive")
	if p.skipName("if") {
		n.test = p.parseExpr()
	}
	n.recursive = p.skipName("recursive")
	p.loops++
	n.body = p.scoped("endfor", "else")
	p.loops--
	if p.last() == "else" {
		n.orElse = p.scoped("endfor")
	}
	return n
}

func (p *parser) parseIf(line int) node {
	defer func(soft bool) { p.soft = soft }(p.soft)
	p.soft = true
	n := &ifNode{line: line}
	for {
		n.tests = append(n.tests, p.parseTuple(false))
		n.bodies = append(n.bodies, p.parseBody("elif", "else", "endif"))
		switch p.last() {
		case "else":
			n.orElse = p.parseBody("endif")
			return n
		case "endif":
			return n
		}
	}
}

func (p *parser) parseSet(line int) node {
	target := p.parseTarget("", true)
	if p.skipOp("=") {
		return &setNode{line, target, p.parseTuple(true)}
	}
	filters := p.parseFilters(nil)
	return &setBlockNode{line: line, target: target, filters: filters, body: p.scoped("endset")}
}

func (p *parser) parseWith(line int) node {
	n := &withNode{line: line}
	for p.cur().kind != tokBlockEnd {
		if len(n.targets) > 0 {
			p.expectOp(",")
		}
		n.targets = append(n.targets, p.parseTarget("", false))
		p.expectOp("=")
		n.values = append(n.values, p.parseExpr())
	}
	n.body = p.scoped("endwith")
	return n
}

func (p *parser) parsePrint(line int) node {
	n := &groupNode{}
	for p.cur().kind != tokBlockEnd {
		if len(n.body) > 0 {
			p.expectOp(",")
		}
		n.body = append(n.body, &printNode{line, p.parseExpr()})
	}
	return n
}

func (p *parser) parseMacro(line int) node {
	m := &macro{name: p.expect(tokName).text}
	p.parseSignature(m)
	m.body = p.macroBody(m, "endmacro")
	return &macroNode{line, m}
}

func (p *parser) parseCallBlock(line int) node {
	m := &macro{name: "caller"}
	if p.isOp("(") {
		p.parseSignature(m)
	}
	called, ok := p.parseExpr().(*callExpr)
	if !ok {
		failAt(line, "{%% call %%} expects a call")
	}
	m.body = p.macroBody(m, "endcall")
	return &callNode{line, called, m}
}

func (p *parser) parseFilterBlock(line int) node {
	first := p.parseFilter(nil)
	return &filterNode{line: line, filters: p.parseFilters(first), body: p.scoped("endfilter")}
}

// macroBody parses the body of m and notes which special variables it reads.
func (p *parser) macroBody(m *macro, end string) []node {
	loops := p.loops
	p.loops = 0
	p.macros = append(p.macros, m)
	body := p.scoped(end)
	p.macros = p.macros[:len(p.macros)-1]
	p.loops = loops
	return body
}

func (p *parser) parseSignature(m *macro) {
	p.expectOp("(")
	for !p.skipOp(")") {
		if len(m.params) > 0 {
			p.expectOp(",")
		}
		param := p.expect(tokName)
		if slices.Contains(m.params, param.text) {
			failAt(param.line, "two parameters are called %s", param.text)
		}
		m.params = append(m.params, param.text)
		if p.skipOp("=") {
			m.defaults = append(m.defaults, p.parseExpr())
		} else if len(m.defaults) > 0 {
			failAt(param.line, "a parameter without a default follows one that has one")
		}
	}
}

// parseTarget reads what is assigned to: a name, an attribute of a namespace, or several of these.
func (p *parser) parseTarget(end string, namespaces bool) target {
	defer p.nest()()
	one := func() target {
		if p.skipOp("(") {
			t := p.parseTarget("", namespaces)
			p.expectOp(")")
			return t
		}
		name := p.expect(tokName)
		switch name.text {
		case "true", "false", "none", "True", "False", "None":
			failAt(name.line, "%s cannot be assigned to", name.text)
		}
		if namespaces && p.skipOp(".") {
			return &attrTarget{name.text, p.expect(tokName).text}
		}
		return &nameTarget{name.text}
	}
	first := one()
	if !p.isOp(",") {
		return first
	}
	all := []target{first}
	for p.skipOp(",") {
		if t := p.cur(); t.kind != tokName && !p.isOp("(") || end != "" && t.text == end {
			break
		}
		all = append(all, one())
	}
	return &tupleTarget{all}
}
