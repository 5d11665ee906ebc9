package jinja

import (
	"math"
	"strconv"
	"strings"
	"unicode"
)

// str is Python's str(v).
func (r *run) str(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case markup:
		return string(v)
	case *undefined:
		return ""
	}
	return r.repr(v)
}

// repr is Python's repr(v).
func (r *run) repr(v any) string {
	var w reprWriter
	w.run = r
	w.value(v)
	return w.out.text(r)
}

type reprWriter struct {
	*run
	out    buffer
	inside []*dict // of namespaces, which may hold themselves
}

func (w *reprWriter) put(s string) { w.out.write(w.run, s) }

func (w *reprWriter) value(v any) {
	w.step(1)
	w.enter()
	defer w.leave()
	switch v := v.(type) {
	case nil:
		w.put("None")
	case bool:
		w.put(map[bool]string{true: "True", false: "False"}[v])
	case int:
		w.put(strconv.Itoa(v))
	case float64:
		w.put(reprFloat(v))
	case string:
		w.put(w.reprString(v))
	case markup:
		w.put("Markup(" + w.reprString(string(v)) + ")")
	case *list:
		w.items("[", v.items, "]")
	case *tuple:
		if len(v.items) == 1 {
			w.items("(", v.items, ",)")
			return
		}
		w.items("(", v.items, ")")
	case *dict:
		w.dict(v)
	case *view:
		w.items("dict_"+v.kind+"([", v.items(w.run), "])")
	case *pyRange:
		w.put("range(" + strconv.Itoa(v.start) + ", " + strconv.Itoa(v.stop))
		if v.step != 1 {
			w.put(", " + strconv.Itoa(v.step))
		}
		w.put(")")
	case *namespace:
		w.put("<Namespace ")
		w.dict(v.attrs)
		w.put(">")
	case *undefined:
		w.put("Undefined")
	case *loop:
		w.put("<LoopContext " + strconv.Itoa(v.index0+1) + "/" + strconv.Itoa(v.len(w.run)) + ">")
	case *closure:
		w.put("<Macro " + w.reprString(v.name) + ">")
	default: // Python tells addresses, which no template can mean
		w.fail("a value of type %s cannot be printed", typeName(v))
	}
}

func (w *reprWriter) items(open string, items []any, closing string) {
	w.put(open)
	for i, item := range items {
		if i > 0 {
			w.put(", ")
		}
		w.value(item)
	}
	w.put(closing)
}

func (w *reprWriter) dict(d *dict) {
	for _, outer := range w.inside {
		if outer == d {
			w.put("{...}")
			return
		}
	}
	w.inside = append(w.inside, d)
	w.put("{")
	for i, key := range d.keys {
		if i > 0 {
			w.put(", ")
		}
		w.value(key)
		w.put(": ")
		w.value(d.values[i])
	}
	w.put("}")
	w.inside = w.inside[:len(w.inside)-1]
}

// reprString quotes as Python does.
func (r *run) reprString(s string) string {
	r.take(product(len(s), 2))
	quote := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	var sb strings.Builder
	sb.WriteByte(quote)
	for _, c := range s {
		switch {
		case c == rune(quote) || c == '\\':
			sb.WriteByte('\\')
			sb.WriteRune(c)
		case c == '\n':
			sb.WriteString(`\n`)
		case c == '\r':
			sb.WriteString(`\r`)
		case c == '\t':
			sb.WriteString(`\t`)
		case c == ' ' || unicode.IsPrint(c):
			sb.WriteRune(c)
		case c < 0x100:
			sb.WriteString(`\x` + hex(c, 2))
		case c < 0x10000:
			sb.WriteString(`\u` + hex(c, 4))
		default:
			sb.WriteString(`\U` + hex(c, 8))
		}
	}
	sb.WriteByte(quote)
	return sb.String()
}

func hex(c rune, digits int) string {
	s := strconv.FormatInt(int64(c), 16)
	return strings.Repeat("0", max(0, digits-len(s))) + s
}

// reprFloat is repr(f).
func reprFloat(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case f == 0 || math.Abs(f) >= 1e-4 && math.Abs(f) < 1e16:
		s := strconv.FormatFloat(f, 'f', -1, 64)
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		return s
	}
	return strconv.FormatFloat(f, 'e', -1, 64)
}
