package checkpoint

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"moslava/internal/safetensors"
)

// sharded is a small random LLaVA model with the published names, in three
// shards: 89 tensors, 117,008 elements, 468,032 bytes.
const sharded = "testdata/llava-tiny-sharded"

func open(t *testing.T, dir string) *Dir {
	t.Helper()
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// tensors copies all tensors of d.
func tensors(t *testing.T, d *Dir) []safetensors.Tensor {
	t.Helper()
	var list []safetensors.Tensor
	for _, name := range d.Names() {
		info, raw, err := d.Raw(name)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, safetensors.Tensor{Name: name, DType: info.DType, Shape: info.Shape, Raw: bytes.Clone(raw)})
	}
	return list
}

// wantSame checks that d holds exactly the given tensors.
func wantSame(t *testing.T, d *Dir, want []safetensors.Tensor) {
	t.Helper()
	got := tensors(t, d)
	if len(got) != len(want) {
		t.Fatalf("%d tensors, want %d", len(got), len(want))
	}
	sorted := slices.SortedFunc(slices.Values(want), func(a, b safetensors.Tensor) int { return strings.Compare(a.Name, b.Name) })
	for i, g := range got {
		w := sorted[i]
		if g.Name != w.Name || g.DType != w.DType || !slices.Equal(g.Shape, w.Shape) || !bytes.Equal(g.Raw, w.Raw) {
			t.Errorf("tensor %d is %s %s %v, want %s %s %v, or its data differs", i, g.Name, g.DType, g.Shape, w.Name, w.DType, w.Shape)
		}
	}
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want one containing %q", parts)
		return
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q does not contain %q", err, p)
		}
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
}

// copyDir copies the sharded model to a fresh directory.
func copyDir(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "model")
	if err := os.CopyFS(dir, os.DirFS(sharded)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestOpenSharded(t *testing.T) {
	d := open(t, sharded)
	names := d.Names()
	if len(names) != 89 || !slices.IsSorted(names) {
		t.Errorf("%d names, want 89, sorted", len(names))
	}
	const q = "language_model.model.layers.0.self_attn.q_proj.weight"
	if shape, ok := d.Shape(q); !ok || !slices.Equal(shape, []int{48, 48}) {
		t.Errorf("Shape = %v, %v", shape, ok)
	}
	if dtype, ok := d.DType(q); !ok || dtype != safetensors.F32 {
		t.Errorf("DType = %v, %v", dtype, ok)
	}
	if !d.Has(q) || d.Has("nothing") {
		t.Error("Has is wrong")
	}
	if d.Path() != sharded || d.Metadata()["format"] != "pt" {
		t.Errorf("Path = %q, Metadata = %v", d.Path(), d.Metadata())
	}
	data, err := d.Float32(q, []int{48, 48})
	if err != nil || len(data) != 48*48 {
		t.Errorf("%d elements, %v", len(data), err)
	}
	view, err := d.View(q, []int{48, 48})
	if err != nil || !slices.Equal(view, data) {
		t.Errorf("View differs from Float32, or %v", err)
	}
}

func TestFloat32Errors(t *testing.T) {
	d := open(t, sharded)
	_, err := d.Float32("language_model.model.layers.9.mlp.up_proj.weight", []int{80, 48})
	var missing *MissingError
	if !errors.As(err, &missing) || missing.Name != "language_model.model.layers.9.mlp.up_proj.weight" ||
		missing.Nearest != "language_model.model.layers.0.mlp.up_proj.weight" || missing.Path != sharded {
		t.Errorf("error = %#v", err)
	}
	wantError(t, err, sharded, "layers.9", "the nearest is")

	_, err = d.Float32("language_model.model.norm.weight", []int{1, 48})
	var shape *ShapeError
	if !errors.As(err, &shape) || !slices.Equal(shape.Got, []int{48}) || !slices.Equal(shape.Want, []int{1, 48}) {
		t.Errorf("error = %#v", err)
	}
	wantError(t, err, "model-0000", "language_model.model.norm.weight", "[48]", "[1 48]")
	_, _, err = d.Raw("zzz")
	if !errors.As(err, &missing) || missing.Nearest != "" {
		t.Errorf("error = %#v", err)
	}
}

func TestUnused(t *testing.T) {
	d := open(t, sharded)
	if got := d.Unused(nil); len(got) != len(d.Names()) {
		t.Errorf("%d unused at first", len(got))
	}
	// A wrong shape, a question and a miss are not use.
	_, _ = d.Float32("language_model.model.norm.weight", []int{47})
	d.Has("language_model.model.norm.weight")
	view := d.Rename(func(string) []string { return []string{"language_model.model.norm.weight"} })
	if got := d.Unused(nil); len(got) != len(d.Names()) {
		t.Errorf("%d unused after questions", len(got))
	}
	if _, err := view.Float32("x", []int{48}); err != nil {
		t.Fatal(err)
	}
	got := d.Unused(func(name string) bool { return strings.HasPrefix(name, "vision_tower.") })
	if slices.Contains(got, "language_model.model.norm.weight") || len(got) != 34-1 {
		t.Errorf("%d unused: %q", len(got), got)
	}
}

func TestIsBuffer(t *testing.T) {
	for name, want := range map[string]bool{
		"vision_model.embeddings.position_ids":           true,
		"model.layers.0.self_attn.rotary_emb.inv_freq":   true,
		"model.rotary_emb.inv_freq":                      true,
		"position_ids":                                   true,
		"vision_model.embeddings.position_embedding":     false,
		"vision_model.embeddings.class_embedding":        false,
		"model.layers.0.self_attn.q_proj.weight":         false,
		"model.layers.0.self_attn.not_rotary.inv_freq.x": false,
	} {
		if IsBuffer(name) != want {
			t.Errorf("IsBuffer(%q) = %v", name, !want)
		}
	}
}

func TestOpenFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "adapter_model.safetensors")
	err := safetensors.Write(path, []safetensors.Tensor{{Name: "a", Shape: []int{2}, Data: []float32{1, 2}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	d, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := d.Float32("a", []int{2}); err != nil || !slices.Equal(got, []float32{1, 2}) {
		t.Errorf("%v, %v", got, err)
	}
	_, err = d.Float32("b", []int{2})
	wantError(t, err, path)
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	_, err = d.Float32("a", []int{2})
	wantError(t, err, path, "closed")
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	_, err := Open(filepath.Join(dir, "none"))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error = %v", err)
	}
	_, err = Open(dir)
	wantError(t, err, dir, WeightsFile, IndexFile)

	write(t, filepath.Join(dir, "pytorch_model.bin"), "pickle")
	_, err = Open(dir)
	wantError(t, err, dir, "pytorch_model.bin", "zip")

	write(t, filepath.Join(dir, WeightsFile), "broken")
	_, err = Open(dir)
	wantError(t, err, filepath.Join(dir, WeightsFile))
	_, err = Open(filepath.Join(dir, WeightsFile))
	wantError(t, err, "not a directory")

	lost := copyDir(t)
	if err := os.Remove(filepath.Join(lost, IndexFile)); err != nil {
		t.Fatal(err)
	}
	_, err = Open(lost)
	wantError(t, err, "model-00001-of-00003.safetensors", "no "+IndexFile)
}

func TestSingleFileWins(t *testing.T) {
	dir := copyDir(t)
	one := []safetensors.Tensor{{Name: "a", DType: safetensors.F32, Shape: []int{1}, Raw: []byte{0, 0, 128, 63}}}
	if err := safetensors.Write(filepath.Join(dir, WeightsFile), one, nil); err != nil {
		t.Fatal(err)
	}
	wantSame(t, open(t, dir), one)
}
