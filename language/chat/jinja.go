package chat

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/nikolalohinski/gonja/v2/builtins"
	"github.com/nikolalohinski/gonja/v2/config"
	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/loaders"
	"github.com/nikolalohinski/gonja/v2/parser"
)

// Bounds on templates, which come with models.
const (
	maxSource   = 256 << 10 // bytes of source; those in use have less than 20 kB
	maxRendered = 64 << 20  // bytes of one rendered conversation
	maxRange    = 100_000   // numbers in a range(), as jinja2.sandbox has it
)

// jinja is a compiled template, safe for concurrent use.
type jinja struct {
	template *exec.Template
	marks    bool // it says with {% generation %} what the assistant says
	vars     map[string]string
	now      time.Time // one for the life of the template, so that a run that passes midnight sees one prompt
}

// parseJinja compiles source. It has no way to other files: include, import and extends are unknown to it.
func parseJinja(source string, vars map[string]string) (j *jinja, err error) {
	defer recoverAs(&err)
	if len(source) > maxSource {
		return nil, fmt.Errorf("template of %d bytes, at most %d expected", len(source), maxSource)
	}
	marks := generationTag.MatchString(source)
	source, err = applyWhitespaceRules(source)
	if err != nil {
		return nil, err
	}
	const name = "/chat_template.jinja"
	loader, err := loaders.NewMemoryLoader(map[string]string{name: source})
	if err != nil {
		return nil, err
	}
	cfg := config.New()
	cfg.KeepTrailingNewline = true // applyWhitespaceRules has removed the one that goes
	t, err := exec.NewTemplate(name, cfg, loader, environment)
	if err != nil {
		if inner := errors.Unwrap(err); inner != nil { // the outer message repeats the source
			err = inner
		}
		return nil, err
	}
	return &jinja{template: t, marks: marks, vars: vars, now: time.Now()}, nil
}

// render draws messages, each a map[string]any with role and content.
func (j *jinja) render(messages list, addGenerationPrompt bool) (string, error) {
	return j.execute(messages, addGenerationPrompt, func(bool) string { return "" })
}

// execute is render; mark draws the beginning and the end of a {% generation %} block.
func (j *jinja) execute(messages list, addGenerationPrompt bool, mark func(begin bool) string) (text string, err error) {
	defer recoverAs(&err)
	g := newGuard(messages)
	vars := map[string]any{"tools": nil, "documents": nil}
	for k, v := range j.vars {
		vars[k] = v
	}
	var raised error
	vars["messages"] = messages
	vars["add_generation_prompt"] = addGenerationPrompt
	vars["raise_exception"] = func(message string) (string, error) {
		raised = errors.New(message)
		return "", raised
	}
	vars["strftime_now"] = func(format string) (string, error) { return strftime(j.now, format) }
	vars[stepName], vars[keepName], vars[generationName] = g.step, g.keep, mark
	var sb strings.Builder
	if err := j.template.Execute(&limitedWriter{&sb, maxRendered}, exec.NewContext(vars)); err != nil {
		if raised != nil {
			return "", fmt.Errorf("the template refuses the conversation: %w", raised)
		}
		return "", errors.New(shorten(err.Error()))
	}
	return sb.String(), nil
}

// recoverAs turns a panic of the template engine into an error.
func recoverAs(err *error) {
	switch r := recover().(type) {
	case nil:
	case excess:
		*err = errors.New(string(r))
	default:
		*err = errors.New(shorten(fmt.Sprintf("template engine: %v", r)))
	}
}

// shorten cuts the middle out of a long message: gonja's have the values that they are about.
func shorten(s string) string {
	const edge = 300
	if len(s) <= 2*edge {
		return s
	}
	return strings.ToValidUTF8(s[:edge], "") + " ... " + strings.ToValidUTF8(s[len(s)-edge:], "")
}

// limitedWriter fails after left bytes.
type limitedWriter struct {
	w    io.Writer
	left int
}

// Write implements io.Writer.
func (l *limitedWriter) Write(b []byte) (int, error) {
	if len(b) > l.left {
		return 0, fmt.Errorf("more than %d bytes rendered", maxRendered)
	}
	l.left -= len(b)
	return l.w.Write(b)
}

// environment is Jinja as transformers 5 sets it up (utils/chat_template_utils.py), with corrections of gonja 2.9.1
// where it is not Python.
var environment = newEnvironment()

func newEnvironment() *exec.Environment {
	globals := exec.EmptyContext().Update(builtins.GlobalFunctions)
	globals.Set("range", rangeFunction)

	filters := exec.NewFilterSet(map[string]exec.FilterFunction{}).Update(builtins.Filters)
	replaceFilter(filters, "tojson", toJSONFilter)
	replaceFilter(filters, "list", listFilter)
	narrow(filters)

	blocks := map[string]parser.ControlStructureParser{}
	for _, name := range []string{"if", "for", "set", "macro", "call", "filter", "with", "raw", "do", "break", "continue"} {
		if p, ok := builtins.ControlStructures.Get(name); ok {
			blocks[name] = p
		}
	}
	methods := builtins.Methods
	methods.Str = stringMethods()
	return &exec.Environment{
		Context:           globals,
		Filters:           filters,
		Tests:             builtins.Tests,
		ControlStructures: exec.NewControlStructureSet(blocks),
		Methods:           methods,
	}
}

// replaceFilter cannot fail: the name is one of gonja's.
func replaceFilter(set *exec.FilterSet, name string, f exec.FilterFunction) {
	if err := set.Replace(name, f); err != nil {
		panic(err)
	}
}

// rangeFunction is range as a list; gonja's is a channel, which leaks a goroutine when the loop breaks.
func rangeFunction(args *exec.VarArgs) (list, error) {
	var n [3]int
	for i, a := range args.Args {
		if i >= len(n) || !a.IsInteger() {
			return nil, fmt.Errorf("range: at most 3 integers expected")
		}
		n[i] = a.Integer()
	}
	start, stop, step := 0, n[0], 1
	if len(args.Args) > 1 {
		start, stop = n[0], n[1]
	}
	if len(args.Args) > 2 {
		step = n[2]
	}
	if len(args.Args) == 0 || step == 0 {
		return nil, fmt.Errorf("range: 1 to 3 integers expected, the third not 0")
	}
	out := list{}
	for i := start; step > 0 && i < stop || step < 0 && i > stop; i += step {
		if len(out) == maxRange {
			return nil, fmt.Errorf("range: more than %d numbers", maxRange)
		}
		out = append(out, i)
	}
	return out, nil
}

// toJSONFilter is transformers' tojson(x, ensure_ascii=False, indent=None).
func toJSONFilter(_ *exec.Evaluator, in *exec.Value, args *exec.VarArgs) *exec.Value {
	if in.IsError() {
		return in
	}
	indent := -1
	if v := args.KwArgs["indent"]; v != nil && v.IsInteger() {
		indent = v.Integer()
	}
	s, err := toJSON(in.Interface(), indent)
	if err != nil {
		return exec.AsValue(err)
	}
	return exec.AsSafeValue(s)
}

func listFilter(_ *exec.Evaluator, in *exec.Value, _ *exec.VarArgs) *exec.Value {
	if in.IsError() {
		return in
	}
	out := list{}
	in.Iterate(func(_, _ int, key, _ *exec.Value) bool {
		out = append(out, key.Interface())
		return true
	}, func() {})
	return exec.AsValue(out)
}

// stringMethods are Python's: gonja demands the count of replace, and its split has no white-space form and gives
// lists that cannot be indexed from the end.
func stringMethods() *exec.MethodSet[string] {
	methods := map[string]exec.Method[string]{}
	for _, name := range []string{
		"capitalize", "casefold", "center", "count", "endswith", "find", "format", "isalnum", "isalpha", "isascii",
		"isdecimal", "isdigit", "islower", "isnumeric", "isspace", "istitle", "isupper", "join", "ljust", "lower",
		"lstrip", "partition", "removeprefix", "removesuffix", "rfind", "rjust", "rpartition", "rsplit", "rstrip",
		"splitlines", "startswith", "strip", "swapcase", "title", "upper", "zfill",
	} {
		if m, ok := builtins.Methods.Str.Get(name); ok {
			methods[name] = m
		}
	}
	for _, name := range wideMethods {
		m, ok := methods[name]
		if !ok {
			continue
		}
		methods[name] = func(self string, value *exec.Value, args *exec.VarArgs) (any, error) {
			if err := smallArguments(name, args); err != nil {
				return nil, err
			}
			return m(self, value, args)
		}
	}
	methods["replace"] = func(self string, _ *exec.Value, args *exec.VarArgs) (any, error) {
		count := -1
		if len(args.Args) == 3 {
			count = args.Args[2].Integer()
		} else if len(args.Args) != 2 {
			return nil, fmt.Errorf("replace: 2 or 3 arguments expected, found %d", len(args.Args))
		}
		return boundedReplace(self, args.Args[0].String(), args.Args[1].String(), count), nil
	}
	methods["split"] = func(self string, _ *exec.Value, args *exec.VarArgs) (any, error) {
		var parts []string
		switch {
		case len(args.Args) == 0 || args.Args[0].IsNil():
			parts = strings.Fields(self)
		case args.Args[0].String() == "":
			return nil, fmt.Errorf("split: empty separator")
		case len(args.Args) > 1 && args.Args[1].Integer() >= 0:
			parts = strings.SplitN(self, args.Args[0].String(), args.Args[1].Integer()+1)
		default:
			parts = strings.Split(self, args.Args[0].String())
		}
		out := make(list, len(parts))
		for i, p := range parts {
			out[i] = p
		}
		return out, nil
	}
	return exec.NewMethodSet(methods)
}
