package inputs

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"moslava/datasets"
	"moslava/pipelines/recipe"
)

// rowOptions say how the rows of a source are read.
func rowOptions(c *recipe.TrainConfig, s *recipe.Source) datasets.Options {
	opt := datasets.Options{Images: Folders(slices.Concat(s.Images, c.Images)), Ignore: s.Ignore, MayIgnore: c.Ignore,
		Format: s.Format, ImageFirst: s.ImageFirst, Pairs: c.Preference != nil, Prompt: s.Prompt, Split: s.Split, Columns: map[string]string{}}
	for _, column := range s.Columns {
		opt.Columns[column.Key] = column.Name
	}
	return opt
}

// OpenData opens what a stage reads: one source, or a mixture. met are the keys of its ignore, or of the recipe's, that
// rows have.
func OpenData(ctx context.Context, r *recipe.Recipe, c *recipe.TrainConfig) (_ datasets.Source, met map[string]bool, err error) {
	return openData(ctx, r, c, func(o datasets.Options) datasets.Options {
		o.Values = c.OnBad != datasets.OnSkip && c.Limit == 0
		return o
	})
}

// openData is OpenData with other options of rows.
func openData(ctx context.Context, r *recipe.Recipe, c *recipe.TrainConfig, change func(datasets.Options) datasets.Options) (_ datasets.Source, met map[string]bool, err error) {
	parts := make([]datasets.Weighted, 0, len(c.Sources))
	defer func() {
		for _, p := range parts {
			if err != nil {
				err = errors.Join(err, p.Source.Close())
			}
		}
	}()
	met = map[string]bool{}
	for _, s := range c.Sources {
		opt := change(rowOptions(c, &s))
		opt.Met, opt.Context = met, ctx
		src, err := Open(string(s.Path), opt)
		if err != nil {
			return nil, nil, err
		}
		parts = append(parts, datasets.Weighted{Source: src, Weight: s.Weight})
		if src.Len() == 0 {
			return nil, nil, fmt.Errorf("%s: there are no rows: leave it out, or see whether it is what was meant", s.Path)
		}
	}
	if key := Unmet(c.Ignore, met); key != "" && !Inherited(r, c) {
		return nil, nil, fmt.Errorf("ignore names %q, and no row, turn or content part of the stage's data has such a key: correct it, or leave it out", key)
	}
	if len(parts) == 1 && parts[0].Weight == 1 {
		return parts[0].Source, met, nil
	}
	if c.Temperature > 0 {
		parts = datasets.Temper(c.Temperature, parts...)
	}
	src, err := datasets.Mix(r.Seed, parts...)
	return src, met, err
}

// Rows are those of a source that a stage reads: the first of them, as its limit says, and of these the share that it trains on and the one that it holds
// back for validation. Both are subsets of the same source.
func Rows(r *recipe.Recipe, c *recipe.TrainConfig, src datasets.Source) (train, held *datasets.Subset, err error) {
	if c.Limit > 0 {
		src = datasets.Head(src, c.Limit)
	}
	return datasets.Split(src, c.Validation, r.Seed)
}

// Unmet is the first key to ignore that no row has; "" if there is none.
func Unmet(ignore []string, met map[string]bool) string {
	for _, key := range ignore {
		if !met[key] && key != datasets.VideoMarker {
			return key
		}
	}
	return ""
}

// Inherited says whether a stage's ignore is the recipe's, which need not be for every stage.
func Inherited(r *recipe.Recipe, c *recipe.TrainConfig) bool {
	return slices.Equal(c.Ignore, r.Data.Ignore)
}

// CheckLength refuses a max_length beyond the positions that a decoder has.
func CheckLength(c *recipe.TrainConfig, positions int) error {
	if c.MaxLength > positions {
		return fmt.Errorf("is %d, and the decoder has %d positions (max_position_embeddings)", c.MaxLength, positions)
	}
	return nil
}

// LoadOptions say how a stage's samples become batches of a decoder with so many positions.
func LoadOptions(r *recipe.Recipe, c *recipe.TrainConfig, positions int) datasets.LoadOptions {
	length := c.MaxLength
	if length == 0 {
		length = positions
	}
	return datasets.LoadOptions{Seed: r.Seed, BatchSize: c.Batch, TokenBudget: c.Tokens, Pack: c.Pack, MaxLength: length,
		Workers: c.Workers, OnLong: c.OnLong, OnBad: c.OnBad, OnNoTargets: c.OnNoTargets, OnEmpty: c.OnEmpty}
}
