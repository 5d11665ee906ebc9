package vlm

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"moslava/datasets"
	"moslava/language/chat"
	"moslava/language/tokenizer"
	"moslava/pipelines/vlm/families"
	"moslava/vision/preprocess"
)

// Processor turns stored samples and questions into the model's input. It is a datasets.Encoder and
// may be used from several goroutines.
type Processor struct {
	Config    *Config
	Tokenizer *tokenizer.Tokenizer
	Template  *chat.Template
	Pixels    *preprocess.Config // of a tile; nil without a vision tower
	Cutter    families.Cutter    // of pictures into tiles; nil without a vision tower

	outline    bool       // pictures have tiles without pixels
	generation generation // what the directory of the tokenizer says of it
}

var _ datasets.Encoder = (*Processor)(nil)

// ErrNoVision is of a picture for a decoder alone.
var ErrNoVision = errors.New("there is a picture, and the model is a decoder alone: name a vision tower in model.vision of the recipe, or take text only")

// LoadProcessor reads tokenizer, chat template and, for a model with a vision tower, preprocessor settings of a model directory.
func LoadProcessor(dir string, cfg *Config) (*Processor, error) {
	tok, err := tokenizer.Open(dir)
	if err != nil {
		return nil, err
	}
	return processorOf(dir, cfg, tok, nil)
}

// processorOf is LoadProcessor with the tokenizer as it is by now, and with a chat template in place of the directory's
// own, which may be missing then; nil: the directory's.
func processorOf(dir string, cfg *Config, tok *tokenizer.Tokenizer, tmpl *chat.Template) (*Processor, error) {
	tmpl, err := templateOf(dir, tmpl)
	if err != nil {
		return nil, err
	}
	p := &Processor{Config: cfg, Tokenizer: tok, Template: tmpl}
	if err := p.loadPictures(dir); err != nil {
		return nil, err
	}
	if p.generation, err = readGeneration(dir, cfg.Text.VocabSize); err != nil {
		return nil, err
	}
	return p, p.check()
}

// WithMaxPixels is a copy that reads pictures of up to n pixels; 0 is preprocess.DefaultMaxPixels.
func (p *Processor) WithMaxPixels(n int) *Processor {
	if p.Pixels == nil || p.Pixels.Decoder.MaxPixels == n {
		return p
	}
	q, px := *p, *p.Pixels
	px.Decoder.MaxPixels = n
	q.Pixels = &px
	return &q
}

// Outline is a copy that takes the sizes of pictures from their files and decodes none: ids, labels and layouts are the same, and tiles have
// no pixels. What counts tokens does not need them.
func (p *Processor) Outline() *Processor {
	q := *p
	q.outline = true
	return &q
}

// Tiles are choices of how many tiles a picture becomes.
type Tiles = families.Tiles

// WithTiles is a copy that cuts pictures otherwise.
func (p *Processor) WithTiles(t Tiles) (*Processor, error) {
	if !t.Given() {
		return p, nil
	}
	if p.Cutter == nil {
		return nil, ErrNoVision
	}
	q := *p
	var err error
	if q.Cutter, err = p.Cutter.WithTiles(t); err != nil {
		return nil, err
	}
	return &q, nil
}

// templateOf is the given template, or that of a directory.
func templateOf(dir string, given *chat.Template) (*chat.Template, error) {
	if given != nil {
		return given, nil
	}
	t, err := chat.Load(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w; a recipe can name one: model.chat_template is vicuna_v1, plain, chatml or a .jinja file", err)
	}
	return t, err
}

// freshPictures is loadPictures for the directory of a tower that was joined to a decoder.
func (p *Processor) freshPictures(dir string) (err error) {
	f := p.Config.Family
	if f == nil || f.FreshCutter == nil {
		return p.loadPictures(dir)
	}
	p.Pixels, p.Cutter, err = f.FreshCutter(dir, &p.Config.Model, p.spell)
	return err
}

// loadPictures reads the preprocessor settings in a directory; none for a decoder alone.
func (p *Processor) loadPictures(dir string) (err error) {
	if p.Config.HasVision() {
		p.Pixels, p.Cutter, err = p.Config.Family.Cutter(dir, &p.Config.Model, p.spell)
	}
	return err
}

// spell gives the ids of text that follows an image token.
func (p *Processor) spell(text string) ([]int32, error) {
	ids, err := p.Tokenizer.Append([]int32{p.Config.ImageToken}, text)
	if err != nil {
		return nil, err
	}
	return ids[1:], nil
}

// check makes sure that the parts fit one another.
func (p *Processor) check() error {
	if err := p.Tokenizer.Bound(p.Config.Text.VocabSize); err != nil {
		return err
	}
	if !p.Config.HasVision() {
		return nil
	}
	token := p.Config.imageToken()
	id, ok := p.Tokenizer.ID(token)
	if !ok {
		return fmt.Errorf("the tokenizer has no %s token", token)
	}
	if id != p.Config.ImageToken {
		return fmt.Errorf("%s is token %d in the tokenizer, image_token_index is %d", token, id, p.Config.ImageToken)
	}
	if h, w, fixed := p.Pixels.Size(); fixed {
		if err := p.Config.Vision.CheckSize(h, w); err != nil {
			return fmt.Errorf("preprocessor settings: %w", err)
		}
	}
	return nil
}

// roles maps who speaks in stored turns to the roles of chat templates.
var roles = map[string]string{datasets.Human: "user", datasets.GPT: "assistant", datasets.System: "system"}

// Encode makes ids, labels and pixels of a sample; see datasets.Encoder.
func (p *Processor) Encode(s datasets.Sample) (datasets.Example, error) {
	if s.Text != "" {
		return p.encodeText(s.Text)
	}
	var pictures [][]byte
	for _, pic := range s.Pictures {
		pictures = append(pictures, pic.Bytes)
	}
	images, err := p.images(pictures)
	if err != nil {
		return datasets.Example{}, err
	}
	return p.encode(s, images)
}

// Length is how many tokens Encode makes of a sample, of a pair of the longer sequence, where each picture takes one. It reads no picture.
func (p *Processor) Length(s datasets.Sample) (int, error) {
	if s.Text != "" {
		e, err := p.encodeText(s.Text)
		return len(e.IDs), err
	}
	images := make([]datasets.Image, len(s.Pictures))
	for i := range images {
		images[i] = datasets.OneTile(datasets.Tile{}, 0, 1)
	}
	s.Dense = nil
	e, err := p.encode(s, images)
	if err == nil && e.Rejected != nil {
		return max(len(e.IDs), len(e.Rejected.IDs)), nil
	}
	return len(e.IDs), err
}

// encode is Encode with the sample's pictures read.
func (p *Processor) encode(s datasets.Sample, images []datasets.Image) (datasets.Example, error) {
	if len(s.Turns) == 0 {
		return datasets.Example{}, errors.New("the conversation has no turns: remove the row, or fill it")
	}
	if s.Dense != nil {
		msgs, err := messages(s.Turns)
		if err != nil {
			return datasets.Example{}, err
		}
		return p.encodeDense(msgs, images, p.markers(images), s.Dense)
	}
	out, err := p.encodeTurns(s.Turns, images)
	if err != nil || s.Rejected == nil {
		return out, err
	}
	rejected, err := p.encodeTurns(s.Rejected, slices.Clone(images))
	if err != nil {
		return out, fmt.Errorf("with the answer rejected: %w", err)
	}
	out.Rejected = &rejected
	return out, nil
}

// messages are turns as chat templates take them.
func messages(turns []datasets.Turn) ([]chat.Message, error) {
	msgs := make([]chat.Message, len(turns))
	for i, t := range turns {
		role, ok := roles[t.From]
		if !ok {
			return nil, fmt.Errorf("turn %d is by %q, want human, gpt or system", i, t.From)
		}
		msgs[i] = chat.Message{Role: role, Content: t.Value}
	}
	return msgs, nil
}

// encodeTurns makes an example of a conversation about images, whose places it sets.
func (p *Processor) encodeTurns(turns []datasets.Turn, images []datasets.Image) (datasets.Example, error) {
	msgs, err := messages(turns)
	if err != nil {
		return datasets.Example{}, err
	}
	opt := p.markers(images)
	for i, t := range turns {
		if t.Context {
			opt.Context = append(opt.Context, i)
		}
	}
	enc, err := p.Template.Encode(p.Tokenizer, msgs, opt)
	if err != nil && !errors.Is(err, chat.ErrNoTargets) { // the loader has a policy for those
		if len(msgs) > 0 && msgs[0].Role == "assistant" {
			err = fmt.Errorf("the conversation starts with a gpt turn, which this chat template cannot render: put a question or a system turn before it: %w", err)
		}
		return datasets.Example{}, err
	}
	place(images, enc.ImageAt)
	return datasets.Example{IDs: enc.IDs, Labels: enc.Labels, Images: images, Context: enc.Context}, nil
}

// encodeText makes an example of a text that is learnt whole, with the tokenizer's own first id, if it has one, and the id that
// ends an answer at its end.
func (p *Processor) encodeText(text string) (datasets.Example, error) {
	ids, err := p.Tokenizer.Encode(text, true)
	if err != nil {
		return datasets.Example{}, err
	}
	end, ok := p.Template.EndOfTurn(p.Tokenizer)
	if !ok {
		return datasets.Example{}, errors.New("a text that is learnt whole ends with the id that closes an answer, and the chat template has none")
	}
	if len(ids) == 0 || ids[len(ids)-1] != end { // a tokenizer may add it by itself
		ids = append(ids, end)
	}
	return datasets.Example{IDs: ids, Labels: slices.Clone(ids)}, nil
}

// Prompt makes the ids that come before the model's answer to msgs.
func (p *Processor) Prompt(msgs []chat.Message, pictures [][]byte) ([]int32, []datasets.Image, error) {
	images, err := p.images(pictures)
	if err != nil {
		return nil, nil, err
	}
	ids, err := p.PromptIDs(msgs, images)
	if err != nil {
		return nil, nil, err
	}
	return ids, images, nil
}

// PromptIDs is Prompt for pictures that have been read; it sets their places.
func (p *Processor) PromptIDs(msgs []chat.Message, images []datasets.Image) ([]int32, error) {
	enc, err := p.Template.Prompt(p.Tokenizer, msgs, p.markers(images))
	if err != nil {
		return nil, err
	}
	place(images, enc.ImageAt)
	return enc.IDs, nil
}

// Turn is the user's turn that asks a question about so many pictures. Where the question has no marker, there is one for each picture
// before it.
func Turn(question string, pictures int) []chat.Message {
	if !strings.Contains(question, chat.ImageMarker) {
		question = strings.Repeat(chat.ImageMarker+"\n", pictures) + question
	}
	return []chat.Message{{Role: "user", Content: question}}
}
