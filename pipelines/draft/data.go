package draft

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"moslava/datasets"
	"moslava/vision/preprocess"
)

// looked is how many rows are read, spread over all.
const looked = 200

// mostIgnored bounds how many unknown columns are ignored before the data counts as something else.
const mostIgnored = 64

// data is what is known of stored samples.
type data struct {
	path       string
	rows       int
	form       string
	columns    []string // NAME (what it is used for)
	ignore     []string
	imageFirst bool
	prompt     string
	split      string

	read, bad, pictured int      // of those that were looked at
	sides               [2][]int // widths and heights of pictures
	words               int      // of all turns
	firstBad            error
}

// openings are ways to read rows, tried one after the other.
var openings = []datasets.Options{{}, {ImageFirst: true}, {Prompt: "Describe the picture."}, {Prompt: "What is in the picture?", ImageFirst: true}}

// look opens data as it can be read and looks at some of its rows.
func look(ctx context.Context, path string) (*data, error) {
	var first error
	for _, opt := range openings {
		d := &data{path: path, imageFirst: opt.ImageFirst, prompt: opt.Prompt}
		err := d.open(ctx, opt)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err == nil && d.read > 0 && d.bad < d.read+d.bad {
			return d, nil
		}
		if err == nil {
			err = d.firstBad
		}
		if first == nil {
			first = err
		}
	}
	if first == nil {
		first = fmt.Errorf("%s has no rows", path)
	}
	return nil, first
}

// open opens data with the train split of several and without columns that mean nothing, and reads some rows.
func (d *data) open(ctx context.Context, opt datasets.Options) error {
	opt.Context = ctx
	for {
		err := d.try(ctx, opt)
		split, key := new(datasets.SplitError), new(datasets.UnknownKeyError)
		switch {
		case errors.As(err, &split) && opt.Split == "":
			if opt.Split = split.Splits[0]; slices.Contains(split.Splits, "train") {
				opt.Split = "train"
			}
			d.split = opt.Split
		case errors.As(err, &key) && len(opt.Ignore) < mostIgnored && !slices.Contains(opt.Ignore, key.Key):
			opt.Ignore = append(slices.Clone(opt.Ignore), key.Key)
			d.ignore = opt.Ignore
		default:
			return err
		}
	}
}

// try opens data and reads some rows.
func (d *data) try(ctx context.Context, opt datasets.Options) (err error) {
	described, err := datasets.Describe(d.path, opt)
	if err != nil {
		return err
	}
	d.form, d.columns = described.Form, nil
	for _, c := range described.Columns {
		d.columns = append(d.columns, fmt.Sprintf("%s (%s)", c.Name, c.For))
	}
	src, err := datasets.OpenWith(d.path, opt)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	d.rows, d.read, d.bad, d.pictured, d.words, d.sides, d.firstBad = src.Len(), 0, 0, 0, 0, [2][]int{}, nil
	n := min(looked, d.rows)
	for i := range n {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		s, err := src.At(i * d.rows / n)
		if key := new(datasets.UnknownKeyError); errors.As(err, &key) {
			return err
		}
		if err != nil {
			if d.bad++; d.firstBad == nil {
				d.firstBad = err
			}
			continue
		}
		d.take(&s)
	}
	return nil
}

// take counts a row.
func (d *data) take(s *datasets.Sample) {
	d.read++
	if len(s.Pictures) > 0 {
		d.pictured++
	}
	d.words += len(strings.Fields(s.Text))
	for _, t := range s.Turns {
		d.words += len(strings.Fields(t.Value))
	}
	for _, p := range s.Pictures {
		if w, h, err := (preprocess.Decoder{}).Size(p.Bytes); err == nil {
			d.sides[0], d.sides[1] = append(d.sides[0], w), append(d.sides[1], h)
		}
	}
}

// hasPictures says whether any row that was read has one.
func (d *data) hasPictures() bool { return d.pictured > 0 }

// lines say what was found, for people.
func (d *data) lines() []string {
	out := []string{fmt.Sprintf("%d rows of %s", d.rows, d.form)}
	if d.split != "" {
		out[0] += fmt.Sprintf(", split %s", d.split)
	}
	if len(d.columns) > 0 {
		out = append(out, "columns: "+strings.Join(d.columns, ", "))
	}
	text := fmt.Sprintf("of %d that were looked at, %d %% have pictures, %d could not be read; %d words a row", d.read+d.bad, 100*d.pictured/max(1, d.read), d.bad, d.words/max(1, d.read))
	if n := len(d.sides[0]); n > 0 {
		slices.Sort(d.sides[0])
		slices.Sort(d.sides[1])
		text += fmt.Sprintf("; pictures are %d to %d wide and %d to %d high, the median %d x %d", d.sides[0][0], d.sides[0][n-1], d.sides[1][0], d.sides[1][n-1], d.sides[0][n/2], d.sides[1][n/2])
	}
	out = append(out, text)
	if d.firstBad != nil {
		out = append(out, "the first that could not be read: "+d.firstBad.Error())
	}
	return out
}
