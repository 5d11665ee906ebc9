package tokenizer

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A model that the library trained gives the library's ids and texts (testdata/make_spm.py).
func TestSentencePieceAsTheLibrary(t *testing.T) {
	tok, err := Open("testdata/spm.model")
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile("testdata/spm.golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows []struct {
		S    string  `json:"s"`
		IDs  []int32 `json:"ids"`
		Text string  `json:"text"`
	}
	if err := json.Unmarshal(b, &rows); err != nil {
		t.Fatal(err)
	}
	wrong := 0
	for _, r := range rows {
		ids, err := tok.Encode(r.S, false)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(ids, r.IDs) {
			if wrong++; wrong < 5 {
				t.Errorf("%q: %v, want %v", r.S, ids, r.IDs)
			}
			continue
		}
		if text := tok.Decode(ids, false); text != r.Text {
			t.Errorf("%q comes back as %q, want %q", r.S, text, r.Text)
		}
	}
	if wrong > 0 {
		t.Errorf("%d of %d texts have other ids", wrong, len(rows))
	}
	bos, ok := tok.ID("<s>")
	if ids, err := tok.Encode("a", true); err != nil || !ok || ids[0] != bos {
		t.Errorf("with special tokens: %v, %v", ids, err)
	}
	written, err := tok.JSON()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Parse(written); err != nil {
		t.Errorf("the tokenizer.json that is written of it: %v", err)
	}
}

// The files beside a model say which tokens were added and what stands around a text.
func TestSentencePieceDirectory(t *testing.T) {
	dir := t.TempDir()
	model, err := os.ReadFile("testdata/spm.model")
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("tokenizer.model", string(model))
	write("tokenizer_config.json", `{"add_bos_token": false, "add_eos_token": true, "added_tokens_decoder": {"500": {"content": "<pad>", "special": true}}}`)
	tok, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	ids, err := tok.Encode("a<pad>", true)
	if eos, _ := tok.ID("</s>"); err != nil || len(ids) != 3 || ids[1] != 500 || ids[2] != eos {
		t.Errorf("ids %v, %v", ids, err)
	}
	write("tokenizer_config.json", `{}`)
	write("added_tokens.json", `{"<more>": 501}`)
	if tok, err = Open(dir); err != nil {
		t.Fatal(err)
	}
	if id, ok := tok.ID("<more>"); !ok || id != 501 {
		t.Errorf("<more> is %d", id)
	}
	write("added_tokens.json", `{"<more>": 5}`)
	if _, err = Open(dir); err == nil || !strings.Contains(err.Error(), `"<more>": id 5 belongs to`) {
		t.Errorf("an id twice: %v", err)
	}
}

// spm makes a model: pieces with scores and kinds, then fields of the trainer and the normalizer.
func spm(pieces []Piece, trainer, normalizer []byte) []byte {
	var out []byte
	message := func(to []byte, number int, b []byte) []byte {
		to = binary.AppendUvarint(to, uint64(number<<3|2))
		return append(binary.AppendUvarint(to, uint64(len(b))), b...)
	}
	for _, p := range pieces {
		b := message(nil, 1, []byte(p.Text))
		b = binary.LittleEndian.AppendUint32(append(b, 2<<3|5), math.Float32bits(p.Score))
		b = binary.AppendUvarint(append(b, 3<<3), uint64(p.Kind))
		out = message(out, 1, b)
	}
	return message(message(out, 2, trainer), 3, normalizer)
}

func TestSentencePieceRefusals(t *testing.T) {
	bpe := []byte{3 << 3, 2}
	small := []Piece{{"<unk>", 0, Unknown}, {"<s>", 0, Control}, {"</s>", 0, Control}, {"a", -1, Normal}, {"b", -2, Normal}, {"ab", 0, Normal}}
	if tok, err := ParseSentencePiece(spm(small, bpe, []byte{3 << 3, 0, 4 << 3, 0})); err != nil {
		t.Fatal(err)
	} else if ids, err := tok.Encode("abz<s>", false); err != nil || !slices.Equal(ids, []int32{5, 0, 1}) {
		t.Errorf("ids %v, %v", ids, err)
	}
	unused := append(slices.Clone(small), Piece{"c", 0, Unused})
	twice := append(slices.Clone(small), Piece{"a", 0, Normal})
	half := append(slices.Clone(small), Piece{"<0x00>", 0, Byte})
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty":     {nil, "no pieces: not a SentencePiece model?"},
		"JSON":      {[]byte(`{"version": "1.0"}`), "SentencePiece model: damaged"},
		"unigram":   {spm(small, []byte{3 << 3, 1}, nil), "model_type is 1 (unigram), only 2 (BPE) is implemented"},
		"suffix":    {spm(small, append(bpe, 0xC0, 0x01, 1), nil), "treat_whitespace_as_suffix"},
		"table":     {spm(small, bpe, []byte{1<<3 | 2, 3, 'n', 'm', 't', 2<<3 | 2, 2, 'x', 'y'}), `normalizer "nmt" has a table of 2 bytes`},
		"unused":    {spm(unused, bpe, nil), `piece 6 ("c") is of the kind UNUSED`},
		"twice":     {spm(twice, bpe, nil), `pieces 3 and 6 are both "a"`},
		"one byte":  {spm(half, bpe, nil), "1 byte pieces, 256 or none expected"},
		"truncated": {spm(small, bpe, nil)[:20], "damaged"},
	} {
		if _, err := ParseSentencePiece(c.data); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func FuzzParseSentencePiece(f *testing.F) {
	bpe := []byte{3 << 3, 2}
	f.Add(spm([]Piece{{"<unk>", 0, Unknown}, {"<s>", 0, Control}, {"a", -1, Normal}, {"aa", 0, Normal}, {"<x>", 0, UserDefined}}, bpe, []byte{4 << 3, 0}))
	f.Fuzz(func(t *testing.T, b []byte) {
		tok, err := ParseSentencePiece(b)
		if err != nil {
			return
		}
		ids, err := tok.Encode("a aa<x><s>é\xff", true)
		if err == nil {
			tok.Decode(ids, false)
		}
	})
}

// SentencePiece 0.2.1 with remove_extra_whitespaces: marks that stand at the end of a text go with its spaces, others stay.
func TestSentencePieceExtraSpaces(t *testing.T) {
	m := &spmModel{addDummyPrefix: true, removeExtraSpace: true}
	for text, want := range map[string]string{
		"  a  b  ": "▁a▁b", "a▁": "▁a", "▁ ▁": "", "▁a": "▁▁a", "a ▁b": "▁a▁▁b", " ": "", "a\n  b": "▁a\n▁b",
	} {
		if got := m.normalize(text, opening); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
