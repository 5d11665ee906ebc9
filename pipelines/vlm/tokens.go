package vlm

import (
	"errors"
	"fmt"
	"io/fs"

	"moslava/language"
	"moslava/language/tokenizer"
	"moslava/moslora"
)

// NewTokens are tokens that a model gets besides those of its tokenizer, in this order. Their ids do not count: each
// gets the next free one.
type NewTokens []tokenizer.AddedToken

// TokensOf are tokens as transformers' add_tokens and add_special_tokens take them: plain ones, which answers show, and
// special ones.
func TokensOf(plain, special []string) (out NewTokens) {
	for _, token := range plain {
		out = append(out, tokenizer.AddedToken{Content: token, Normalized: true})
	}
	for _, token := range special {
		out = append(out, tokenizer.AddedToken{Content: token, Special: true})
	}
	return out
}

// addTo adds them to the tokenizer of a directory, which is nil if there is none, and gives their ids.
func (n NewTokens) addTo(tok *tokenizer.Tokenizer, dir string) (ids []int32, err error) {
	if len(n) > 0 && tok == nil {
		return nil, fmt.Errorf("%s has no tokenizer.json, which %q would be added to", dir, n[0].Content)
	}
	var errs []error
	for _, token := range n {
		id, err := tok.Add(token)
		if err != nil {
			key := "add_tokens"
			if token.Special {
				key = "add_special_tokens"
			}
			errs = append(errs, fmt.Errorf("%s: %w: leave it out of model.%s; adapters.language.trainable_token_indices "+
				"trains the row of a token that is there", dir, err, key))
		}
		ids = append(ids, id)
	}
	return ids, errors.Join(errs...)
}

// extend notes which tokens were added, and gives the decoder's tables rows for tokens in all, if they have fewer. Rows
// that are there already, as some models have them to spare, stay as they are.
func (c *Config) extend(added []int32, tokens int) error {
	c.Added = added
	rows := rowsFor(tokens, c.Text.VocabSize, c.HasVision())
	if rows == c.Text.VocabSize {
		return nil
	}
	c.fileRows, c.Text.VocabSize = c.Text.VocabSize, rows
	return c.setText("vocab_size", rows)
}

// rowsFor is how many rows tables that have some get for so many tokens: no fewer than they have, and in a model with a
// vision tower a multiple of 64 if they grow.
func rowsFor(tokens, have int, vision bool) int {
	switch {
	case tokens <= have:
		return have
	case vision:
		return (tokens + 63) / 64 * 64
	}
	return tokens
}

// Grown reports whether the decoder's tables have more rows than those in its files.
func (c *Config) Grown() bool { return c.fileRows > 0 }

// CheckRows says whether the tables have the rows that adapters of a directory were trained for.
func (m *Model) CheckRows(adapters string) error {
	rows, err := rowsOf(adapters)
	if have := m.Config.Text.VocabSize; err == nil && rows > have {
		err = fmt.Errorf("%s: the adapters are for tables of %d rows, and the model's have %d: name the tokens that were added, "+
			"in the order of their ids, in model.add_tokens", adapters, rows, have)
	}
	return err
}

// rowsOf is how many rows adapters need; 0 if they are not on tables.
func rowsOf(adapters string) (int, error) {
	if isXTuner(adapters) {
		return 0, nil
	}
	return moslora.TableRows(adapters, func(weight string) bool {
		return language.IsEmbedding(weight) || language.IsHead(weight)
	})
}

// tokensBeside are the tokens that a model lacks for adapters, and how many rows these have; none if the model has rows
// enough.
func tokensBeside(dir, adapters string) (NewTokens, int, error) {
	rows, err := rowsOf(adapters)
	if err != nil {
		return nil, 0, err
	}
	cfg, err := readConfig(configOf(dir), 0)
	if err != nil || rows <= cfg.Text.VocabSize {
		return nil, 0, err
	}
	wrong := func(why string, args ...any) error {
		return fmt.Errorf("%s: the adapters are for tables of %d rows, and those of %s have %d: tokens were added; "+why,
			append([]any{adapters, rows, dir, cfg.Text.VocabSize}, args...)...)
	}
	ours, err := tokenizer.Open(dir)
	if err != nil {
		return nil, 0, err
	}
	theirs, err := tokenizer.Open(adapters)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, wrong("put the tokenizer.json that they were trained with beside them")
	}
	if err != nil {
		return nil, 0, err
	}
	missing := ours.Missing(theirs)
	for i, token := range missing {
		if want := ours.VocabSize() + i; int(token.ID) != want {
			return nil, 0, wrong("%q has id %d in the tokenizer beside them, and would get %d: they are for another model",
				token.Content, token.ID, want)
		}
	}
	if len(missing) == 0 {
		return nil, 0, wrong("the tokenizer beside them has none that is new")
	}
	return missing, rows, nil
}
