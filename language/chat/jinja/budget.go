package jinja

import (
	"context"
	"fmt"
	"math"
	"time"
)

// Limits bound one rendering.
type Limits struct {
	Steps int           // parts of expressions, statements, turns of loops, and one for every 16 bytes read
	Bytes int           // of text and lists that are made, in all, whether kept or not: so much memory at most
	Depth int           // expressions, blocks and calls inside one another
	Time  time.Duration // by the clock, in case the machine is slow
}

// DefaultLimits hold for what a template does on its own. Steps and bytes grow with what it is given: by stepsPerByte
// and bytesPerByte for each byte of its variables. Half of the published templates take up to 56 steps a message and make
// four times the text that they are given; those that go through a text by characters take 30 steps and make 200 bytes
// for each of its bytes.
var DefaultLimits = Limits{Steps: 8_000_000, Bytes: 16 << 20, Depth: 1000, Time: 10 * time.Second}

const (
	stepsPerByte = 64
	bytesPerByte = 256
	maxNesting   = 200 // brackets, operators and blocks inside one another in a source; also values inside one another
)

// Exceeded says which limit a template has reached.
type Exceeded struct {
	Limit string // steps, bytes, depth or time
	Max   string
}

// Error implements error.
func (e Exceeded) Error() string {
	return fmt.Sprintf("the template exceeds its limit of %s (%s): does it end?", e.Limit, e.Max)
}

// budget counts what a rendering uses: the one place.
type budget struct {
	limits Limits
	ctx    context.Context
	until  time.Time
	steps  int
	bytes  int
	depth  int
	line   int  // of what is evaluated
	input  bool // variables are being read: they make the budget larger
}

func newBudget(opt Options) budget {
	l := opt.Limits
	d := DefaultLimits
	if l.Steps == 0 {
		l.Steps = d.Steps
	}
	if l.Bytes == 0 {
		l.Bytes = d.Bytes
	}
	if l.Depth == 0 {
		l.Depth = d.Depth
	}
	if l.Time == 0 {
		l.Time = d.Time
	}
	return budget{limits: l, ctx: opt.Context, until: time.Now().Add(l.Time), line: 1, input: true}
}

// step counts n steps.
func (b *budget) step(n int) {
	before := b.steps
	b.steps += n
	if b.steps > b.limits.Steps || b.steps < before {
		b.exceed("steps", fmt.Sprint(b.limits.Steps))
	}
	if before>>12 != b.steps>>12 {
		b.look()
	}
}

// look at clock and context.
func (b *budget) look() {
	if time.Now().After(b.until) {
		b.exceed("time", b.limits.Time.String())
	}
	if b.ctx != nil && b.ctx.Err() != nil {
		panic(&Error{b.line, context.Cause(b.ctx)})
	}
}

// scan counts the reading of n bytes or elements.
func (b *budget) scan(n int) { b.step(1 + n/16) }

// Sizes in memory, roughly, for take.
const (
	sizeOfString  = 16 // besides its bytes
	sizeOfElement = 32 // of a list
	sizeOfEntry   = 96 // of a dictionary
	sizeOfObject  = 64
	sizeOfClosure = 512 // a macro keeps the variables around it
)

// take counts n bytes, before they are made.
func (b *budget) take(n int) {
	if b.input {
		b.limits.Bytes += n * bytesPerByte
		b.limits.Steps += n * stepsPerByte
		return
	}
	if n > b.limits.Bytes-b.bytes {
		b.exceed("bytes", fmt.Sprint(b.limits.Bytes))
	}
	b.bytes += n
	b.step(1 + n/64)
}

// enter counts depth; leave undoes it.
func (b *budget) enter() {
	if b.depth++; b.depth > b.limits.Depth {
		b.exceed("depth", fmt.Sprint(b.limits.Depth))
	}
}

func (b *budget) leave() { b.depth-- }

func (b *budget) exceed(limit, most string) { panic(&Error{b.line, Exceeded{limit, most}}) }

func (b *budget) fail(format string, args ...any) { failAt(b.line, format, args...) }

// product is a*b for sizes, or the largest int.
func product(a, b int) int {
	if a <= 0 || b <= 0 {
		return 0
	}
	if a > math.MaxInt/b {
		return math.MaxInt
	}
	return a * b
}
