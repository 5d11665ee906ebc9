package jinja

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

// method is one of a Python type; self is of that type.
type method func(r *run, self any, a args) any

var dictMethods, listMethods, stringMethods map[string]method

func init() { // not at the declaration: methods call methods
	dictMethods = map[string]method{
		"get": func(r *run, self any, a args) any {
			p := a.bind(r, "get", 1, "key", "default")
			if v, ok := asDict(self).get(r, p[0]); ok {
				return v
			}
			if isAbsent(p[1]) {
				return nil
			}
			return p[1]
		},
		"copy": func(r *run, self any, a args) any { return dictFunction(r, args{pos: []any{self}}) },
	}
	for _, kind := range []string{"items", "keys", "values"} {
		dictMethods[kind] = func(r *run, self any, a args) any {
			a.bind(r, kind, 0)
			r.take(sizeOfObject)
			return &view{asDict(self), kind}
		}
	}
	listMethods = map[string]method{
		"count": func(r *run, self any, a args) any {
			v := a.bind(r, "count", 1, "value")[0]
			n := 0
			for _, item := range r.iterate(self) {
				if r.equal(item, v) {
					n++
				}
			}
			return n
		},
		"index": func(r *run, self any, a args) any {
			v := a.bind(r, "index", 1, "value")[0]
			i := slices.IndexFunc(r.iterate(self), func(item any) bool { return r.equal(item, v) })
			if i < 0 {
				r.fail("index: the value is not in the list")
			}
			return i
		},
		"copy": func(r *run, self any, a args) any { return r.listOf(r.iterate(self)) },
	}
	initStringMethods()
}

func initStringMethods() {
	stringMethods = map[string]method{
		"split": splitMethod, "splitlines": splitlinesMethod, "join": joinMethod, "replace": replaceMethod,
		"partition": partitionMethod, "format": formatMethod, "format_map": formatMethod,
		"encode": func(r *run, _ any, _ args) any {
			r.fail("encode is not supported: there are no bytes")
			return nil
		},
	}
	stringMethods["rsplit"] = func(r *run, self any, a args) any { return r.split(self, a, true) }
	stringMethods["rpartition"] = func(r *run, self any, a args) any { return r.partition(self, a, true) }
	initCaseMethods()
	initAffixMethods()
	initPadMethods()
	initSearchMethods()
	initPredicateMethods()
}

func initCaseMethods() {
	for name, f := range map[string]func(string) string{
		"upper": upper, "lower": lower, "casefold": cases.Fold().String,
		"swapcase": swapcase, "title": title, "capitalize": capitalize,
	} {
		stringMethods[name] = func(r *run, self any, a args) any {
			a.bind(r, name, 0)
			s, safe := r.soft(self)
			r.take(product(len(s), 3))
			r.step(len(s) / 4)
			if name == "swapcase" || name == "title" {
				r.step(len(s))
			}
			return like(f(s), safe)
		}
	}
}

func initAffixMethods() {
	for name, side := range map[string][2]bool{"strip": {true, true}, "lstrip": {true, false}, "rstrip": {false, true}} {
		stringMethods[name] = func(r *run, self any, a args) any {
			s, safe := r.soft(self)
			return like(r.strip(s, a.bind(r, name, 0, "chars")[0], side[0], side[1]), safe)
		}
	}
	stringMethods["startswith"] = func(r *run, self any, a args) any {
		return r.affixed("startswith", strings.HasPrefix, self, a)
	}
	stringMethods["endswith"] = func(r *run, self any, a args) any {
		return r.affixed("endswith", strings.HasSuffix, self, a)
	}
	for name, f := range map[string]func(s, affix string) string{
		"removeprefix": strings.TrimPrefix, "removesuffix": strings.TrimSuffix,
	} {
		stringMethods[name] = func(r *run, self any, a args) any {
			s, safe := r.soft(self)
			return like(f(s, r.text(a.bind(r, name, 1, "affix")[0], name)), safe)
		}
	}
}

func initPadMethods() {
	for name, align := range map[string]byte{"center": '^', "ljust": '<', "rjust": '>'} {
		stringMethods[name] = func(r *run, self any, a args) any {
			p := a.bind(r, name, 1, "width", "fillchar")
			fill := " "
			if !isAbsent(p[1]) {
				fill = r.text(p[1], name)
			}
			if utf8.RuneCountInString(fill) != 1 {
				r.fail("%s: one character to fill with expected", name)
			}
			s, safe := r.soft(self)
			return like(r.pad(s, r.int(p[0], name), fill, align), safe)
		}
	}
	stringMethods["zfill"] = func(r *run, self any, a args) any {
		s, safe := r.soft(self)
		width := r.int(a.bind(r, "zfill", 1, "width")[0], "zfill")
		sign := ""
		if s != "" && (s[0] == '-' || s[0] == '+') {
			sign, s = s[:1], s[1:]
			width = max(width, 1) - 1
		}
		return like(r.join("", sign, r.pad(s, width, "0", '>')), safe)
	}
}

func initSearchMethods() {
	for name, last := range map[string]bool{"find": false, "index": false, "rfind": true, "rindex": true} {
		stringMethods[name] = func(r *run, self any, a args) any {
			i := r.find(name, last, self, a)
			if i < 0 && strings.HasSuffix(name, "index") {
				r.fail("%s: the text is not there", name)
			}
			return i
		}
	}
	stringMethods["count"] = func(r *run, self any, a args) any {
		s, part, _ := r.window("count", self, a)
		if part == "" {
			return utf8.RuneCountInString(s) + 1
		}
		return strings.Count(s, part)
	}
}

func initPredicateMethods() {
	for name, f := range predicates {
		stringMethods[name] = func(r *run, self any, a args) any {
			a.bind(r, name, 0)
			s, _ := plain(self)
			r.scan(len(s))
			return (s != "" || name == "isascii") && strings.IndexFunc(s, func(c rune) bool { return !f(c) }) < 0
		}
	}
	stringMethods["islower"] = func(r *run, self any, a args) any { return r.cased(r.str(self), true) }
	stringMethods["isupper"] = func(r *run, self any, a args) any { return r.cased(r.str(self), false) }
	stringMethods["istitle"] = func(r *run, self any, a args) any {
		s := r.str(self)
		return (r.cased(s, true) || r.cased(s, false) || strings.ContainsFunc(s, unicode.IsUpper)) && title(s) == s
	}
	stringMethods["isidentifier"] = func(r *run, self any, a args) any {
		s := r.str(self)
		r.scan(len(s))
		first, _ := utf8.DecodeRuneInString(s)
		return s != "" && !unicode.IsNumber(first) && strings.IndexFunc(s, func(c rune) bool { return !isWord(c) }) < 0
	}
}

// predicates hold for a string all of whose characters they hold for.
var predicates = map[string]func(rune) bool{
	"isspace": isSpace, "isalpha": unicode.IsLetter, "isnumeric": unicode.IsNumber,
	"isdigit": unicode.IsDigit, "isdecimal": unicode.IsDigit,
	"isalnum":     func(c rune) bool { return unicode.IsLetter(c) || unicode.IsNumber(c) },
	"isascii":     func(c rune) bool { return c < utf8.RuneSelf },
	"isprintable": func(c rune) bool { return c == ' ' || unicode.IsPrint(c) },
}

// cased is islower (small) or isupper.
func (r *run) cased(s string, small bool) bool {
	r.scan(len(s))
	found := false
	for _, c := range s {
		switch {
		case unicode.IsTitle(c), small && unicode.IsUpper(c), !small && unicode.IsLower(c):
			return false
		case unicode.IsUpper(c) || unicode.IsLower(c):
			found = true
		}
	}
	return found
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func upper(s string) string {
	if isASCII(s) {
		return strings.ToUpper(s)
	}
	return cases.Upper(language.Und).String(s)
}

func lower(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	return cases.Lower(language.Und).String(s)
}

func swapcase(s string) string {
	var sb strings.Builder
	for _, c := range s {
		if unicode.IsUpper(c) {
			sb.WriteString(lower(string(c)))
		} else {
			sb.WriteString(upper(string(c)))
		}
	}
	return sb.String()
}

func title(s string) string {
	var sb strings.Builder
	inWord := false
	for _, c := range s {
		switch cased := unicode.IsUpper(c) || unicode.IsLower(c) || unicode.IsTitle(c); {
		case !cased:
			sb.WriteRune(c)
			inWord = false
			continue
		case inWord:
			sb.WriteRune(unicode.ToLower(c))
		default:
			sb.WriteString(titleCase(c))
		}
		inWord = true
	}
	return sb.String()
}

// titleCase is c as the first letter of a word.
func titleCase(c rune) string {
	if t := unicode.ToTitle(c); t != c || c < utf8.RuneSelf || unicode.IsTitle(c) || unicode.IsUpper(c) {
		return string(t)
	}
	return cases.Title(language.Und).String(string(c))
}

func capitalize(s string) string {
	if s == "" {
		return ""
	}
	c, n := utf8.DecodeRuneInString(s)
	return titleCase(c) + lower(s[n:])
}

// strip removes characters, white space if none are given, at the sides.
func (r *run) strip(s string, chars any, left, right bool) string {
	is := isSpace
	before, cost := len(s), 4
	if !isAbsent(chars) && chars != nil {
		set := r.text(chars, "strip")
		cost += len(set)
		is = func(c rune) bool { return strings.ContainsRune(set, c) }
	}
	if left {
		s = strings.TrimLeftFunc(s, is)
	}
	if right {
		s = strings.TrimRightFunc(s, is)
	}
	r.scan(product(before-len(s), cost))
	return s
}

// window is the part of self in which count, find and the like look for their first argument, and where it begins.
func (r *run) window(what string, self any, a args) (s, part string, from int) {
	p := a.bind(r, what, 1, "sub", "start", "end")
	s, _ = plain(self)
	part = r.text(p[0], what)
	r.scan(len(s))
	var b [3]any
	for i := range 2 {
		if !isAbsent(p[i+1]) {
			b[i] = p[i+1]
		}
	}
	if b[0] == nil && b[1] == nil {
		return s, part, 0
	}
	size := utf8.RuneCountInString(s)
	start, stop := r.bounds(b, size, 1)
	return r.sliceText(s, start, 1, max(0, stop-start)), part, start
}

func (r *run) find(what string, last bool, self any, a args) int {
	s, part, from := r.window(what, self, a)
	i := strings.Index(s, part)
	if last {
		i = strings.LastIndex(s, part)
	}
	if i < 0 {
		return -1
	}
	return from + utf8.RuneCountInString(s[:i])
}

// affixed is startswith and endswith, which take several affixes, too.
func (r *run) affixed(what string, f func(s, affix string) bool, self any, a args) bool {
	if len(a.pos) == 0 {
		r.fail("%s: argument missing", what)
	}
	affixes := []any{a.pos[0]}
	if t, ok := a.pos[0].(*tuple); ok {
		affixes = t.items
	}
	s, _, _ := r.window(what, self, args{pos: append([]any{""}, a.pos[1:]...)})
	return slices.ContainsFunc(affixes, func(affix any) bool {
		r.step(1)
		return f(s, r.text(affix, what))
	})
}

// pad fills s up to width characters.
func (r *run) pad(s string, width int, fill string, align byte) string {
	missing := width - utf8.RuneCountInString(s)
	r.scan(len(s))
	if missing <= 0 {
		return s
	}
	left := 0
	switch align {
	case '>':
		left = missing
	case '^':
		left = missing/2 + missing&width&1
	}
	return r.join("", r.repeatText(fill, left), s, r.repeatText(fill, missing-left))
}

func (r *run) replace(s, old, new string, count int) string {
	n := strings.Count(s, old)
	r.scan(len(s))
	if count >= 0 {
		n = min(n, count)
	}
	if n == 0 {
		return s
	}
	r.take(len(s) + product(n, len(new)))
	return strings.Replace(s, old, new, n)
}
