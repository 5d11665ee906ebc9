package tokenizer

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

type addedGolden struct {
	Base           string
	Plain, Special []string
	Added          []AddedToken `json:"added_tokens"`
	Rows           []goldenRow
}

// TestAddedAsInTheRustLibrary: ids of added tokens, and of texts with them, and what is written are those of add_tokens
// and add_special_tokens.
func TestAddedAsInTheRustLibrary(t *testing.T) {
	for _, g := range readJSON[[]addedGolden](t, "added.golden.json") {
		t.Run(g.Base, func(t *testing.T) {
			tok := load(t, g.Base+".json")
			for _, token := range g.Plain {
				if _, err := tok.Add(AddedToken{Content: token, Normalized: true}); err != nil {
					t.Fatal(err)
				}
			}
			for _, token := range g.Special {
				if _, err := tok.Add(AddedToken{Content: token, Special: true}); err != nil {
					t.Fatal(err)
				}
			}
			checkRows(t, tok, g.Rows)
			b, err := tok.JSON()
			if err != nil {
				t.Fatal(err)
			}
			var f file
			if err := json.Unmarshal(b, &f); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(f.Added, g.Added) {
				t.Errorf("added_tokens\n got %v\nwant %v", f.Added, g.Added)
			}
			again, err := Parse(b)
			if err != nil {
				t.Fatal(err)
			}
			checkRows(t, again, g.Rows)
		})
	}
}

// TestAddRefuses: a token that is there, added or a word, is an error that names its id, and leaves the tokenizer as it
// was.
func TestAddRefuses(t *testing.T) {
	tok := load(t, "spm_prepend.json")
	size := tok.VocabSize()
	for token, want := range map[string]string{"<s>": `"<s>" is a token already, with id 1`, tok.Token(20): "with id 20", "": "content is empty"} {
		if _, err := tok.Add(AddedToken{Content: token, Normalized: true}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", token, err, want)
		}
	}
	if tok.VocabSize() != size {
		t.Errorf("%d tokens, want %d", tok.VocabSize(), size)
	}
}

// TestAddedToSentencePiece: what is written of a SentencePiece model gives the ids of the model itself, wherever new tokens stand.
func TestAddedToSentencePiece(t *testing.T) {
	tok, err := Open("testdata/spm.model")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []AddedToken{{Content: "<loc>", Normalized: true}, {Content: " two words", Normalized: true},
		{Content: "Ärger!", Normalized: true}, {Content: "<sp>", Special: true}} {
		if _, err := tok.Add(a); err != nil {
			t.Fatal(err)
		}
	}
	b, err := tok.JSON()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"<loc>", "a <loc> b", "a<loc>b<loc> c", "<loc>  <sp> two words", "Ärger! <sp>x", "in two words"} {
		x, errX := tok.Encode(text, true)
		y, errY := again.Encode(text, true)
		if errX != nil || errY != nil || !slices.Equal(x, y) {
			t.Errorf("%q: %v (%v), and as written %v (%v)", text, x, errX, y, errY)
		}
		if a, b := tok.Decode(x, true), again.Decode(y, true); a != b {
			t.Errorf("%q becomes %q, and as written %q", text, a, b)
		}
	}
}
