package vlm

import (
	"errors"

	"moslava/internal/nn"
	"moslava/language/chat"
	"moslava/language/tokenizer"
)

// A Spec says which directories a model is read from: one for all of it, or Towers.
type Spec struct {
	Dir string // a whole model's in a layout of its family, or a decoder's in any of families.DecoderStored
	Towers
}

// Options say what is read of a model, and what is changed of it.
type Options struct {
	Config   string         // the file of the configuration; empty: config.json in Spec.Dir
	Adapters string         // a directory of adapters to put on it, see Model.LoadAdapters; may be empty
	Template *chat.Template // in place of the directory's own, which may be missing then; nil: the directory's
	Storage  Storage        // of frozen weights
	Expand   int            // more decoder blocks, see Config.Expand
	Random   bool           // weights are drawn: the directories need none
	Seed     uint64         // of what is drawn: a fresh projector, or everything
	Tokens   NewTokens      // are added to the tokenizer, and rows for them to the tables; without any these stay as they are
	Outline  bool           // parameters have names and shapes, and no elements: no weights need be there

	rows int // that tables have at least, if there are Tokens
}

// Open reads a model and its processor. New rows of the embedding, and of a head of its own, are the mean of the others.
//
// Adapters for tables that were resized for new tokens, by a recipe or with PEFT, have these in a tokenizer.json beside
// them, by which the model is extended as well. An error of type *checkpoint.MismatchError names all tensors that are
// missing, misshapen or unexpected. The model is there where only its processor is wrong.
func Open(s Spec, opt Options) (m *Model, p *Processor, err error) {
	if s.Dir == "" {
		m, p, err = assembly{s.Towers, opt}.open()
	} else {
		m, p, err = openDir(s.Dir, opt)
	}
	if err == nil && opt.Adapters != "" {
		err = m.LoadAdapters(opt.Adapters)
	}
	return m, p, err
}

func openDir(dir string, opt Options) (*Model, *Processor, error) {
	if opt.Adapters != "" && len(opt.Tokens) == 0 {
		var err error
		if opt.Tokens, opt.rows, err = tokensBeside(dir, opt.Adapters); err != nil {
			return nil, nil, err
		}
	}
	cfg, err := opt.configOf(dir)
	if err != nil {
		return nil, nil, err
	}
	tok, err := tokenizer.Open(dir)
	if err != nil {
		return nil, nil, err
	}
	if len(opt.Tokens) > 0 {
		ids, err := opt.Tokens.addTo(tok, dir)
		if err == nil {
			err = cfg.extend(ids, max(tok.VocabSize(), opt.rows))
		}
		if err != nil {
			return nil, nil, err
		}
	}
	m, err := opt.modelOf(dir, cfg)
	if err != nil {
		return nil, nil, err
	}
	p, err := processorOf(dir, cfg, tok, opt.Template)
	return m, p, err
}

// OpenModel is Open for a directory's model without its processor, so that no tokenizer need be there.
func OpenModel(dir string, opt Options) (*Model, error) {
	if len(opt.Tokens) > 0 || opt.Adapters != "" {
		return nil, errors.New("vlm.OpenModel: tokens and adapters need a tokenizer: vlm.Open reads one")
	}
	cfg, err := opt.configOf(dir)
	if err != nil {
		return nil, err
	}
	return opt.modelOf(dir, cfg)
}

// configOf is a directory's configuration.
func (o Options) configOf(dir string) (*Config, error) {
	if o.Config != "" {
		return readConfig(o.Config, o.Expand)
	}
	return readConfig(configOf(dir), o.Expand)
}

// modelOf is a directory's model, of which the configuration is known.
func (o Options) modelOf(dir string, cfg *Config) (*Model, error) {
	switch {
	case o.Outline && o.Random:
		return Outline(cfg)
	case o.Outline:
		if err := cfg.compareStored(dir); err != nil {
			return nil, err
		}
		return Outline(cfg)
	case o.Random:
		return New(cfg, nn.Random(o.Seed), o.Storage)
	}
	return load(dir, cfg, o.Storage)
}
