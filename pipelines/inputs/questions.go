package inputs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"moslava/datasets"
	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/eval/suites"
	"moslava/pipelines/recipe"
)

// options are those of the rows of a source.
func options(s *suites.Samples) datasets.Options {
	return datasets.Options{Images: s.Images, Ignore: s.Ignore, MayIgnore: s.MayIgnore, ImageFirst: s.ImageFirst, Pairs: s.Pairs, Columns: s.Columns,
		Prompt: s.Prompt, Split: s.Split}
}

// samples are the rows of a source as rowOptions has them, without their format.
func samples(c *recipe.TrainConfig, s *recipe.Source) suites.Samples {
	opt := rowOptions(c, s)
	return suites.Samples{Path: string(s.Path), Images: opt.Images, Ignore: opt.Ignore, MayIgnore: opt.MayIgnore, ImageFirst: opt.ImageFirst, Pairs: opt.Pairs,
		Columns: opt.Columns, Prompt: opt.Prompt, Split: opt.Split, Weight: s.Weight}
}

// DataOf says which samples a suite of a recipe is made of; nil if it is a table.
func DataOf(r *recipe.Recipe, s *recipe.Suite) (*suites.Data, error) {
	switch {
	case s.HeldOut != "":
		stage, _ := r.Stage(s.HeldOut) // checked by the recipe
		c := stage.Train
		d := &suites.Data{History: s.History, HeldOut: &suites.HeldOut{Stage: stage.Name, Share: c.Validation, By: c.ValidationBy, Seed: r.Seed,
			Limit: c.Limit, Temperature: c.Temperature}}
		for i := range c.Sources {
			if c.Sources[i].Format != "" {
				return nil, fmt.Errorf("held_out: the rows of stage %s are texts (format: %s), and questions are asked of those with answers", stage.Name, c.Sources[i].Format)
			}
			d.Sources = append(d.Sources, samples(c, &c.Sources[i]))
		}
		return d, nil
	case s.Data != "":
		one := suites.Samples{Path: string(s.Data), Images: Folders(slices.Concat(s.Images, r.Data.Images)), Ignore: s.Ignore, MayIgnore: r.Data.Ignore, ImageFirst: s.ImageFirst, Prompt: s.Prompt,
			Split: s.Split, Columns: map[string]string{}}
		for _, column := range s.Columns {
			one.Columns[column.Key] = column.Name
		}
		return &suites.Data{Sources: []suites.Samples{one}, History: s.History}, nil
	}
	return nil, nil
}

// ProtocolOf is the name of the protocol that a suite of a recipe is asked under; empty: what the suite says.
func ProtocolOf(s *recipe.Suite) (string, error) {
	if s.Tolerance == 0 {
		return s.Protocol, nil
	}
	return protocols.WithTolerance(s.Tolerance)
}

// OpenRecipeSuite opens a suite of a recipe, as OpenSuite or OpenQuestions does.
func OpenRecipeSuite(ctx context.Context, r *recipe.Recipe, s *recipe.Suite, name, dir string) (*suites.Suite, error) {
	d, err := DataOf(r, s)
	if err != nil {
		return nil, err
	}
	if d != nil {
		return OpenQuestions(ctx, d, name)
	}
	return OpenSuite(string(s.TSV), name, dir, Folders(s.Images)...)
}

// OpenQuestions makes a suite of stored samples: every question with its answer is an item, asked as it stands, with the pictures of its row and
// the system text, and without what was said before unless the data say so. Every row is read; one that cannot be is an error. It is to be
// closed. Without a name the suite has that of its first source.
func OpenQuestions(ctx context.Context, d *suites.Data, name string) (_ *suites.Suite, err error) {
	if len(d.Sources) == 0 {
		return nil, errors.New("found no samples to make a suite of, expected a source")
	}
	if name == "" {
		name = QuestionsName(d.Sources[0].Path)
	}
	all, err := openSamples(ctx, d)
	if err != nil {
		return nil, fmt.Errorf("suite %s: %w", name, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, all.Close())
		}
	}()
	rows, err := heldOut(ctx, d.HeldOut, all)
	if err != nil {
		return nil, fmt.Errorf("suite %s: %w", name, err)
	}
	q := &questions{rows: rows, close: all.Close, first: map[[sha256.Size]byte]string{}, sums: map[string][sha256.Size]byte{}}
	var items []suites.Item
	for i := range rows.Len() {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		s, err := rows.At(i)
		if err == nil {
			if err = s.Check(); err != nil {
				err = fmt.Errorf("%s: %w", s.Origin, err)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("suite %s: %w", name, err)
		}
		own, err := q.items(i, &s, d.History)
		if err != nil {
			return nil, fmt.Errorf("suite %s: %s: %w", name, s.Origin, err)
		}
		items = append(items, own...)
	}
	if len(items) == 0 {
		return nil, fmt.Errorf("suite %s: found no question with an answer in %d rows", name, rows.Len())
	}
	for i := range items {
		items[i].ID, items[i].Group = int64(i+1), int64(i+1)
	}
	suite, err := suites.New(name, suites.Open, items, q)
	if err != nil {
		return nil, err
	}
	suite.Family, suite.Protocol, suite.Data = suites.Own, protocols.DefaultOwn, d
	return suite, nil
}

// QuestionsName is the name of a suite that is made of what is at path.
func QuestionsName(path string) string {
	base := filepath.Base(path)
	if stem := strings.TrimSuffix(base, filepath.Ext(base)); datasets.FormOf(base) != "" && stem != "" {
		return stem
	}
	return base
}

// openSamples opens the sources, as a mixture if they are several.
func openSamples(ctx context.Context, d *suites.Data) (_ datasets.Source, err error) {
	var parts []datasets.Weighted
	defer func() {
		for _, p := range parts {
			if err != nil {
				err = errors.Join(err, p.Source.Close())
			}
		}
	}()
	for i := range d.Sources {
		s := &d.Sources[i]
		opt := options(s)
		opt.Context = ctx
		src, err := Open(s.Path, opt)
		if err != nil {
			return nil, err
		}
		weight := s.Weight
		if weight == 0 {
			weight = 1
		}
		parts = append(parts, datasets.Weighted{Source: src, Weight: weight})
	}
	var seed uint64
	temperature := 0.0
	if h := d.HeldOut; h != nil {
		seed, temperature = h.Seed, h.Temperature
	}
	return mixed(parts, seed, temperature)
}

// mixed is one source of several; of one it is that.
func mixed(parts []datasets.Weighted, seed uint64, temperature float64) (datasets.Source, error) {
	if len(parts) == 1 && parts[0].Weight == 1 {
		return parts[0].Source, nil
	}
	if temperature > 0 {
		parts = datasets.Temper(temperature, parts...)
	}
	return datasets.Mix(seed, parts...)
}

// heldOut are the rows that a training stage holds back, or all of them.
func heldOut(ctx context.Context, h *suites.HeldOut, src datasets.Source) (datasets.Source, error) {
	if h == nil {
		return src, nil
	}
	_, held, err := split(ctx, src, h)
	return held, err
}

// questions are the pictures of a suite of stored samples. A key is a row and which of its pictures, the first that has the content.
type questions struct {
	rows  datasets.Source
	close func() error
	first map[[sha256.Size]byte]string
	sums  map[string][sha256.Size]byte
}

// Close implements io.Closer.
func (q *questions) Close() error { return q.close() }

// keys are those of a row's pictures.
func (q *questions) keys(row int, pictures []datasets.Picture) []string {
	out := make([]string, len(pictures))
	for k, p := range pictures {
		sum := sha256.Sum256(p.Bytes)
		key, seen := q.first[sum]
		if !seen {
			key = fmt.Sprintf("%d#%d", row, k)
			q.first[sum], q.sums[key] = key, sum
		}
		out[k] = key
	}
	return out
}

// Picture implements suites.Pictures.
func (q *questions) Picture(key string) ([]byte, error) {
	sum, known := q.sums[key]
	row, number, _ := strings.Cut(key, "#")
	i, errRow := strconv.Atoi(row)
	k, errNumber := strconv.Atoi(number)
	if !known || errRow != nil || errNumber != nil {
		return nil, fmt.Errorf("no row with picture %s", key)
	}
	s, err := q.rows.At(i)
	if err != nil {
		return nil, err
	}
	if k >= len(s.Pictures) || sha256.Sum256(s.Pictures[k].Bytes) != sum {
		return nil, fmt.Errorf("%s: the picture has changed since the suite was opened", s.Origin)
	}
	return slices.Clone(s.Pictures[k].Bytes), nil
}

// Digest implements suites.Pictures.
func (q *questions) Digest(key string) (string, error) {
	sum, known := q.sums[key]
	if !known {
		return "", fmt.Errorf("no row with picture %s", key)
	}
	return hex.EncodeToString(sum[:]), nil
}

// roles are the speakers of what is said before a question.
var roles = map[string]string{datasets.System: "system", datasets.Human: "user", datasets.GPT: "assistant"}

// items are the questions of a row. An answer that is read and not learnt (weight 0) is not asked for.
func (q *questions) items(row int, s *datasets.Sample, history bool) (out []suites.Item, err error) {
	if s.Text != "" {
		return nil, errors.New("the row is a text without a question, expected a question with its answer")
	}
	keys := q.keys(row, s.Pictures)
	var system, talk []suites.Said
	seen := 0 // pictures in turns so far
	asked := -1
	for i, t := range s.Turns {
		markers := strings.Count(t.Value, datasets.ImageMarker)
		switch {
		case t.From == datasets.System:
			system = append(system, suites.Said{Role: roles[t.From], Text: t.Value})
		case t.From == datasets.GPT && asked == i-1 && i > 0 && !t.Context:
			it := suites.Item{Form: suites.FreeText, Category: s.Category, Answer: t.Value, Source: source(row, len(out))}
			if len(t.Also) > 0 {
				it.Answers = append([]string{t.Value}, t.Also...)
			}
			text := s.Turns[asked].Value
			shown := strings.Count(text, datasets.ImageMarker)
			from := seen - shown
			switch {
			case history:
				it.Before, from = slices.Concat(system, talk[:len(talk)-1]), 0
			case shown == 0: // the pictures that it is about stand in turns that are not shown
				it.Before, from = system, 0
			default:
				it.Before = system
			}
			it.Question = plain(text, seen-from, history)
			if keys := keys[from:seen]; len(keys) > 0 {
				it.ImageKey, it.More = keys[0], slices.Clone(keys[1:])
			}
			out = append(out, it)
		}
		if t.From == datasets.Human {
			asked = i
		}
		if t.From != datasets.System {
			talk = append(talk, suites.Said{Role: roles[t.From], Text: t.Value})
		}
		seen += markers
	}
	return out, nil
}

// source says which row, counted from 0, and which of its answers an item is.
func source(row, answer int) string {
	if answer == 0 {
		return fmt.Sprintf("row %d", row)
	}
	return fmt.Sprintf("row %d, answer %d", row, answer+1)
}

// plain is a question without the markers in front of it, which whoever asks puts there again: one and a line end for each picture. One whose
// markers stand otherwise keeps them.
func plain(text string, pictures int, history bool) string {
	rest, ok := strings.CutPrefix(text, strings.Repeat(datasets.ImageMarker+"\n", pictures))
	if history || !ok || strings.TrimSpace(rest) == "" || strings.Contains(rest, datasets.ImageMarker) {
		return text
	}
	return rest
}
