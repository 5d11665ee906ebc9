package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"unicode/utf8"

	"moslava/internal/atomicfile"
)

// A Tensor is to be written. Its elements come from one of Data, Load and Raw.
type Tensor struct {
	Name  string
	DType DType // empty means F32
	Shape []int // empty for a scalar

	// Data holds the elements in row-major order. It is written as F32, or
	// rounded to nearest, ties to even, for F16 and BF16. A finite value the
	// type cannot hold is an error.
	Data []float32

	// Load supplies Data when the tensor is written, once, so that a large
	// model need not be in memory as float32 all at once.
	Load func() ([]float32, error)

	// Raw holds the bytes as they shall be in the file, for any element type.
	Raw []byte
}

// Bytes returns the size of the tensor's data in the file, from its type and
// shape.
func (t *Tensor) Bytes() (int, error) {
	n, err := byteSize(t.dtype(), t.Shape)
	if err != nil {
		return 0, fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	return n, nil
}

func (t *Tensor) dtype() DType { return cmp.Or(t.DType, F32) }

// Write writes tensors and metadata to path, replacing the file there in one
// step: on an error, path is as it was. The same tensors and metadata give the
// same bytes, whatever the order of tensors.
//
// As in the reference, tensors are laid out without gaps, by element type from
// wide to narrow and then by name, after a header padded to 8 bytes; so each
// tensor is aligned to its element size. Metadata is written by key; the
// reference leaves its order to chance.
func Write(path string, tensors []Tensor, metadata map[string]string) error {
	e, err := newEncoder(tensors, metadata)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return atomicfile.WriteFile(path, e.encode)
}

// Encode writes what Write writes to w.
func Encode(w io.Writer, tensors []Tensor, metadata map[string]string) error {
	e, err := newEncoder(tensors, metadata)
	if err != nil {
		return err
	}
	return e.encode(w)
}

// Check reports what Write would refuse before it writes anything, so that a
// caller who spreads tensors over several files can check them all first.
func Check(tensors []Tensor, metadata map[string]string) error {
	_, err := newEncoder(tensors, metadata)
	return err
}

type encoder struct {
	header  []byte
	tensors []Tensor // in the order of their data
}

// newEncoder checks everything that can be checked before the first byte.
func newEncoder(tensors []Tensor, metadata map[string]string) (*encoder, error) {
	sorted := slices.Clone(tensors)
	slices.SortFunc(sorted, func(a, b Tensor) int {
		return cmp.Or(cmp.Compare(b.dtype().order(), a.dtype().order()), cmp.Compare(a.Name, b.Name))
	})
	names := make(map[string]bool, len(sorted))
	for i := range sorted {
		t := &sorted[i]
		if names[t.Name] {
			return nil, fmt.Errorf("tensor %q is given twice", t.Name)
		}
		names[t.Name] = true
		if err := t.check(); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
		}
	}
	header, err := encodeHeader(sorted, metadata)
	if err != nil {
		return nil, err
	}
	return &encoder{header, sorted}, nil
}

// check reports what is wrong with t, short of the elements Load will supply.
func (t *Tensor) check() error {
	if t.Name == metadataKey || !utf8.ValidString(t.Name) {
		return errors.New("not a possible name")
	}
	if len(t.Shape) > maxRank {
		return fmt.Errorf("rank is %d, at most %d is allowed", len(t.Shape), maxRank)
	}
	size, err := byteSize(t.dtype(), t.Shape)
	if err != nil {
		return err
	}
	given := 0
	for _, g := range []bool{t.Data != nil, t.Load != nil, t.Raw != nil} {
		if g {
			given++
		}
	}
	switch {
	case given > 1:
		return errors.New("more than one of Data, Load and Raw is given")
	case t.Raw != nil && len(t.Raw) != size:
		return fmt.Errorf("has %d bytes, but %s %v takes %d", len(t.Raw), t.dtype(), t.Shape, size)
	case t.Raw != nil:
		return nil
	}
	switch d := t.dtype(); {
	case d != F32 && d != F16 && d != BF16:
		return fmt.Errorf("float32 data cannot be written as %s, only as F32, F16 or BF16", d)
	case t.Load == nil:
		return t.checkLen(t.Data)
	}
	return nil
}

// checkLen reports when data does not have as many elements as the shape says.
func (t *Tensor) checkLen(data []float32) error {
	if want := (Info{Shape: t.Shape}).Len(); len(data) != want {
		return fmt.Errorf("has %d elements, but shape %v takes %d", len(data), t.Shape, want)
	}
	return nil
}

// encodeHeader returns the length and the padded JSON header.
func encodeHeader(sorted []Tensor, metadata map[string]string) ([]byte, error) {
	var h headerWriter
	h.Write(make([]byte, lengthBytes))
	if len(metadata) > 0 {
		for k, v := range metadata {
			if !utf8.ValidString(k) || !utf8.ValidString(v) {
				return nil, fmt.Errorf("metadata %q: %q is not valid UTF-8", k, v)
			}
		}
		if err := h.member(metadataKey, metadata); err != nil {
			return nil, err
		}
	}
	at := 0
	for i := range sorted {
		t := &sorted[i]
		size, err := t.Bytes()
		if err != nil {
			return nil, err
		}
		if at > math.MaxInt-size {
			return nil, fmt.Errorf("tensor %q: the size of the file overflows", t.Name)
		}
		description := struct {
			DType   DType  `json:"dtype"`
			Shape   []int  `json:"shape"`
			Offsets [2]int `json:"data_offsets"`
		}{t.dtype(), append([]int{}, t.Shape...), [2]int{at, at + size}}
		if err := h.member(t.Name, description); err != nil {
			return nil, err
		}
		at += size
	}
	if h.members == 0 {
		h.WriteByte('{')
	}
	h.WriteByte('}')
	for h.Len()%8 != 0 {
		h.WriteByte(' ')
	}
	n := h.Len() - lengthBytes
	if n > maxHeader {
		return nil, fmt.Errorf("header takes %d bytes, at most %d are allowed", n, maxHeader)
	}
	binary.LittleEndian.PutUint64(h.Bytes(), uint64(n))
	return h.Bytes(), nil
}

// A headerWriter puts a JSON object together member by member, because the
// order of members follows the data's.
type headerWriter struct {
	bytes.Buffer
	members int
}

func (h *headerWriter) member(key string, value any) error {
	separator := byte(',')
	if h.members == 0 {
		separator = '{'
	}
	h.members++
	h.WriteByte(separator)
	if err := h.value(key); err != nil {
		return err
	}
	h.WriteByte(':')
	return h.value(value)
}

// value writes v as JSON with '<', '>' and '&' as they are.
func (h *headerWriter) value(v any) error {
	enc := json.NewEncoder(&h.Buffer)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	h.Truncate(h.Len() - 1) // the newline Encode ends with
	return nil
}

func (e *encoder) encode(w io.Writer) error {
	if _, err := w.Write(e.header); err != nil {
		return err
	}
	for i := range e.tensors {
		if err := e.tensors[i].encode(w); err != nil {
			return fmt.Errorf("tensor %q: %w", e.tensors[i].Name, err)
		}
	}
	return nil
}

func (t *Tensor) encode(w io.Writer) error {
	if t.Raw != nil {
		_, err := w.Write(t.Raw)
		return err
	}
	data := t.Data
	if t.Load != nil {
		var err error
		if data, err = t.Load(); err != nil {
			return err
		}
		if err := t.checkLen(data); err != nil {
			return err
		}
	}
	const chunk = 16 << 10 // elements converted at a time
	buf := make([]byte, 0, 4*min(chunk, len(data)))
	for start := 0; start < len(data); start += chunk {
		part := data[start:min(start+chunk, len(data))]
		var bad int
		if buf, bad = appendFloats(buf[:0], t.dtype(), part); bad >= 0 {
			return fmt.Errorf("%g at element %d is beyond the range of %s", part[bad], start+bad, t.dtype())
		}
		if _, err := w.Write(buf); err != nil {
			return err
		}
	}
	return nil
}

// appendFloats appends data as d, which is F32, F16 or BF16. It returns the
// index of the first finite value that does not fit, or -1.
func appendFloats(buf []byte, d DType, data []float32) (out []byte, bad int) {
	if d == F32 {
		for _, v := range data {
			buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
		}
		return buf, -1
	}
	round, infinity := Float16bits, uint16(0x7c00)
	if d == BF16 {
		round, infinity = BFloat16bits, 0x7f80
	}
	for i, v := range data {
		h := round(v)
		if h&0x7fff == infinity && !math.IsInf(float64(v), 0) {
			return buf, i
		}
		buf = binary.LittleEndian.AppendUint16(buf, h)
	}
	return buf, -1
}
