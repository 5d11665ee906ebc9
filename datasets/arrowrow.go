package datasets

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"moslava/datasets/arrowipc"
)

// A rowReader knows which columns of a schema make a Sample.
type rowReader struct {
	id, image, turns int // column numbers, -1 if absent
	imageList        bool
	from, value      string // names of the two halves of a turn
}

func newRowReader(fields []arrowipc.Field) (rowReader, error) {
	col := map[string]int{}
	var names []string
	for i, f := range fields {
		if _, twice := col[f.Name]; twice {
			return rowReader{}, fmt.Errorf("two columns are called %q", f.Name)
		}
		col[f.Name] = i
		names = append(names, f.Name)
	}
	find := func(names ...string) int {
		for _, n := range names {
			if i, ok := col[n]; ok {
				return i
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
	if r.id >= 0 && fields[r.id].Kind != arrowipc.Bytes && fields[r.id].Kind != arrowipc.Int && fields[r.id].Kind != arrowipc.Null {
		return r, fmt.Errorf("column id is %s, expected string or int", fields[r.id].Type)
	}
	if err := r.checkTurns(&fields[r.turns]); err != nil {
		return r, err
	}
	return r, r.checkImage(fields)
}

// checkTurns settles how turns are stored: a list of structs, or the struct of
// lists that the older Sequence feature makes of it.
func (r *rowReader) checkTurns(f *arrowipc.Field) error {
	st := f
	if f.Kind == arrowipc.List {
		st = &f.Children[0]
	}
	bad := func(x *arrowipc.Field, want string) error {
		return fmt.Errorf("column %s: %s is %s, expected %s", f.Name, x.Name, x.Type, want)
	}
	if st.Kind != arrowipc.Struct {
		return fmt.Errorf("column %s is %s, expected a list of struct<from, value>", f.Name, f.Type)
	}
	switch {
	case st.Child("from") >= 0 && st.Child("value") >= 0:
		r.from, r.value = "from", "value"
	case st.Child("role") >= 0 && st.Child("content") >= 0:
		r.from, r.value = "role", "content"
	default:
		return fmt.Errorf("column %s has neither from and value nor role and content", f.Name)
	}
	for _, name := range []string{r.from, r.value} {
		x := &st.Children[st.Child(name)]
		if f.Kind == arrowipc.Struct { // one list per name
			if x.Kind != arrowipc.List {
				return bad(x, "a list")
			}
			x = &x.Children[0]
		}
		if x.Kind == arrowipc.Bytes {
			continue
		}
		if name == "content" && x.Kind == arrowipc.List && isPart(&x.Children[0]) {
			continue
		}
		return bad(x, "string")
	}
	return nil
}

func isPart(f *arrowipc.Field) bool {
	k, t := f.Child("type"), f.Child("text")
	return f.Kind == arrowipc.Struct && k >= 0 && f.Children[k].Kind == arrowipc.Bytes &&
		t >= 0 && (f.Children[t].Kind == arrowipc.Bytes || f.Children[t].Kind == arrowipc.Null)
}

func (r *rowReader) checkImage(fields []arrowipc.Field) error {
	if r.image < 0 {
		return nil
	}
	x := &fields[r.image]
	name := x.Name
	if x.Kind == arrowipc.List {
		r.imageList = true
		x = &x.Children[0]
	}
	switch x.Kind {
	case arrowipc.Bytes, arrowipc.Null:
		return nil
	case arrowipc.Struct:
		for _, n := range []string{"bytes", "path"} {
			k := x.Child(n)
			if k >= 0 && x.Children[k].Kind != arrowipc.Bytes && x.Children[k].Kind != arrowipc.Null {
				return fmt.Errorf("column %s: %s is %s, expected binary or string", name, n, x.Children[k].Type)
			}
		}
		if x.Child("bytes") >= 0 || x.Child("path") >= 0 {
			return nil
		}
	}
	return fmt.Errorf("column %s is %s, expected struct<bytes, path>", name, x.Type)
}

// read makes a Sample of row i. Text is copied, pictures alias the map.
func (r *rowReader) read(cols []arrowipc.Column, i int64, roots []string) (s Sample, err error) {
	if r.id >= 0 {
		if s.ID, err = readID(&cols[r.id], i); err != nil {
			return s, fmt.Errorf("id: %w", err)
		}
	}
	if s.Turns, err = r.readTurns(&cols[r.turns], i); err != nil {
		return s, fmt.Errorf("%s: %w", cols[r.turns].Field.Name, err)
	}
	if r.image < 0 {
		return s, nil
	}
	c, lo, hi := &cols[r.image], i, i+1
	if r.imageList {
		if lo, hi, err = c.Range(i); err != nil {
			return s, fmt.Errorf("%s: %w", c.Field.Name, err)
		}
		c = c.Elem()
	}
	var ps []Picture
	for k := lo; k < hi; k++ {
		p, err := readPicture(c, k, roots)
		if err != nil {
			return s, fmt.Errorf("%s: %w", cols[r.image].Field.Name, err)
		}
		if p.Bytes != nil {
			ps = append(ps, p)
		} else if r.imageList {
			return s, fmt.Errorf("%s: picture %d is null", cols[r.image].Field.Name, k-lo)
		}
	}
	s.setPictures(ps)
	return s, nil
}

func readID(c *arrowipc.Column, i int64) (string, error) {
	if c.IsNull(i) {
		return "", nil
	}
	if c.Field.Kind == arrowipc.Int {
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
	if c.Field.Kind == arrowipc.Struct {
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
		if strings.Contains(c.Field.Type, "string") {
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
	if c.Field.Kind == arrowipc.List {
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
		turns = append(turns, Turn{name, text})
	}
	return turns, nil
}

// readText is the text of a turn; a null is no text.
func readText(c *arrowipc.Column, i int64) (string, error) {
	if c.Field.Kind == arrowipc.Bytes {
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
