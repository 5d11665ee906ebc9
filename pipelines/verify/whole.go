package verify

import (
	"fmt"
	"slices"

	"moslava/datasets"
	"moslava/internal/autograd"
	"moslava/internal/compare"
	"moslava/pipelines/vlm"
	"moslava/projector"
)

func (r *run) whole(dir, config string) error {
	m, err := vlm.OpenModel(dir, vlm.Options{Config: config})
	if err != nil {
		return err
	}
	in, err := r.batch(m.Config.Text.VocabSize)
	if err != nil {
		return err
	}
	var px pixels
	if r.has("input.pixel_values") {
		if px, err = r.pixels("input.pixel_values"); err != nil {
			return err
		}
		if err := r.images(m, px); err != nil {
			return err
		}
	}
	if in.Images, err = place(m.Config, in.IDs, px); err != nil {
		return fmt.Errorf("%s: input.input_ids: %w", r.golden.Path(), err)
	}
	x, err := m.Embed(nil, in.IDs, in.Images)
	if err != nil {
		return err
	}
	r.decoder(m.Language, in, x)
	if in.Targets() > 0 {
		m.Params.Train(func(string) bool { return true })
		tape := new(autograd.Tape)
		v, sum, err := m.Loss(tape, &in.Batch)
		if err != nil {
			return err
		}
		r.losses(sum, in.Targets())
		if err := tape.Backward(v, 1/float32(in.Targets())); err != nil {
			return err
		}
		if err := r.gradients(m.Params, "grad.", m.Config.FileName); err != nil {
			return err
		}
	}
	m.Params.Freeze()
	return r.answers(m, px)
}

// images compares the tower's hidden states, the selected features and the projected ones.
func (r *run) images(m *vlm.Model, px pixels) error {
	if _, err := r.hidden(m.Vision, px, "image.hidden."); err != nil {
		return err
	}
	n, cfg := len(px.images), m.Config
	count, h, w := cfg.ImageTokens(px.h, px.w), px.h/cfg.Vision.PatchSize, px.w/cfg.Vision.PatchSize
	f, err := m.Vision.Features(nil, px.images, px.h, px.w, cfg.Features)
	if err != nil {
		return err
	}
	r.check("image.features", compare.Widen(f.Floats()), []int{n, f.Rows() / n, f.Cols()})
	if s := cfg.Projector.Scale; s > 0 {
		x := projector.PixelShuffle(nil, f, h, w, s)
		r.check("image.shuffled", compare.Widen(x.Floats()), []int{n, count, x.Cols()})
	}
	projected := m.Projector.Forward(nil, f, h, w)
	r.check("image.projected", compare.Widen(projected.Floats()), []int{n, count, projected.Cols()})
	return nil
}

// place puts images where the ids have their tokens, in order.
func place(cfg *vlm.Config, ids []int32, px pixels) ([]datasets.Image, error) {
	count := 0
	if len(px.images) > 0 {
		count = cfg.ImageTokens(px.h, px.w)
	}
	var out []datasets.Image
	tokens := 0
	for i := 0; i < len(ids); i++ {
		if ids[i] != cfg.ImageToken {
			continue
		}
		tokens++
		if k := len(out); k < len(px.images) && tokens == k*count+1 {
			out = append(out, datasets.OneTile(datasets.Tile{Pixels: px.images[k], H: px.h, W: px.w}, i, count))
		}
	}
	if tokens != len(px.images)*count {
		return nil, fmt.Errorf("%d image tokens (id %d) for %d images of %d features", tokens, cfg.ImageToken, len(px.images), count)
	}
	return out, nil
}

// tilesPerSample is how many of the images of input.pixel_values each sample has: input.images_per_sample, counted by tiles where
// input.tiles_per_image says how many each picture is cut into.
func (r *run) tilesPerSample() ([]int64, error) {
	if !r.has("input.images_per_sample") {
		return nil, nil
	}
	per, err := r.ints("input.images_per_sample")
	if err != nil || !r.has("input.tiles_per_image") {
		return per, err
	}
	tiles, err := r.ints("input.tiles_per_image")
	if err != nil {
		return nil, err
	}
	out := make([]int64, len(per))
	for i, pictures := range per {
		if pictures < 0 || int(pictures) > len(tiles) {
			return nil, fmt.Errorf("%s: input.images_per_sample is %v, input.tiles_per_image has %d pictures left for sample %d",
				r.golden.Path(), per, len(tiles), i)
		}
		for _, n := range tiles[:pictures] {
			out[i] += n
		}
		tiles = tiles[pictures:]
	}
	return out, nil
}

// answers compares greedy continuations; prompt i has the images of sample i.
func (r *run) answers(m *vlm.Model, px pixels) error {
	per, err := r.tilesPerSample()
	if err != nil {
		return err
	}
	return r.generate(m.Language, func(i int, ids []int32) (*autograd.Var, error) {
		mine := px
		mine.images = nil
		if i < len(per) {
			from := 0
			for _, n := range per[:i] {
				from += int(n)
			}
			if to := from + int(per[i]); from < 0 || to < from || to > len(px.images) {
				return nil, fmt.Errorf("%s: samples have %v images, input.pixel_values has %d", r.golden.Path(), per, len(px.images))
			} else {
				mine.images = px.images[from:to]
			}
		}
		images, err := place(m.Config, ids, mine)
		if err != nil {
			return nil, fmt.Errorf("%s: generate.%d.input_ids: %w", r.golden.Path(), i, err)
		}
		return m.Embed(nil, slices.Clone(ids), images)
	})
}
