package datasets

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/apache/arrow/go/v15/arrow"

	"moslava/datasets/arrowipc"
)

// A rowReader knows which columns of a schema are read.
type rowReader struct {
	columns []int
	keys    []string // that they are taken for
	level   *level
}

// A suspect is a column, or a field inside of one, that must not hold anything.
type suspect struct {
	column  int
	path    []string // of fields below the column
	problem error
}

// newRowReader picks the columns that are read. Those that must be empty come back, too.
func newRowReader(schema *arrow.Schema, opt *Options) (r rowReader, bad []suspect, err error) {
	shaped := false
	r.level = opt.rows()
	var names []string
	for i, f := range schema.Fields() {
		if len(schema.FieldIndices(f.Name)) > 1 {
			return r, nil, fmt.Errorf("two columns are called %q", f.Name)
		}
		names = append(names, f.Name)
		if opt.meets(f.Name) {
			continue
		}
		key, problem := opt.found(f.Name)
		k := r.level.keys[key]
		if k.passed && !(k.kept && isPlain(f.Type)) {
			continue
		}
		if problem == nil && !k.passed {
			problem = r.level.problem(key)
		}
		if problem != nil {
			bad = append(bad, suspect{i, nil, problem})
			continue
		}
		shaped = shaped || opt.shapes(key)
		r.columns, r.keys = append(r.columns, i), append(r.keys, key)
		if err := misfit(f, f.Type, k, opt); err != nil {
			bad = append(bad, suspect{i, nil, err})
		}
		_, turned := f.Type.(*arrow.StructType)
		for _, s := range suspects(f.Type, k.inside, opt, turned && k.inside == turnLevel) {
			s.column = i
			bad = append(bad, s)
		}
		if err := readable(f.Type, k.inside, opt); err != nil {
			return r, nil, fmt.Errorf("column %s%w", f.Name, err)
		}
	}
	if !shaped {
		return r, nil, opt.unshaped(names)
	}
	return r, bad, nil
}

// isPlain says whether values of a type are texts, numbers or truth values that can be read.
func isPlain(t arrow.DataType) bool {
	id := t.ID()
	return arrowipc.IsBytes(t) || id == arrow.BOOL || arrow.IsInteger(id) || arrow.IsFloating(id)
}

// misfit says that no value of a type suits its key.
func misfit(f arrow.Field, t arrow.DataType, k key, opt *Options) error {
	kind := byte('{')
	switch id := t.ID(); {
	case !opt.Values, id == arrow.NULL:
		return nil
	case arrowipc.Elem(t) != nil:
		kind = '['
	case arrowipc.IsBytes(t):
		kind = '"'
	case id == arrow.BOOL:
		kind = 't'
	case id != arrow.STRUCT:
		kind = '0'
	}
	if k.takes.has(kind) {
		return nil
	}
	return k.takes.misfit(f.Name, "a column of "+t.Name())
}

// suspects are the fields of the structs in a type that are not known, refused or of a type that does not suit them. turned says that
// each field has a list with a value for each turn.
func suspects(t arrow.DataType, l *level, opt *Options, turned bool) (out []suspect) {
	if elem := arrowipc.Elem(t); elem != nil {
		return suspects(elem, l, opt, turned)
	}
	st, ok := t.(*arrow.StructType)
	if !ok || l == nil {
		return nil
	}
	for _, f := range st.Fields() {
		k := l.keys[f.Name]
		if opt.meets(f.Name) || k.passed {
			continue
		}
		if problem := l.problem(f.Name); problem != nil {
			out = append(out, suspect{path: []string{f.Name}, problem: problem})
			continue
		}
		value := f.Type
		if elem := arrowipc.Elem(value); turned && elem != nil {
			value = elem
		}
		if err := misfit(f, value, k, opt); err != nil {
			out = append(out, suspect{path: []string{f.Name}, problem: err})
			continue
		}
		for _, s := range suspects(value, k.inside, opt, false) {
			s.path = append([]string{f.Name}, s.path...)
			out = append(out, s)
		}
	}
	return out
}

// readable refuses types whose values cannot be read.
func readable(t arrow.DataType, l *level, opt *Options) error {
	if elem := arrowipc.Elem(t); elem != nil {
		return readable(elem, l, opt)
	}
	st, ok := t.(*arrow.StructType)
	if !ok {
		if t.ID() == arrow.NULL || isPlain(t) {
			return nil
		}
		return fmt.Errorf(" is %s, expected text, numbers, lists or structs", t.Name())
	}
	for _, f := range st.Fields() {
		if !wanted(l, f.Name, opt) {
			continue
		}
		if err := readable(f.Type, l.keys[f.Name].inside, opt); err != nil {
			return fmt.Errorf(": %s%w", f.Name, err)
		}
	}
	return nil
}

// wanted says whether a field of a struct is read.
func wanted(l *level, name string, opt *Options) bool {
	if l == nil || opt.ignores(name) {
		return false
	}
	k, known := l.keys[name]
	return known && !k.passed && k.refused == ""
}

// holds says whether value i of a column says something at a path of fields.
func holds(c *arrowipc.Column, i int64, path []string) (bool, error) {
	if c.IsNull(i) {
		return false, nil
	}
	if c.Elem() != nil {
		lo, hi, err := c.Range(i)
		for k := lo; k < hi && err == nil; k++ {
			var yes bool
			if yes, err = holds(c.Elem(), k, path); yes {
				return true, err
			}
		}
		return false, err
	}
	if st, ok := c.Type.(*arrow.StructType); ok {
		for _, f := range st.Fields() {
			rest := path
			if len(path) > 0 {
				if f.Name != path[0] {
					continue
				}
				rest = path[1:]
			}
			if yes, err := holds(c.Child(f.Name), i, rest); yes || err != nil {
				return yes, err
			}
		}
		return false, nil
	}
	if arrowipc.IsBytes(c.Type) {
		b, err := c.Bytes(i)
		return len(b) > 0, err
	}
	return true, nil
}

// read makes an object of row i.
func (r *rowReader) read(cols []arrowipc.Column, i int64, opt *Options) (*object, error) {
	o := &object{}
	c := cells{opt, maxValues}
	for at, k := range r.columns {
		key := r.keys[at]
		v, err := c.value(&cols[k], i, r.level.keys[key].inside)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", cols[k].Name, err)
		}
		o.fields = append(o.fields, field{key, v})
	}
	return o, nil
}

// maxValues bounds the values of one row: null structs take no bytes, so a list's length proves nothing.
const maxValues = 1 << 20

// cells reads values of columns. Text is copied, binary aliases the map.
type cells struct {
	opt  *Options
	left int
}

func (c *cells) value(x *arrowipc.Column, i int64, l *level) (any, error) {
	if c.left--; c.left < 0 {
		return nil, fmt.Errorf("more than %d values in a row", maxValues)
	}
	if x.IsNull(i) {
		return nil, nil
	}
	switch t := x.Type.(type) {
	case *arrow.StructType:
		o := &object{}
		for _, f := range t.Fields() {
			if !wanted(l, f.Name, c.opt) {
				continue
			}
			v, err := c.value(x.Child(f.Name), i, l.keys[f.Name].inside)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", f.Name, err)
			}
			o.fields = append(o.fields, field{f.Name, v})
		}
		return o, nil
	case *arrow.BooleanType:
		return x.Bool(i), nil
	}
	switch {
	case x.Elem() != nil:
		lo, hi, err := x.Range(i)
		if err != nil {
			return nil, err
		}
		list := make([]any, 0, min(hi-lo, 64))
		for k := lo; k < hi; k++ {
			v, err := c.value(x.Elem(), k, l)
			if err != nil {
				return nil, fmt.Errorf("%d: %w", k-lo, err)
			}
			list = append(list, v)
		}
		return list, nil
	case arrowipc.IsBytes(x.Type):
		b, err := x.Bytes(i)
		if err == nil && arrowipc.IsText(x.Type) {
			return string(b), nil
		}
		return b, err
	case arrow.IsInteger(x.Type.ID()):
		v, ok := x.Int(i)
		if !ok {
			return nil, errors.New("integer does not fit 64 bits")
		}
		return number(strconv.FormatInt(v, 10)), nil
	case arrow.IsFloating(x.Type.ID()):
		return number(strconv.FormatFloat(x.Float(i), 'g', -1, 64)), nil
	}
	return nil, fmt.Errorf("values of type %s are not read", x.Type.Name())
}
