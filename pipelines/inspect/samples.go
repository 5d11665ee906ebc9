package inspect

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"moslava/datasets"
	"moslava/vision/preprocess"
)

// Samples are counts over all rows.
type Samples struct {
	Rows     int `json:"rows"` // that are read without an error
	Bad      int `json:"bad"`
	Pictures int `json:"pictures"`
	Turns    int `json:"turns"`
	Answers  int `json:"answers"` // turns that are learnt
	Context  int `json:"context"` // answers that are not
	Empty    int `json:"empty"`   // answers that are learnt and have no text
	Whole    int `json:"whole"`   // texts that are learnt whole
}

// maxShown is how many bad rows are named.
const maxShown = 10

// Stored says how stored samples were understood.
type Stored struct {
	Form   string         `json:"form,omitempty"`
	Shape  string         `json:"shape,omitempty"`  // the keys that say what is asked and learnt
	Splits map[string]int `json:"splits,omitempty"` // rows of each, where one has to be named
	First  *First         `json:"first,omitempty"`  // the first sample
}

// First is a sample, its texts shortened.
type First struct {
	ID       string     `json:"id,omitempty"`
	Pictures []int      `json:"pictures,omitempty"` // the bytes of each
	Turns    [][]string `json:"turns"`              // who speaks and what
}

// maxText bounds a text that is shown, in characters.
const maxText = 200

// samples opens stored samples as training does, and reads them all if asked to.
func (r *Report) samples(opt Options) error {
	d, err := datasets.Describe(r.Path, opt.Rows)
	if err != nil { // rows may be pairs of answers, which another kind of stage learns from
		pairs := opt
		pairs.Rows.Pairs = true
		if d, err := datasets.Describe(r.Path, pairs.Rows); err == nil {
			return r.take(d, nil, pairs)
		}
	}
	return r.take(d, err, opt)
}

// take is samples of what was understood, or why it was not.
func (r *Report) take(d *datasets.Description, err error, opt Options) error {
	if several := new(datasets.SplitError); errors.As(err, &several) {
		return r.splits(several, opt)
	}
	if err != nil {
		r.warn("not a source of samples: %v", err)
		return nil
	}
	r.describe(d)
	if !opt.Check {
		return nil
	}
	src, err := datasets.OpenWith(r.Path, opt.Rows)
	if err != nil {
		return err
	}
	r.read(src)
	return src.Close()
}

// stored is samples of a directory that may hold something else. is says whether it does not; otherwise the error says why.
func (r *Report) stored(opt Options) (is bool, err error) {
	d, err := datasets.Describe(r.Path, opt.Rows)
	if several := new(datasets.SplitError); err != nil && !errors.As(err, &several) {
		return false, err
	}
	r.Kind = "samples"
	return true, r.take(d, err, opt)
}

// several is samples of an address or a pattern, which can hold nothing else.
func (r *Report) several(opt Options) error {
	d, err := datasets.Describe(r.Path, opt.Rows)
	if many := new(datasets.SplitError); err != nil && !errors.As(err, &many) {
		return err
	}
	r.Kind = cmp.Or(datasets.FormOf(r.Path), "samples")
	return r.take(d, err, opt)
}

// describe puts in how samples were understood.
func (r *Report) describe(d *datasets.Description) {
	if r.Rows = d.Rows; r.Rows == 0 {
		r.warn("there are no rows")
	}
	r.Stored = &Stored{Form: d.Form, Shape: d.Shape}
	for _, use := range d.Columns {
		i := slices.IndexFunc(r.Columns, func(c Column) bool { return c.Name == use.Name })
		if i < 0 {
			i = len(r.Columns)
			r.Columns = append(r.Columns, Column{Name: use.Name})
		}
		r.Columns[i].Use = use.For
	}
	if d.Bad != nil {
		r.warn("%v", d.Bad)
	}
	if d.First == nil {
		return
	}
	first := &First{ID: d.First.ID}
	for _, p := range d.First.Pictures {
		first.Pictures = append(first.Pictures, len(p.Bytes))
	}
	for _, t := range d.First.Turns {
		first.Turns = append(first.Turns, []string{t.From, shortened(t.Value)})
	}
	if n := len(d.First.Rejected); n > 0 {
		first.Turns = append(first.Turns, []string{"rejected", shortened(d.First.Rejected[n-1].Value)})
	}
	if d.First.Text != "" {
		first.Turns = [][]string{{"text", shortened(d.First.Text)}}
	}
	r.Stored.First = first
}

func shortened(text string) string {
	if r := []rune(text); len(r) > maxText {
		return string(r[:maxText]) + "..."
	}
	return text
}

// splits counts the rows of each split of a directory.
func (r *Report) splits(several *datasets.SplitError, opt Options) error {
	r.Stored = &Stored{Splits: map[string]int{}}
	for _, split := range several.Splits {
		opt.Rows.Split = split
		d, err := datasets.Describe(r.Path, opt.Rows)
		if err != nil {
			r.warn("split %s: %v", split, err)
			continue
		}
		r.Stored.Splits[split] = d.Rows
		r.Stored.Form = d.Form
	}
	r.warn("name one of the splits (--split; split: in a recipe)")
	return nil
}

// read looks at every row and picture.
func (r *Report) read(src datasets.Source) {
	n := &Samples{}
	r.Samples = n
	for i := range src.Len() {
		s, err := src.At(i)
		if err == nil {
			err = n.count(&s)
		}
		if err == nil {
			n.Rows++
			continue
		}
		if n.Bad++; n.Bad <= maxShown && !slices.Contains(r.Warnings, err.Error()) { // the first one has been looked at before
			r.warn("%v", err)
		}
	}
	if n.Bad > maxShown {
		r.warn("%d more rows are bad", n.Bad-maxShown)
	}
	if n.Empty > 0 {
		r.warn("%d answers are empty: nothing but their end would be learnt", n.Empty)
	}
	if n.Rows > 0 && n.Answers+n.Whole == 0 {
		r.warn("nothing in the rows is learnt")
	}
}

func (n *Samples) count(s *datasets.Sample) error {
	err := s.Check()
	for i, p := range s.Pictures {
		n.Pictures++
		if _, failed := preprocess.Decode(p.Bytes, 0); failed != nil {
			err = errors.Join(err, fmt.Errorf("picture %d: %w", i+1, failed))
		}
	}
	for _, t := range s.Turns {
		n.Turns++
		switch {
		case t.From == datasets.GPT && t.Context:
			n.Context++
		case t.From == datasets.GPT:
			n.Answers++
		}
		if t.IsEmptyAnswer() {
			n.Empty++
		}
	}
	if s.Text != "" {
		n.Whole++
	}
	if err != nil {
		return fmt.Errorf("%s: %w", s.Origin, err)
	}
	return nil
}
