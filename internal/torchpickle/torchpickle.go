// Package torchpickle reads the tensors of files that torch.save wrote (since torch 1.6: a ZIP archive with a pickle and one
// entry for each storage) without executing anything. Of the pickle language it knows what state dictionaries consist of: numbers,
// texts, tuples, lists, dictionaries, and the rebuilding of tensors (torch/_utils.py and torch/serialization.py of torch 2.15).
// Any other global that a file names is an error.
package torchpickle

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"path"
	"slices"
	"strings"

	"moslava/internal/safetensors"
)

// maxPickle bounds the pickle itself, which describes tensors and does not hold them, in bytes.
const maxPickle = 64 << 20

// Open maps the file at path. Its tensors are those of the dictionary that was saved, or of its entry "state_dict"; each must
// lie row-major and in one piece. Storages that several tensors share are in the file once.
func Open(path string) (*safetensors.File, error) {
	return safetensors.OpenForeign(path, find)
}

// find says where the tensors are.
func find(file []byte) ([]safetensors.Placed, map[string]string, error) {
	if len(file) >= 2 && file[0] == 0x80 {
		return nil, nil, errors.New("a bare pickle, as torch before 1.6 wrote it: load and save it again with a newer torch")
	}
	archive, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return nil, nil, fmt.Errorf("not a file of torch.save: %w", err)
	}
	entries, err := stored(archive, file)
	if err != nil {
		return nil, nil, err
	}
	root, pickle, err := entries.pickle()
	if err != nil {
		return nil, nil, err
	}
	if order := strings.TrimSpace(string(entries[root+"byteorder"].data)); order != "" && order != "little" {
		return nil, nil, fmt.Errorf("byte order is %.20q, want little", order)
	}
	if len(pickle.data) > maxPickle {
		return nil, nil, fmt.Errorf("%s has %d bytes, at most %d are read", pickle.name, len(pickle.data), maxPickle)
	}
	if sum := crc32.ChecksumIEEE(pickle.data); sum != pickle.crc {
		return nil, nil, fmt.Errorf("%s is damaged: its checksum is %08x, want %08x", pickle.name, sum, pickle.crc)
	}
	value, err := unpickle(pickle.data)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", pickle.name, err)
	}
	tensors, err := stateDict(value)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", pickle.name, err)
	}
	placed := make([]safetensors.Placed, 0, len(tensors))
	for _, t := range tensors {
		p, err := entries.place(root, t)
		if err != nil {
			return nil, nil, fmt.Errorf("tensor %q: %w", t.name, err)
		}
		placed = append(placed, p)
	}
	return placed, map[string]string{}, nil
}

// An entry is an uncompressed file of the archive.
type entry struct {
	name  string
	begin int
	data  []byte
	crc   uint32
}

type entries map[string]entry

// stored finds the entries, which torch never compresses.
func stored(archive *zip.Reader, file []byte) (entries, error) {
	out := entries{}
	for _, f := range archive.File {
		if f.Method != zip.Store {
			return nil, fmt.Errorf("%s is compressed, which torch.save does not do", f.Name)
		}
		begin, err := f.DataOffset()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		size := f.UncompressedSize64
		if begin < 0 || begin > int64(len(file)) || size > uint64(len(file))-uint64(begin) || f.CompressedSize64 != size {
			return nil, fmt.Errorf("%s: %d bytes at %d, the file has %d", f.Name, size, begin, len(file))
		}
		if _, ok := out[f.Name]; ok {
			return nil, fmt.Errorf("%s is in the archive twice", f.Name)
		}
		out[f.Name] = entry{f.Name, int(begin), file[begin:][:size:size], f.CRC32}
	}
	return out, nil
}

// pickle finds the one pickle and the folder that it is in.
func (e entries) pickle() (root string, found entry, err error) {
	for name, entry := range e {
		if path.Base(name) != "data.pkl" {
			continue
		}
		if found.name != "" {
			return "", found, fmt.Errorf("%s and %s: want one data.pkl", min(found.name, name), max(found.name, name))
		}
		root, found = strings.TrimSuffix(name, "data.pkl"), entry
	}
	if found.name == "" {
		return "", found, errors.New("an archive without data.pkl, which torch.save writes")
	}
	return root, found, nil
}

// place checks a tensor against its storage.
func (e entries) place(root string, t namedTensor) (p safetensors.Placed, err error) {
	s := t.storage
	in, ok := e[root+"data/"+s.key]
	if !ok {
		return p, fmt.Errorf("its storage %sdata/%s is not in the archive", root, s.key)
	}
	n, contiguous := 1, 1
	if slices.Contains(t.size, 0) {
		n = 0
	}
	for i := len(t.size) - 1; i >= 0; i-- {
		d := t.size[i]
		if n == 0 {
			break
		}
		if n > len(in.data)/d {
			return p, fmt.Errorf("shape %v is larger than its storage of %d bytes", t.size, len(in.data))
		}
		n *= d
		if d > 1 && t.stride[i] != contiguous {
			return p, fmt.Errorf("shape %v has strides %v: it does not lie row-major in one piece; save it with .contiguous()", t.size, t.stride)
		}
		contiguous *= d
	}
	width := s.dtype.Bits() / 8
	if room := len(in.data) / width; t.offset > room || n > room-t.offset {
		return p, fmt.Errorf("shape %v from element %d needs %d elements, its storage has %d", t.size, t.offset, n, room)
	}
	p.Name, p.DType, p.Shape = t.name, s.dtype, slices.Clone(t.size)
	p.Begin = in.begin + t.offset*width
	return p, nil
}
