// Package golden compares what the program computes with files of reference results, for tests. A golden is a
// safetensors file: inputs and results as tensors, and where they came from in the metadata. The package opens and
// compares. It makes no golden, as other programs do that, and knows no model: names and tolerances are the test's or
// the file's.
package golden

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"moslava/internal/compare"
	"moslava/internal/safetensors"
)

// ZeroTol is what CheckZero allows, relative to the scale it is given:
// rounding noise of float32 sums that are zero in exact arithmetic.
const ZeroTol = 1e-6

// A Golden is an open file of reference results. A tensor or metadata entry
// that is asked for and is not there fails the test at once.
type Golden struct {
	file    *safetensors.File
	checked map[string]bool
}

// Open opens the golden at path and closes it when the test ends.
func Open(t testing.TB, path string) *Golden {
	t.Helper()
	f, err := safetensors.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return &Golden{file: f, checked: map[string]bool{}}
}

// Names returns the names of the tensors that start with prefix, sorted.
func (g *Golden) Names(prefix string) []string {
	return slices.DeleteFunc(g.file.Names(), func(name string) bool { return !strings.HasPrefix(name, prefix) })
}

// Has tells whether there is a tensor of that name.
func (g *Golden) Has(name string) bool {
	_, ok := g.file.Info(name)
	return ok
}

// Shape returns the shape of the named tensor.
func (g *Golden) Shape(t testing.TB, name string) []int {
	t.Helper()
	info, ok := g.file.Info(name)
	if !ok {
		t.Fatalf("%s: no tensor named %q", g.file.Path(), name)
	}
	return info.Shape
}

// Float32 returns a copy of the named tensor of floating-point numbers,
// row-major.
func (g *Golden) Float32(t testing.TB, name string) []float32 {
	t.Helper()
	data, err := g.file.Float32(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Float64 is Float32 in float64, exact for every floating-point type.
func (g *Golden) Float64(t testing.TB, name string) []float64 {
	t.Helper()
	data, err := g.file.Float64(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Int64 returns a copy of the named tensor of integers or booleans.
func (g *Golden) Int64(t testing.TB, name string) []int64 {
	t.Helper()
	data, err := g.file.Int64(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Ints is Int64 as ints, such as token ids.
func (g *Golden) Ints(t testing.TB, name string) []int {
	t.Helper()
	data := g.Int64(t, name)
	ints := make([]int, len(data))
	for i, v := range data {
		ints[i] = int(v)
	}
	return ints
}

// Scalar returns the only element of the named tensor, a floating-point number
// or an integer.
func (g *Golden) Scalar(t testing.TB, name string) float64 {
	t.Helper()
	info, ok := g.file.Info(name)
	if !ok || info.Len() != 1 {
		t.Fatalf("%s: tensor %q has shape %v, want one element", g.file.Path(), name, info.Shape)
	}
	if ints, err := g.file.Int64(name); err == nil {
		return float64(ints[0])
	}
	return g.Float64(t, name)[0]
}

// MaxAbs returns the largest absolute value in the tensors whose names start
// with prefix, for use as the scale of CheckZero. Tensors of integers do not
// count.
func (g *Golden) MaxAbs(t testing.TB, prefix string) float64 {
	t.Helper()
	largest, found := 0.0, false
	for _, name := range g.Names(prefix) {
		data, err := g.file.Float64(name)
		if err != nil {
			continue
		}
		found = true
		largest = max(largest, compare.MaxAbs(data))
	}
	if !found {
		t.Fatalf("%s: no floating-point tensor starts with %q", g.file.Path(), prefix)
	}
	return largest
}

// Metadata returns the metadata entry of that key.
func (g *Golden) Metadata(t testing.TB, key string) string {
	t.Helper()
	value, ok := g.file.Metadata()[key]
	if !ok {
		t.Fatalf("%s: metadata has no %q", g.file.Path(), key)
	}
	return value
}

// MetadataJSON decodes the metadata entry of that key, which is JSON, into v.
func (g *Golden) MetadataJSON(t testing.TB, key string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(g.Metadata(t, key)), v); err != nil {
		t.Fatalf("%s: metadata %q: %v", g.file.Path(), key, err)
	}
}

// A Tolerance is what a comparison allows, relative to the largest element of each tensor: for what is computed forward, for
// losses and for gradients.
type Tolerance struct{ Forward, Loss, Grad float64 }

// Tolerance is the metadata entry of that name, or else the one given.
func (g *Golden) Tolerance(t testing.TB, otherwise Tolerance) Tolerance {
	t.Helper()
	if _, ok := g.file.Metadata()["tolerance"]; ok {
		g.MetadataJSON(t, "tolerance", &otherwise)
	}
	return otherwise
}

// Cases are the directories under dir that hold a golden.safetensors, sorted; at least one.
func Cases(t testing.TB, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*", "golden.safetensors"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: no golden.safetensors in a directory below it (error %v)", dir, err)
	}
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = filepath.Base(filepath.Dir(f))
	}
	return names
}

// Unchecked returns the names that start with prefix and that no check has
// compared yet, sorted. A test that expects none cannot miss a result.
func (g *Golden) Unchecked(prefix string) []string {
	return slices.DeleteFunc(g.Names(prefix), func(name string) bool { return g.checked[name] })
}

// want returns the named tensor to compare with, after checking the shape and
// the number of elements of what was got.
func (g *Golden) want(t testing.TB, name string, n int, shape []int) ([]float64, bool) {
	t.Helper()
	info, ok := g.file.Info(name)
	if !ok {
		t.Errorf("%s: no tensor named %q", g.file.Path(), name)
		return nil, false
	}
	g.checked[name] = true
	if !slices.Equal(shape, info.Shape) {
		t.Errorf("%s: shape is %v, want %v", name, shape, info.Shape)
		return nil, false
	}
	if n != info.Len() {
		t.Errorf("%s: %d elements, want %d for shape %v", name, n, info.Len(), info.Shape)
		return nil, false
	}
	data, err := g.file.Float64(name)
	if err != nil {
		t.Error(err)
		return nil, false
	}
	return data, true
}

// position writes the i-th element's place as indexes into shape.
func position(i int, shape []int) string {
	index := make([]int, len(shape))
	for d := len(shape) - 1; d >= 0; d-- {
		index[d] = i % shape[d]
		i /= shape[d]
	}
	return fmt.Sprint(index)
}
