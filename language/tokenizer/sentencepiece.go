package tokenizer

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"moslava/internal/infile"
)

// spmModel is what is read of a SentencePiece model (sentencepiece_model.proto of sentencepiece 0.2).
type spmModel struct {
	pieces []Piece

	modelType    uint64 // 2: BPE
	spaceSuffix  bool
	byteFallback bool
	ids          map[string]int // unk, bos, eos, pad; below 0: none

	normalizerName                   string
	charsMap                         []byte
	addDummyPrefix, removeExtraSpace bool
	escapeSpace                      bool
}

// ParseSentencePiece reads a SentencePiece model (tokenizer.model) of type BPE, and gives the ids that the package
// sentencepiece 0.2 gives, with these differences: control pieces that a text spells (<s>, </s>) become their ids, as in
// transformers, where sentencepiece would spell them out; and the text is taken apart at them first. With special,
// Encode puts the beginning-of-sequence piece first, if there is one, as LLaMA's tokenizer does.
//
// Unigram, word and character models are refused, as are normalisations by table (nmt_nfkc).
func ParseSentencePiece(b []byte) (*Tokenizer, error) {
	return parseSentencePiece(b, spmSettings{})
}

// spmSettings are what a model directory says besides.
type spmSettings struct {
	bos, eos *bool
	added    []AddedToken
}

func parseSentencePiece(b []byte, s spmSettings) (*Tokenizer, error) {
	m, err := readSPM(b)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: SentencePiece model: %w", err)
	}
	t, err := m.tokenizer(s)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: SentencePiece model: %w", err)
	}
	return t, nil
}

func readSPM(b []byte) (*spmModel, error) {
	m := &spmModel{modelType: 1, addDummyPrefix: true, removeExtraSpace: true, escapeSpace: true,
		ids: map[string]int{"unk": 0, "bos": 1, "eos": 2, "pad": -1}}
	err := protoFields(b, func(f protoField) error {
		switch f.number {
		case 1:
			if len(m.pieces) > maxID {
				return fmt.Errorf("more than %d pieces", maxID)
			}
			p, err := readPiece(f.bytes)
			m.pieces = append(m.pieces, p)
			return err
		case 2:
			return m.readTrainer(f.bytes)
		case 3:
			return m.readNormalizer(f.bytes)
		}
		return nil
	})
	if err == nil && len(m.pieces) == 0 {
		err = errors.New("no pieces: not a SentencePiece model?")
	}
	return m, err
}

func readPiece(b []byte) (Piece, error) {
	p := Piece{Kind: Normal}
	return p, protoFields(b, func(f protoField) error {
		switch f.number {
		case 1:
			p.Text = string(f.bytes)
		case 2:
			p.Score = f.float()
		case 3:
			p.Kind = Kind(min(f.value, 100))
		}
		return nil
	})
}

func (m *spmModel) readTrainer(b []byte) error {
	return protoFields(b, func(f protoField) error {
		switch f.number {
		case 3:
			m.modelType = f.value
		case 24:
			m.spaceSuffix = f.value != 0
		case 35:
			m.byteFallback = f.value != 0
		case 40, 41, 42, 43:
			m.ids[[]string{"unk", "bos", "eos", "pad"}[f.number-40]] = int(int32(f.value))
		}
		return nil
	})
}

func (m *spmModel) readNormalizer(b []byte) error {
	return protoFields(b, func(f protoField) error {
		switch f.number {
		case 1:
			m.normalizerName = string(f.bytes)
		case 2:
			m.charsMap = f.bytes
		case 3:
			m.addDummyPrefix = f.value != 0
		case 4:
			m.removeExtraSpace = f.value != 0
		case 5:
			m.escapeSpace = f.value != 0
		}
		return nil
	})
}

// tokenizer builds the tokenizer on its tokenizer.json, and then makes exact what a tokenizer.json cannot say.
func (m *spmModel) tokenizer(s spmSettings) (*Tokenizer, error) {
	kinds := map[uint64]string{1: "unigram", 3: "word", 4: "character"}
	switch {
	case m.modelType != 2:
		return nil, fmt.Errorf("model_type is %d (%s), only 2 (BPE) is implemented", m.modelType, cmp.Or(kinds[m.modelType], "unknown"))
	case len(m.charsMap) > 0:
		return nil, fmt.Errorf("normalizer %q has a table of %d bytes, which is not implemented (only identity)", m.normalizerName, len(m.charsMap))
	case m.spaceSuffix:
		return nil, errors.New("treat_whitespace_as_suffix is true, which is not implemented")
	case !m.escapeSpace:
		return nil, errors.New("escape_whitespaces is false, which is not implemented")
	}
	v := SentencePiece{AddSpace: m.addDummyPrefix, FirstOnly: true}
	v.Pieces = m.pieces
	for i, p := range m.pieces {
		if p.Kind == Unused {
			return nil, fmt.Errorf("piece %d (%q) is of the kind UNUSED, which is not implemented", i, p.Text)
		}
	}
	for _, a := range []struct {
		on   *bool
		def  bool
		role string
		to   *[]int32
	}{{s.bos, true, "bos", &v.Prefix}, {s.eos, false, "eos", &v.Suffix}} {
		on := a.def
		if a.on != nil {
			on = *a.on
		}
		if id := m.ids[a.role]; on && id >= 0 && id < len(m.pieces) {
			*a.to = []int32{int32(id)}
		}
	}
	source, err := v.JSON()
	if err != nil {
		return nil, err
	}
	if source, err = withAdded(source, s.added); err != nil {
		return nil, err
	}
	t, err := Parse(source)
	if err != nil {
		return nil, err
	}
	t.model.rankByScore(m.pieces)
	t.preTokenizers = nil
	t.normalizers = []normalizeFunc{func(s string, at place, _ int) (string, error) { return m.normalize(s, at), nil }}
	t.addedKey = func(s string) string { return strings.ReplaceAll(s, " ", spaceMark) }
	list := slices.Clone(t.added.Load().list)
	for i := range list {
		if id := list[i].ID; int(id) < len(m.pieces) && m.pieces[id].Kind == UserDefined {
			list[i].Normalized = true // found after the first space has been put before the text
		}
	}
	added, err := newAddedTokens(list, t.model, t.key)
	if err != nil {
		return nil, err
	}
	t.added.Store(added)
	return t, nil
}

// normalize is the identity normalizer with its rules about spaces. Bytes that are not UTF-8 become U+FFFD each.
func (m *spmModel) normalize(s string, at place) string {
	if !utf8.ValidString(s) {
		s = strings.Map(func(r rune) rune { return r }, s)
	}
	if m.removeExtraSpace {
		if at != continuation {
			s = strings.TrimLeft(s, " ")
		}
		for strings.Contains(s, "  ") {
			s = strings.ReplaceAll(s, "  ", " ")
		}
	}
	if m.addDummyPrefix && at == opening && s != "" {
		s = " " + s
	}
	s = strings.ReplaceAll(s, " ", spaceMark)
	if m.removeExtraSpace {
		s = strings.TrimRight(s, spaceMark) // those that the text has, too
	}
	return s
}

// rankByScore ranks merges as SentencePiece does: by the score of what becomes of them, equal ones from left to right.
func (b *BPE) rankByScore(pieces []Piece) {
	scores := map[float32]bool{}
	for _, m := range b.merges {
		scores[pieces[m.id].Score] = true
	}
	ranks := map[float32]int32{}
	for i, score := range slices.Backward(slices.Sorted(maps.Keys(scores))) {
		ranks[score] = int32(len(scores) - 1 - i)
	}
	for p, m := range b.merges {
		b.merges[p] = merge{ranks[pieces[m.id].Score], m.id}
	}
}

// withAdded puts more added tokens into a tokenizer.json.
func withAdded(source []byte, more []AddedToken) ([]byte, error) {
	if len(more) == 0 {
		return source, nil
	}
	t, err := Parse(source)
	if err != nil {
		return nil, err
	}
	list := slices.Clone(t.added.Load().list)
	for _, a := range more {
		i := slices.IndexFunc(list, func(b AddedToken) bool { return b.ID == a.ID })
		if i < 0 {
			list = append(list, a)
		} else if list[i].Content == a.Content {
			list[i] = a
		} else {
			return nil, fmt.Errorf("added token %q: id %d belongs to %q", a.Content, a.ID, list[i].Content)
		}
	}
	slices.SortFunc(list, func(a, b AddedToken) int { return cmp.Compare(a.ID, b.ID) })
	added, err := newAddedTokens(list, t.model, t.key)
	if err != nil {
		return nil, err
	}
	t.added.Store(added)
	return t.JSON()
}

// Open reads the tokenizer of a model directory, tokenizer.json or else tokenizer.model, or such a file by itself. Beside
// a tokenizer.model, tokenizer_config.json and added_tokens.json are read for added tokens and add_bos_token and
// add_eos_token.
func Open(path string) (*Tokenizer, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		if strings.EqualFold(filepath.Ext(path), ".model") {
			return loadSentencePiece(path)
		}
		return Load(path)
	}
	for _, name := range []string{"tokenizer.json", "tokenizer.model"} {
		file := filepath.Join(path, name)
		if _, err := os.Stat(file); err == nil {
			return Open(file)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%s: neither tokenizer.json nor tokenizer.model: %w", path, fs.ErrNotExist)
}

// maxFile bounds the files that are read, in bytes; the largest tokenizers have some 40 MB.
const maxFile = 256 << 20

func loadSentencePiece(path string) (*Tokenizer, error) {
	b, err := infile.Read(path, maxFile)
	if err != nil {
		return nil, err
	}
	s, err := readSettings(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	t, err := parseSentencePiece(b, s)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// readSettings reads what stands beside a tokenizer.model.
func readSettings(dir string) (s spmSettings, err error) {
	var config struct {
		BOS   *bool                 `json:"add_bos_token"`
		EOS   *bool                 `json:"add_eos_token"`
		Added map[string]AddedToken `json:"added_tokens_decoder"`
	}
	if err := readOptional(filepath.Join(dir, "tokenizer_config.json"), &config); err != nil {
		return s, err
	}
	s.bos, s.eos = config.BOS, config.EOS
	for key, a := range config.Added {
		id, err := strconv.ParseInt(key, 10, 32)
		if err != nil {
			return s, fmt.Errorf("%s: added_tokens_decoder: %q is not an id", filepath.Join(dir, "tokenizer_config.json"), key)
		}
		a.ID = int32(id)
		s.added = append(s.added, a)
	}
	if len(s.added) == 0 { // before transformers 4.34
		var ids map[string]int32
		if err := readOptional(filepath.Join(dir, "added_tokens.json"), &ids); err != nil {
			return s, err
		}
		for content, id := range ids {
			s.added = append(s.added, AddedToken{ID: id, Content: content, Special: true})
		}
	}
	slices.SortFunc(s.added, func(a, b AddedToken) int { return cmp.Compare(a.ID, b.ID) })
	return s, nil
}

// readOptional reads a JSON file; one that is not there says nothing.
func readOptional(path string, to any) error {
	b, err := infile.Read(path, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, to); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
