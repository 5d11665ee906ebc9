package inputs

import (
	"context"
	"errors"
	"runtime"

	"moslava/datasets"
	"moslava/pipelines/recipe"
)

// Group measures the texts of the rows that a stage trains on; nil if it does not group them. tokens counts those of a
// sample in which a picture is one. No picture that is a file is read.
func Group(ctx context.Context, r *recipe.Recipe, c *recipe.TrainConfig, tokens func(datasets.Sample) (int, error)) (_ *datasets.Grouping, err error) {
	if c.GroupBy == "" {
		return nil, nil
	}
	src, _, err := openData(ctx, r, c, func(o datasets.Options) datasets.Options { return o.WithoutPictures() })
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	rows, err := trained(ctx, r, c, src)
	if err != nil {
		return nil, err
	}
	measure := tokens
	if c.GroupBy == datasets.GroupModality {
		measure = datasets.Words
	}
	workers := c.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	lengths, err := datasets.Lengths(ctx, rows, workers, measure)
	if err != nil {
		return nil, err
	}
	return &datasets.Grouping{Rule: c.GroupBy, Lengths: lengths, Batch: c.Batch, Accum: c.Accum}, nil
}

// trained are the rows of a source without pictures that a stage trains on. What is held back by picture goes by those that there are.
func trained(ctx context.Context, r *recipe.Recipe, c *recipe.TrainConfig, src datasets.Source) (_ *datasets.Subset, err error) {
	if c.ValidationBy != recipe.ByPicture {
		rows, _, err := Rows(ctx, r, c, src)
		return rows, err
	}
	seen, _, err := openData(ctx, r, c, func(o datasets.Options) datasets.Options { return o })
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, seen.Close()) }()
	rows, _, err := Rows(ctx, r, c, seen)
	if err != nil {
		return nil, err
	}
	return rows.Of(src), nil
}
