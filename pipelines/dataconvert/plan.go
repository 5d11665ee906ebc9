package dataconvert

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"regexp"
	"strings"

	"moslava/datasets"
	"moslava/pipelines/progress"
)

// A plan says which rows go into which shard, with a hash of what they are. Two conversions with the same plan write the same files.
type plan struct {
	Form     string  `json:"form"`
	Split    string  `json:"split"`
	Messages bool    `json:"messages"`
	Weights  bool    `json:"weights"`
	Rows     int     `json:"rows"`
	Shards   []shard `json:"shards"`
}

// shard is the rows of one file.
type shard struct {
	First  int    `json:"first"`
	Rows   int    `json:"rows"`
	SHA256 string `json:"sha256"` // of what is stored of them
}

func (p *plan) columns() datasets.WriteOptions {
	opt := datasets.WriteOptions{Split: p.Split, Weights: p.Weights}
	if p.Messages {
		opt.Features = datasets.Messages
	}
	return opt
}

// survey reads all rows, refuses what cannot be stored, and makes the plan.
func survey(ctx context.Context, src datasets.Source, f *form, opt Options) (*plan, error) {
	if src.Len() == 0 {
		return nil, errors.New("there are no rows")
	}
	p := &plan{Form: f.name, Split: opt.Split, Messages: opt.Messages, Rows: src.Len()}
	bar := progress.New(opt.Out, "reading rows", src.Len())
	defer bar.Done()
	cut := cutter{opt: opt, single: f.single, plan: p, sum: sha256.New()}
	for i := range src.Len() {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		s, err := src.At(i)
		if err != nil {
			return nil, err
		}
		size, err := look(f, &s, opt)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Origin, err)
		}
		p.Messages = p.Messages || len(s.Pictures) > 1
		for _, t := range s.Turns {
			p.Weights = p.Weights || t.Context
		}
		cut.add(&s, size)
		bar.Step(1, "")
	}
	cut.end()
	return p, nil
}

// look refuses a sample that cannot be stored, and tells how many bytes of a shard it takes.
func look(f *form, s *datasets.Sample, opt Options) (size int, err error) {
	columns := datasets.WriteOptions{Features: datasets.Messages, Weights: true} // hold whatever there is
	if size, err = columns.Check(s); err != nil {
		return 0, err
	}
	if s.Dense != nil {
		return 0, errors.New("the sample has a word for each patch of its picture, which no stored form has a place for")
	}
	if f.check != nil {
		if err := f.check(s); err != nil {
			return 0, err
		}
	}
	for k, p := range s.Pictures {
		if opt.Picture != nil {
			if err := opt.Picture(p.Bytes); err != nil {
				return 0, fmt.Errorf("picture %d (%.100q): %w", k+1, p.Path, err)
			}
		}
		if f.beside {
			size -= len(p.Bytes)
		}
	}
	return size, nil
}

// cutter cuts rows into shards.
type cutter struct {
	opt    Options
	single bool
	plan   *plan
	sum    hash.Hash
	first  int
	rows   int
	bytes  int
}

func (c *cutter) add(s *datasets.Sample, size int) {
	full := c.opt.RowsPerShard > 0 && c.rows >= c.opt.RowsPerShard || c.opt.RowsPerShard == 0 && c.bytes+size > c.opt.ShardBytes
	if c.rows > 0 && full && !c.single {
		c.end()
	}
	addRow(c.sum, s)
	c.rows++
	c.bytes += size
}

func (c *cutter) end() {
	c.plan.Shards = append(c.plan.Shards, shard{c.first, c.rows, hex.EncodeToString(c.sum.Sum(nil))})
	c.first += c.rows
	c.rows, c.bytes = 0, 0
	c.sum.Reset()
}

// addRow adds to a hash all that is stored of a row.
func addRow(h hash.Hash, s *datasets.Sample) {
	add := func(text string) {
		var n [8]byte
		binary.LittleEndian.PutUint64(n[:], uint64(len(text)))
		h.Write(n[:])
		_, _ = io.WriteString(h, text)
	}
	add(s.ID)
	for _, t := range s.Turns {
		add(t.From)
		add(t.Value)
		add(fmt.Sprint(t.Context))
	}
	add(fmt.Sprint(len(s.Pictures)))
	for _, p := range s.Pictures {
		add(p.Path)
		add(fmt.Sprint(len(p.Bytes)))
		h.Write(p.Bytes)
	}
}

// splitName is what a split may be called: it is part of names of files.
var splitName = regexp.MustCompile(`^\w+(\.\w+)*$`)

func checkSplit(name string) error {
	if !splitName.MatchString(name) || strings.Contains(name, "-of-") {
		return fmt.Errorf("the split is called %q, expected letters, digits, '_' and single dots between them, as in train", name)
	}
	return nil
}
