// Package tokenizer reads Hugging Face tokenizer.json files of the BPE family (byte-level as GPT-2, Qwen and SmolLM2,
// SentencePiece-like as LLaMA and Mistral, and CLIP's) and gives the ids that the Rust library tokenizers 0.22 gives.
// Its model, patterns and splits are github.com/sugarme/tokenizer's Model, Pattern and PreTokenizer; the way from text
// to ids does without that library's offset bookkeeping. TrainByteLevelBPE makes small vocabularies of its own.
package tokenizer

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"
	"unicode/utf8"

	"moslava/internal/infile"
)

// Tokenizer turns text into ids and back. All methods may be called concurrently.
type Tokenizer struct {
	model         *BPE
	normalizers   []normalizeFunc
	preTokenizers []splitFunc
	byteLevel     bool // words are spelled in the byte-level alphabet
	markSplit     bool // see BPE.splitsAtSpaceMark
	affixes       affixes
	decoders      []decodeFunc
	addedKey      func(string) string // what an added token that is looked for after normalization is looked for as; nil: normalized
	source        []byte              // the file as read, for JSON

	rows int // of the model's table, see Bound; 0: any

	mu    sync.Mutex // held by AddSpecial and Add
	added atomic.Pointer[addedTokens]
}

// Load reads a tokenizer.json. Components this package does not implement are an error naming the field and its type.
func Load(path string) (*Tokenizer, error) {
	b, err := infile.Read(path, maxFile)
	if err != nil {
		return nil, err
	}
	t, err := Parse(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// Parse is Load on bytes, which it keeps.
func Parse(b []byte) (*Tokenizer, error) {
	var f file
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	if err := exactKeys(b); err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	t := &Tokenizer{source: b}
	if err := t.build(&f); err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	return t, nil
}

func (t *Tokenizer) build(f *file) (err error) {
	if f.Model == nil {
		return fmt.Errorf("model is missing")
	}
	if t.model, err = newBPE(f.Model); err != nil {
		return err
	}
	if t.normalizers, err = newNormalizer(f.Normalizer, "normalizer"); err != nil {
		return err
	}
	if t.preTokenizers, t.byteLevel, err = newPreTokenizer(f.PreTokenizer, "pre_tokenizer"); err != nil {
		return err
	}
	if t.affixes, err = newAffixes(f.PostProcessor, "post_processor"); err != nil {
		return err
	}
	if t.decoders, err = newDecoder(f.Decoder, "decoder"); err != nil {
		return err
	}
	if longer(f.Decoder) > mostLonger {
		return fmt.Errorf("decoder: its rules make a text more than %d times as long as its tokens", mostLonger)
	}
	t.markSplit = !t.byteLevel && t.model.splitsAtSpaceMark()
	added, err := newAddedTokens(f.Added, t.model, t.key)
	if err != nil {
		return err
	}
	t.added.Store(added)
	return t.affixes.check(func(id int32) bool { return t.Token(id) != "" })
}

// Encode returns the ids of text; addSpecial puts the post-processor's special tokens (as <s>) around them. Added
// tokens that occur in text become their ids in either case. It fails on a character that the vocabulary cannot spell
// (SmolLM2's has no tokens for six control characters), unless LeaveOut says otherwise.
func (t *Tokenizer) Encode(text string, addSpecial bool) ([]int32, error) {
	ids := make([]int32, 0, len(text)/3+4)
	if addSpecial {
		ids = append(ids, t.affixes.prefix...)
	}
	ids, err := t.appendText(ids, text, opening)
	if err != nil {
		return nil, err
	}
	if addSpecial {
		ids = append(ids, t.affixes.suffix...)
	}
	return ids, nil
}

// LeaveOut makes the tokenizer leave out characters that the vocabulary cannot spell, as tokenizers and llama.cpp do without a
// word, and tell the first of each pre-token to f. It is to be called before anything is encoded; f runs within Encode.
func (t *Tokenizer) LeaveOut(f func(error)) { t.model.unspelled = f }

// Bound says that the model has a row for the ids below rows alone. Tokens beyond them do no harm, as a <pad> that nobody uses, and Encode
// and Append fail on a text that has one. A token that the post-processor puts around every text is an error at once. It is to be called
// before anything is encoded.
func (t *Tokenizer) Bound(rows int) error {
	for _, ids := range [][]int32{t.affixes.prefix, t.affixes.suffix} {
		if err := t.inTable(ids, rows); err != nil {
			return fmt.Errorf("tokenizer: around every text stands %w", err)
		}
	}
	t.rows = rows
	return nil
}

// inTable is an error about the first id without a row.
func (t *Tokenizer) inTable(ids []int32, rows int) error {
	for _, id := range ids {
		if int(id) >= rows {
			return fmt.Errorf("the token %q, whose id is %d, and the model has %d rows (vocab_size), for ids up to %d: leave it out, or take a model with a row for it",
				t.Token(id), id, rows, rows-1)
		}
	}
	return nil
}

// Append appends the ids of text to ids as those of text that follows what ids stand for: the space that SentencePiece
// tokenizers put before a text is put there only if ids is empty or ends in an added token. No special tokens are
// added. It lets a text be encoded in parts, as a prompt and its answer.
func (t *Tokenizer) Append(ids []int32, text string) ([]int32, error) {
	at := opening
	if n := len(ids); n > 0 {
		at = continuation
		if a := t.added.Load().byID[ids[n-1]]; a != nil {
			at = afterToken
			if a.RStrip {
				text = strings.TrimLeftFunc(text, unicode.IsSpace)
			}
		}
	}
	return t.appendText(ids, text, at)
}

func (t *Tokenizer) appendText(ids []int32, text string, at place) ([]int32, error) {
	added, n := t.added.Load(), len(ids)
	err := added.verbatim.split(text, at, func(section string, at place, token *AddedToken) error {
		if token != nil {
			ids = append(ids, token.ID)
			return nil
		}
		normal, err := t.normalize(section, at)
		if err != nil {
			return err
		}
		return added.normalized.split(normal, at, func(section string, at place, token *AddedToken) error {
			if token != nil {
				ids = append(ids, token.ID)
				return nil
			}
			var err error
			ids, err = t.appendSection(ids, section, at)
			return err
		})
	})
	if err == nil && t.rows > 0 {
		if err = t.inTable(ids[n:], t.rows); err != nil {
			err = fmt.Errorf("the text has %w", err)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	return ids, nil
}

// appendSection encodes normalized text without added tokens.
func (t *Tokenizer) appendSection(ids []int32, section string, at place) (_ []int32, err error) {
	words := []string{section}
	for _, split := range t.preTokenizers {
		words = split(words, at)
	}
	for _, w := range words {
		for t.markSplit {
			marks := len(w) - len(strings.TrimLeft(w, spaceMark))
			n := strings.Index(w[marks:], spaceMark)
			if n < 0 {
				break
			}
			if ids, err = t.model.appendWord(ids, w[:marks+n], false); err != nil {
				return ids, err
			}
			w = w[marks+n:]
		}
		if ids, err = t.model.appendWord(ids, w, t.byteLevel); err != nil {
			return ids, err
		}
	}
	return ids, nil
}

// key is what an added token is looked for as after normalization.
func (t *Tokenizer) key(content string) (string, error) {
	if t.addedKey != nil {
		return t.addedKey(content), nil
	}
	return t.normalize(content, opening)
}

// Decode returns the text of ids; skipSpecial leaves special tokens out. Ids without a token stand for nothing, and
// bytes that are not UTF-8 become U+FFFD, as in tokenizers 0.23.
func (t *Tokenizer) Decode(ids []int32, skipSpecial bool) string {
	added := t.added.Load()
	tokens := make([]string, 0, len(ids))
	for _, id := range ids {
		if a := added.byID[id]; a != nil {
			if skipSpecial && a.Special {
				continue
			}
			text := a.Content
			if a.Normalized {
				text = added.shown[id]
			}
			tokens = append(tokens, text)
		} else if s, ok := t.model.tokens[id]; ok {
			tokens = append(tokens, s)
		}
	}
	if len(t.decoders) == 0 {
		return strings.Join(tokens, " ")
	}
	for _, decode := range t.decoders {
		tokens = decode(tokens)
	}
	return strings.Join(tokens, "")
}

// ID is the id of a token as it is spelled in the vocabulary ("Ġthe", "▁the", "<image>").
func (t *Tokenizer) ID(token string) (int32, bool) {
	if a := t.added.Load().byContent[token]; a != nil {
		return a.ID, true
	}
	id, ok := t.model.vocab[token]
	return id, ok
}

// Token is the token of id as it is spelled in the vocabulary, "" if there is none.
func (t *Tokenizer) Token(id int32) string {
	if a := t.added.Load().byID[id]; a != nil {
		return a.Content
	}
	return t.model.tokens[id]
}

// VocabSize is the highest id + 1: the least number of rows an embedding needs.
func (t *Tokenizer) VocabSize() int { return t.added.Load().vocabSize }

// IsSpecial reports whether id is a special token.
func (t *Tokenizer) IsSpecial(id int32) bool {
	a := t.added.Load().byID[id]
	return a != nil && a.Special
}

// IsAdded reports whether id is an added token, special or not.
func (t *Tokenizer) IsAdded(id int32) bool { return t.added.Load().byID[id] != nil }

// FindAdded returns the byte range of the first added token in text.
func (t *Tokenizer) FindAdded(text string) (start, end int, ok bool) {
	added := t.added.Load()
	start, end, token := added.verbatim.find(text, 0)
	for _, a := range added.list {
		if !a.Normalized {
			continue
		}
		if i := strings.Index(text, a.Content); i >= 0 && (token == nil || i < start) {
			start, end, token = i, i+len(a.Content), &a
		}
	}
	return start, end, token != nil
}

// Affixes are the ids that Encode(text, true) puts before and after a text.
func (t *Tokenizer) Affixes() (prefix, suffix []int32) {
	return slices.Clone(t.affixes.prefix), slices.Clone(t.affixes.suffix)
}

// Model is the model alone, as sugarme/tokenizer knows it: no added tokens, words spelled as in the vocabulary.
func (t *Tokenizer) Model() *BPE { return t.model }

// Stream decodes ids one by one, special tokens left out.
type Stream struct {
	t    *Tokenizer
	ids  []int32 // the ids of the last text handed out, and those since
	sent int     // how many of them have been handed out
}

// Stream returns a streaming decoder. It is not safe for concurrent use; a Tokenizer can have many.
func (t *Tokenizer) Stream() *Stream { return &Stream{t: t} }

// Next returns the text that id completes: "" for special tokens and while a character lacks bytes.
func (s *Stream) Next(id int32) string {
	if s.t.IsSpecial(id) {
		return ""
	}
	s.ids = append(s.ids, id)
	text := s.t.Decode(s.ids, true)
	if strings.HasSuffix(text, string(utf8.RuneError)) {
		return ""
	}
	return s.take(text)
}

// Flush returns what Next still holds back, with U+FFFD for an incomplete character. The stream is then as new.
func (s *Stream) Flush() string {
	text := s.take(s.t.Decode(s.ids, true))
	*s = Stream{t: s.t}
	return text
}

// take returns the part of text that is new. The last ids are kept for what decoders do to the start of a text.
func (s *Stream) take(text string) string {
	old := s.t.Decode(s.ids[:s.sent], true)
	if len(text) <= len(old) || !strings.HasPrefix(text, old) {
		return ""
	}
	s.ids = append(s.ids[:0], s.ids[s.sent:]...)
	s.sent = len(s.ids)
	return text[len(old):]
}
