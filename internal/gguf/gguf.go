// Package gguf reads the GGUF file format of ggml (docs/gguf.md of ggml-org/ggml, versions 2 and 3, little-endian): a
// header of keys and values, descriptions of tensors, and their data. Nothing in it knows a model.
package gguf

import (
	"fmt"
	"slices"

	"moslava/internal/mmap"
)

// A File gives access to the keys and tensors of one file. Its methods may be called from several goroutines, Close
// excepted.
type File struct {
	path    string
	data    []byte // what follows the header, the padding included
	values  map[string]Value
	keys    []string // in the order of the file
	tensors map[string]*Info
	names   []string // in the order of the file
	release func() error
}

// Info describes a tensor.
type Info struct {
	Name  string
	Type  Type
	Shape []int // outermost first, as elsewhere in this program; the file has it the other way round
	begin int   // in data
	bytes int
}

// Len is the number of elements.
func (i *Info) Len() int {
	n := 1
	for _, d := range i.Shape {
		n *= d
	}
	return n
}

// Bytes is the size of the tensor's data in the file.
func (i *Info) Bytes() int { return i.bytes }

// Open maps the file at path and checks its header completely. It must not be changed while it is open.
func Open(path string) (*File, error) {
	data, release, err := mmap.Open(path)
	if err != nil {
		return nil, err
	}
	f, err := New(path, data)
	if err != nil {
		release()
		return nil, err
	}
	f.release = release
	return f, nil
}

// New is Open on bytes, which it keeps; name stands for the path in errors.
func New(name string, data []byte) (*File, error) {
	f := &File{path: name, values: map[string]Value{}, tensors: map[string]*Info{}, release: func() error { return nil }}
	if err := f.parse(data); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return f, nil
}

// Close gives the memory back; a second one does nothing. Values are copies and stay valid.
func (f *File) Close() error {
	release := f.release
	f.release, f.data = nil, nil
	if release == nil {
		return nil
	}
	return release()
}

// Path is the path the file was opened with.
func (f *File) Path() string { return f.path }

// Keys are the keys of the header, in the order of the file.
func (f *File) Keys() []string { return slices.Clone(f.keys) }

// Names are the tensors' names, in the order of the file.
func (f *File) Names() []string { return slices.Clone(f.names) }

// Info describes the named tensor; the flag says whether there is one.
func (f *File) Info(name string) (Info, bool) {
	t, ok := f.tensors[name]
	if !ok {
		return Info{}, false
	}
	i := *t
	i.Shape = slices.Clone(t.Shape)
	return i, true
}

// Float32 are the elements of the named tensor, dequantised where need be: the numbers that dequantize of the Python
// package gguf gives.
func (f *File) Float32(name string) ([]float32, error) {
	t, ok := f.tensors[name]
	switch {
	case !ok:
		return nil, fmt.Errorf("%s: no tensor named %q", f.path, name)
	case f.release == nil:
		return nil, fmt.Errorf("%s: tensor %q: the file is closed", f.path, name)
	}
	out := make([]float32, t.Len())
	t.Type.dequantize(out, f.data[t.begin:t.begin+t.bytes])
	return out, nil
}
