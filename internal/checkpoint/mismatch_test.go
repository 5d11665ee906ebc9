package checkpoint

import (
	"errors"
	"math"
	"path/filepath"
	"testing"

	"moslava/internal/safetensors"
)

func TestMismatchNamesAllAtOnce(t *testing.T) {
	missing := &MissingError{Name: "a.weight", Path: "dir", Nearest: "aa.weight"}
	shape := &ShapeError{Name: "b", Stored: "model.b", File: "dir/f", Got: []int{2}, Want: []int{3}}
	other := errors.New("dir/f: tensor \"c\" has NaN")
	err := Mismatch("dir", errors.Join(missing, errors.Join(shape, other)), []string{"z"})
	wantError(t, err, "dir: ", "1 missing, 1 of another shape, 1 unexpected", "a.weight", "aa.weight", "b is [2], want [3]", "model.b", "unexpected  z", "has NaN")
	if !errors.Is(err, other) {
		t.Error("the error does not unwrap to its parts")
	}
	if err := Mismatch("dir", other, nil); err.Error() != other.Error() {
		t.Errorf("error %q, want the only one there is", err)
	}
	if err := Mismatch("dir", nil, nil); err != nil {
		t.Error(err)
	}
}

func TestWeightsThatAreNotFinite(t *testing.T) {
	for _, v := range []float64{math.NaN(), math.Inf(-1)} {
		path := filepath.Join(t.TempDir(), "w.safetensors")
		if err := safetensors.Write(path, []safetensors.Tensor{{Name: "w", Shape: []int{3}, Data: []float32{1, 2, float32(v)}}}, nil); err != nil {
			t.Fatal(err)
		}
		d, err := OpenFile(path)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		_, err = d.Float32("w", []int{3})
		wantError(t, err, path, `"w"`, "element 2")
	}
}

// TestPickledWeights: the same names and numbers as in safetensors, from one file and from shards.
func TestPickledWeights(t *testing.T) {
	d, err := Open("testdata/pickled")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	got, err := d.Float32("b", []int{2})
	if err != nil || got[0] != 1 || got[1] != -2 {
		t.Errorf("b is %v, %v", got, err)
	}
	if names := d.Names(); len(names) != 2 {
		t.Errorf("names %v", names)
	}
}
