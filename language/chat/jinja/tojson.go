package jinja

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonWriter writes as Python's json.dumps.
type jsonWriter struct {
	*run
	out           buffer
	ascii, sorted bool
	indent        *string // nil: all in one line
	comma, colon  string
}

// tojsonFilter is the tojson of transformers:
// json.dumps(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False).
func tojsonFilter(r *run, v any, a args) any {
	p := a.bind(r, "tojson", 0, "ensure_ascii", "indent", "separators", "sort_keys")
	w := &jsonWriter{run: r, ascii: r.flag(p[0]), sorted: r.flag(p[3]), comma: ", ", colon: ": "}
	if !isAbsent(p[1]) && p[1] != nil {
		indent, ok := plain(p[1])
		if !ok {
			indent = r.repeatText(" ", r.int(p[1], "tojson: indent"))
		}
		w.indent, w.comma = &indent, ","
	}
	if !isAbsent(p[2]) && p[2] != nil {
		both := r.iterate(p[2])
		if len(both) != 2 {
			r.fail("tojson: two separators expected, found %d", len(both))
		}
		w.comma, w.colon = r.text(both[0], "tojson"), r.text(both[1], "tojson")
	}
	w.value(v, 1)
	return w.out.text(r)
}

func (w *jsonWriter) put(s string) { w.out.write(w.run, s) }

func (w *jsonWriter) value(v any, level int) {
	w.step(1)
	w.enter()
	defer w.leave()
	if level > maxNesting {
		w.fail("tojson: more than %d levels", maxNesting)
	}
	if s, ok := plain(v); ok {
		w.string(s)
		return
	}
	switch v := v.(type) {
	case *list:
		w.list(v.items, level)
	case *tuple:
		w.list(v.items, level)
	case *dict:
		w.dict(v, level)
	case *undefined:
		w.fail("tojson: %s", v.message())
	default:
		s, ok := w.scalar(v)
		if !ok {
			w.fail("tojson: a value of type %s is not JSON serializable", typeName(v))
		}
		w.put(s)
	}
}

// scalar is the text of a number, boolean or None.
func (w *jsonWriter) scalar(v any) (string, bool) {
	switch v := v.(type) {
	case nil:
		return "null", true
	case bool:
		return strconv.FormatBool(v), true
	case int:
		return strconv.Itoa(v), true
	case float64:
		switch {
		case math.IsNaN(v):
			return "NaN", true
		case math.IsInf(v, 1):
			return "Infinity", true
		case math.IsInf(v, -1):
			return "-Infinity", true
		}
		return reprFloat(v), true
	}
	return "", false
}

func (w *jsonWriter) newline(level int) {
	if w.indent == nil {
		return
	}
	w.put("\n")
	for range level {
		w.put(*w.indent)
	}
}

func (w *jsonWriter) list(items []any, level int) {
	w.put("[")
	for i, item := range items {
		if i > 0 {
			w.put(w.comma)
		}
		w.newline(level)
		w.value(item, level+1)
	}
	if len(items) > 0 {
		w.newline(level - 1)
	}
	w.put("]")
}

func (w *jsonWriter) dict(d *dict, level int) {
	if w.sorted {
		sorted := w.newDict()
		for _, key := range w.run.sorted(d.keys, func(key any) any { return key }, false) {
			v, _ := d.get(w.run, key)
			sorted.set(w.run, key, v)
		}
		d = sorted
	}
	w.put("{")
	for i, key := range d.keys {
		if i > 0 {
			w.put(w.comma)
		}
		w.newline(level)
		s, ok := plain(key)
		if !ok {
			if s, ok = w.scalar(key); !ok {
				w.fail("tojson: a key of type %s is not JSON serializable", typeName(key))
			}
		}
		w.string(s)
		w.put(w.colon)
		w.value(d.values[i], level+1)
	}
	if len(d.keys) > 0 {
		w.newline(level - 1)
	}
	w.put("}")
}

var jsonEscapes = map[rune]string{'"': `\"`, '\\': `\\`, '\n': `\n`, '\r': `\r`, '\t': `\t`, '\b': `\b`, '\f': `\f`}

func (w *jsonWriter) string(s string) {
	w.scan(len(s))
	plainFrom := 0
	w.put(`"`)
	for i, c := range s {
		escape := ""
		switch {
		case c == '"' || c == '\\' || c < ' ':
			if escape = jsonEscapes[c]; escape == "" {
				escape = `\u` + hex(c, 4)
			}
		case w.ascii && c >= 0x10000:
			high, low := utf16.EncodeRune(c)
			escape = `\u` + hex(high, 4) + `\u` + hex(low, 4)
		case w.ascii && c >= 0x7f && c != 0x7f:
			escape = `\u` + hex(c, 4)
		default:
			continue
		}
		w.put(s[plainFrom:i])
		w.put(strings.Clone(escape))
		_, size := utf8.DecodeRuneInString(s[i:])
		plainFrom = i + size
	}
	w.put(s[plainFrom:])
	w.put(`"`)
}
