// Package safetensors reads and writes the safetensors file format: an 8-byte
// header length, a JSON header, and the tensors' data, little-endian and in
// row-major order. It mirrors safetensors 0.8 (safetensors/src/tensor.rs) and
// is stricter where the reference lets a damaged header pass: names must be
// unique and the header must start with '{'.
package safetensors

import (
	"fmt"
	"maps"
	"slices"

	"moslava/internal/mmap"
)

// A File gives access to the tensors of one safetensors file. Its methods may
// be called from several goroutines, Close excepted.
type File struct {
	path    string
	data    []byte // the whole file
	tensors map[string]*Placed
	names   []string // sorted
	meta    map[string]string
	release func() error // gives the memory behind data back; nil after Close
}

// Open maps the file at path into memory and checks its header completely.
// Where memory cannot be mapped the file is read.
//
// The file must not be changed or cut while it is open: a page that vanished
// from under the mapping ends the program. Files that are replaced by a
// rename, as package atomicfile does it, are safe.
func Open(path string) (*File, error) {
	return OpenForeign(path, find)
}

// A Placed is a tensor and where its bytes begin in its file.
type Placed struct {
	Info
	Begin int
}

// OpenForeign is Open for a file of another format that has its tensors row-major and little-endian, as they are in this one.
// find says where they are and what else the file says of itself; sizes and places are checked.
func OpenForeign(path string, find func(data []byte) ([]Placed, map[string]string, error)) (*File, error) {
	data, release, err := mmap.Open(path)
	if err != nil {
		return nil, err
	}
	sf, err := newFile(path, data, find)
	if err != nil {
		release()
		return nil, err
	}
	sf.release = release
	return sf, nil
}

// New reads the content of a safetensors file that is already in memory. The
// name stands for the path in errors. The File keeps data, which must not
// change any more.
func New(name string, data []byte) (*File, error) {
	return newFile(name, data, find)
}

func newFile(name string, data []byte, find func(data []byte) ([]Placed, map[string]string, error)) (*File, error) {
	placed, meta, err := find(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	f := &File{
		path:    name,
		data:    data,
		tensors: make(map[string]*Placed, len(placed)),
		names:   make([]string, 0, len(placed)),
		meta:    meta,
		release: func() error { return nil },
	}
	for i := range placed {
		t := &placed[i]
		size, err := byteSize(t.DType, t.Shape)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%s: tensor %q: %w", name, t.Name, err)
		case f.tensors[t.Name] != nil:
			return nil, fmt.Errorf("%s: tensor %q occurs twice", name, t.Name)
		case t.Begin < 0 || size > len(data)-t.Begin:
			return nil, fmt.Errorf("%s: tensor %q: %d bytes at %d, the file has %d", name, t.Name, size, t.Begin, len(data))
		}
		t.Bytes = size
		f.tensors[t.Name] = t
		f.names = append(f.names, t.Name)
	}
	slices.Sort(f.names)
	return f, nil
}

// Close gives the memory back. Slices from View and Raw must not be used
// afterwards; those from Float32, Float64 and Int64 are copies and stay valid.
// A second Close does nothing.
func (f *File) Close() error {
	release := f.release
	f.release, f.data = nil, nil
	if release == nil {
		return nil
	}
	if err := release(); err != nil {
		return fmt.Errorf("close %s: %w", f.path, err)
	}
	return nil
}

// Path returns the path the file was opened with.
func (f *File) Path() string { return f.path }

// Names returns the names of all tensors, sorted.
func (f *File) Names() []string { return slices.Clone(f.names) }

// Info describes the named tensor; the flag tells whether there is one.
func (f *File) Info(name string) (Info, bool) {
	t, ok := f.tensors[name]
	if !ok {
		return Info{}, false
	}
	return t.Info.clone(), true
}

// Metadata returns the free-form text of the header's __metadata__ entry. It
// is empty, never nil, when there is none.
func (f *File) Metadata() map[string]string { return maps.Clone(f.meta) }

// Raw returns the bytes of the named tensor as they are in the file, in place:
// they must not be written to, and are gone after Close.
func (f *File) Raw(name string) ([]byte, error) {
	_, raw, err := f.find(name)
	return raw, err
}

// find returns the named tensor and its bytes.
func (f *File) find(name string) (*Placed, []byte, error) {
	t, ok := f.tensors[name]
	if !ok {
		return nil, nil, fmt.Errorf("%s: no tensor named %q", f.path, name)
	}
	if f.release == nil {
		return nil, nil, fmt.Errorf("%s: tensor %q: the file is closed", f.path, name)
	}
	end := t.Begin + t.Bytes
	return t, f.data[t.Begin:end:end], nil
}
