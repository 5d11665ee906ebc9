package tokenizer

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// AddedToken is an entry of added_tokens: text that becomes one id before the model sees it.
type AddedToken struct {
	ID         int32  `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"` // matches only between word boundaries
	LStrip     bool   `json:"lstrip"`      // takes the white space on its left with it
	RStrip     bool   `json:"rstrip"`      // and on its right
	Normalized bool   `json:"normalized"`  // is looked for after normalization
	Special    bool   `json:"special"`     // is left out by Decode(ids, true)
}

// addedTokens is an immutable table; AddSpecial and Add replace it as a whole, so that readers need no lock.
type addedTokens struct {
	list       []AddedToken
	byID       map[int32]*AddedToken
	byContent  map[string]*AddedToken
	verbatim   matcher          // found in the text as it is
	normalized matcher          // found in the normalized text
	shown      map[int32]string // what those are decoded as: normalized, too, as in tokenizers 0.23
	vocabSize  int              // highest id + 1, the model's included
}

// newAddedTokens checks list against the model's vocabulary and indexes it.
func newAddedTokens(list []AddedToken, model *BPE, key func(string) (string, error)) (*addedTokens, error) {
	a := &addedTokens{list: list, byID: map[int32]*AddedToken{}, byContent: map[string]*AddedToken{},
		shown: map[int32]string{}}
	for id := range model.tokens {
		a.vocabSize = max(a.vocabSize, int(id)+1)
	}
	for i := range list {
		t := &list[i]
		where := fmt.Sprintf("added_tokens[%d] %q", i, t.Content)
		switch {
		case t.Content == "":
			return nil, fmt.Errorf("added_tokens[%d]: content is empty", i)
		case t.ID < 0 || t.ID > maxID:
			return nil, fmt.Errorf("%s: id %d found, 0..%d expected", where, t.ID, maxID)
		case a.byContent[t.Content] != nil:
			return nil, fmt.Errorf("%s: occurs twice", where)
		case a.byID[t.ID] != nil:
			return nil, fmt.Errorf("%s: id %d belongs to %q", where, t.ID, a.byID[t.ID].Content)
		}
		if id, ok := model.vocab[t.Content]; ok && id != t.ID {
			return nil, fmt.Errorf("%s: id %d found, %d expected (model.vocab)", where, t.ID, id)
		}
		if token, ok := model.tokens[t.ID]; ok && token != t.Content {
			return nil, fmt.Errorf("%s: id %d belongs to %q in model.vocab", where, t.ID, token)
		}
		a.byID[t.ID], a.byContent[t.Content] = t, t
		a.vocabSize = max(a.vocabSize, int(t.ID)+1)
		if !t.Normalized {
			a.verbatim.add(t.Content, t)
		} else if key, err := key(t.Content); err != nil {
			return nil, fmt.Errorf("%s: %w", where, err)
		} else if key != "" {
			a.normalized.add(key, t)
			a.shown[t.ID] = key
		} else {
			return nil, fmt.Errorf("%s: normalizes to nothing", where)
		}
	}
	return a, nil
}

// matcher finds the leftmost longest of a set of strings.
type matcher struct {
	byFirst [256][]matchKey // longest first
}

type matchKey struct {
	text  string
	token *AddedToken
}

func (m *matcher) add(text string, t *AddedToken) {
	keys := append(m.byFirst[text[0]], matchKey{text, t})
	slices.SortStableFunc(keys, func(x, y matchKey) int { return cmp.Compare(len(y.text), len(x.text)) })
	m.byFirst[text[0]] = keys
}

// find returns the first match at or after pos.
func (m *matcher) find(s string, pos int) (start, end int, t *AddedToken) {
	for i := pos; i < len(s); i++ {
		for _, k := range m.byFirst[s[i]] {
			if strings.HasPrefix(s[i:], k.text) && (!k.token.SingleWord || standsAlone(s, i, i+len(k.text))) {
				return i, i + len(k.text), k.token
			}
		}
	}
	return 0, 0, nil
}

// split hands over, in order, the added tokens in s (t set) and the non-empty text between them (tokenizers 0.22,
// AddedVocabulary::find_matches).
func (m *matcher) split(s string, at place, yield func(text string, at place, t *AddedToken) error) error {
	done, pos := 0, 0 // s[:done] has been handed over; the search goes on at pos
	for {
		start, end, t := m.find(s, pos)
		if t == nil {
			break
		}
		pos = end
		if t.LStrip {
			start = len(strings.TrimRightFunc(s[:start], unicode.IsSpace))
		}
		if t.RStrip {
			end = len(s) - len(strings.TrimLeftFunc(s[end:], unicode.IsSpace))
		}
		if start > done {
			if err := yield(s[done:start], at, nil); err != nil {
				return err
			}
		}
		if err := yield("", at, t); err != nil {
			return err
		}
		done, at = max(done, end), afterToken
	}
	if done < len(s) {
		return yield(s[done:], at, nil)
	}
	return nil
}

// standsAlone reports whether no word character touches s[start:end].
func standsAlone(s string, start, end int) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:start])
	after, _ := utf8.DecodeRuneInString(s[end:])
	return (start == 0 || !isWord(before)) && (end == len(s) || !isWord(after))
}

// isWord is \w of Unicode TR18.
func isWord(r rune) bool {
	return unicode.In(r, unicode.L, unicode.M, unicode.Nd, unicode.Nl, unicode.Pc, unicode.Other_Alphabetic, unicode.Join_Control)
}

// AddSpecial registers token as a special token and returns its id, as transformers' add_special_tokens does: a token
// that is there keeps its id, another gets the next free one, so the embeddings must be resized to VocabSize.
func (t *Tokenizer) AddSpecial(token string) (int32, error) {
	if token == "" {
		return 0, fmt.Errorf("tokenizer: the empty string cannot be a special token")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	old := t.added.Load()
	list := slices.Clone(old.list)
	if has, ok := old.byContent[token]; ok {
		if !has.Special {
			list[slices.IndexFunc(list, func(a AddedToken) bool { return a.ID == has.ID })].Special = true
		}
		return has.ID, t.replace(list, token)
	}
	id, ok := t.model.vocab[token]
	if !ok {
		id = int32(old.vocabSize)
	}
	return id, t.replace(append(list, AddedToken{ID: id, Content: token, Special: true}), token)
}

// Add registers a token that is not there and returns its id, the next free one, as transformers' add_tokens does; a.ID
// does not count. The embeddings must be resized to VocabSize. A token that is there, added or in the vocabulary, is an
// error.
func (t *Tokenizer) Add(a AddedToken) (int32, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if id, ok := t.ID(a.Content); ok {
		return 0, fmt.Errorf("%q is a token already, with id %d", a.Content, id)
	}
	old := t.added.Load()
	a.ID = int32(old.vocabSize)
	a.Normalized = a.Normalized && t.addedKey == nil // the tokenizer.json of a SentencePiece model has no normalizer
	return a.ID, t.replace(append(slices.Clone(old.list), a), a.Content)
}

// Missing lists the added tokens of other that t lacks, in the order of their ids.
func (t *Tokenizer) Missing(other *Tokenizer) (out []AddedToken) {
	for _, a := range other.added.Load().list {
		if _, ok := t.ID(a.Content); !ok {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, func(a, b AddedToken) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// replace makes list the added tokens, token among them.
func (t *Tokenizer) replace(list []AddedToken, token string) error {
	a, err := newAddedTokens(list, t.model, t.key)
	if err != nil {
		return fmt.Errorf("tokenizer: adding %q: %w", token, err)
	}
	t.added.Store(a)
	return nil
}
