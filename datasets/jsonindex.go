package datasets

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// wrappers are the keys under which an object holds all rows of a file.
var wrappers = []string{"data", "rows", "train", "examples"}

// An indexer goes through a JSON file once: it notes where rows lie and checks their keys.
type indexer struct {
	in    *boundedReader
	d     *jsontext.Decoder
	base  int64 // of the decoder's first byte in the file
	opt   *Options
	spans []span

	shaped bool // a row's shape stands elsewhere
}

func newIndexer(f io.Reader, opt *Options) *indexer {
	return &indexer{in: &boundedReader{r: bufio.NewReaderSize(f, 1<<16)}, opt: opt}
}

// A boundedReader fails when a row is longer than rows may be: the decoder would keep all of a long text.
type boundedReader struct {
	r    *bufio.Reader
	left int64
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("more than %d bytes in a row", maxRow)
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// file reads the whole file. Its errors begin with what follows the file's name.
func (x *indexer) file() error {
	if b, _ := x.in.r.Peek(3); bytes.Equal(b, []byte("\xef\xbb\xbf")) {
		x.base = 3
		if _, err := x.in.r.Discard(3); err != nil {
			return err
		}
	}
	x.in.left = 2 * maxRow
	x.d = jsontext.NewDecoder(x.in)
	switch x.d.PeekKind() {
	case '[':
		if err := x.array(); err != nil {
			return err
		}
		if _, err := x.d.ReadToken(); err != io.EOF {
			return fmt.Errorf(": byte %d: data after the array of %d rows", x.base+x.d.InputOffset(), len(x.spans))
		}
		return nil
	case '{':
		return x.objects()
	default:
		t, err := x.d.ReadToken()
		if err == io.EOF {
			return errors.New(": no rows: expected a JSON array, or JSON objects one after the other")
		}
		if err != nil {
			return x.syntax(err)
		}
		return fmt.Errorf(": starts with %.20q, expected a JSON array, or JSON objects one after the other", t)
	}
}

// single reads an object that is all of a file. shaped says that it need not say what is learnt.
func (x *indexer) single(shaped bool) error {
	x.in.left = 2 * maxRow
	x.d = jsontext.NewDecoder(x.in)
	x.shaped = shaped
	if x.d.PeekKind() != '{' {
		if _, err := x.d.ReadToken(); err != nil {
			return x.syntax(err)
		}
		return errors.New(": not a JSON object")
	}
	if _, err := x.row(false); err != nil {
		return err
	}
	if _, err := x.d.ReadToken(); err != io.EOF {
		return errors.New(": data after the JSON object")
	}
	return nil
}

func (x *indexer) syntax(err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("row is cut off")
	}
	var bad *jsontext.SyntacticError
	if errors.As(err, &bad) {
		if err = bad.Err; errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("row is cut off")
		} else if errors.Is(err, jsontext.ErrDuplicateName) {
			err = fmt.Errorf("key %s comes twice", bad.JSONPointer.LastToken())
		} else if p := bad.JSONPointer; p != "" {
			err = fmt.Errorf("%w (at %.200s)", err, p)
		}
	}
	return fmt.Errorf(":%d: %w, near byte %d", len(x.spans), err, x.base+x.d.InputOffset())
}

// array reads an array of rows.
func (x *indexer) array() error {
	if _, err := x.d.ReadToken(); err != nil {
		return x.syntax(err)
	}
	for {
		switch x.d.PeekKind() {
		case ']':
			_, err := x.d.ReadToken()
			return err
		case '{':
			if _, err := x.row(false); err != nil {
				return err
			}
		default:
			_, err := x.d.ReadToken()
			if err != nil {
				return x.syntax(err)
			}
			return fmt.Errorf(":%d: not a JSON object", len(x.spans))
		}
	}
}

// objects reads rows that stand one after the other, or one object around an array of them.
func (x *indexer) objects() error {
	for {
		switch x.d.PeekKind() {
		case '{':
			wrapped, err := x.row(len(x.spans) == 0)
			if err != nil {
				return err
			}
			if wrapped {
				if _, err := x.d.ReadToken(); err != io.EOF {
					return fmt.Errorf(": byte %d: data after the object with %d rows", x.base+x.d.InputOffset(), len(x.spans))
				}
				return nil
			}
		default:
			_, err := x.d.ReadToken()
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return x.syntax(err)
			}
			return fmt.Errorf(":%d: not a JSON object", len(x.spans))
		}
	}
}

// row reads one row; where it may be, it finds out that it is an object around all rows.
func (x *indexer) row(first bool) (wrapped bool, err error) {
	x.in.left = 2 * maxRow // what the decoder has read ahead is part of it
	if _, err := x.d.ReadToken(); err != nil {
		return false, x.syntax(err)
	}
	at := x.d.InputOffset() - 1
	shaped := x.shaped
	var held error // of a key beside an array of rows that may follow
	for x.d.PeekKind() != '}' {
		t, err := x.d.ReadToken()
		if err != nil {
			return false, x.syntax(err)
		}
		name := t.String()
		if first && slices.Contains(wrappers, name) && x.d.PeekKind() == '[' {
			if wrapped {
				return false, fmt.Errorf(": %s is a second array of rows, expected one", name)
			}
			clear(x.opt.Met) // keys so far are of no row
			x.opt.columns.forget()
			if err := x.array(); err != nil {
				return false, err
			}
			wrapped = true
			continue
		}
		switch {
		case wrapped:
			err = x.d.SkipValue() // what else is said of the file
		case x.opt.meets(name):
			err = x.d.SkipValue()
		default:
			var key string
			if key, err = x.opt.found(name); err != nil {
				err = x.refused(err)
			} else {
				shaped = shaped || x.opt.shapes(key) && x.d.PeekKind() != 'n'
				err = x.known(x.opt.rows(), key, false)
			}
		}
		if key, ok := err.(*keyError); ok && first && key.at == "" {
			if held == nil {
				held = x.told(err)
			}
			continue
		}
		if err != nil {
			return false, x.told(err)
		}
	}
	if _, err := x.d.ReadToken(); err != nil {
		return false, x.syntax(err)
	}
	if wrapped {
		return true, nil
	}
	if held == nil && x.opt.Values && !shaped {
		held = fmt.Errorf(":%d: %w", len(x.spans), x.opt.shapeless())
	}
	if held != nil {
		return false, held
	}
	size := x.d.InputOffset() - at
	if size > maxRow {
		return false, fmt.Errorf(":%d: more than %d bytes in a row", len(x.spans), maxRow)
	}
	if len(x.spans) == maxLen {
		return false, fmt.Errorf(": more than %d rows", maxLen)
	}
	x.spans = append(x.spans, span{x.base + at, int32(size)})
	return false, nil
}

// A keyError is of a key at which reading stopped, not of the syntax.
type keyError struct{ at, what string }

func (e *keyError) Error() string { return e.at + e.what }

func (x *indexer) told(err error) error {
	var key *keyError
	if errors.As(err, &key) {
		return fmt.Errorf(":%d: %w", len(x.spans), key)
	}
	return x.syntax(err)
}

// keyed reads the value of a key at a level. turned says that it is a list with a value for each turn.
func (x *indexer) keyed(l *level, name string, turned bool) error {
	if x.opt.meets(name) {
		return x.d.SkipValue()
	}
	return x.known(l, name, turned)
}

// known is keyed of a key that is not ignored.
func (x *indexer) known(l *level, name string, turned bool) error {
	k := l.keys[name]
	if k.passed {
		return x.d.SkipValue()
	}
	if problem := l.problem(name); problem != nil {
		return x.refused(problem)
	}
	if x.opt.Values && !turned {
		if done, err := x.checked(k, name); done || err != nil {
			return err
		}
	}
	return in(name, x.value(k.inside, k.inside == turnLevel))
}

// refused reads the value of a key that has a problem, which it is unless the value says nothing.
func (x *indexer) refused(problem error) error {
	v, err := x.d.ReadValue()
	if err != nil || saysNothing(v) {
		return err
	}
	return &keyError{what: problem.Error()}
}

// checked reads a value that does not suit its key, or that can be judged by itself.
func (x *indexer) checked(k key, name string) (done bool, err error) {
	kind := byte(x.d.PeekKind())
	fits := k.takes.has(kind)
	if fits && (k.value == nil || kind == 'n') {
		return false, nil
	}
	v, err := x.d.ReadValue()
	if err != nil || !fits && saysNothing(v) {
		return true, err
	}
	value, err := decodeValue(jsontext.NewDecoder(bytes.NewReader(v)), x.opt)
	if err != nil {
		return true, err
	}
	if !fits {
		err = k.takes.misfit(name, found(value))
	} else {
		err = k.value(name, value)
	}
	if err != nil {
		err = &keyError{what: err.Error()}
	}
	return true, err
}

// value checks the keys of the objects in a value. turned says that one that is no list stands for all turns: its values are lists.
func (x *indexer) value(l *level, turned bool) error {
	if l == nil {
		return x.d.SkipValue()
	}
	switch x.d.PeekKind() {
	case '[':
		if _, err := x.d.ReadToken(); err != nil {
			return err
		}
		for i := 0; x.d.PeekKind() != ']'; i++ {
			if err := x.value(l, false); err != nil {
				return in(fmt.Sprint(i), err)
			}
		}
	case '{':
		if _, err := x.d.ReadToken(); err != nil {
			return err
		}
		for x.d.PeekKind() != '}' {
			t, err := x.d.ReadToken()
			if err != nil {
				return err
			}
			if err := x.keyed(l, t.String(), turned); err != nil {
				return err
			}
		}
	default:
		return x.d.SkipValue()
	}
	_, err := x.d.ReadToken()
	return err
}

// in says where a key is at which reading stopped.
func in(name string, err error) error {
	if key, ok := err.(*keyError); ok {
		if key.at == "" {
			key.at = ": "
		} else if key.at[0] != ':' {
			key.at = " " + key.at
		}
		return &keyError{name + key.at, key.what}
	}
	return err
}

// saysNothing says whether a value is null or empty.
func saysNothing(v jsontext.Value) bool {
	switch v.Kind() {
	case 'n':
		return true
	case '"', '[', '{':
		return len(bytes.TrimSpace(v[1:len(v)-1])) == 0
	}
	return false
}

// decodeRow reads a row that the indexer has passed.
func decodeRow(b []byte, opt *Options) (*object, error) {
	d := jsontext.NewDecoder(bytes.NewReader(b))
	v, err := decodeValue(d, opt)
	if err != nil {
		return nil, err
	}
	o, ok := v.(*object)
	if !ok {
		return nil, errors.New("not a JSON object: the file has changed")
	}
	opt.renamed(o)
	return o, nil
}

func decodeValue(d *jsontext.Decoder, opt *Options) (any, error) {
	t, err := d.ReadToken()
	if err != nil {
		return nil, err
	}
	switch t.Kind() {
	case 'n':
		return nil, nil
	case 't', 'f':
		return t.Bool(), nil
	case '0':
		return number(t.String()), nil
	case '"':
		return t.String(), nil
	case '[':
		list := []any{}
		for d.PeekKind() != ']' {
			v, err := decodeValue(d, opt)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := d.ReadToken()
		return list, err
	}
	o := &object{}
	for d.PeekKind() != '}' {
		t, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		name := t.String()
		if opt.ignores(name) {
			err = d.SkipValue()
		} else {
			var v any
			v, err = decodeValue(d, opt)
			o.fields = append(o.fields, field{name, v})
		}
		if err != nil {
			return nil, err
		}
	}
	_, err = d.ReadToken()
	return o, err
}
