package tokenizer

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// Kind says what a piece of a vocabulary is for. The numbers are those of sentencepiece_model.proto, which GGUF has taken
// over.
type Kind int

// The kinds.
const (
	Normal      Kind = 1
	Unknown     Kind = 2 // stands for characters that have no piece
	Control     Kind = 3 // <s> and the like
	UserDefined Kind = 4 // found in the text before anything else
	Unused      Kind = 5
	Byte        Kind = 6 // <0x00> to <0xFF>
)

// Piece is an entry of a vocabulary that is not a tokenizer.json; its id is its index.
type Piece struct {
	Text  string
	Score float32 // of SentencePiece vocabularies: the highest is merged first
	Kind  Kind
}

// Vocabulary is what tokenizer.json files are made from.
type Vocabulary struct {
	Pieces         []Piece
	Prefix, Suffix []int32 // special tokens around a text
}

// ByteLevel is a vocabulary spelled in GPT-2's byte letters.
type ByteLevel struct {
	Vocabulary
	Merges       []string // "a b", the first one first
	Splits       []string // patterns that cut a text, one after the other (Oniguruma syntax); none: GPT-2's
	GPT2         bool     // GPT-2's pattern follows Splits
	NFC          bool     // texts are brought to NFC first
	IgnoreMerges bool     // a word that is a token as a whole becomes that token
}

// JSON is the tokenizer.json.
func (v *ByteLevel) JSON() ([]byte, error) {
	d, err := v.document()
	if err != nil {
		return nil, err
	}
	if v.NFC {
		d.Normalizer = object{"type": "NFC"}
	}
	byteLevel := object{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": v.GPT2}
	steps := []object{}
	for _, expr := range v.Splits {
		steps = append(steps, object{"type": "Split", "pattern": object{"Regex": expr}, "behavior": "Isolated", "invert": false})
	}
	d.PreTokenizer = object{"type": "Sequence", "pretokenizers": append(steps, byteLevel)}
	d.Decoder = object{"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true}
	d.Model.Merges, d.Model.IgnoreMerges = v.Merges, v.IgnoreMerges
	if v.Merges == nil {
		d.Model.Merges = []string{}
	}
	return d.json()
}

// SentencePiece is a BPE vocabulary with scores.
type SentencePiece struct {
	Vocabulary
	AddSpace  bool // before a text, and after each special token
	FirstOnly bool // after none
}

// JSON is the tokenizer.json, with the merges that transformers finds (convert_slow_tokenizer.py, generate_merges): each way
// to put a piece together from two others, by falling score. SentencePiece itself knows no order between two ways to the
// same piece and takes the one further left, so that in runs of one letter the two can differ.
func (v *SentencePiece) JSON() ([]byte, error) {
	d, err := v.document()
	if err != nil {
		return nil, err
	}
	bytes := 0
	for i, p := range v.Pieces {
		switch p.Kind {
		case Unknown:
			if d.Model.UnkToken != nil {
				return nil, fmt.Errorf("tokenizer: pieces %q and %q (%d) are both the unknown one", d.Model.UnkToken, p.Text, i)
			}
			d.Model.UnkToken = p.Text
		case Byte:
			bytes++
		}
	}
	if bytes != 0 && bytes != 256 {
		return nil, fmt.Errorf("tokenizer: %d byte pieces, 256 or none expected", bytes)
	}
	d.Model.ByteFallback, d.Model.FuseUnk = bytes > 0, true
	decode := []object{{"type": "Replace", "pattern": object{"String": spaceMark}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}}
	if v.AddSpace {
		decode = append(decode, object{"type": "Strip", "content": " ", "start": 1, "stop": 0})
	}
	replace := object{"type": "Replace", "pattern": object{"String": " "}, "content": spaceMark}
	switch {
	case !v.AddSpace:
		d.Normalizer = replace
	case v.FirstOnly:
		d.PreTokenizer = object{"type": "Metaspace", "replacement": spaceMark, "prepend_scheme": "first", "split": false}
	default:
		d.Normalizer = object{"type": "Sequence", "normalizers": []object{{"type": "Prepend", "prepend": spaceMark}, replace}}
	}
	d.Decoder = object{"type": "Sequence", "decoders": decode}
	d.Model.Merges = v.merges()
	return d.json()
}

// merges are all ways to make a piece from two others.
func (v *SentencePiece) merges() [][2]string {
	normal := make(map[string]bool, len(v.Pieces))
	for _, p := range v.Pieces {
		if p.Kind == Normal {
			normal[p.Text] = true
		}
	}
	type way struct {
		pair  [2]string
		score float32
		sizes [2]int // in characters
	}
	var ways []way
	for _, p := range v.Pieces {
		if p.Kind != Normal {
			continue
		}
		runes := 0
		for cut := range p.Text {
			if cut > 0 {
				left, right := p.Text[:cut], p.Text[cut:]
				if normal[left] && normal[right] {
					ways = append(ways, way{[2]string{left, right}, p.Score, [2]int{runes, utf8.RuneCountInString(right)}})
				}
			}
			runes++
		}
	}
	slices.SortStableFunc(ways, func(a, b way) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(b.sizes[0], a.sizes[0]), cmp.Compare(b.sizes[1], a.sizes[1]))
	})
	out := make([][2]string, len(ways))
	for i, w := range ways {
		out[i] = w.pair
	}
	return out
}

// document checks the pieces and fills in what all kinds of vocabularies have.
func (v *Vocabulary) document() (*document, error) {
	d := &document{Added: []AddedToken{}}
	seen := make(map[string]int, len(v.Pieces))
	for i, p := range v.Pieces {
		other, taken := seen[p.Text]
		switch {
		case p.Text == "":
			return nil, fmt.Errorf("tokenizer: piece %d is empty", i)
		case !utf8.ValidString(p.Text):
			return nil, fmt.Errorf("tokenizer: piece %d (%q) is not valid UTF-8", i, p.Text)
		case taken:
			return nil, fmt.Errorf("tokenizer: pieces %d and %d are both %q", other, i, p.Text)
		case p.Kind < Normal || p.Kind > Byte:
			return nil, fmt.Errorf("tokenizer: piece %d (%q) is of kind %d, %d to %d expected", i, p.Text, p.Kind, Normal, Byte)
		case math.IsNaN(float64(p.Score)):
			return nil, fmt.Errorf("tokenizer: piece %d (%q) has no number as its score", i, p.Text)
		case p.Kind == Byte && !isBytePiece(p.Text):
			return nil, fmt.Errorf("tokenizer: piece %d (%q) stands for a byte, a name from <0x00> to <0xFF> expected", i, p.Text)
		}
		seen[p.Text] = i
		d.Model.Vocab = append(d.Model.Vocab, p.Text)
		if p.Kind == Control || p.Kind == Unknown || p.Kind == UserDefined {
			d.Added = append(d.Added, AddedToken{ID: int32(i), Content: p.Text, Special: p.Kind != UserDefined})
		}
	}
	if err := v.affixes(d); err != nil {
		return nil, err
	}
	return d, nil
}

func isBytePiece(s string) bool {
	return len(s) == 6 && strings.HasPrefix(s, "<0x") && s[5] == '>' &&
		strings.Trim(s[3:5], "0123456789ABCDEF") == ""
}

// affixes fills in the post-processor.
func (v *Vocabulary) affixes(d *document) error {
	if len(v.Prefix)+len(v.Suffix) == 0 {
		return nil
	}
	single, tokens := []object{}, object{}
	add := func(ids []int32) error {
		for _, id := range ids {
			if id < 0 || int(id) >= len(v.Pieces) {
				return fmt.Errorf("tokenizer: special token %d is not in the vocabulary of %d", id, len(v.Pieces))
			}
			text := v.Pieces[id].Text
			single = append(single, object{"SpecialToken": object{"id": text, "type_id": 0}})
			tokens[text] = object{"id": text, "ids": []int32{id}, "tokens": []string{text}}
		}
		return nil
	}
	if err := add(v.Prefix); err != nil {
		return err
	}
	single = append(single, object{"Sequence": object{"id": "A", "type_id": 0}})
	if err := add(v.Suffix); err != nil {
		return err
	}
	pair := slices.Clone(single)
	for _, s := range single {
		second := object{}
		for kind, value := range s {
			o := object{"id": value.(object)["id"], "type_id": 1}
			if kind == "Sequence" {
				o["id"] = "B"
			}
			second[kind] = o
		}
		pair = append(pair, second)
	}
	d.PostProcessor = object{"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": tokens}
	return nil
}
