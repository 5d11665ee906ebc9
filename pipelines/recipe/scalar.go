package recipe

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

var pathType = reflect.TypeFor[Path]()

// scalar fills a field that is one value, after its variables are put in.
func (d *decoder) scalar(n *yaml.Node, key string, f field) {
	if n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" {
		d.problem(n.Line, key, "is %s, expected %s", describe(n), d.expected(f))
		return
	}
	written := n
	text, err := expand(n.Value, d.environment.values)
	fromOutside := HasVariables(n.Value)
	if f.tag.Get("expand") == "-" {
		text, err, fromOutside = n.Value, nil, false
	}
	if fromOutside {
		d.environment.written[d.place(key)] = n.Value
	}
	if err != nil {
		d.unset(n, key, f, err)
		return
	}
	if text != n.Value {
		c := *n
		if c.Value = text; c.Style == 0 {
			c.Tag = "" // what the variable holds decides whether it is a number
		}
		n = &c
	}
	if err := set(f.value, n.ShortTag(), n.Value); err != nil {
		d.problem(n.Line, key, "is %s, expected %s", describe(written), d.expected(f))
		return
	}
	if err := d.inRange(f); err != nil && fromOutside {
		d.problem(n.Line, key, "what %q stands for is out of place, expected %s", written.Value, strings.TrimSpace(d.expected(f)+" "+f.tag.Get("range")))
	} else if err != nil {
		d.problem(n.Line, key, "%v", err)
	}
	isPath := f.value.Type() == pathType
	if fromOutside && f.value.Kind() == reflect.String && !isChoice(f.tag) { // numbers and choices are seen in what is made with them
		d.environment.hide(written.Value, text, isPath, filepath.Dir(d.file))
	}
	if isPath && d.lost != "" && relative(text) {
		d.environment.unset[d.place(key)] = d.lost
	}
	if isPath && text != "" {
		f.value.SetString(resolve(filepath.Dir(d.file), text))
	}
}

// unset handles a text whose variables cannot be put in. Of a record it may be one that nobody asks for.
func (d *decoder) unset(n *yaml.Node, key string, f field, err error) {
	var unset *UnsetError
	if !d.ofRecord || !errors.As(err, &unset) {
		d.problem(n.Line, key, "%v", err)
		return
	}
	d.environment.unset[d.place(key)] = unset.Name
	if f.value.Kind() == reflect.String {
		f.value.SetString(n.Value)
	}
}

// set stores a value of the YAML type tag; text that does not fit the field's type is an error.
func set(v reflect.Value, tag, text string) error {
	bad := fmt.Errorf("%s %q is not a %s", tag, text, v.Type())
	if v.Type() == bytesType {
		n, err := parseBytes(text)
		if err != nil {
			return bad
		}
		v.SetInt(int64(n))
		return nil
	}
	switch v.Kind() {
	case reflect.String:
		// Numbers and dates are taken as they are written: names may look like them.
		if !slices.Contains([]string{"!!str", "!!int", "!!float", "!!timestamp"}, tag) {
			return bad
		}
		v.SetString(text)
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if tag != "!!bool" || err != nil {
			return bad
		}
		v.SetBool(b)
	case reflect.Int:
		i, err := strconv.ParseInt(text, 10, strconv.IntSize)
		if tag != "!!int" || err != nil {
			return bad
		}
		v.SetInt(i)
	case reflect.Uint64:
		u, err := strconv.ParseUint(text, 10, 64)
		if tag != "!!int" || err != nil {
			return bad
		}
		v.SetUint(u)
	case reflect.Float64:
		x, err := strconv.ParseFloat(text, 64)
		if tag != "!!int" && tag != "!!float" || err != nil {
			return bad
		}
		v.SetFloat(x)
	default:
		return bad
	}
	return nil
}

// choices are the texts that a field takes; none if it takes any.
func (d *decoder) choices(f field) Words {
	if f.value.Kind() != reflect.String {
		return Words{}
	}
	if enum := f.tag.Get("enum"); enum != "" {
		return Words{Known: strings.Split(enum, "|")}
	}
	return d.words.Words[f.tag.Get("words")]
}

// isChoice reports whether a key takes one of a few texts, which may be seen.
func isChoice(tag reflect.StructTag) bool { return tag.Get("enum") != "" || tag.Get("words") != "" }

// inRange checks a field against its choices and its range tag.
func (d *decoder) inRange(f field) error {
	if w := d.choices(f); w.Known != nil {
		word := f.value.String()
		if why := w.Refused[word]; why != "" {
			return fmt.Errorf("%s %s", word, why)
		}
		if !slices.Contains(w.Known, word) {
			return fmt.Errorf("%q is unknown; %s", word, nearest(word, w.Known))
		}
	}
	bounds := f.tag.Get("range")
	if bounds == "" {
		return nil
	}
	var x float64
	if f.value.CanInt() {
		x = float64(f.value.Int())
	} else {
		x = f.value.Float()
	}
	low, high, _ := strings.Cut(bounds[1:len(bounds)-1], ",")
	lo, errLo := strconv.ParseFloat(low, 64)
	hi, errHi := strconv.ParseFloat(high, 64)
	ok := errLo == nil && errHi == nil && (x > lo || x == lo && bounds[0] == '[') && (x < hi || x == hi && bounds[len(bounds)-1] == ']')
	if !ok {
		word := map[byte]string{'[': "at least", '(': "more than", ']': "at most", ')': "less than"}
		return fmt.Errorf("is %v, expected %s %s and %s %s", f.value.Interface(), word[bounds[0]], low, word[bounds[len(bounds)-1]], high)
	}
	return nil
}

// setDefaults puts the default tags of a struct into its fields, embedded structs included.
// The tags are part of the program: the tests check that all of them parse.
func setDefaults(v reflect.Value) {
	for _, f := range fields(v) {
		text, ok := f.tag.Lookup("default")
		switch {
		case f.value.Kind() == reflect.Struct:
			setDefaults(f.value)
		case ok && f.value.Kind() == reflect.Slice: // of strings
			f.value.Set(reflect.ValueOf([]string{text}))
		case ok:
			n := yaml.Node{Kind: yaml.ScalarNode, Value: text}
			if err := set(f.value, n.ShortTag(), text); err != nil {
				panic(fmt.Sprintf("recipe: default of %s: %v", f.name, err))
			}
		}
	}
}

// describe says what a node is, for messages.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	text := n.Value
	if len(text) > 60 {
		text = strings.ToValidUTF8(text[:60], "") + "..."
	}
	switch n.ShortTag() {
	case "!!null":
		return "without a value"
	case "!!int", "!!float":
		return "the number " + text
	case "!!bool":
		return text
	}
	return fmt.Sprintf("the text %q", text)
}

// expected says what a field takes, for messages.
func (d *decoder) expected(f field) string {
	if w := d.choices(f); w.Known != nil {
		return "one of " + strings.Join(w.Known, ", ")
	}
	switch f.value.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Uint64:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	}
	switch f.value.Type() {
	case pathType:
		return "a path"
	case bytesType:
		return "a size, as 512MiB or 2GiB"
	}
	return "text"
}

// network begins addresses of stored rows (internal/remote).
var network = regexp.MustCompile(`^(?:s3|gs|https?)://`)

var scheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]+:`)

// resolve makes a path relative to the recipe's directory one relative to the working directory.
func resolve(dir, path string) string {
	if !relative(path) {
		return path
	}
	return filepath.Join(dir, filepath.FromSlash(path))
}

func relative(path string) bool {
	return !scheme.MatchString(path) && !filepath.IsAbs(filepath.FromSlash(path))
}
