package vlm

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"moslava/internal/checkpoint"
	"moslava/internal/device"
	"moslava/internal/infile"
	"moslava/internal/kernels"
	"moslava/internal/nn"
	"moslava/language"
	"moslava/language/tokenizer"
	"moslava/pipelines/vlm/families"
	"moslava/vision"
)

// Towers says which directories a model is put together from. Between a vision tower and a decoder comes a fresh
// projector, or one that was trained for them (see OpenProjector). The image token is added to the tokenizer and the
// vocabulary padded to a multiple of 64. A decoder alone gets rows for Options.Tokens, if it has none to spare, and no
// others.
type Towers struct {
	// Hugging Face directories of a vision tower, empty for a decoder alone, and of a decoder with its tokenizer; a LLaVA directory
	// stands for its tower or its decoder
	Vision, Language string
	Projector        string // one of projector.Types: it decides of which family the model is
	Scale            int    // of a pixel shuffle; 0: 2
	ProjectorFrom    string // file or directory of a projector that was trained; empty: a fresh one
	FeatureLayers    []int
	Strategy         string // default or full
}

// assembly is how a model of towers is opened.
type assembly struct {
	Towers
	Options
}

// open needs no tokenizer for an outline: without one the vocabulary is taken to have the configuration's words and the
// image token, and the processor has neither tokenizer nor template.
func (t assembly) open() (*Model, *Processor, error) {
	tok, err := tokenizer.Open(t.Language)
	if err != nil && !(t.Outline && errors.Is(err, fs.ErrNotExist)) {
		return nil, nil, err
	}
	cfg, rows, err := t.config(tok)
	if err != nil {
		return nil, nil, err
	}
	m, err := t.model(cfg, rows)
	if err != nil {
		return nil, nil, err
	}
	if tok == nil {
		p := &Processor{Config: cfg}
		return m, p, p.loadPictures(t.Vision)
	}
	p, err := t.processor(cfg, tok)
	return m, p, err
}

// model is of the given configuration; the decoder's files have so many rows in their tables.
func (t assembly) model(cfg *Config, rows int) (*Model, error) {
	if t.Outline {
		return t.outline(cfg)
	}
	src, err := t.sources(cfg, rows)
	if err != nil {
		return nil, err
	}
	defer src.close()
	if src.language != nil {
		if err := cfg.compareTables(src.language.Rename(families.DecoderStored(&cfg.Text)), ""); err != nil {
			return nil, err
		}
	}
	m, err := New(cfg, src.tensors, t.Storage)
	if err := checkpoint.Mismatch(t.name(), err, src.unexpected(cfg, err)); err != nil {
		return nil, err
	}
	return m, nil
}

func (t assembly) outline(cfg *Config) (*Model, error) {
	if !t.Random && cfg.Text.TieWordEmbeddings {
		if d, err := checkpoint.Open(t.Language); err == nil { // an outline needs no weights
			if err := errors.Join(cfg.compareTables(d.Rename(families.DecoderStored(&cfg.Text)), ""), d.Close()); err != nil {
				return nil, err
			}
		}
	}
	m, err := Outline(cfg)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.name(), err)
	}
	return m, nil
}

// name says where the parts are.
func (t assembly) name() string {
	if t.Vision == "" {
		return t.Language
	}
	return t.Vision + " with " + t.Language
}

// config puts the configurations together, adds the image token to the tokenizer of a decoder that gets a vision tower, which is nil for
// an outline without one, and gives how many rows the decoder's own vocabulary has.
func (t assembly) config(tok *tokenizer.Tokenizer) (cfg *Config, rows int, err error) {
	text, err := infile.Read(filepath.Join(t.Language, ConfigFile), MaxConfig)
	if err != nil {
		return nil, 0, err
	}
	if text, err = families.DecoderIn(text); err != nil {
		return nil, 0, fmt.Errorf("%s: %w", t.Language, err)
	}
	alone, err := ParseDecoderConfig(text)
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", t.Language, err)
	}
	rows, cfg = alone.Text.VocabSize, alone
	if t.Vision != "" {
		cfg, err = t.join(text, rows, tok)
	} else if len(t.Tokens) > 0 {
		var ids []int32
		if ids, err = t.Tokens.addTo(tok, t.Language); err == nil {
			err = cfg.extend(ids, tok.VocabSize())
		}
	}
	if err != nil {
		return nil, 0, err
	}
	if cfg, err = cfg.Expand(t.Expand); err != nil {
		return nil, 0, fmt.Errorf("%s: %w", t.Language, err)
	}
	return cfg, rows, nil
}

// join is the configuration of the vision tower and a decoder, whose vocabulary has so many words and gets the image token.
func (t assembly) join(text []byte, vocab int, tok *tokenizer.Tokenizer) (*Config, error) {
	image, err := infile.Read(filepath.Join(t.Vision, ConfigFile), MaxConfig)
	if err != nil {
		return nil, err
	}
	if image, err = families.TowerIn(image); err != nil {
		return nil, fmt.Errorf("%s: %w", t.Vision, err)
	}
	tower, err := vision.ParseConfig(image)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.Vision, err)
	}
	family := families.WithConnector(t.Projector)
	if err := family.Joins(&tower, t.Strategy); err != nil {
		return nil, fmt.Errorf("%s: %w", t.Vision, err)
	}
	token, n := int32(vocab), vocab+1+len(family.Words)
	if tok != nil {
		if token, err = tok.AddSpecial(family.ImageToken); err != nil {
			return nil, fmt.Errorf("%s: %w", t.Language, err)
		}
		for _, word := range family.Words {
			if _, err := tok.AddSpecial(word); err != nil {
				return nil, fmt.Errorf("%s: %w", t.Language, err)
			}
		}
	}
	ids, err := t.Tokens.addTo(tok, t.Language)
	if err != nil {
		return nil, err
	}
	if tok != nil {
		n = tok.VocabSize()
	}
	rows := rowsFor(n, vocab, true)
	cfg, err := NewConfig(families.Parts{Family: family, Vision: image, Text: text, ImageToken: token, VocabSize: rows, Layers: t.FeatureLayers,
		Strategy: t.Strategy, Act: "gelu", Scale: cmp.Or(t.Scale, 2)})
	if err != nil {
		return nil, err
	}
	if cfg.Added = ids; rows > vocab {
		cfg.fileRows = vocab
	}
	cfg.Projector.Type = t.Projector // LLaVA's own has a linear one, which transformers' class has not
	return cfg, nil
}

func (t assembly) processor(cfg *Config, tok *tokenizer.Tokenizer) (*Processor, error) {
	p := &Processor{Config: cfg, Tokenizer: tok}
	var err error
	if p.Template, err = templateOf(t.Language, t.Template); err != nil {
		return nil, err
	}
	if err := p.freshPictures(t.Vision); err != nil {
		return nil, err
	}
	if p.generation, err = readGeneration(t.Language, cfg.Text.VocabSize); err != nil {
		return nil, err
	}
	return p, p.check()
}

// grown adds rows to vocabulary tables that a checkpoint has with fewer: the mean of those there are, in the precision of
// the table, so that one in half precision can be kept so.
type grown struct {
	nn.Source
	rows int
}

func (g grown) Tensor(name string, shape []int, init nn.Init) ([]float32, error) {
	table := language.IsEmbedding(name) || language.IsHead(name)
	if !table || shape[0] == g.rows {
		return g.Source.Tensor(name, shape, init)
	}
	d := shape[1]
	data, err := g.Source.Tensor(name, []int{g.rows, d}, init)
	if err != nil {
		return nil, err
	}
	mean := make([]float64, d)
	for i, v := range data {
		mean[i%d] += float64(v)
	}
	out := make([]float32, shape[0]*d)
	device.Host.Workers().Copy(out[:len(data)], data)
	for i := len(data); i < len(out); i++ {
		out[i] = float32(mean[i%d] / float64(g.rows))
	}
	kernels.RoundTo(device.Host.Workers().Lossless(data), out[len(data):])
	return out, nil
}
