package jinja

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

const maxPrecision = 1000 // digits and widths that a format may ask for, and bytes of one of its fields

var percentSpec = regexp.MustCompile(`^(?:\(([^()]*)\))?([-+ #0]*)(\d*)(?:\.(\d*))?[hlL]?([a-zA-Z%])`)

// percent is Python's format % values.
func (r *run) percent(format string, values any) string {
	var b buffer
	given := []any{values}
	if t, ok := values.(*tuple); ok {
		given = t.items
	}
	used, named := 0, false
	for {
		i := strings.IndexByte(format, '%')
		if i < 0 {
			break
		}
		b.write(r, format[:i])
		m := percentSpec.FindStringSubmatch(format[i+1:])
		if m == nil {
			r.fail("%%: the format %.20q is not supported", format[i:])
		}
		format = format[i+1+len(m[0]):]
		r.step(32)
		if m[5] == "%" {
			b.write(r, "%")
			continue
		}
		var v any
		if strings.HasPrefix(m[0], "(") {
			d := asDict(values)
			if d == nil {
				r.fail("%%: a dict of values expected, found %s", typeName(values))
			}
			var ok bool
			if v, ok = d.get(r, m[1]); !ok {
				r.fail("%%: there is no value named %s", m[1])
			}
			named = true
		} else {
			if used == len(given) {
				r.fail("%%: not enough values for the format")
			}
			v = given[used]
			used++
		}
		b.write(r, r.percentValue(m[2], m[3], m[4], m[5][0], strings.Contains(m[0], "."), v))
	}
	b.write(r, format)
	if used < len(given) && !named && !mayBeLeft(values) {
		r.fail("%%: more values than the format takes")
	}
	return b.text(r)
}

// mayBeLeft tells whether Python does not mind that a format has no place for a value.
func mayBeLeft(v any) bool {
	switch v.(type) {
	case *dict, *list, *pyRange, *undefined:
		return true
	}
	return false
}

func (r *run) percentValue(flags, width, precision string, verb byte, precise bool, v any) string {
	digits := r.smallNumber(precision)
	s := ""
	switch verb {
	case 's', 'r', 'a':
		if s = r.str(v); verb != 's' {
			s = r.repr(v)
		}
		if precise {
			s = s[:offset(s, digits)]
		}
		return r.pad(s, r.smallNumber(width), " ", alignment(flags))
	case 'c':
		if n, ok := v.(int); ok {
			s = string(rune(n))
		} else {
			s = r.text(v, "%c")
		}
		return r.pad(s, r.smallNumber(width), " ", alignment(flags))
	}
	f, n, whole, ok := number(v)
	if !ok {
		r.mustBeDefined(v)
		r.fail("%%%c expects a number, found %s", verb, typeName(v))
	}
	verbs := "+"
	if !strings.Contains(flags, "+") {
		verbs = ""
	}
	for _, flag := range "- #0" {
		if strings.ContainsRune(flags, flag) {
			verbs += string(flag)
		}
	}
	width = strconv.Itoa(r.smallNumber(width))
	if width == "0" {
		width = ""
	}
	switch verb {
	case 'd', 'i', 'u', 'x', 'X', 'o':
		if !whole {
			if verb == 'x' || verb == 'X' || verb == 'o' || math.Abs(f) >= 1<<63 || math.IsNaN(f) {
				r.fail("%%%c expects an integer", verb)
			}
			n = int(f)
		}
		if verb == 'i' || verb == 'u' {
			verb = 'd'
		}
		r.take(product(1, r.smallNumber(width)))
		return fmt.Sprintf("%"+verbs+width+string(verb), n)
	case 'e', 'E', 'f', 'F', 'g', 'G':
		if !precise {
			digits = 6
		}
		r.take(r.smallNumber(width) + digits + 400)
		return fmt.Sprintf("%"+verbs+width+"."+strconv.Itoa(digits)+string(verb), f)
	}
	r.fail("%%%c is not supported", verb)
	return ""
}

func alignment(flags string) byte {
	if strings.Contains(flags, "-") {
		return '<'
	}
	return '>'
}

// smallNumber is a width or precision.
func (r *run) smallNumber(s string) int {
	if s == "" {
		return 0
	}
	n, err := strconv.Atoi(s)
	if err != nil || n > maxPrecision {
		r.fail("a format with a width or precision of %.20s, at most %d expected", s, maxPrecision)
	}
	return n
}

// formatMethod is str.format and str.format_map.
func formatMethod(r *run, self any, a args) any {
	s, _ := plain(self)
	var b buffer
	auto := 0
	for s != "" {
		r.step(1)
		i := strings.IndexAny(s, "{}")
		if i < 0 {
			b.write(r, s)
			break
		}
		b.write(r, s[:i])
		if i+1 < len(s) && s[i+1] == s[i] {
			b.write(r, s[i:i+1])
			s = s[i+2:]
			continue
		}
		end := strings.IndexByte(s[i:], '}')
		if s[i] == '}' || end < 0 {
			r.fail("format: a single '%c'", s[i])
		}
		b.write(r, r.field(s[i+1:i+end], a, &auto))
		s = s[i+end+1:]
	}
	return b.text(r)
}

var formatField = regexp.MustCompile(`^([^.\[!:{]*)((?:\.[^.\[!:{]+|\[[^\]{]+\])*)(?:!([rsa]))?(?::([^{]*))?$`)

// field is one {} of a format.
func (r *run) field(field string, a args, auto *int) string {
	if len(field) > maxPrecision {
		r.fail("format: a field of %d bytes, at most %d expected", len(field), maxPrecision)
	}
	m := formatField.FindStringSubmatch(field)
	if m == nil {
		r.fail("format: the field {%.40s} is not supported", field)
	}
	r.step(32)
	var v any
	if n, err := strconv.Atoi(m[1]); m[1] == "" || err == nil {
		if m[1] == "" {
			n = *auto
			*auto++
		}
		if n < 0 || n >= len(a.pos) {
			r.fail("format: there is no value for {%.40s}", field)
		}
		v = a.pos[n]
	} else {
		var ok bool
		if v, ok = a.named(m[1]); !ok && len(a.pos) == 1 && asDict(a.pos[0]) != nil {
			v, ok = asDict(a.pos[0]).get(r, m[1])
		}
		if !ok {
			r.fail("format: there is no value named %.40s", m[1])
		}
	}
	for path := m[2]; path != ""; {
		r.step(1)
		if path[0] == '.' {
			end := strings.IndexAny(path[1:]+".", ".[") + 1
			v, path = r.attribute(v, path[1:end]), path[end:]
			continue
		}
		end := strings.IndexByte(path, ']')
		var key any = path[1:end]
		if n, err := strconv.Atoi(path[1:end]); err == nil {
			key = n
		}
		v, path = r.item(v, key), path[end+1:]
	}
	if m[3] == "r" || m[3] == "a" {
		v = r.repr(v)
	} else if m[3] == "s" {
		v = r.str(v)
	}
	return r.formatted(v, m[4])
}

var formatSpec = regexp.MustCompile(`^(?:(.)?([<>^]))?([-+ ]?)(0?)(\d*)(,?)(?:\.(\d+))?([a-zA-Z%]?)$`)

// formatted is format(v, spec).
func (r *run) formatted(v any, spec string) string {
	if spec == "" {
		return r.str(v)
	}
	m := formatSpec.FindStringSubmatch(spec)
	if m == nil {
		r.fail("format: %.20q is not supported", spec)
	}
	fill, align := m[1], m[2]
	width, precision := r.smallNumber(m[5]), r.smallNumber(m[7])
	f, n, whole, isNumber := number(v)
	var s string
	switch verb := m[8]; {
	case !isNumber:
		if s = r.str(v); m[7] != "" {
			s = s[:offset(s, precision)]
		}
		align = orElse(align, "<")
	case whole && (verb == "" || verb == "d") && m[7] == "":
		s = strconv.Itoa(n)
	case verb == "f" || verb == "F" || verb == "e" || verb == "g" || verb == "%":
		if m[7] == "" {
			precision = 6
		}
		if verb == "%" {
			s = strconv.FormatFloat(f*100, 'f', precision, 64) + "%"
		} else {
			s = fmt.Sprintf("%."+strconv.Itoa(precision)+verb, f)
		}
	case whole && (verb == "x" || verb == "X" || verb == "o" || verb == "b" || verb == "c"):
		s = fmt.Sprintf("%"+verb, n)
	case verb == "" && m[7] == "":
		s = reprFloat(f)
	default:
		r.fail("format: %.20q is not supported for a value of type %s", spec, typeName(v))
	}
	if isNumber {
		if m[6] != "" {
			s = thousands(s)
		}
		if m[3] != "" && m[3] != "-" && !strings.HasPrefix(s, "-") {
			s = m[3] + s
		}
		align = orElse(align, ">")
		if m[4] != "" && m[2] == "" {
			sign := s[:len(s)-len(strings.TrimLeft(s, "+- "))]
			return sign + r.pad(s[len(sign):], width-len(sign), "0", '>')
		}
	}
	return r.pad(s, width, orElse(fill, " "), align[0])
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// thousands puts commas into the digits before the point.
func thousands(s string) string {
	end := strings.IndexAny(s+".", ".e%")
	for i := end - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
