// Package safetensors reads and writes the safetensors file format: an 8-byte
// header length, a JSON header, and the tensors' data, little-endian and in
// row-major order. It mirrors safetensors 0.8 (safetensors/src/tensor.rs) and
// is stricter where the reference lets a damaged header pass: names must be
// unique and the header must start with '{'.
package safetensors

import (
	"fmt"
	"maps"
	"os"
	"slices"
)

// A File gives access to the tensors of one safetensors file. Its methods may
// be called from several goroutines, Close excepted.
type File struct {
	path    string
	data    []byte // what follows the header
	tensors map[string]*entry
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
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // a mapping outlives the descriptor
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", path)
	}
	if info.Size() != int64(int(info.Size())) {
		return nil, fmt.Errorf("%s: %d bytes do not fit the address space", path, info.Size())
	}
	if info.Size() < lengthBytes {
		// Nothing to map: an empty mapping is an error of its own.
		return New(path, make([]byte, info.Size()))
	}
	data, release, err := mapFile(f, int(info.Size()))
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", path, err)
	}
	sf, err := New(path, data)
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
	h, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	f := &File{
		path:    name,
		data:    data[h.dataStart:],
		tensors: make(map[string]*entry, len(h.tensors)),
		names:   make([]string, 0, len(h.tensors)),
		meta:    h.meta,
		release: func() error { return nil },
	}
	for i := range h.tensors {
		t := &h.tensors[i]
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
func (f *File) find(name string) (*entry, []byte, error) {
	t, ok := f.tensors[name]
	if !ok {
		return nil, nil, fmt.Errorf("%s: no tensor named %q", f.path, name)
	}
	if f.release == nil {
		return nil, nil, fmt.Errorf("%s: tensor %q: the file is closed", f.path, name)
	}
	return t, f.data[t.begin:t.end:t.end], nil
}
