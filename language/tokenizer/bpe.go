package tokenizer

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	sugarme "github.com/sugarme/tokenizer"
)

// maxID bounds token ids: an id is a row of an embedding matrix, and a corrupt file must not ask for billions.
const maxID = 1<<24 - 1

// BPE is the byte-pair-encoding model of tokenizer.json (tokenizers 0.22, models/bpe). It implements
// sugarme/tokenizer's Model and is safe for concurrent use.
type BPE struct {
	vocab        map[string]int32
	tokens       map[int32]string
	merges       map[pair]merge
	byteIDs      [256]int32 // of <0x00>..<0xFF>, -1 where absent
	unkID        int32      // -1 where absent
	suffix       string     // of a word's last letter, as CLIP's </w>
	prefix       string     // of every letter but a word's first
	byteFallback bool
	fuseUnk      bool
	ignoreMerges bool
	unspelled    func(error) // see Tokenizer.LeaveOut

	cache wordCache
}

var _ sugarme.Model = (*BPE)(nil)

// pair is two neighbouring token ids, merge what becomes of them.
type pair struct{ left, right int32 }
type merge struct{ rank, id int32 }

func newBPE(c *modelConfig) (*BPE, error) {
	b := &BPE{
		unkID: -1, suffix: deref(c.Suffix), prefix: deref(c.Prefix),
		byteFallback: c.ByteFallback, fuseUnk: c.FuseUnk, ignoreMerges: c.IgnoreMerges,
	}
	switch {
	case c.Type != "BPE" && (c.Type != "" || c.Merges == nil): // files of old had no type
		return nil, unsupported("model", c.Type, "BPE")
	case c.Dropout != nil && *c.Dropout != 0:
		return nil, fmt.Errorf("model.dropout: %v found, null expected (random merges are not supported)", *c.Dropout)
	case len(c.Vocab) == 0:
		return nil, missing("model", "vocab")
	}
	if err := json.Unmarshal(c.Vocab, &b.vocab); err != nil {
		return nil, fmt.Errorf("model.vocab: %w", err)
	}
	b.tokens = make(map[int32]string, len(b.vocab))
	for token, id := range b.vocab {
		if id < 0 || id > maxID {
			return nil, fmt.Errorf("model.vocab: token %q has id %d, 0..%d expected", token, id, maxID)
		}
		if other, taken := b.tokens[id]; taken {
			return nil, fmt.Errorf("model.vocab: tokens %q and %q share id %d", min(token, other), max(token, other), id)
		}
		b.tokens[id] = token
	}
	if unk, ok := b.vocab[deref(c.UnkToken)]; ok && c.UnkToken != nil {
		b.unkID = unk
	}
	for i := range b.byteIDs {
		b.byteIDs[i] = -1
		if id, ok := b.vocab[fmt.Sprintf("<0x%02X>", i)]; ok {
			b.byteIDs[i] = id
		}
	}
	return b, b.readMerges(c.Merges)
}

func (b *BPE) readMerges(raw []json.RawMessage) error {
	b.merges = make(map[pair]merge, len(raw))
	for rank, r := range raw {
		left, right, err := parseMerge(r)
		if err != nil {
			return fmt.Errorf("model.merges[%d]: %w", rank, err)
		}
		l, okLeft := b.vocab[left]
		r, okRight := b.vocab[right]
		joined := left + strings.TrimPrefix(right, b.prefix)
		id, okJoined := b.vocab[joined]
		if !okLeft || !okRight || !okJoined {
			return fmt.Errorf("model.merges[%d]: %q + %q -> %q is not all in the vocabulary", rank, left, right, joined)
		}
		b.merges[pair{l, r}] = merge{int32(rank), id}
	}
	return nil
}

// parseMerge reads both forms: ["a","b"], and "a b" of tokenizers before 0.20.
func parseMerge(raw json.RawMessage) (left, right string, err error) {
	var parts []string
	if len(raw) > 0 && raw[0] == '[' {
		err = json.Unmarshal(raw, &parts)
	} else {
		var s string
		err = json.Unmarshal(raw, &s)
		parts = strings.Split(s, " ")
	}
	if err != nil {
		return "", "", err
	}
	if len(parts) != 2 {
		return "", "", fmt.Errorf("%s found, two tokens expected", raw)
	}
	return parts[0], parts[1], nil
}

// appendWord appends the ids of one word (no white-space rules). bytes says that it is still to be spelled in the
// byte-level alphabet, as the vocabulary is.
func (b *BPE) appendWord(dst []int32, word string, bytes bool) ([]int32, error) {
	if word == "" {
		return dst, nil
	}
	slot := b.cache.slot(word)
	if w := slot.Load(); w != nil && w.text == word {
		return append(dst, w.ids...), nil
	}
	spelled := word
	if bytes {
		spelled = toByteLetters(word)
	}
	symbols, err := b.merge(spelled)
	if err != nil {
		err = noToken{err.(noToken).letter, bytes}
		if b.unspelled == nil {
			return dst, err
		}
		b.unspelled(err)
	}
	n := len(dst)
	for _, s := range symbols {
		dst = append(dst, s.id)
	}
	if len(word) < maxCachedLen && err == nil {
		slot.Store(&cachedWord{strings.Clone(word), slices.Clone(dst[n:])})
	}
	return dst, nil
}

// noToken is the error of a character that the vocabulary cannot spell.
type noToken struct {
	letter  string
	spelled bool // in the byte-level alphabet
}

func (e noToken) Error() string {
	if e.spelled {
		return fmt.Sprintf("byte 0x%X has no token, and the model has no unk_token", appendLetterBytes(nil, e.letter))
	}
	return fmt.Sprintf("character %q has no token, and the model has no unk_token", e.letter)
}

// letters cuts word into its initial symbols: characters, bytes where a character has no token, or the unknown token.
// Characters for which there is none of these are left out, and the first of them is the error.
func (b *BPE) letters(word string) (_ []symbol, err error) {
	out := make([]symbol, 0, len(word))
	add := func(id int32, bytes int) {
		i := int32(len(out))
		if i > 0 {
			out[i-1].next = i
		}
		out = append(out, symbol{id: id, prev: i - 1, next: -1, bytes: int32(bytes)})
	}
	lastUnknown := false
	for i := 0; i < len(word); {
		_, n := utf8.DecodeRuneInString(word[i:])
		letter := word[i : i+n]
		if b.prefix != "" && i > 0 {
			letter = b.prefix + letter
		}
		if b.suffix != "" && i+n == len(word) {
			letter += b.suffix
		}
		id, known := b.vocab[letter]
		switch {
		case known:
			add(id, n)
		case b.byteFallback && b.hasBytes(letter):
			for k := range len(letter) {
				add(b.byteIDs[letter[k]], 1)
			}
			known = true
		case b.unkID < 0:
			if err == nil {
				err = noToken{letter: word[i : i+n]}
			}
		case b.fuseUnk && lastUnknown:
			out[len(out)-1].bytes += int32(n)
		default:
			add(b.unkID, n)
		}
		lastUnknown = !known
		i += n
	}
	return out, err
}

func (b *BPE) hasBytes(s string) bool {
	for i := range len(s) {
		if b.byteIDs[s[i]] < 0 {
			return false
		}
	}
	return true
}

// splitsAtSpaceMark reports whether text may be cut before every ▁ that follows another character without changing its
// ids: nothing in the vocabulary reaches across such a place. It keeps the words short enough to be cached.
func (b *BPE) splitsAtSpaceMark() bool {
	if b.suffix != "" || b.prefix != "" || b.ignoreMerges {
		return false
	}
	if _, ok := b.vocab[spaceMark]; !ok {
		return false
	}
	for token := range b.vocab {
		if strings.Contains(strings.TrimLeft(token, spaceMark), spaceMark) {
			return false
		}
	}
	return true
}

// Tokenize implements sugarme/tokenizer's Model; offsets are bytes of word.
func (b *BPE) Tokenize(word string) ([]sugarme.Token, error) {
	symbols, err := b.merge(word)
	if err != nil {
		return nil, err
	}
	out := make([]sugarme.Token, len(symbols))
	pos := 0
	for i, s := range symbols {
		end := min(pos+int(s.bytes), len(word)) // the bytes of a suffix are not the word's
		out[i] = sugarme.Token{Id: int(s.id), Value: b.tokens[s.id], Offsets: []int{pos, end}}
		pos = end
	}
	return out, nil
}

// TokenToId implements sugarme/tokenizer's Model.
func (b *BPE) TokenToId(token string) (int, bool) {
	id, ok := b.vocab[token]
	return int(id), ok
}

// IdToToken implements sugarme/tokenizer's Model.
func (b *BPE) IdToToken(id int) (string, bool) {
	if id < 0 || id > maxID {
		return "", false
	}
	token, ok := b.tokens[int32(id)]
	return token, ok
}

// GetVocab implements sugarme/tokenizer's Model: a copy, added tokens not included.
func (b *BPE) GetVocab() map[string]int {
	out := make(map[string]int, len(b.vocab))
	for token, id := range b.vocab {
		out[token] = int(id)
	}
	return out
}

// GetVocabSize implements sugarme/tokenizer's Model: the number of tokens, added tokens not included.
func (b *BPE) GetVocabSize() int { return len(b.vocab) }

// Save implements sugarme/tokenizer's Model: it writes [prefix-]vocab.json and [prefix-]merges.txt to dir.
func (b *BPE) Save(dir string, prefix ...string) error {
	name := ""
	if len(prefix) > 0 && prefix[0] != "" {
		name = prefix[0] + "-"
	}
	vocab, err := json.Marshal(b.vocab)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, name+"vocab.json"), vocab, 0o644); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(dir, name+"merges.txt"))
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, "#version: 0.2")
	byRank := func(x, y pair) int { return int(b.merges[x].rank) - int(b.merges[y].rank) }
	for _, p := range slices.SortedFunc(maps.Keys(b.merges), byRank) {
		fmt.Fprintln(w, b.tokens[p.left], b.tokens[p.right])
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}
