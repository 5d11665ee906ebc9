package checkpoint

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestIndexRefused(t *testing.T) {
	tests := []struct {
		name, index string
		want        []string
	}{
		{"not JSON", "{\n  \"weight_map\": {\n  oops", []string{"line 3"}},
		{"wrong kind", `[]`, []string{"array"}},
		{"map is a list", `{"weight_map": []}`, []string{"want an object"}},
		{"shard is a number", `{"weight_map": {"a": 1}}`, []string{`"a"`, "name of a file"}},
		{"shard is an object", `{"weight_map": {"a": {}}}`, []string{`"a"`, "name of a file"}},
		{"listed twice", `{"weight_map": {"a": "x.safetensors", "a": "y.safetensors"}}`, []string{`"a" is listed twice`}},
		{"no map", `{"metadata": {}}`, []string{"missing or empty"}},
		{"null map", `{"weight_map": null}`, []string{"weight_map"}},
		{"empty map", `{"weight_map": {}}`, []string{"missing or empty"}},
		{"paths", `{"weight_map": {"a": "../x.safetensors", "b": "d/x.safetensors", "c": "d\\x.safetensors", "d": "/x.safetensors", "e": "", "f": "..", "g": "C:x.safetensors", "h": "x.bin"}}`,
			[]string{`"../x.safetensors"`, `"d/x.safetensors"`, `"d\\x.safetensors"`, `"/x.safetensors"`, `""`, `".."`, `"C:x.safetensors"`, `"x.bin"`}},
		{"missing shards", `{"weight_map": {"a": "x.safetensors", "b": "y.safetensors", "c": "model-00001-of-00003.safetensors"}}`,
			[]string{"2 of 3 shards are missing: x.safetensors, y.safetensors"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := copyDir(t)
			write(t, filepath.Join(dir, IndexFile), tt.index)
			_, err := Open(dir)
			wantError(t, err, append(tt.want, dir)...)
		})
	}
}

// editIndex rewrites the weight map of the model in dir.
func editIndex(t *testing.T, dir string, edit func(m weightMap)) {
	t.Helper()
	var idx index
	if err := ReadJSON(dir, IndexFile, &idx); err != nil {
		t.Fatal(err)
	}
	edit(idx.WeightMap)
	if err := WriteJSON(dir, IndexFile, idx); err != nil {
		t.Fatal(err)
	}
}

func TestWrongEntriesAreAllListed(t *testing.T) {
	dir := copyDir(t)
	editIndex(t, dir, func(m weightMap) {
		m["language_model.lm_head.weight"] = "model-00002-of-00003.safetensors"
		m["invented.weight"] = "model-00001-of-00003.safetensors"
		m["another.weight"] = "model-00003-of-00003.safetensors"
	})
	_, err := Open(dir)
	wantError(t, err, filepath.Join(dir, IndexFile),
		`"language_model.lm_head.weight" is not in model-00002-of-00003.safetensors, but in model-00001-of-00003.safetensors`,
		`"invented.weight" is not in model-00001-of-00003.safetensors nor in any other`, `"another.weight"`)
}

func TestUnlistedTensorsAreTaken(t *testing.T) {
	dir := copyDir(t)
	editIndex(t, dir, func(m weightMap) { delete(m, "language_model.lm_head.weight") })
	d := open(t, dir)
	if !d.Has("language_model.lm_head.weight") || len(d.Names()) != 89 {
		t.Errorf("the unlisted tensor is lost: %d names", len(d.Names()))
	}
}

func TestUnlistedTensorInTwoShards(t *testing.T) {
	dir := copyDir(t)
	content, err := os.ReadFile(filepath.Join(dir, "model-00001-of-00003.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "extra.safetensors"), string(content))
	// Listed tensors may be in two places, since the map decides.
	editIndex(t, dir, func(m weightMap) { m["language_model.model.embed_tokens.weight"] = "extra.safetensors" })
	if _, err := Open(dir); err != nil {
		t.Errorf("listed twin: %v", err)
	}
	editIndex(t, dir, func(m weightMap) { delete(m, "language_model.lm_head.weight") })
	_, err = Open(dir)
	wantError(t, err, `does not list "language_model.lm_head.weight"`, "extra.safetensors and model-00001-of-00003.safetensors")
}

func TestBrokenShardsAreAllNamed(t *testing.T) {
	dir := copyDir(t)
	for _, name := range []string{"model-00001-of-00003.safetensors", "model-00003-of-00003.safetensors"} {
		if err := os.Truncate(filepath.Join(dir, name), 50_000); err != nil {
			t.Fatal(err)
		}
	}
	_, err := Open(dir)
	wantError(t, err, "model-00001-of-00003.safetensors", "model-00003-of-00003.safetensors", "truncated")
	if strings.Contains(err.Error(), "model-00002") {
		t.Errorf("error %q names a good shard", err)
	}
}

// FuzzIndex looks for panics, and checks that shards never lie outside the
// directory.
func FuzzIndex(f *testing.F) {
	for _, seed := range []string{`{}`, `{"weight_map":{"a":"x.safetensors"}}`, `{"weight_map":{"a":"../x.safetensors","b":".safetensors"}}`,
		`{"weight_map":null}`, `{"weight_map":{"a":[{}]}}`, `{"weight_map":{"a":"x","a":"y"}}`, `{"metadata":{"total_size":1e99}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var idx index
		if json.Unmarshal(text, &idx) != nil {
			return
		}
		shards, err := idx.WeightMap.shards(".safetensors")
		if err != nil {
			return
		}
		for _, name := range shards {
			if filepath.Dir(filepath.Join("dir", name)) != "dir" {
				t.Errorf("shard %q is outside the directory", name)
			}
		}
	})
}
