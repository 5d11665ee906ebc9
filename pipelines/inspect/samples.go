package inspect

import (
	"errors"
	"fmt"

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

// samples opens stored samples as training does, and reads them all if asked to.
func (r *Report) samples(opt Options) error {
	src, err := datasets.OpenWith(r.Path, opt.Rows)
	if err != nil {
		r.warn("not a source of samples: %v", err)
		return nil
	}
	r.Rows = src.Len()
	if r.Rows == 0 {
		r.warn("there are no rows")
	}
	if opt.Check {
		r.read(src)
	}
	return src.Close()
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
		if n.Bad++; n.Bad <= maxShown {
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
