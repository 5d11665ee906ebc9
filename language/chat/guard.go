package chat

import (
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/nikolalohinski/gonja/v2/exec"
)

// Bounds on what a template does. Those in use take microseconds and some hundred steps.
const (
	maxSteps = 100_000          // iterations of loops and calls of macros
	maxTime  = 10 * time.Second // of one rendering
	maxDepth = 2000             // frames of the stack, so that recursion ends before the stack does
	maxKept  = 4 << 20          // bytes or elements of one variable, and as much again as the conversation has
	maxWidth = 1000             // integers given to filters and methods: widths, counts
)

// guard is asked by the calls that guarded puts into a template.
type guard struct {
	steps int
	kept  int
	until time.Time
}

// excess is what a template is stopped with: a panic, because gonja would wrap an error once for every call that it leaves,
// each time with the text of the call.
type excess string

func newGuard(messages list) *guard {
	g := &guard{until: time.Now().Add(maxTime), kept: maxKept}
	for _, m := range messages {
		g.kept += len(fmt.Sprint(m.(map[string]any)["content"]))
	}
	return g
}

func stop(format string, args ...any) { panic(excess(fmt.Sprintf(format, args...))) }

// step counts one iteration or call.
func (g *guard) step() string {
	g.steps++
	switch {
	case g.steps > maxSteps:
		stop("more than %d steps: does it end?", maxSteps)
	case g.steps%8 == 0:
		if time.Now().After(g.until) {
			stop("more than %v: does it end?", maxTime)
		}
		var one [1]uintptr
		if runtime.Callers(maxDepth, one[:]) > 0 {
			stop("calls are nested too deep: does it end?")
		}
	}
	return ""
}

// keep looks at variables that have been set.
func (g *guard) keep(args *exec.VarArgs) string {
	for _, v := range args.Args {
		if v.IsString() || v.IsList() || v.IsDict() {
			if n := v.Len(); n > g.kept {
				stop("a variable of %d bytes or elements, at most %d expected", n, g.kept)
			}
		}
	}
	return ""
}

// names of the guard's functions and of the mark that {% generation %} leaves; templates do not see others' values in them.
const (
	stepName       = "moslava_step"
	keepName       = "moslava_keep"
	generationName = "moslava_generation"
)

var (
	assignment = regexp.MustCompile(`^\s*set\s+([A-Za-z_][\w.]*(?:\s*,\s*[A-Za-z_][\w.]*)*)\s*=[^=]`)
	blockStart = regexp.MustCompile(`^\s*(for|macro|call)\b`)
)

// guarded is the text that follows a statement so that it cannot run or grow without end.
func guarded(inner string) string {
	if blockStart.MatchString(inner) {
		return "{{ " + stepName + "() }}"
	}
	if m := assignment.FindStringSubmatch(inner); m != nil {
		return "{{ " + keepName + "(" + m[1] + ") }}"
	}
	return ""
}

// checkTag refuses tags that nest too deep for the parser, and products that may repeat a long text: of a string, only by a
// small number that is written out.
func checkTag(inner string) error {
	depth := 0
	for i := 0; i < len(inner); i++ {
		switch c := inner[i]; {
		case c == '"' || c == '\'':
			i = stringEnd(inner, i)
		case c == '(' || c == '[' || c == '{':
			if depth++; depth > 100 {
				return errors.New("more than 100 brackets inside one another")
			}
		case c == ')' || c == ']' || c == '}':
			depth--
		case c == '*':
			if strings.HasPrefix(inner[i:], "**") {
				i++
				continue
			}
			if err := checkFactor(inner[:i], inner[i+1:]); err != nil {
				return err
			}
		}
	}
	return nil
}

var (
	numberBefore = regexp.MustCompile(`(?:^|[^\w.'"\])])\d+(?:\.\d+)?\s*$|\|\s*(?:length|int|float|round)\s*\)?\s*$|\bloop\.\w+\s*$|\(\s*$|,\s*$`)
	numberAfter  = regexp.MustCompile(`^\s*(\d+(?:\.\d+)?)`)
)

func checkFactor(left, right string) error {
	if numberBefore.MatchString(left) {
		return nil
	}
	m := numberAfter.FindStringSubmatch(right)
	if m == nil || len(m[1]) > 3 || strings.Contains(right, "*") {
		return errors.New("a product whose left side may be a text and whose right side is no number below 1000 is not supported")
	}
	return nil
}

// smallArguments refuses integers that make filters and methods fill memory.
func smallArguments(name string, args *exec.VarArgs) error {
	check := func(v *exec.Value) error {
		if v != nil && v.IsInteger() && (v.Integer() > maxWidth || v.Integer() < -maxWidth) {
			return fmt.Errorf("%s: %d given, at most %d expected", name, v.Integer(), maxWidth)
		}
		return nil
	}
	for _, v := range args.Args {
		if err := check(v); err != nil {
			return err
		}
	}
	for _, v := range args.KwArgs {
		if err := check(v); err != nil {
			return err
		}
	}
	return nil
}

// boundedReplace is strings.Replace whose result has at most maxRendered bytes.
func boundedReplace(s, from, to string, count int) string {
	n := strings.Count(s, from)
	if count >= 0 {
		n = min(n, count)
	}
	if len(to) > 0 && n > 0 && (len(s)+n*len(to) > maxRendered) {
		stop("replace: a text of %d bytes, at most %d expected", len(s)+n*len(to), maxRendered)
	}
	return strings.Replace(s, from, to, count)
}

// widths are the filters and methods whose integers are sizes.
var (
	wideFilters = []string{"center", "indent", "wordwrap", "batch", "slice", "round", "tojson", "truncate"}
	wideMethods = []string{"center", "ljust", "rjust", "zfill"}
)

// narrow puts smallArguments before the filters in wideFilters.
func narrow(filters *exec.FilterSet) {
	for _, name := range wideFilters {
		f, ok := filters.Get(name)
		if !ok {
			continue
		}
		replaceFilter(filters, name, func(e *exec.Evaluator, in *exec.Value, args *exec.VarArgs) *exec.Value {
			if err := smallArguments(name, args); err != nil {
				return exec.AsValue(err)
			}
			return f(e, in, args)
		})
	}
	replaceFilter(filters, "replace", func(_ *exec.Evaluator, in *exec.Value, args *exec.VarArgs) *exec.Value {
		if in.IsError() {
			return in
		}
		count := -1
		if len(args.Args) == 3 {
			count = args.Args[2].Integer()
		} else if len(args.Args) != 2 {
			return exec.AsValue(fmt.Errorf("replace: 2 or 3 arguments expected, found %d", len(args.Args)))
		}
		return exec.AsValue(boundedReplace(in.String(), args.Args[0].String(), args.Args[1].String(), count))
	})
}
