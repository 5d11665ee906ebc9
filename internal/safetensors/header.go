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
	"strconv"
	"unicode/utf8"
)

const (
	lengthBytes = 8           // the header length in front of the header
	maxHeader   = 100_000_000 // the reference's limit in bytes
	maxRank     = 64          // that of torch and numpy
	metadataKey = "__metadata__"
)

// An entry is a tensor and where its bytes are in the data section.
type entry struct {
	Info
	begin, end int
}

type header struct {
	tensors   []entry // in the order of their data
	meta      map[string]string
	dataStart int
}

// parse reads and checks the header of a whole file. What it returns can be
// relied on: every tensor lies inside the data, has the size its shape and
// type ask for, and together they cover the data without gap or overlap.
func parse(file []byte) (header, error) {
	text, err := headerText(file)
	if err != nil {
		return header{}, err
	}
	h := header{meta: map[string]string{}, dataStart: lengthBytes + len(text)}
	if err := h.decode(text); err != nil {
		return header{}, fmt.Errorf("header: %w", err)
	}
	if err := h.checkLayout(len(file) - h.dataStart); err != nil {
		return header{}, err
	}
	return h, nil
}

// find says where the tensors of a file of this format are.
func find(file []byte) ([]Placed, map[string]string, error) {
	h, err := parse(file)
	if err != nil {
		return nil, nil, err
	}
	placed := make([]Placed, len(h.tensors))
	for i, t := range h.tensors {
		placed[i] = Placed{t.Info, h.dataStart + t.begin}
	}
	return placed, h.meta, nil
}

// headerText returns the JSON part of a file.
func headerText(file []byte) ([]byte, error) {
	if bytes.HasPrefix(file, []byte("version https://git-lfs")) {
		return nil, errors.New("a Git LFS pointer, not the tensors it stands for (fetch the file with git lfs pull)")
	}
	if len(file) < lengthBytes {
		return nil, fmt.Errorf("%d bytes are too few for a safetensors file, which starts with an %d-byte header length", len(file), lengthBytes)
	}
	n := binary.LittleEndian.Uint64(file)
	switch {
	case n > maxHeader:
		return nil, fmt.Errorf("header length is %d bytes, at most %d are allowed: not a safetensors file?", n, maxHeader)
	case n > uint64(len(file)-lengthBytes):
		return nil, fmt.Errorf("header length is %d bytes, but only %d follow: truncated?", n, len(file)-lengthBytes)
	}
	text := file[lengthBytes : lengthBytes+int(n)]
	if len(text) == 0 || text[0] != '{' {
		return nil, errors.New("header does not start with '{': not a safetensors file?")
	}
	if !utf8.Valid(text) {
		return nil, errors.New("header is not valid UTF-8")
	}
	return text, nil
}

// decode fills h from the JSON text. It goes through the tokens itself because
// unmarshalling would let duplicate keys and keys in the wrong case pass.
func (h *header) decode(text []byte) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	seenMeta := false
	names := map[string]bool{}
	err := object(dec, func(name string) error {
		if name == metadataKey {
			if seenMeta {
				return fmt.Errorf("%s occurs twice", metadataKey)
			}
			seenMeta = true
			return h.decodeMetadata(dec)
		}
		if names[name] {
			return fmt.Errorf("tensor %q occurs twice", name)
		}
		names[name] = true
		t, err := decodeEntry(dec)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", name, err)
		}
		t.Name = name
		h.tensors = append(h.tensors, t)
		return nil
	})
	if err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return fmt.Errorf("something follows the closing '}' at byte %d", dec.InputOffset())
	}
	return nil
}

func (h *header) decodeMetadata(dec *json.Decoder) error {
	first, err := dec.Token()
	if err != nil {
		return err
	}
	if first == nil { // null, which the reference reads as absent
		return nil
	}
	if first != json.Delim('{') {
		return fmt.Errorf("%s is %v, want an object", metadataKey, first)
	}
	return members(dec, func(key string) error {
		if _, ok := h.meta[key]; ok {
			return fmt.Errorf("%s: key %q occurs twice", metadataKey, key)
		}
		tok, err := dec.Token()
		if err != nil {
			return err
		}
		value, ok := tok.(string)
		if !ok {
			return fmt.Errorf("%s: value of %q is %v, want a string", metadataKey, key, tok)
		}
		h.meta[key] = value
		return nil
	})
}

// decodeEntry reads one tensor's description and checks it by itself. Keys it
// does not know are skipped, as the reference does.
func decodeEntry(dec *json.Decoder) (entry, error) {
	var t entry
	seen := map[string]bool{}
	err := object(dec, func(key string) error {
		if seen[key] {
			return fmt.Errorf("key %q occurs twice", key)
		}
		seen[key] = true
		switch key {
		case "dtype":
			tok, err := dec.Token()
			if err != nil {
				return err
			}
			name, ok := tok.(string)
			if t.DType = DType(name); !ok || t.DType.order() < 0 {
				return fmt.Errorf("unknown dtype %v", tok)
			}
			return nil
		case "shape":
			shape, err := numbers(dec, key, maxRank)
			t.Shape = shape
			return err
		case "data_offsets":
			o, err := numbers(dec, key, 2)
			if err == nil && len(o) != 2 {
				err = fmt.Errorf("data_offsets has %d numbers, want 2", len(o))
			}
			if err == nil {
				t.begin, t.end = o[0], o[1]
			}
			return err
		}
		var skipped json.RawMessage
		return dec.Decode(&skipped)
	})
	if err != nil {
		return t, err
	}
	for _, key := range []string{"dtype", "shape", "data_offsets"} {
		if !seen[key] {
			return t, fmt.Errorf("%s is missing", key)
		}
	}
	if t.Bytes, err = byteSize(t.DType, t.Shape); err != nil {
		return t, err
	}
	if t.begin > t.end || t.end-t.begin != t.Bytes {
		return t, fmt.Errorf("data_offsets [%d, %d], but %s %v takes %d bytes", t.begin, t.end, t.DType, t.Shape, t.Bytes)
	}
	return t, nil
}

// byteSize returns how many bytes a tensor takes, or an error when that is not
// a whole number, overflows or the type is unknown.
func byteSize(d DType, shape []int) (int, error) {
	bits := d.Bits()
	if bits == 0 {
		return 0, fmt.Errorf("unknown dtype %q", string(d))
	}
	n := 1
	for _, dim := range shape {
		if dim < 0 {
			return 0, fmt.Errorf("shape %v has a negative dimension", shape)
		}
		if dim > 0 && n > math.MaxInt/dim {
			return 0, fmt.Errorf("size of shape %v overflows", shape)
		}
		n *= dim
	}
	if n > math.MaxInt/bits {
		return 0, fmt.Errorf("size of shape %v overflows", shape)
	}
	if n*bits%8 != 0 {
		return 0, fmt.Errorf("%s %v does not fill whole bytes", d, shape)
	}
	return n * bits / 8, nil
}

// checkLayout sorts the tensors by position and checks that they cover size
// bytes of data.
func (h *header) checkLayout(size int) error {
	slices.SortFunc(h.tensors, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end), cmp.Compare(a.Name, b.Name))
	})
	at := 0
	for i := range h.tensors {
		t := &h.tensors[i]
		switch {
		case t.end > size:
			return fmt.Errorf("tensor %q: data ends at byte %d of the data section, which has %d: truncated?", t.Name, t.end, size)
		case t.begin < at:
			return fmt.Errorf("tensor %q: data at [%d, %d] overlaps tensor %q, which ends at %d", t.Name, t.begin, t.end, h.tensors[i-1].Name, at)
		case t.begin > at:
			return fmt.Errorf("tensor %q: data starts at %d, leaving %d bytes in front of it unused", t.Name, t.begin, t.begin-at)
		}
		at = t.end
	}
	if at != size {
		return fmt.Errorf("the tensors take %d bytes, but %d follow the header", at, size)
	}
	return nil
}

// object reads a JSON object, calling member after each key; member reads the
// value.
func object(dec *json.Decoder, member func(key string) error) error {
	tok, err := dec.Token()
	if err != nil {
		return unexpected(err)
	}
	if tok != json.Delim('{') {
		return fmt.Errorf("found %v, want an object", tok)
	}
	return members(dec, member)
}

// members is object after the opening brace.
func members(dec *json.Decoder, member func(key string) error) error {
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return unexpected(err)
		}
		key, ok := tok.(string)
		if !ok {
			return fmt.Errorf("found %v, want a key", tok)
		}
		if err := member(key); err != nil {
			return unexpected(err)
		}
	}
	_, err := dec.Token() // the closing brace
	return unexpected(err)
}

// numbers reads a JSON array of at most limit non-negative integers.
func numbers(dec *json.Decoder, key string, limit int) ([]int, error) {
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	if tok != json.Delim('[') {
		return nil, fmt.Errorf("%s is %v, want an array", key, tok)
	}
	list := []int{}
	for dec.More() {
		if len(list) == limit {
			return nil, fmt.Errorf("%s has more than %d numbers", key, limit)
		}
		tok, err := dec.Token()
		if err != nil {
			return nil, err
		}
		n, ok := tok.(json.Number)
		v, err := strconv.ParseUint(string(n), 10, strconv.IntSize-1)
		if !ok || err != nil {
			return nil, fmt.Errorf("%s: %v is not a whole number from 0 to %d", key, tok, math.MaxInt)
		}
		list = append(list, int(v))
	}
	_, err = dec.Token() // the closing bracket
	return list, err
}

// unexpected turns the end of the text inside a value into an error of its
// own, since io.EOF reads as if nothing were wrong.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
