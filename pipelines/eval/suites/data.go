package suites

import (
	"maps"
	"slices"
)

// Data says which stored samples a suite is made of that is no table, so that whoever has a result finds its pictures again.
type Data struct {
	Sources []Samples `json:"sources"`
	History bool      `json:"history,omitempty"`  // what was said before a question is shown with it
	HeldOut *HeldOut  `json:"held_out,omitempty"` // the suite is a share of the sources; nil: it is all of them
}

// Samples is a source of stored samples, and how its rows are read: the keys of a training stage's source.
type Samples struct {
	Path       string            `json:"path"`
	Images     []string          `json:"images,omitempty"`
	Ignore     []string          `json:"ignore,omitempty"`
	MayIgnore  []string          `json:"may_ignore,omitempty"`
	ImageFirst bool              `json:"image_first,omitempty"`
	Pairs      bool              `json:"pairs,omitempty"` // of answers, of which the chosen one is right
	Columns    map[string]string `json:"columns,omitempty"`
	Prompt     string            `json:"prompt,omitempty"`
	Split      string            `json:"split,omitempty"`
	Weight     float64           `json:"weight,omitempty"` // in a mixture of several
}

// HeldOut is the share of a training stage's samples that it holds back.
type HeldOut struct {
	Stage       string  `json:"stage"`
	Share       float64 `json:"share"`
	By          string  `json:"by,omitempty"` // picture, or empty: row
	Seed        uint64  `json:"seed"`
	Limit       int     `json:"limit,omitempty"`
	Temperature float64 `json:"temperature,omitempty"`
}

// Written is the same with paths and other texts as records have them, or as they are read from records.
func (d Data) Written(path, text func(string) string) *Data {
	each := func(list []string, as func(string) string) (out []string) {
		for _, s := range list {
			out = append(out, as(s))
		}
		return out
	}
	d.Sources = slices.Clone(d.Sources)
	for i := range d.Sources {
		s := &d.Sources[i]
		s.Path, s.Prompt, s.Split = path(s.Path), text(s.Prompt), text(s.Split)
		s.Images, s.Ignore, s.MayIgnore = each(s.Images, path), each(s.Ignore, text), each(s.MayIgnore, text)
		s.Columns = maps.Clone(s.Columns)
		for key, column := range s.Columns {
			s.Columns[key] = text(column)
		}
	}
	if d.HeldOut != nil {
		h := *d.HeldOut
		h.Stage = text(h.Stage)
		d.HeldOut = &h
	}
	return &d
}
