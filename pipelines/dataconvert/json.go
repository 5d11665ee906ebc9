package dataconvert

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"path"

	"moslava/datasets"
)

// row is one as JSON.
type row struct {
	ID     string `json:"id,omitempty"`
	Image  any    `json:"image,omitempty"` // a name, or a list of them
	Images any    `json:"images,omitempty"`
	Talk   []turn `json:"conversations"`
}

type turn struct {
	From   string `json:"from"`
	Value  string `json:"value"`
	Weight *int   `json:"weight,omitempty"`
}

func rowOf(s *datasets.Sample) row {
	r := row{ID: s.ID, Talk: []turn{}}
	for _, t := range s.Turns {
		x := turn{From: t.From, Value: t.Value}
		if t.Context {
			x.Weight = new(int)
		}
		r.Talk = append(r.Talk, x)
	}
	return r
}

// encode writes a value on a line; text stays as it is, for people.
func encode(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// lines writes a row a line.
type lines struct {
	place
	pictures *pictures
	prefix   string // of names of pictures
	list     bool   // of the rows, as one array
	rows     int
}

func beginLines(at place) (rowWriter, error) {
	return &lines{place: at, pictures: newPictures(at.dir), prefix: imagesDir}, nil
}

// beginLLaVA begins an array. LLaVA's programs put --image_folder in front of names, so that they lie below images/.
func beginLLaVA(at place) (rowWriter, error) {
	_, err := io.WriteString(at.w, "[\n")
	return &lines{place: at, pictures: newPictures(at.dir), list: true}, err
}

// checkLLaVA refuses what LLaVA's programs would pass over.
func checkLLaVA(s *datasets.Sample) error {
	for _, t := range s.Turns {
		if t.Context {
			return errors.New("an answer is not learnt, and LLaVA's JSON cannot say so: --to jsonl can")
		}
	}
	return nil
}

func (l *lines) Write(s *datasets.Sample) error {
	r := rowOf(s)
	var names []string
	for _, p := range s.Pictures {
		name, err := l.pictures.save(p.Bytes)
		if err != nil {
			return err
		}
		names = append(names, path.Join(l.prefix, name))
	}
	switch {
	case l.plan.Messages && !l.list:
		if len(names) > 0 {
			r.Images = names
		}
	case len(names) == 1:
		r.Image = names[0]
	case len(names) > 1:
		r.Image = names
	}
	if l.list && l.rows > 0 {
		if _, err := io.WriteString(l.w, ","); err != nil {
			return err
		}
	}
	l.rows++
	return encode(l.w, r)
}

func (l *lines) Close() error {
	if err := l.pictures.done(); err != nil || !l.list {
		return err
	}
	_, err := io.WriteString(l.w, "]\n")
	return err
}

// text is a row as JSON.
func text(r row) ([]byte, error) {
	var b bytes.Buffer
	err := encode(&b, r)
	return b.Bytes(), err
}
