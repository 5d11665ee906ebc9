package recipe

import (
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Written is the recipe with its texts as they stand in the file: ${NAME} in the place of values, and paths with it as relative as they are there. It is
// what is stored and shown, and no recipe to be run; numbers and switches are those that count.
func (r *Recipe) Written() *Recipe {
	w := *r
	w.environment.rewrite(reflect.ValueOf(&w).Elem(), "")
	return &w
}

// rewrite puts texts with variables into a copy of a value, whatever it points to included.
func (e *Environment) rewrite(v reflect.Value, key string) {
	switch v.Kind() {
	case reflect.String:
		if text, ok := e.written[key]; ok {
			v.SetString(text)
		}
	case reflect.Slice:
		if v.IsNil() {
			return
		}
		list := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(list, v)
		v.Set(list)
		for i := range v.Len() {
			e.rewrite(v.Index(i), join(key, strconv.Itoa(i)))
		}
	case reflect.Pointer:
		if v.IsNil() {
			return
		}
		own := reflect.New(v.Type().Elem())
		own.Elem().Set(v.Elem())
		v.Set(own)
		e.rewrite(own.Elem(), key)
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
			switch {
			case f.Anonymous, name == "-": // its keys stand beside the others
				e.rewrite(v.Field(i), key)
			case name != "":
				e.rewrite(v.Field(i), join(key, name))
			}
		}
	}
}

// Mask puts ${NAME} in the place of the values of variables in a message.
func (r *Recipe) Mask(text string) string { return r.environment.Mask(text) }

// Masked is a writer of what people are told, with Mask on every piece.
func (r *Recipe) Masked(w io.Writer) io.Writer { return r.environment.Masked(w) }

// MaskError is the error with Mask on its text; nil for nil.
func (r *Recipe) MaskError(err error) error { return r.environment.MaskError(err) }

// WrittenPath is a path as a record has it; Expand makes it the path again.
func (r *Recipe) WrittenPath(path string) string { return r.environment.Path(path) }

// Variables are the values, by name, of the environment variables that decide what stage i leaves behind.
func (r *Recipe) Variables(i int) (map[string]string, error) {
	c, err := r.canoniser(false)
	if err != nil {
		return nil, err
	}
	c.base()
	c.stage(&r.Stages[i], i)
	return c.met, nil
}

// ModelVariables are those of them that decide what the first stage starts from.
func (r *Recipe) ModelVariables() (map[string]string, error) {
	c, err := r.canoniser(false)
	if err != nil {
		return nil, err
	}
	c.base()
	return c.met, nil
}

// ModelNeeds is an error if a variable is not set that decides what the first stage starts from. Only FromRecord gives recipes that can have such.
func (r *Recipe) ModelNeeds() error { return r.environment.needs(r.file, "seed", "model.") }

// put notes in what place a key's text is counted by Reads and JSON, where that is not the key itself: a single value that stands for a list is its
// first entry, and a pattern has a number.
func (d *decoder) put(key, place string) { d.places[key] = place }

func (d *decoder) place(key string) string {
	at, out := "", ""
	for part := range strings.SplitSeq(key, ".") {
		at, out = join(at, part), join(out, part)
		if p, ok := d.places[at]; ok {
			out = p
		}
	}
	return out
}

// derive notes that a value which is worked out follows from that of another key, both given as places. text is the value, if it is a new one.
func (d *decoder) derive(place, from, text string, change func(string) string) {
	for _, at := range d.written(from) {
		written := change(d.environment.written[at])
		if !HasVariables(written) {
			continue
		}
		d.environment.written[place+strings.TrimPrefix(at, from)] = written
		d.environment.add(secret{text: text, written: written})
	}
}

// written are the places of texts with variables at a place and below.
func (d *decoder) written(place string) (at []string) {
	for p := range d.environment.written {
		if p == place || strings.HasPrefix(p, place+".") {
			at = append(at, p)
		}
	}
	slices.Sort(at)
	return at
}

func same(text string) string { return text }
