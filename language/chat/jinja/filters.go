package jinja

import (
	"html"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// filter is one of jinja2/filters.py.
type filter func(r *run, v any, a args) any

// filters has those that chat templates may use; unsupported has the rest of jinja2's.
var filters map[string]filter

var unsupported = []string{
	"filesizeformat", "pprint", "random", "striptags", "urlencode", "urlize", "wordwrap", "xmlattr",
}

func init() { // not at the declaration: filters call filters
	filters = map[string]filter{
		"abs": absFilter, "attr": attrFilter, "batch": batchFilter, "center": centerFilter,
		"count": lengthFilter, "d": defaultFilter, "default": defaultFilter, "dictsort": dictsortFilter,
		"e": escapeFilter, "escape": escapeFilter, "first": firstFilter, "float": floatFilter,
		"forceescape": forceEscapeFilter, "format": formatFilter, "groupby": groupbyFilter,
		"indent": indentFilter, "int": intFilter, "items": itemsFilter, "join": joinFilter, "last": lastFilter,
		"length": lengthFilter, "list": listFilter, "map": mapFilter, "max": extremeFilter(1),
		"min": extremeFilter(-1), "reject": selectFilter(false, false),
		"rejectattr": selectFilter(false, true), "replace": replaceFilter, "reverse": reverseFilter,
		"round": roundFilter, "safe": safeFilter, "select": selectFilter(true, false),
		"selectattr": selectFilter(true, true), "slice": sliceFilter, "sort": sortFilter,
		"string": stringFilter, "sum": sumFilter, "title": titleFilter, "tojson": tojsonFilter,
		"trim": trimFilter, "truncate": truncateFilter, "unique": uniqueFilter, "wordcount": wordcountFilter,
		"capitalize": caseFilter("capitalize"), "lower": caseFilter("lower"), "upper": caseFilter("upper"),
	}
	initTests()
}

func filterNamed(name string) filter { return filters[name] }

func noFilter(name string) string {
	if slices.Contains(unsupported, name) {
		return "the filter '" + name + "' is not supported"
	}
	return "there is no filter named '" + name + "'"
}

func (r *run) filter(name string, v any, a args) any {
	f := filters[name]
	if f == nil {
		r.fail("%s", noFilter(name))
	}
	r.enter()
	defer r.leave()
	return f(r, v, a)
}

func isAbsent(v any) bool { return v == absent{} }

// flag is an argument that is true or false.
func (r *run) flag(v any) bool { return !isAbsent(v) && r.truth(v) }

// intOr is an integer argument, or what stands for one that is not given.
func (r *run) intOr(v any, what string, otherwise int) int {
	if isAbsent(v) {
		return otherwise
	}
	return r.int(v, what)
}

// soft is v as a string, and whether it is markup.
func (r *run) soft(v any) (s string, safe bool) {
	if m, ok := v.(markup); ok {
		return string(m), true
	}
	return r.str(v), false
}

// like is s, as markup if what it was made of is.
func like(s string, safe bool) any {
	if safe {
		return markup(s)
	}
	return s
}

func absFilter(r *run, v any, a args) any {
	a.bind(r, "abs", 0)
	f, n, whole, ok := number(v)
	switch {
	case !ok:
		r.mustBeDefined(v)
		r.fail("abs of a value of type %s", typeName(v))
	case !whole:
		return math.Abs(f)
	case n < 0:
		return r.integers("-", 0, n)
	}
	return n
}

func attrFilter(r *run, v any, a args) any {
	name := r.text(a.bind(r, "attr", 1, "name")[0], "attr")
	if _, ok := v.(*undefined); !ok {
		if own, ok := r.ownAttribute(v, name); ok {
			return own
		}
	}
	return r.missing(v, name)
}

func centerFilter(r *run, v any, a args) any {
	width := r.intOr(a.bind(r, "center", 0, "width")[0], "center", 80)
	s, safe := r.soft(v)
	return like(r.pad(s, width, " ", '^'), safe)
}

func lengthFilter(r *run, v any, a args) any {
	a.bind(r, "length", 0)
	n, ok := r.length(v)
	if !ok {
		r.fail("a value of type %s has no length", typeName(v))
	}
	return n
}

func defaultFilter(r *run, v any, a args) any {
	p := a.bind(r, "default", 0, "default_value", "boolean")
	_, missing := v.(*undefined)
	if !missing && !(r.flag(p[1]) && !r.truth(v)) {
		return v
	}
	if isAbsent(p[0]) {
		return ""
	}
	return p[0]
}

// escape is markupsafe.escape.
func (r *run) escape(s string) string {
	special := 0
	for _, c := range []string{"&", "<", ">", `"`, "'"} {
		special += strings.Count(s, c)
	}
	r.take(product(5, special) + len(s))
	return html.EscapeString(s)
}

func escapeFilter(r *run, v any, a args) any {
	a.bind(r, "escape", 0)
	if m, ok := v.(markup); ok {
		return m
	}
	return markup(r.escape(r.str(v)))
}

func forceEscapeFilter(r *run, v any, a args) any {
	a.bind(r, "forceescape", 0)
	return markup(r.escape(r.str(v)))
}

func safeFilter(r *run, v any, a args) any {
	a.bind(r, "safe", 0)
	return markup(r.str(v))
}

func stringFilter(r *run, v any, a args) any {
	a.bind(r, "string", 0)
	return like(r.soft(v))
}

func formatFilter(r *run, v any, a args) any {
	if len(a.pos) > 0 && len(a.names) > 0 {
		r.fail("format: positional and named arguments at once")
	}
	if len(a.names) > 0 {
		return r.percent(r.str(v), dictFunction(r, a))
	}
	return r.percent(r.str(v), &tuple{a.pos})
}

func indentFilter(r *run, v any, a args) any {
	p := a.bind(r, "indent", 0, "width", "first", "blank")
	indention, ok := plain(p[0])
	if !ok {
		indention = r.repeatText(" ", r.intOr(p[0], "indent", 4))
	}
	s := r.text(v, "indent")
	_, safe := v.(markup)
	lines := r.splitLines(r.join("", s, "\n"), false)
	r.take(len(s) + product(len(indention)+sizeOfString, len(lines)))
	for i, line := range lines {
		if i == 0 && r.flag(p[1]) || i > 0 && (line != "" || r.flag(p[2])) {
			lines[i] = indention + line
		}
	}
	return like(r.join("\n", lines...), safe)
}

func replaceFilter(r *run, v any, a args) any {
	p := a.bind(r, "replace", 2, "old", "new", "count")
	count := -1
	if p[2] != nil {
		count = r.intOr(p[2], "replace", -1)
	}
	return r.replace(r.str(v), r.str(p[0]), r.str(p[1]), count)
}

func caseFilter(name string) filter {
	return func(r *run, v any, a args) any {
		s, safe := r.soft(v)
		return stringMethods[name](r, like(s, safe), a)
	}
}

func titleFilter(r *run, v any, a args) any {
	a.bind(r, "title", 0)
	s, _ := r.soft(v)
	r.take(2 * len(s))
	r.step(len(s))
	var sb strings.Builder
	begin := true
	for _, c := range s {
		switch {
		case c == '-' || isSpace(c) || strings.ContainsRune("({[<", c):
			begin = true
			sb.WriteRune(c)
		case begin:
			begin = false
			sb.WriteString(upper(string(c)))
		default:
			sb.WriteString(lower(string(c)))
		}
	}
	return sb.String()
}

func trimFilter(r *run, v any, a args) any {
	p := a.bind(r, "trim", 0, "chars")
	s, safe := r.soft(v)
	return like(r.strip(s, p[0], true, true), safe)
}

func truncateFilter(r *run, v any, a args) any {
	p := a.bind(r, "truncate", 0, "length", "killwords", "end", "leeway")
	size := r.intOr(p[0], "truncate", 255)
	end := "..."
	if !isAbsent(p[2]) {
		end = r.text(p[2], "truncate")
	}
	leeway := 5
	if p[3] != nil {
		leeway = r.intOr(p[3], "truncate", 5)
	}
	n := lengthFilter(r, v, args{}).(int)
	tail, _ := r.length(end)
	if size < tail || leeway < 0 {
		r.fail("truncate: a length of %d and a leeway of %d", size, leeway)
	}
	if n <= size || n-size <= leeway {
		return v
	}
	s := r.text(v, "truncate")
	s = s[:offset(s, size-tail)]
	if !r.flag(p[1]) {
		if i := strings.LastIndexByte(s, ' '); i >= 0 {
			s = s[:i]
		}
	}
	return r.join("", s, end)
}

func wordcountFilter(r *run, v any, a args) any {
	a.bind(r, "wordcount", 0)
	s, _ := r.soft(v)
	r.take(product(len(s), sizeOfString/2))
	return len(strings.FieldsFunc(s, func(c rune) bool { return !isWord(c) && !unicode.Is(unicode.Mn, c) }))
}

// intFilter is jinja2's int: what is no number gives the default.
func intFilter(r *run, v any, a args) any {
	p := a.bind(r, "int", 0, "default", "base")
	var otherwise any = 0
	if !isAbsent(p[0]) {
		otherwise = p[0]
	}
	r.mustBeDefined(v)
	base := r.intOr(p[1], "int", 10)
	if f, n, whole, ok := number(v); ok {
		switch {
		case whole:
			return n
		case math.IsNaN(f) || math.IsInf(f, 0):
			return otherwise
		case math.Abs(f) >= 1<<63:
			r.overflow("int")
		}
		return int(f)
	}
	s, ok := plain(v)
	if !ok {
		return otherwise
	}
	if n, ok := r.parseInt(s, base); ok {
		return n
	}
	if f, ok := parseFloat(s); ok && !math.IsNaN(f) && !math.IsInf(f, 0) {
		if math.Abs(f) >= 1<<63 {
			r.overflow("int")
		}
		return int(f)
	}
	return otherwise
}

func (r *run) parseInt(s string, base int) (int, bool) {
	s = strings.TrimFunc(s, isSpace)
	if base != 0 && (base < 2 || base > 36) {
		r.fail("int: base %d", base)
	}
	r.scan(len(s))
	digits := s
	unsigned := strings.TrimLeft(s, "+-")
	sign := s[:len(s)-len(unsigned)]
	if prefix := map[int]string{16: "0x", 8: "0o", 2: "0b"}[base]; prefix != "" && len(sign) <= 1 {
		digits = sign + strings.TrimPrefix(strings.TrimPrefix(unsigned, prefix), strings.ToUpper(prefix))
	}
	if base == 10 && strings.Trim(digits, "_") == digits && !strings.Contains(digits, "__") {
		digits = strings.ReplaceAll(digits, "_", "")
	}
	n, err := strconv.ParseInt(digits, base, 64)
	if e, ok := err.(*strconv.NumError); ok && e.Err == strconv.ErrRange {
		r.overflow("int")
	}
	return int(n), err == nil
}

// parseFloat is Python's float(s).
func parseFloat(s string) (float64, bool) {
	s = strings.TrimFunc(s, isSpace)
	if strings.ContainsAny(s, "xXpP") {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	if e, ok := err.(*strconv.NumError); ok && e.Err == strconv.ErrRange {
		err = nil
	}
	return f, err == nil
}

func floatFilter(r *run, v any, a args) any {
	p := a.bind(r, "float", 0, "default")
	r.mustBeDefined(v)
	if f, _, _, ok := number(v); ok {
		return f
	}
	if s, ok := plain(v); ok {
		r.scan(len(s))
		if f, ok := parseFloat(s); ok {
			return f
		}
	}
	if isAbsent(p[0]) {
		return 0.0
	}
	return p[0]
}

func roundFilter(r *run, v any, a args) any {
	p := a.bind(r, "round", 0, "precision", "method")
	precision := r.intOr(p[0], "round", 0)
	method := "common"
	if !isAbsent(p[1]) {
		method = r.text(p[1], "round")
	}
	f, n, whole, ok := number(v)
	if !ok || precision > 300 || precision < -300 {
		r.mustBeDefined(v)
		r.fail("round of a value of type %s to %d digits", typeName(v), precision)
	}
	scale := math.Pow(10, float64(precision))
	switch {
	case method == "ceil":
		return math.Ceil(f*scale) / scale
	case method == "floor":
		return math.Floor(f*scale) / scale
	case method != "common":
		r.fail("round: method common, ceil or floor expected, found %s", method)
	case whole && precision >= 0:
		return n
	case whole:
		return int(math.RoundToEven(f*scale) / scale)
	case precision < 0:
		return math.RoundToEven(f*scale) / scale
	}
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(f, 'f', precision, 64), 64)
	return rounded
}
