// Package checkpoint reads and writes Hugging Face model directories: the tensors of model.safetensors or of its
// shards, and the JSON files beside them. Layouts and names of files mirror transformers 5.23 and huggingface_hub 2.4.
// It knows no model: which tensors there should be, of what shapes, says who asks for them, and what does not fit comes
// back in one error.
package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"moslava/internal/safetensors"
	"moslava/internal/torchpickle"
)

// The names transformers gives to weights. Pickled ones are read without running anything, see package torchpickle.
const (
	WeightsFile      = "model.safetensors"
	IndexFile        = "model.safetensors.index.json"
	PickledFile      = "pytorch_model.bin"
	PickledIndexFile = "pytorch_model.bin.index.json"
)

// A Dir is a model directory as a source of tensors. Its methods may be called
// from several goroutines, Close excepted.
type Dir struct {
	*store
	candidates func(wanted string) []string // nil: names are those in the files
}

// store is what a Dir shares with those made from it by Rename.
type store struct {
	path   string
	files  []*safetensors.File
	byName map[string]*safetensors.File
	names  []string // sorted

	mu   sync.Mutex
	used map[string]bool // by the name in the file
}

// Open opens the weights in dir: model.safetensors or, if there is none, the
// shards that model.safetensors.index.json lists, or else the same of
// pytorch_model.bin. All shards are opened and checked at once; what is wrong
// with any of them comes back in one error. No tensor is read yet.
func Open(dir string) (*Dir, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s: not a directory", dir)
	}
	for _, file := range []string{WeightsFile, IndexFile, PickledFile, PickledIndexFile} {
		found, err := exists(filepath.Join(dir, file))
		if err != nil {
			return nil, err
		}
		if !found {
			continue
		}
		if file == IndexFile || file == PickledIndexFile {
			return openShards(dir, file)
		}
		d, err := OpenFile(filepath.Join(dir, file))
		if err != nil {
			return nil, err
		}
		d.path = dir
		return d, nil
	}
	return nil, noWeights(dir)
}

// OpenFile opens a single safetensors file of any name, such as an adapter's,
// or a pickled one whose name ends with .bin, .pt or .pth, in the way Open
// opens a directory.
func OpenFile(path string) (*Dir, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	s := newStore(path, []*safetensors.File{f})
	for _, name := range f.Names() {
		s.add(name, f)
	}
	return s.dir(), nil
}

func openFile(path string) (*safetensors.File, error) {
	if slices.Contains([]string{".bin", ".pt", ".pth"}, filepath.Ext(path)) {
		return torchpickle.Open(path)
	}
	return safetensors.Open(path)
}

func newStore(path string, files []*safetensors.File) *store {
	return &store{
		path:   path,
		files:  files,
		byName: map[string]*safetensors.File{},
		used:   map[string]bool{},
	}
}

func (s *store) add(name string, f *safetensors.File) {
	s.byName[name] = f
	s.names = append(s.names, name)
}

func (s *store) dir() *Dir {
	slices.Sort(s.names)
	return &Dir{store: s}
}

// Close gives the memory of all files back. Slices from View and Raw must not
// be used afterwards.
func (d *Dir) Close() error {
	var errs []error
	for _, f := range d.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// Path returns the directory or file that was opened.
func (d *Dir) Path() string { return d.path }

// Files returns the paths of the files that hold the tensors.
func (d *Dir) Files() []string {
	paths := make([]string, len(d.files))
	for i, f := range d.files {
		paths[i] = f.Path()
	}
	return paths
}

// Names returns the names of all tensors as they are in the files, sorted.
func (d *Dir) Names() []string { return slices.Clone(d.names) }

// Metadata returns the free-form text in the header of the first file.
func (d *Dir) Metadata() map[string]string { return d.files[0].Metadata() }

// exists tells whether there is something at path.
func exists(path string) (bool, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// noWeights says what is in dir instead of weights.
func noWeights(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if shardName.MatchString(e.Name()) {
			return fmt.Errorf("%s: has %s, but no %s that tells which shards belong together (was the download or the save interrupted?)", dir, e.Name(), IndexFile)
		}
	}
	return fmt.Errorf("%s: no weights: neither %s nor %s is there, nor %s or its index", dir, WeightsFile, IndexFile, PickledFile)
}
