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
	rows, _, err := Rows(r, c, src)
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
