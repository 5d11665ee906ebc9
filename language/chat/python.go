package chat

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nikolalohinski/gonja/v2/exec"
)

// list is a Python list for templates: unlike gonja's own it can be indexed from the end down to the first element.
type list []any

// GetItem implements exec.ItemGetter.
func (l list) GetItem(key any) (*exec.Value, bool) {
	i, ok := key.(int)
	if ok && i < 0 {
		i += len(l)
	}
	if !ok || i < 0 || i >= len(l) {
		return exec.AsValue(nil), false
	}
	return exec.AsValue(l[i]), true
}

// toJSON writes v as json.dumps(v, ensure_ascii=False, indent=indent) does, indent < 0 standing for None. Keys come in
// alphabetical order but for role and type, which are first in messages.
func toJSON(v any, indent int) (string, error) {
	var sb strings.Builder
	if err := writeJSON(&sb, reflect.ValueOf(v), indent, 0); err != nil {
		return "", err
	}
	return sb.String(), nil
}

func writeJSON(sb *strings.Builder, v reflect.Value, indent, depth int) error {
	for v.IsValid() && (v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer) {
		if value, ok := v.Interface().(*exec.Value); ok {
			v = reflect.ValueOf(value.Interface())
			continue
		}
		v = v.Elem()
	}
	if !v.IsValid() {
		sb.WriteString("null")
		return nil
	}
	if depth > 100 {
		return fmt.Errorf("tojson: more than 100 levels")
	}
	switch v.Kind() {
	case reflect.Bool:
		sb.WriteString(strconv.FormatBool(v.Bool()))
	case reflect.String:
		writeJSONString(sb, v.String())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		sb.WriteString(strconv.FormatInt(v.Int(), 10))
	case reflect.Float32, reflect.Float64:
		sb.WriteString(formatFloat(v.Float()))
	case reflect.Slice, reflect.Array:
		return writeJSONItems(sb, "[", "]", v.Len(), indent, depth, func(i int) error {
			return writeJSON(sb, v.Index(i), indent, depth+1)
		})
	case reflect.Map:
		entries := map[string]reflect.Value{}
		for it := v.MapRange(); it.Next(); {
			entries[fmt.Sprint(it.Key().Interface())] = it.Value()
		}
		keys := slices.SortedFunc(maps.Keys(entries), compareKeys)
		return writeJSONItems(sb, "{", "}", len(keys), indent, depth, func(i int) error {
			writeJSONString(sb, keys[i])
			sb.WriteString(": ")
			return writeJSON(sb, entries[keys[i]], indent, depth+1)
		})
	case reflect.Struct:
		dict, ok := v.Interface().(exec.Dict)
		if !ok {
			return fmt.Errorf("tojson: %s is not JSON serializable", v.Type())
		}
		return writeJSONItems(sb, "{", "}", len(dict.Pairs), indent, depth, func(i int) error {
			writeJSONString(sb, dict.Pairs[i].Key.String())
			sb.WriteString(": ")
			return writeJSON(sb, reflect.ValueOf(dict.Pairs[i].Value), indent, depth+1)
		})
	default:
		return fmt.Errorf("tojson: %s is not JSON serializable", v.Type())
	}
	return nil
}

func writeJSONItems(sb *strings.Builder, opening, closing string, n, indent, depth int, item func(int) error) error {
	sb.WriteString(opening)
	for i := range n {
		switch {
		case indent >= 0 && i > 0:
			sb.WriteString(",\n" + strings.Repeat(" ", indent*(depth+1)))
		case indent >= 0:
			sb.WriteString("\n" + strings.Repeat(" ", indent*(depth+1)))
		case i > 0:
			sb.WriteString(", ")
		}
		if err := item(i); err != nil {
			return err
		}
	}
	if indent >= 0 && n > 0 {
		sb.WriteString("\n" + strings.Repeat(" ", indent*depth))
	}
	sb.WriteString(closing)
	return nil
}

// writeJSONString escapes what Python escapes: quotes, backslashes and control characters.
func writeJSONString(sb *strings.Builder, s string) {
	sb.WriteByte('"')
	for _, r := range s {
		switch r {
		case '"', '\\':
			sb.WriteByte('\\')
			sb.WriteRune(r)
		case '\n':
			sb.WriteString(`\n`)
		case '\r':
			sb.WriteString(`\r`)
		case '\t':
			sb.WriteString(`\t`)
		case '\b':
			sb.WriteString(`\b`)
		case '\f':
			sb.WriteString(`\f`)
		default:
			if r < ' ' {
				fmt.Fprintf(sb, `\u%04x`, r)
			} else {
				sb.WriteRune(r)
			}
		}
	}
	sb.WriteByte('"')
}

// formatFloat is repr(f).
func formatFloat(f float64) string {
	if math.Trunc(f) == f && math.Abs(f) < 1e16 {
		return strconv.FormatFloat(f, 'f', 1, 64)
	}
	b, err := json.Marshal(f)
	if err != nil { // NaN and the infinities
		return strings.Replace(strconv.FormatFloat(f, 'g', -1, 64), "Inf", "Infinity", 1)
	}
	return string(b)
}

func compareKeys(a, b string) int {
	first := func(k string) bool { return k == "role" || k == "type" }
	switch {
	case first(a) && !first(b):
		return -1
	case first(b) && !first(a):
		return 1
	}
	return strings.Compare(a, b)
}

// strftime formats as Python's does in the C locale.
func strftime(t time.Time, format string) (string, error) {
	layouts := map[byte]string{
		'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'd': "02", 'H': "15", 'I': "03", 'm': "01", 'M': "04",
		'p': "PM", 'S': "05", 'y': "06", 'Y': "2006", 'Z': "MST", 'z': "-0700", 'D': "01/02/06", 'F': "2006-01-02", 'T': "15:04:05",
	}
	var sb strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			sb.WriteByte(format[i])
			continue
		}
		i++
		switch {
		case i == len(format):
			return "", fmt.Errorf("strftime_now: %q ends in %%", format)
		case format[i] == '%':
			sb.WriteByte('%')
		case format[i] == 'j':
			fmt.Fprintf(&sb, "%03d", t.YearDay())
		case layouts[format[i]] != "":
			sb.WriteString(t.Format(layouts[format[i]]))
		default:
			return "", fmt.Errorf("strftime_now: %%%c in %q is not supported", format[i], format)
		}
	}
	return sb.String(), nil
}
