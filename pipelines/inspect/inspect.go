// Package inspect says what a file or directory holds that the program reads: a model or a tower, tensors alone,
// adapters, stored samples, or a recipe; and what the program would make of it. It knows every format through the
// package that reads it. It changes nothing and runs no model.
package inspect

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"moslava/datasets"
	"moslava/internal/checkpoint"
	"moslava/internal/infile"
	"moslava/moslora"
	"moslava/pipelines/recipe"
	"moslava/pipelines/recipes"
	"moslava/pipelines/vlm"
)

// A Report is what was found. Fields that do not belong to the kind are empty.
type Report struct {
	Path       string            `json:"path"`
	Kind       string            `json:"kind"`             // llava, vision, language, tensors, adapters, gguf, recipe, or of stored samples arrow, parquet, webdataset, json, csv, samples
	Config     json.RawMessage   `json:"config,omitempty"` // as it is in the file; of a recipe as it was understood
	Metadata   map[string]string `json:"metadata,omitempty"`
	Files      []File            `json:"files,omitempty"`
	Tensors    []Tensor          `json:"tensors,omitempty"`
	Parameters int               `json:"parameters,omitempty"`
	Types      map[string]int    `json:"types,omitempty"` // elements by type
	Rows       int               `json:"rows,omitempty"`
	Columns    []Column          `json:"columns,omitempty"`
	Stored     *Stored           `json:"stored,omitempty"`  // how stored samples were understood
	Samples    *Samples          `json:"samples,omitempty"` // what is in the rows, if they were read
	Warnings   []string          `json:"warnings"`
}

// A File is one of those that were read.
type File struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
	Rows  int    `json:"rows,omitempty"`
}

// A Tensor is described as it is stored.
type Tensor struct {
	Name  string `json:"name"`
	DType string `json:"dtype"`
	Shape []int  `json:"shape"`
	Bytes int    `json:"bytes"`
}

// A Column is one of stored samples.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type,omitempty"` // where the form has one
	Use  string `json:"use,omitempty"`  // what it is used for
}

// Options say how closely is looked.
type Options struct {
	Check bool             // read all numbers, and warn of NaN, infinities and tensors that are zero throughout; of stored samples every row and picture
	Rows  datasets.Options // how stored rows are read
}

// Inspect looks at what is at path.
func Inspect(path string, opt Options) (*Report, error) {
	r := &Report{Path: path, Warnings: []string{}}
	info, err := os.Stat(path)
	if err != nil && (datasets.IsAddress(path) || datasets.IsPattern(path)) {
		return r, r.several(opt)
	}
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return r, r.directory(opt)
	}
	f, err := infile.Open(path) // what is no regular file is an error here, whatever its ending
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return nil, err
	}
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".safetensors", ".bin", ".pt", ".pth":
		return r, r.file(opt)
	case ".arrow":
		return r, r.arrow([]string{path}, opt)
	case ".yaml", ".yml":
		return r, r.recipe()
	case ".gguf":
		return r, r.gguf(opt)
	default:
		if r.Kind = datasets.FormOf(path); r.Kind != "" {
			return r, r.samples(opt)
		}
		return nil, fmt.Errorf("%s: ending %q, want .safetensors, .bin, .pt, .pth, .gguf or .yaml, or for stored samples %s, or a directory",
			path, ext, strings.Join(datasets.Endings(), ", "))
	}
}

func (r *Report) directory(opt Options) error {
	for _, kind := range []struct {
		file string
		look func(Options) error
	}{{moslora.ConfigFile, r.adapters}, {vlm.ConfigFile, r.checkpoint}, {"state.json", r.saved}} {
		_, err := os.Stat(filepath.Join(r.Path, kind.file))
		if err == nil {
			return kind.look(opt)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if files, _ := filepath.Glob(filepath.Join(r.Path, "*.arrow")); len(files) > 0 {
		return r.arrow(slices.DeleteFunc(files, func(f string) bool { return strings.HasPrefix(filepath.Base(f), "cache-") }), opt)
	}
	for _, pattern := range []string{"*.parquet", "data/*.parquet"} {
		if files, _ := filepath.Glob(filepath.Join(r.Path, pattern)); len(files) > 0 {
			r.Kind = "parquet"
			return r.samples(opt)
		}
	}
	d, err := checkpoint.Open(r.Path)
	if err != nil {
		if _, err := os.Stat(filepath.Join(r.Path, runRecord)); err == nil {
			return fmt.Errorf("%s is the directory of a run: moslava report and verify-run look at it; inspect takes what its stages left", r.Path)
		}
		is, unread := r.stored(opt)
		if is {
			return unread
		}
		for _, pattern := range []string{"[^.]*.json", "[^.]*.jsonl"} {
			if files, _ := filepath.Glob(filepath.Join(r.Path, pattern)); len(files) > 0 {
				return fmt.Errorf("%s: neither %s nor %s nor .arrow or .parquet files are there; if %s holds samples, name the file", r.Path, vlm.ConfigFile, moslora.ConfigFile, files[0])
			}
		}
		if !errors.Is(unread, datasets.ErrNoPictures) {
			return unread
		}
		return fmt.Errorf("%s: neither %s nor %s nor .arrow or .parquet files are there: %w", r.Path, vlm.ConfigFile, moslora.ConfigFile, err)
	}
	defer d.Close()
	r.Kind = "tensors"
	r.warn("no %s: what the tensors belong to is not known", vlm.ConfigFile)
	return r.tensors(d, opt)
}

func (r *Report) recipe() error {
	rec, err := recipes.Load(r.Path)
	if err != nil {
		return err
	}
	r.Kind = "recipe"
	if r.Config, err = rec.JSON(); err != nil {
		return err
	}
	for _, p := range []recipe.Path{rec.Model.From, rec.Model.Vision, rec.Model.Language, rec.Model.Projector.From} {
		if _, err := os.Stat(string(p)); p != "" && err != nil {
			r.warn("%v", rec.MaskError(err))
		}
	}
	return nil
}

func (r *Report) warn(format string, args ...any) {
	r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...))
}

// runRecord is the file that tells the directory of a run, see pipelines/run.
const runRecord = "recipe.json"
