package checkpoint

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"moslava/internal/safetensors"
)

func list(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestSaveMatchesReference compares with the shards huggingface_hub 2.4 writes:
//
//	save_torch_state_dict(dict(sorted(weights.items())), dir, max_shard_size=limit)
//
// With the lower limit some tensors are too large for a shard. The sum is that
// of each shard's name, a newline and its content, in the order of names.
func TestSaveMatchesReference(t *testing.T) {
	all := tensors(t, open(t, sharded))
	for _, tt := range []struct {
		limit  int64
		shards int
		sum    string
	}{
		{100_000, 5, "729714a239fe769278cac86e7915695039c5d365792ece057c1796291cb8d261"},
		{20_000, 25, "5e65cf8dc3b9b7d125c6875c1a70dc6838bb79d6a471461d98b0fc9becc11a35"},
	} {
		dir := t.TempDir()
		if err := Save(dir, all, tt.limit, nil); err != nil {
			t.Fatal(err)
		}
		hash, n := sha256.New(), 0
		for _, name := range list(t, dir) {
			if name == IndexFile {
				continue
			}
			content, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(hash, "%s\n%s", name, content)
			n++
		}
		if sum := hex.EncodeToString(hash.Sum(nil)); n != tt.shards || sum != tt.sum {
			t.Errorf("limit %d: %d shards with sum %s, want %d with %s", tt.limit, n, sum, tt.shards, tt.sum)
		}
	}
}

// TestIndexMatchesReference writes the index of transformers again.
func TestIndexMatchesReference(t *testing.T) {
	var idx index
	if err := ReadJSON(sharded, IndexFile, &idx); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := WriteJSON(dir, IndexFile, idx); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, IndexFile))
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join(sharded, IndexFile))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("index\n%.300s\nwant\n%.300s", got, want)
	}
	// And one of our own making has the same totals.
	if err := Save(dir, tensors(t, open(t, sharded)), 100_000, nil); err != nil {
		t.Fatal(err)
	}
	var own index
	if err := ReadJSON(dir, IndexFile, &own); err != nil {
		t.Fatal(err)
	}
	if own.Metadata != idx.Metadata || len(own.WeightMap) != len(idx.WeightMap) {
		t.Errorf("index of %d tensors with %+v, want %d with %+v", len(own.WeightMap), own.Metadata, len(idx.WeightMap), idx.Metadata)
	}
}

func TestSaveAndOpen(t *testing.T) {
	all := tensors(t, open(t, sharded))
	for name, tt := range map[string]struct {
		limit  int64
		shards int
	}{
		"no limit":         {0, 1},
		"exactly enough":   {468_032, 1},
		"one byte short":   {468_031, 2},
		"small":            {100_000, 5},
		"one tensor each":  {1, 89},
		"larger than ever": {math.MaxInt64, 1},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "a", "b")
			if err := Save(dir, all, tt.limit, map[string]string{"made_by": "test"}); err != nil {
				t.Fatal(err)
			}
			d := open(t, dir)
			wantSame(t, d, all)
			if len(d.files) != tt.shards {
				t.Errorf("%d files, want %d", len(d.files), tt.shards)
			}
			if m := d.Metadata(); m["format"] != "pt" || m["made_by"] != "test" {
				t.Errorf("metadata = %v", m)
			}
			want := tt.shards
			if tt.shards > 1 {
				want++ // the index
			}
			if got := list(t, dir); len(got) != want {
				t.Errorf("%d files: %q", len(got), got)
			}
		})
	}
}

func TestSplit(t *testing.T) {
	of := func(sizes ...int) (list []safetensors.Tensor) {
		for _, n := range sizes {
			list = append(list, safetensors.Tensor{DType: safetensors.U8, Shape: []int{n}})
		}
		return list
	}
	for _, tt := range []struct {
		sizes []int
		want  [][]int
	}{
		{nil, nil},
		{[]int{10}, [][]int{{10}}},
		{[]int{4, 6, 1}, [][]int{{4, 6}, {1}}},
		{[]int{4, 7, 3}, [][]int{{4}, {7, 3}}},
		// The large one does not close the shard that is being filled.
		{[]int{4, 11, 6, 1}, [][]int{{11}, {4, 6}, {1}}},
		{[]int{11, 12}, [][]int{{11}, {12}}},
		{[]int{0, 10, 0}, [][]int{{0, 10, 0}}},
	} {
		shards, _, err := split(of(tt.sizes...), 10)
		if err != nil {
			t.Fatal(err)
		}
		var got [][]int
		for _, s := range shards {
			var sizes []int
			for _, x := range s {
				sizes = append(sizes, x.Shape[0])
			}
			got = append(got, sizes)
		}
		if !slices.EqualFunc(got, tt.want, slices.Equal) {
			t.Errorf("%v became %v, want %v", tt.sizes, got, tt.want)
		}
	}
}

// TestSaveReplaces goes from every form of weights to every other; what is
// left must be the new ones alone, with other files untouched.
func TestSaveReplaces(t *testing.T) {
	all := tensors(t, open(t, sharded))
	limits := []int64{0, 100_000, 300_000}
	for _, before := range limits {
		for _, after := range limits {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "config.json"), "{}")
			write(t, filepath.Join(dir, "other.safetensors"), "mine")
			if err := Save(dir, all[:40], before, nil); err != nil {
				t.Fatal(err)
			}
			if err := Save(dir, all[20:], after, nil); err != nil {
				t.Fatal(err)
			}
			d := open(t, dir)
			wantSame(t, d, all[20:])
			want := len(d.files) + 2
			if len(d.files) > 1 {
				want++
			}
			if got := list(t, dir); len(got) != want {
				t.Errorf("from limit %d to %d: %q, want %d files", before, after, got, want)
			}
		}
	}
}

// TestFailedSaveChangesNothing lets the last tensor fail.
func TestFailedSaveChangesNothing(t *testing.T) {
	boom := errors.New("boom")
	all := tensors(t, open(t, sharded))
	bad := append(slices.Clone(all), safetensors.Tensor{Name: "z", Shape: []int{1}, Load: func() ([]float32, error) { return nil, boom }})
	twice := append(slices.Clone(all), all[0])
	for _, before := range []int64{0, 100_000} {
		for _, after := range []int64{0, 100_000} {
			dir := t.TempDir()
			if err := Save(dir, all[:60], before, nil); err != nil {
				t.Fatal(err)
			}
			files := list(t, dir)
			if err := Save(dir, bad, after, nil); !errors.Is(err, boom) {
				t.Errorf("error = %v", err)
			}
			wantError(t, Save(dir, twice, after, nil), dir, all[0].Name, "twice")
			wantError(t, Save(dir, nil, after, nil), dir, "no tensors")
			if got := list(t, dir); !slices.Equal(got, files) {
				t.Errorf("%q became %q", files, got)
			}
			wantSame(t, open(t, dir), all[:60])
		}
	}
}

// TestLeftoversOfACrash starts with shards of another model and a half-written
// stage, but no index.
func TestLeftoversOfACrash(t *testing.T) {
	all := tensors(t, open(t, sharded))
	dir := copyDir(t)
	if err := os.Remove(filepath.Join(dir, IndexFile)); err != nil {
		t.Fatal(err)
	}
	const stageDir = ".moslava-tmp-ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	if err := os.Mkdir(filepath.Join(dir, stageDir), 0o777); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, stageDir, "model-00001-of-00009.safetensors"), "half")
	if err := Save(dir, all[:50], 100_000, nil); err != nil {
		t.Fatal(err)
	}
	wantSame(t, open(t, dir), all[:50])
	if got := list(t, dir); slices.Contains(got, stageDir) {
		t.Errorf("%q still holds the stage", got)
	}
}

func TestReadJSON(t *testing.T) {
	dir := t.TempDir()
	type config struct {
		Text struct {
			Hidden int `json:"hidden_size"`
		} `json:"text_config"`
	}
	for name, tt := range map[string]struct {
		text string
		want []string
	}{
		"fine":     {`{"text_config": {"hidden_size": 48, "more": []}}`, nil},
		"syntax":   {"{\n\n\"a\" 1}", []string{"line 3"}},
		"cut":      {"{\n\"a\":", []string{"unexpected end"}},
		"trailing": {"{}\n{}", []string{"line 2"}},
		"type":     {"{\n  \"text_config\": {\n    \"hidden_size\": \"48\"\n  }\n}", []string{"line 3", "text_config.hidden_size", "string", "int"}},
		"root":     {"[]", []string{"line 1", "array"}},
		"empty":    {"", []string{"unexpected end"}},
	} {
		t.Run(name, func(t *testing.T) {
			write(t, filepath.Join(dir, "config.json"), tt.text)
			var c config
			err := ReadJSON(dir, "config.json", &c)
			if tt.want == nil {
				if err != nil || c.Text.Hidden != 48 {
					t.Errorf("%+v, %v", c, err)
				}
				return
			}
			wantError(t, err, append(tt.want, filepath.Join(dir, "config.json"))...)
		})
	}
	var c config
	if err := ReadJSON(dir, "none.json", &c); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "none.json") {
		t.Errorf("error = %v", err)
	}
}

func TestWriteJSON(t *testing.T) {
	dir := t.TempDir()
	if err := WriteJSON(dir, "a.json", map[string]any{"b": []int{1}, "a": "<é>"}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, "a.json"))
	if want := "{\n  \"a\": \"<é>\",\n  \"b\": [\n    1\n  ]\n}\n"; err != nil || string(got) != want {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
	wantError(t, WriteJSON(dir, "b.json", func() {}), filepath.Join(dir, "b.json"))
}
