// Package jinja interprets chat templates as transformers 5 does (utils/chat_template_utils.py: jinja2 3.1.6, its
// ImmutableSandboxedEnvironment with trim_blocks and lstrip_blocks, loop controls, tojson, raise_exception,
// strftime_now and {% generation %}). A template is a program that comes with a model. What it may use is counted while
// it runs (Limits), so that any template ends, within bounded memory, as text or as an error with its line.
//
// Values are Python's: nil is None, then bool, int (64 bits, overflow is an error), float64, string, and the types of
// value.go. There is no way to other files, and nothing that a template is given can be changed by it.
package jinja

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// MaxSource bounds a template, in bytes. 99 of 100 published ones have less than 20 kB, the longest 141 kB.
const MaxSource = 256 << 10

// Template is a compiled template, safe for concurrent use.
type Template struct {
	body        []node
	generations bool
}

// Options of one rendering. The zero value is fine.
type Options struct {
	Context context.Context         // ends the rendering early; nil for never
	Now     time.Time               // what strftime_now tells; the zero time stands for time.Now()
	Mark    func(begin bool) string // draws the ends of {% generation %} blocks; nil for nothing
	Limits  Limits                  // zero fields stand for those of DefaultLimits
}

// Error is what is wrong with a template, or with what it does.
type Error struct {
	Line int // from 1
	Err  error
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("line %d: %s", e.Line, shorten(e.Err.Error())) }

// shorten cuts the middle out of a long message: a template can name things as it likes.
func shorten(s string) string {
	const edge = 300
	if len(s) <= 2*edge {
		return s
	}
	return strings.ToValidUTF8(s[:edge], "") + " ... " + strings.ToValidUTF8(s[len(s)-edge:], "")
}

// Unwrap gives errors.As a Raised or Exceeded, and errors.Is the reason of a context.
func (e *Error) Unwrap() error { return e.Err }

// Raised is the message of the template's own raise_exception.
type Raised string

// Error implements error.
func (r Raised) Error() string { return string(r) }

// Parse compiles source. Errors are of type *Error.
func Parse(source string) (t *Template, err error) {
	defer catch(&err)
	if len(source) > MaxSource {
		return nil, &Error{1, fmt.Errorf("a template of %d bytes, at most %d expected", len(source), MaxSource)}
	}
	if !utf8.ValidString(source) {
		return nil, &Error{1, errors.New("the template is not UTF-8")}
	}
	p := &parser{tokens: lex(source)}
	body := p.parseBody()
	if len(p.unknown) > 0 {
		return nil, p.unknown[0]
	}
	return &Template{body: body, generations: p.generations}, nil
}

// HasGenerations tells whether the template says with {% generation %} what the assistant says.
func (t *Template) HasGenerations() bool { return t.generations }

// Render runs the template. vars are its variables: nil, booleans, numbers, strings, and slices and maps with string
// keys of these; the keys of a map come in alphabetical order but for role and type, which come first. Value makes
// dictionaries in an order of their own. Errors are of type *Error.
func (t *Template) Render(vars map[string]any, opt Options) (text string, err error) {
	defer catch(&err)
	r := &run{budget: newBudget(opt), now: opt.Now, mark: opt.Mark}
	if r.now.IsZero() {
		r.now = time.Now()
	}
	global := &scope{vars: make(map[string]any, len(vars))}
	for name, v := range vars {
		global.vars[name] = r.fromGo(v, 0)
	}
	r.input = false
	root := &scope{parent: global}
	return r.capture(func() { r.body(t.body, root) }), nil
}

// catch turns what failAt and run.fail throw into an error. Anything else is a fault of this package, which ends a
// template but not the program; the fuzz test fails on it.
func catch(err *error) {
	switch e := recover().(type) {
	case nil:
	case *Error:
		*err = e
	default:
		*err = &Error{1, fmt.Errorf("%s: %v", fault, e)}
	}
}

const fault = "a fault of the template engine"

// failAt ends parsing or rendering.
func failAt(line int, format string, args ...any) {
	panic(&Error{line, fmt.Errorf(format, args...)})
}
