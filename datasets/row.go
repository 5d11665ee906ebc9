package datasets

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A stored row, whether of JSON or Arrow, is read as an *object. Its values are nil, bool, number, string, []byte
// (which may alias a memory map), []any and *object.
type object struct{ fields []field }

type field struct {
	key   string
	value any
}

// A number is as it is written.
type number string

// get is the value of a key, nil if it is missing.
func (o *object) get(key string) any {
	for _, f := range o.fields {
		if f.key == key {
			return f.value
		}
	}
	return nil
}

// has says whether a key has a value that says something; see isEmpty.
func (o *object) has(key string) bool { return !isEmpty(o.get(key)) }

// isEmpty says whether a value is as good as a missing key: null, an empty text, list or object. Arrow has a value
// for every key in every row, and files made from it have null or nothing in it for what a row does not have.
func isEmpty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []byte:
		return len(v) == 0
	case []any:
		for _, x := range v {
			if !isEmpty(x) {
				return false
			}
		}
		return true
	case *object:
		for _, f := range v.fields {
			if !isEmpty(f.value) {
				return false
			}
		}
		return true
	}
	return false
}

// found says what a value is, for messages.
func found(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	case number:
		return "the number " + string(v)
	case string:
		return fmt.Sprintf("the text %.40q", v)
	case []byte:
		return fmt.Sprintf("%d bytes", len(v))
	case []any:
		return fmt.Sprintf("a list of %d", len(v))
	}
	return "an object"
}

// asText is the text of a key that has to have one.
func asText(key string, v any) (string, error) {
	var text string
	switch v := v.(type) {
	case string:
		text = v
	case []byte: // a column of binary that holds text
		text = string(v)
	default:
		return "", fmt.Errorf("%s is %s, expected a text", key, found(v))
	}
	if !utf8.ValidString(text) { // JSON is read strictly; Arrow and Parquet check nothing
		return "", fmt.Errorf("%s is no valid UTF-8: %.60q", key, text)
	}
	return text, nil
}

// plainText is a text, number or truth value as a text; "" for what is none, or no valid UTF-8.
func plainText(v any) string {
	switch v := v.(type) {
	case bool:
		return strconv.FormatBool(v)
	case number:
		return string(v)
	case string, []byte:
		text, _ := asText("", v)
		return text
	}
	return ""
}

// readID is a row's id: a text, or a number, which JSON and pandas may have made a float.
func readID(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case []byte:
		return string(v), nil
	case number:
		if f, err := strconv.ParseFloat(string(v), 64); err == nil && strings.ContainsAny(string(v), ".eE") && f == float64(int64(f)) {
			return strconv.FormatInt(int64(f), 10), nil
		}
		return string(v), nil
	}
	return "", fmt.Errorf("id is neither a text nor a number but %s", found(v))
}
