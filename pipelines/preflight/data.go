package preflight

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"moslava/datasets"
	"moslava/pipelines/inputs"
	"moslava/pipelines/plan"
	"moslava/pipelines/recipe"
	"moslava/pipelines/vlm"
	"moslava/vision/preprocess"
)

// sampled is what was found out about a stage's data.
type sampled struct {
	steps, seen int
	met         map[string]bool // keys to ignore that rows have; nil: the data was not there
	assumed     []string
}

// sampleData reads some batches as the stage would, or makes them up.
func sampleData(ctx context.Context, r *recipe.Recipe, c *recipe.TrainConfig, p *vlm.Processor, opt PlanOptions,
	in *plan.Input) (out sampled, err error) {
	if p.Tokenizer == nil {
		return assume(c, p, opt, in, fmt.Errorf("%s has no tokenizer.json", r.Model.Language))
	}
	src, met, err := inputs.OpenData(ctx, r, c)
	if opt.Text > 0 && errors.Is(err, fs.ErrNotExist) {
		return assume(c, p, opt, in, err)
	}
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	out.met = met
	train, held, err := inputs.Rows(ctx, r, c, src)
	if err != nil {
		return out, err
	}
	share := 1.0
	if n := train.Len() + held.Len(); n < src.Len() {
		share = float64(n) / float64(src.Len())
	}
	in.Mapped = int(share * float64(mappedBytes(c.Sources)))
	want := max(opt.Batches, c.Accum)
	if opt.Text == 0 {
		want = opt.Batches
	}
	lo := inputs.LoadOptions(r, c, p.Config.Text.MaxPositionEmbeddings)
	if lo.Group, err = inputs.Group(ctx, r, c, p.Length); err != nil {
		return out, err
	}
	start, first := time.Now(), time.Time{}
	p = p.WithMaxPixels(c.MaxPixels)
	for b, err := range datasets.Load(ctx, train, p, lo, datasets.Position{}) {
		if err != nil {
			return out, err
		}
		if first.IsZero() {
			first = time.Now()
		}
		in.Batches = append(in.Batches, plan.ShapeOf(b))
		if n := len(in.Batches); n >= want || n >= 2*c.Accum && time.Since(start) > 5*time.Second {
			break
		}
	}
	if n := len(in.Batches); n > 1 {
		in.Loading = time.Since(first).Seconds() / float64(n-1)
	}
	out.seen = len(in.Batches)
	out.steps = c.Steps
	if out.steps == 0 {
		perBatch := 0
		for _, b := range in.Batches {
			perBatch += len(b.Lengths)
		}
		batches := (train.Len()*out.seen + perBatch - 1) / perBatch
		out.steps = max(1, c.Epochs*batches/max(1, c.Accum))
	}
	return out, nil
}

// assume makes up batches for data that is not there.
func assume(c *recipe.TrainConfig, p *vlm.Processor, opt PlanOptions, in *plan.Input, why error) (sampled, error) {
	var pictures []plan.Picture // of a sample
	length, what := opt.Text, ""
	if p.Config.HasVision() {
		h, w, fixed := p.Pixels.Size()
		if !fixed {
			h, w = p.Config.Vision.ImageSize, p.Config.Vision.ImageSize
		}
		tiles, layout, err := p.Cutter.Layout(p.Pixels, h, w)
		if err != nil {
			return sampled{}, err
		}
		for _, t := range tiles {
			pictures = append(pictures, plan.Picture{H: t.H, W: t.W})
		}
		length += layout.Len()
		what = fmt.Sprintf("one picture of %dx%d pixels and ", w, h)
		if len(tiles) > 1 {
			what = fmt.Sprintf("one picture in %d tiles of %dx%d pixels and ", len(tiles), w, h)
		}
	}
	n := c.Batch
	if c.Tokens > 0 {
		n = max(1, c.Tokens/length)
	}
	b := plan.Batch{Lengths: slices.Repeat([]int{length}, n), Images: slices.Repeat(pictures, n),
		Targets: n * opt.Targets, Asking: slices.Repeat([]int{min(length, opt.Targets)}, n)}
	in.Batches = slices.Repeat([]plan.Batch{b}, max(2, c.Accum))
	out := sampled{steps: c.Steps, assumed: []string{fmt.Sprintf("%v: assumed are samples of %s%d text tokens, %d of them learnt",
		why, what, opt.Text, opt.Targets)}}
	if out.steps == 0 {
		out.assumed = append(out.assumed, "the number of steps depends on the data: time is that of one step")
		out.steps = 1
	}
	return out, nil
}

// decoding is what reading one picture takes that is larger than the default allows; below that it is little beside a
// step.
func decoding(c *recipe.TrainConfig) int {
	if c.MaxPixels <= preprocess.DefaultMaxPixels {
		return 0
	}
	return preprocess.DecodeBytes * c.MaxPixels
}

// mappedBytes is the size of the Arrow files that sources are read from.
func mappedBytes(list []recipe.Source) int {
	n := 0
	for _, s := range list {
		n += bytesOf(string(s.Path), ".arrow")
	}
	return n
}

// bytesOf adds up the files of that ending in a directory, or is the size of the file itself.
func bytesOf(path, ending string) int {
	n := 0
	for _, pattern := range []string{path, filepath.Join(path, "*")} {
		files, _ := filepath.Glob(pattern)
		for _, f := range files {
			if info, err := os.Stat(f); err == nil && !info.IsDir() && strings.HasSuffix(f, ending) {
				n += int(info.Size())
			}
		}
	}
	return n
}
