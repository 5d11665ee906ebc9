package models

import (
	"errors"
	"fmt"
	"strconv"

	"moslava/language/tokenizer"
	"moslava/moslora"
	"moslava/pipelines/recipe"
	"moslava/pipelines/recipes"
	"moslava/pipelines/vlm"
)

// AdapterConfig is what a recipe asks of the adapters of one part of m. tok reads tokens that are given as text; it may
// be nil if there are none.
func AdapterConfig(m *vlm.Model, part string, c *recipe.Adapter, tok *tokenizer.Tokenizer) (moslora.Config, error) {
	out, err := recipes.Adapter(c)
	if err != nil {
		return out, err
	}
	if part == recipe.PartLanguage {
		out.NewTokens = m.Config.Added
	}
	var errs [2]error
	out.Tokens, errs[0] = tokenIDs(c.TrainableTokenIndices.Embed, tok)
	out.HeadTokens, errs[1] = tokenIDs(c.TrainableTokenIndices.Head, tok)
	if err := errors.Join(errs[:]...); err != nil {
		return out, fmt.Errorf("trainable_token_indices: %w", err)
	}
	return out, nil
}

// AdaptersAfter are the fresh adapters that the model has after a stage, nil if there are none or they were merged; no
// stage is the recipe's model.
func AdaptersAfter(r *recipe.Recipe, s *recipe.Stage) *recipe.AdaptersConfig {
	for s != nil && s.Kind != recipe.Merge {
		if s.Train != nil && s.Train.Adapters != nil {
			return s.Train.Adapters
		}
		s, _ = r.Stage(s.From)
	}
	return nil
}

// A PartAdapter is the adapter of one part of the model.
type PartAdapter struct {
	Part   string
	Config *recipe.Adapter
}

// Parts lists the adapters that there are, in a fixed order; none of nil.
func Parts(a *recipe.AdaptersConfig) (out []PartAdapter) {
	if a == nil {
		return nil
	}
	for _, p := range []PartAdapter{{recipe.PartVision, a.Vision}, {recipe.PartLanguage, a.Language}} {
		if p.Config != nil {
			out = append(out, p)
		}
	}
	return out
}

// tokenIDs reads tokens: numbers are ids, anything else is a token as it is written.
func tokenIDs(tokens []string, tok *tokenizer.Tokenizer) (out []int32, err error) {
	for _, text := range tokens {
		if id, err := strconv.ParseInt(text, 10, 32); err == nil {
			out = append(out, int32(id))
			continue
		}
		if tok == nil {
			return nil, fmt.Errorf("%q is no id, and there is no tokenizer to look it up in", text)
		}
		ids, err := tok.Encode(text, false)
		if err != nil {
			return nil, err
		}
		if len(ids) != 1 {
			id, ok := tok.ID(text) // as the vocabulary spells it, "Ġthe"
			if !ok {
				return nil, fmt.Errorf("%q is %d tokens of the tokenizer, want one: model.add_tokens adds a token; or give an id",
					text, len(ids))
			}
			ids = []int32{id}
		}
		out = append(out, ids[0])
	}
	return out, nil
}

// Attach hangs on a model what a stage asks for: a composition of directories, which it returns, or what fresh makes of each part's
// configuration. Parts come in a fixed order: that of the adapters is the order in which the gradient norm is summed. It does nothing for nil.
func Attach(m *vlm.Model, a *recipe.AdaptersConfig, tok *tokenizer.Tokenizer, fresh func(part string, cfg moslora.Config) error) (*moslora.Composition, error) {
	if a == nil {
		return nil, nil
	}
	composed, err := composition(a, m)
	if err != nil {
		return nil, err
	}
	if composed != nil {
		return composed, m.Adapters.AttachComposition(m.Params, composed)
	}
	for _, p := range Parts(a) {
		cfg, err := AdapterConfig(m, p.Part, p.Config, tok)
		if err != nil {
			return nil, err
		}
		if err := fresh(p.Part, cfg); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// composition reads the directories of adapters.compose; nil if there are none.
func composition(a *recipe.AdaptersConfig, m *vlm.Model) (*moslora.Composition, error) {
	if len(a.Compose) == 0 {
		return nil, nil
	}
	var dirs []string
	for _, p := range a.Compose {
		dirs = append(dirs, string(p))
	}
	c, err := m.ReadComposition(dirs)
	if err != nil {
		return nil, fmt.Errorf("adapters.compose: %w", err)
	}
	return c, nil
}
