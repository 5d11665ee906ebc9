package datasets

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v15/arrow"

	"moslava/datasets/arrowipc"
)

// A rowReader knows which columns of a schema make a Sample.
type rowReader struct {
	id, image, turns int // column numbers, -1 if absent
	imageList        bool
	from, value      string // names of the two halves of a turn
}

func newRowReader(schema *arrow.Schema) (rowReader, error) {
	fields := schema.Fields()
	names := make([]string, len(fields))
	for i, f := range fields {
		if len(schema.FieldIndices(f.Name)) > 1 {
			return rowReader{}, fmt.Errorf("two columns are called %q", f.Name)
		}
		names[i] = f.Name
	}
	find := func(names ...string) int {
		for _, n := range names {
			if i := schema.FieldIndices(n); len(i) > 0 {
				return i[0]
			}
		}
		return -1
	}
	r := rowReader{id: find("id"), image: find("image", "images"), turns: find("conversations", "messages")}
	if r.turns < 0 {
		return r, fmt.Errorf("no column conversations or messages among %s", strings.Join(names, ", "))
	}
	if find("image") >= 0 && find("images") >= 0 {
		return r, errors.New("has both image and images, expected one of them")
	}
	if r.id >= 0 && !bytesOrNull(fields[r.id].Type) && !arrow.IsInteger(fields[r.id].Type.ID()) {
		return r, fmt.Errorf("column id is %s, expected string or int", fields[r.id].Type.Name())
	}
	if err := r.checkTurns(fields[r.turns]); err != nil {
		return r, err
	}
	return r, r.checkImage(fields)
}

func bytesOrNull(t arrow.DataType) bool {
	return arrowipc.IsBytes(t) || t.ID() == arrow.NULL
}

// child is the type of the field called name of a struct, or nil.
func child(t arrow.DataType, name string) arrow.DataType {
	if st, ok := t.(*arrow.StructType); ok {
		if f, ok := st.FieldByName(name); ok {
			return f.Type
		}
	}
	return nil
}

// checkTurns settles how turns are stored: a list of structs, or the struct of
// lists that the older Sequence feature makes of it.
func (r *rowReader) checkTurns(f arrow.Field) error {
	st := f.Type
	if elem := arrowipc.Elem(st); elem != nil {
		st = elem
	}
	if st.ID() != arrow.STRUCT {
		return fmt.Errorf("column %s is %s, expected a list of struct<from, value>", f.Name, f.Type.Name())
	}
	switch {
	case child(st, "from") != nil && child(st, "value") != nil:
		r.from, r.value = "from", "value"
	case child(st, "role") != nil && child(st, "content") != nil:
		r.from, r.value = "role", "content"
	default:
		return fmt.Errorf("column %s has neither from and value nor role and content", f.Name)
	}
	for _, name := range []string{r.from, r.value} {
		x := child(st, name)
		if f.Type.ID() == arrow.STRUCT { // one list per name
			elem := arrowipc.Elem(x)
			if elem == nil {
				return fmt.Errorf("column %s: %s is %s, expected a list", f.Name, name, x.Name())
			}
			x = elem
		}
		if arrowipc.IsBytes(x) || name == "content" && isPart(arrowipc.Elem(x)) {
			continue
		}
		return fmt.Errorf("column %s: %s is %s, expected string", f.Name, name, x.Name())
	}
	return nil
}

func isPart(t arrow.DataType) bool {
	kind, text := child(t, "type"), child(t, "text")
	return kind != nil && text != nil && arrowipc.IsBytes(kind) && bytesOrNull(text)
}

func (r *rowReader) checkImage(fields []arrow.Field) error {
	if r.image < 0 {
		return nil
	}
	name, t := fields[r.image].Name, fields[r.image].Type
	if elem := arrowipc.Elem(t); elem != nil {
		r.imageList = true
		t = elem
	}
	if bytesOrNull(t) {
		return nil
	}
	found := false
	for _, n := range []string{"bytes", "path"} {
		x := child(t, n)
		if x != nil && !bytesOrNull(x) {
			return fmt.Errorf("column %s: %s is %s, expected binary or string", name, n, x.Name())
		}
		found = found || x != nil
	}
	if !found {
		return fmt.Errorf("column %s is %s, expected struct<bytes, path>", name, t.Name())
	}
	return nil
}

// read makes a Sample of row i. Text is copied, pictures alias the map.
func (r *rowReader) read(cols []arrowipc.Column, i int64, roots []string) (s Sample, err error) {
	if r.id >= 0 {
		if s.ID, err = readID(&cols[r.id], i); err != nil {
			return s, fmt.Errorf("id: %w", err)
		}
	}
	if s.Turns, err = r.readTurns(&cols[r.turns], i); err != nil {
		return s, fmt.Errorf("%s: %w", cols[r.turns].Name, err)
	}
	if r.image < 0 {
		return s, nil
	}
	c, lo, hi := &cols[r.image], i, i+1
	if r.imageList {
		if lo, hi, err = c.Range(i); err != nil {
			return s, fmt.Errorf("%s: %w", c.Name, err)
		}
		c = c.Elem()
	}
	for k := lo; k < hi; k++ {
		p, err := readPicture(c, k, roots)
		if err != nil {
			return s, fmt.Errorf("%s: %w", cols[r.image].Name, err)
		}
		if p.Bytes != nil {
			s.Pictures = append(s.Pictures, p)
		} else if r.imageList {
			return s, fmt.Errorf("%s: picture %d is null", cols[r.image].Name, k-lo)
		}
	}
	return s, nil
}

func readID(c *arrowipc.Column, i int64) (string, error) {
	if c.IsNull(i) {
		return "", nil
	}
	if arrow.IsInteger(c.Type.ID()) {
		v, ok := c.Int(i)
		if !ok {
			return "", errors.New("integer does not fit 64 bits")
		}
		return strconv.FormatInt(v, 10), nil
	}
	b, err := c.Bytes(i)
	return string(b), err
}

func readPicture(c *arrowipc.Column, i int64, roots []string) (p Picture, err error) {
	if c.IsNull(i) {
		return p, nil
	}
	var data, path []byte
	if c.Type.ID() == arrow.STRUCT {
		if data, err = childBytes(c, "bytes", i); err != nil {
			return p, err
		}
		if path, err = childBytes(c, "path", i); err != nil {
			return p, err
		}
	} else {
		var v []byte
		if v, err = c.Bytes(i); err != nil {
			return p, err
		}
		if arrowipc.IsText(c.Type) {
			path = v
		} else {
			data = v
		}
	}
	p = Picture{Bytes: data, Path: string(path)}
	if data != nil {
		if len(data) == 0 {
			return p, fmt.Errorf("picture %q has no bytes", p.Path)
		}
		return p, nil
	}
	if p.Path == "" {
		return p, nil // a struct of two nulls: how some writers store "no picture"
	}
	p.Bytes, err = readImage(roots, p.Path)
	return p, err
}

func childBytes(c *arrowipc.Column, name string, i int64) ([]byte, error) {
	x := c.Child(name)
	if x == nil || x.IsNull(i) {
		return nil, nil
	}
	return x.Bytes(i)
}

func (r *rowReader) readTurns(c *arrowipc.Column, i int64) ([]Turn, error) {
	var from, value *arrowipc.Column
	var lo, hi, shift int64
	var err error
	if c.Elem() != nil {
		if lo, hi, err = c.Range(i); err != nil {
			return nil, err
		}
		from, value = c.Elem().Child(r.from), c.Elem().Child(r.value)
	} else {
		from, value = c.Child(r.from), c.Child(r.value)
		if lo, hi, err = from.Range(i); err != nil {
			return nil, err
		}
		vlo, vhi, err := value.Range(i)
		if err != nil {
			return nil, err
		}
		if vhi-vlo != hi-lo {
			return nil, fmt.Errorf("%d of %s and %d of %s", hi-lo, r.from, vhi-vlo, r.value)
		}
		from, value, shift = from.Elem(), value.Elem(), vlo-lo
	}
	turns := make([]Turn, 0, min(hi-lo, 64)) // null structs take no bytes: a count proves nothing
	for k := lo; k < hi; k++ {
		who, err := from.Bytes(k)
		if err != nil {
			return nil, fmt.Errorf("turn %d: %w", k-lo, err)
		}
		name, err := speaker(string(who))
		if err != nil {
			return nil, fmt.Errorf("turn %d: %w", k-lo, err)
		}
		text, err := readText(value, k+shift)
		if err != nil {
			return nil, fmt.Errorf("turn %d: %w", k-lo, err)
		}
		turns = append(turns, Turn{From: name, Value: text})
	}
	return turns, nil
}

// readText is the text of a turn; a null is no text.
func readText(c *arrowipc.Column, i int64) (string, error) {
	if arrowipc.IsBytes(c.Type) {
		b, err := c.Bytes(i)
		return string(b), err
	}
	lo, hi, err := c.Range(i)
	if err != nil {
		return "", err
	}
	var parts []part
	for k := lo; k < hi; k++ {
		kind, err := childBytes(c.Elem(), "type", k)
		if err != nil {
			return "", err
		}
		switch string(kind) {
		case "image":
			parts = append(parts, part{image: true})
		case "text":
			text, err := childBytes(c.Elem(), "text", k)
			if err != nil {
				return "", err
			}
			parts = append(parts, part{text: string(text)})
		default:
			return "", fmt.Errorf("part of type %q, expected text or image", kind)
		}
	}
	return joinParts(parts)
}
