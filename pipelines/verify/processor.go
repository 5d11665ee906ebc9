package verify

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"moslava/datasets"
	"moslava/internal/infile"
	"moslava/internal/safetensors"
	"moslava/language/chat"
	"moslava/pipelines/vlm"
	"moslava/pipelines/vlm/families"
	"moslava/vision/preprocess"
)

// processorRun is a comparison of conversations under way.
type processorRun struct {
	processor *vlm.Processor
	order     preprocess.Order
	maxPixels int
	pictures  []string          // directories, in the order in which they are searched
	tiles     *safetensors.File // bytes of tiles; nil if no conversation has pictures
	given     float64           // Options.Tol
	rows      []Row
}

// conversations compares what the processor in dir makes of every conversation.
func conversations(dir, golden string, opt Options) (*Report, error) {
	file, err := readConversations(golden)
	if err != nil {
		return nil, err
	}
	if opt.Config == "" {
		opt.Config = filepath.Join(dir, vlm.ConfigFile)
	}
	p, err := processorOf(dir, opt.Config, golden, file.Family)
	if err != nil {
		return nil, err
	}
	r := &processorRun{processor: p, maxPixels: opt.MaxPixels, pictures: pictureDirs(opt, golden), given: opt.Tol}
	path := strings.TrimSuffix(golden, conversationsEnding) + ".safetensors"
	r.tiles, err = safetensors.Open(path)
	switch {
	case err == nil:
		defer r.tiles.Close()
		if r.order, err = pillowOrder(r.tiles); err != nil {
			return nil, err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	case slices.ContainsFunc(file.Conversations, func(c conversation) bool { return len(c.Pictures) > 0 }):
		return nil, fmt.Errorf("%s has pictures, and the bytes of their tiles are missing: %w", golden, err)
	}
	known := map[string]bool{}
	for i := range file.Conversations {
		c := &file.Conversations[i]
		r.conversation(i, c)
		known[fmt.Sprint(i, levels)] = len(c.Pictures) > 0
	}
	r.left(known)
	return &Report{Rows: r.rows}, nil
}

// processorOf loads the processor of a model's directory, which has to be of the family.
func processorOf(dir, config, golden, family string) (*vlm.Processor, error) {
	raw, err := infile.Read(config, vlm.MaxConfig)
	if err != nil {
		return nil, err
	}
	cfg, err := vlm.ParseConfig(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", config, err)
	}
	if got := cfg.Family.ModelType; got != family {
		return nil, fmt.Errorf("%s: family is %q, and %s is of %s: want the processor.json of that",
			golden, family, config, got)
	}
	return vlm.LoadProcessor(dir, cfg)
}

// conversation adds the rows of conversation i.
func (r *processorRun) conversation(i int, c *conversation) {
	name := func(result string) string { return fmt.Sprintf("%d %s: %s", i, c.Name, result) }
	results := []string{"prompt", "expanded", "input_ids"}
	if len(c.Pictures) > 0 {
		results = append(results, "tiles", "pixels")
	}
	fail := func(err error) {
		for _, result := range results {
			r.rows = append(r.rows, Row{Name: name(result), Note: fmt.Sprintf("not compared: %v", err)})
		}
	}
	p, err := r.with(c)
	if err != nil {
		fail(err)
		return
	}
	msgs, err := c.messages()
	if err != nil {
		fail(err)
		return
	}
	text, err := p.Template.Render(msgs, c.Ask)
	if err != nil {
		fail(err)
		return
	}
	r.rows = append(r.rows, comparedText(name("prompt"), text, c.Prompt))
	results = results[1:]
	files, err := r.files(c)
	if err != nil {
		fail(err)
		return
	}
	ids, images, err := encoded(p, msgs, files, c.Ask)
	if err != nil {
		fail(err)
		return
	}
	r.rows = append(r.rows,
		comparedText(name("expanded"), p.Tokenizer.Decode(ids, false), c.Expanded),
		comparedInts(name("input_ids"), widenInts(ids), c.IDs))
	if len(c.Pictures) > 0 {
		r.rows = append(r.rows, comparedTiles(name("tiles"), p, files, images, c.Pictures),
			r.comparedPixels(name("pixels"), fmt.Sprint(i, levels), p.Pixels, datasets.Tiles(images)))
	}
}

// with is the processor as the conversation's keyword arguments change it.
func (r *processorRun) with(c *conversation) (*vlm.Processor, error) {
	choice, err := c.choice()
	if err != nil {
		return nil, err
	}
	p, err := r.processor.WithTiles(choice)
	if err != nil {
		return nil, fmt.Errorf("kwargs: %w", err)
	}
	q, px := *p, *p.Pixels
	px.Order, px.Decoder.MaxPixels = r.order, r.maxPixels
	q.Pixels = &px
	return &q, nil
}

// files are the encoded pictures of a conversation.
func (r *processorRun) files(c *conversation) (files [][]byte, err error) {
	for _, pic := range c.Pictures {
		path, err := findPicture(r.pictures, pic.Picture)
		if err == nil && path == "" {
			err = noPicture(pic.Picture+".*", r.pictures)
		}
		if err != nil {
			return nil, err
		}
		b, err := infile.Read(path, infile.MaxPicture)
		if err != nil {
			return nil, err
		}
		files = append(files, b)
	}
	return files, nil
}

// encoded are the ids of a conversation, and its pictures cut into tiles. ask puts what an answer begins with at its
// end.
func encoded(p *vlm.Processor, msgs []chat.Message, files [][]byte, ask bool) ([]int32, []datasets.Image, error) {
	if ask {
		return p.Prompt(msgs, files)
	}
	var s datasets.Sample
	for _, b := range files {
		s.Pictures = append(s.Pictures, datasets.Picture{Bytes: b})
	}
	for _, m := range msgs {
		s.Turns = append(s.Turns, datasets.Turn{From: speakers[m.Role], Value: m.Content})
	}
	e, err := p.Encode(s)
	return e.IDs, e.Images, err
}

// speakers are who speaks in stored turns, by roles of chat templates.
var speakers = map[string]string{"user": datasets.Human, "assistant": datasets.GPT, "system": datasets.System}

// comparedTiles compares how pictures are cut and how many image tokens they take.
func comparedTiles(name string, p *vlm.Processor, files [][]byte, images []datasets.Image, want []cutPicture) Row {
	for i, w := range want {
		img, err := p.Pixels.Decoder.Decode(files[i])
		if err != nil {
			return Row{Name: name, Note: fmt.Sprintf("picture %s: %v", w.Picture, err)}
		}
		what := "height, width, tiles and image tokens"
		got := []int{img.H, img.W, len(images[i].Tiles), images[i].Layout.Features()}
		wanted := []int{w.Height, w.Width, w.Tiles, w.ImageTokens}
		if g, ok := p.Cutter.(families.Grid); ok && w.Rows != nil && w.Cols != nil {
			rows, cols, err := g.Grid(p.Pixels, img.H, img.W)
			if err != nil {
				return Row{Name: name, Note: fmt.Sprintf("picture %s: %v", w.Picture, err)}
			}
			what = "height, width, tiles, image tokens, rows and columns"
			got, wanted = append(got, rows, cols), append(wanted, *w.Rows, *w.Cols)
		}
		if !slices.Equal(got, wanted) {
			return Row{Name: name, Note: fmt.Sprintf("picture %s: %s are %v, want %v", w.Picture, what, got, wanted)}
		}
	}
	return Row{Name: name, OK: true}
}

// comparedPixels compares tiles with a tensor of bytes [tiles, 3, S, S].
func (r *processorRun) comparedPixels(name, tensor string, px *preprocess.Config, tiles []datasets.Tile) Row {
	info, ok := r.tiles.Info(tensor)
	if !ok {
		return Row{Name: name, Note: fmt.Sprintf("not compared: %s has no %s", r.tiles.Path(), tensor)}
	}
	shape := []int{len(tiles), 3, tiles[0].H, tiles[0].W}
	if info.DType != safetensors.U8 || !slices.Equal(info.Shape, shape) {
		return Row{Name: name, Note: fmt.Sprintf("shape is %v %v, want %v %v", safetensors.U8, shape, info.DType, info.Shape)}
	}
	want, err := r.tiles.Raw(tensor)
	if err != nil {
		return Row{Name: name, Note: err.Error()}
	}
	var got []float64
	for _, t := range tiles {
		got = append(got, bytesOf(px, t)...)
	}
	return compared(name, got, widenBytes(want), 0, r.given)
}

// bytesOf are the bytes that a tile's pixels were made of. A number that is of no byte stays what it is.
func bytesOf(px *preprocess.Config, t datasets.Tile) []float64 {
	out := make([]float64, len(t.Pixels))
	for i, v := range t.Pixels {
		x := float64(v)
		if channel := i / (t.H * t.W); px.DoNormalize {
			x = x*px.ImageStd[channel] + px.ImageMean[channel]
		}
		if px.DoRescale {
			x /= px.RescaleFactor
		}
		if near := math.Round(x); math.Abs(x-near) < 1e-3 {
			x = near
		}
		out[i] = x
	}
	return out
}

// left adds a row for each tensor that no conversation has compared.
func (r *processorRun) left(known map[string]bool) {
	if r.tiles == nil {
		return
	}
	for _, name := range r.tiles.Names() {
		if !known[name] {
			r.rows = append(r.rows, Row{Name: name, Note: "not compared: no conversation has these tiles"})
		}
	}
}
