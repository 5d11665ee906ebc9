package tokenizer

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

type goldenRow struct {
	S       string  `json:"s"`
	IDs     []int32 `json:"ids"`
	IDsSp   []int32 `json:"ids_sp"`
	DecRaw  string  `json:"dec_raw"`
	DecSkip string  `json:"dec_skip"`
}

func readJSON[T any](t testing.TB, name string) T {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var v T
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func load(t testing.TB, name string) *Tokenizer {
	t.Helper()
	tok, err := Load(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// patched is testdata/base with top-level fields and model fields replaced.
func patched(t testing.TB, base string, patch, model map[string]any) (*Tokenizer, error) {
	t.Helper()
	f := readJSON[map[string]any](t, base)
	for k, v := range patch {
		f[k] = v
	}
	for k, v := range model {
		f["model"].(map[string]any)[k] = v
	}
	b, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	return Parse(b)
}

func checkRows(t *testing.T, tok *Tokenizer, rows []goldenRow) {
	t.Helper()
	if len(rows) == 0 {
		t.Fatal("no rows")
	}
	for _, r := range rows {
		ids, err := tok.Encode(r.S, false)
		if err != nil {
			t.Fatalf("Encode(%q): %v", r.S, err)
		}
		if !slices.Equal(ids, r.IDs) {
			t.Errorf("Encode(%q)\n got %v\nwant %v", r.S, ids, r.IDs)
		}
		if ids, _ = tok.Encode(r.S, true); !slices.Equal(ids, r.IDsSp) {
			t.Errorf("Encode(%q, special)\n got %v\nwant %v", r.S, ids, r.IDsSp)
		}
		if got := tok.Decode(r.IDs, false); got != r.DecRaw {
			t.Errorf("Decode of %q\n got %q\nwant %q", r.S, got, r.DecRaw)
		}
		if got := tok.Decode(r.IDsSp, true); got != r.DecSkip {
			t.Errorf("Decode of %q without special\n got %q\nwant %q", r.S, got, r.DecSkip)
		}
	}
}

func TestGoldens(t *testing.T) {
	for _, name := range []string{"bytelevel", "spm_prepend", "clip_like"} {
		t.Run(name, func(t *testing.T) {
			checkRows(t, load(t, name+".json"), readJSON[[]goldenRow](t, name+".golden.json"))
		})
	}
	t.Run("clip_like with BPEDecoder", func(t *testing.T) {
		tok, err := patched(t, "clip_like.json", map[string]any{"decoder": map[string]any{"type": "BPEDecoder", "suffix": "</w>"}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		checkRows(t, tok, readJSON[[]goldenRow](t, "clip_like_bpedecoder.golden.json"))
	})
}

// Every component that is supported, against the Rust library.
func TestVariants(t *testing.T) {
	type variant struct {
		Name, Base   string
		Patch, Model map[string]any
		Rows         []goldenRow
	}
	for _, v := range readJSON[[]variant](t, "variants.json") {
		t.Run(v.Name, func(t *testing.T) {
			tok, err := patched(t, v.Base+".json", v.Patch, v.Model)
			if err != nil {
				t.Fatal(err)
			}
			checkRows(t, tok, v.Rows)
		})
	}
}

// Cutting a word list at space marks must not change ids.
func TestMarkSplitChangesNothing(t *testing.T) {
	tok := load(t, "spm_prepend.json")
	if !tok.markSplit {
		t.Fatal("the vocabulary allows cutting at ▁, and is not cut")
	}
	tok.markSplit = false
	checkRows(t, tok, readJSON[[]goldenRow](t, "spm_prepend.golden.json"))
}
