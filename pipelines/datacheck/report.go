package datacheck

import (
	"cmp"
	"fmt"
	"slices"
)

// A Report is what was found in the data of a recipe.
type Report struct {
	Recipe string  `json:"recipe"`
	Stages []Stage `json:"stages"`
	Suites []Suite `json:"suites"`
}

// A Stage is what one training stage would see.
type Stage struct {
	Name     string            `json:"name"`
	Kind     string            `json:"kind"`
	Data     []string          `json:"data"`
	Policies map[string]string `json:"policies"`

	Rows      int   `json:"rows"` // of an epoch; with weights, a stored row counts as often as it comes
	Held      int   `json:"held_out"`
	Used      int   `json:"used"`      // rows of which something is learnt or validated on
	Sequences int   `json:"sequences"` // more than Used where rows are split
	Tokens    int64 `json:"tokens"`    // of all sequences
	Learnt    int64 `json:"supervised_tokens"`
	OfImages  int64 `json:"image_tokens"`
	Context   int   `json:"context_answers"` // answers that are read and not learnt
	MaxLength int   `json:"max_length"`

	Lengths    Counts `json:"tokens_per_sample"` // of whole rows, before they are cut or left out
	PerPicture Counts `json:"tokens_per_picture"`
	Sides      Counts `json:"longest_side"` // of stored pictures, in pixels
	Largest    Size   `json:"largest_picture"`
	Smallest   Size   `json:"smallest_picture"`

	Findings []Finding  `json:"findings"`
	Samples  []Rendered `json:"samples"`
}

// A Suite is one whose pictures were looked for in the data.
type Suite struct {
	Stage    string    `json:"stage"`
	Name     string    `json:"name"`
	Items    int       `json:"items"`
	Pictures int       `json:"pictures"`
	Findings []Finding `json:"findings"`
}

// A Size is that of a picture in pixels.
type Size struct {
	W int `json:"width"`
	H int `json:"height"`
}

func (s Size) String() string { return fmt.Sprintf("%dx%d", s.W, s.H) }

// A Level says what a finding means for a run.
type Level string

// Levels, the gravest first.
const (
	Fault   Level = "error"   // a run stops at it
	Warning Level = "warning" // a run goes on
	Note    Level = "note"
)

// Kinds of findings.
const (
	BadLength        = "max_length"
	CannotOpen       = "data cannot be opened"
	Missing          = "missing pictures"
	Broken           = "broken pictures"
	Unusable         = "unusable samples"
	EmptyAnswer      = "empty answers"
	TooLong          = "too long"
	NoTargets        = "without targets"
	LeftOut          = "pieces left out"
	NoneUsed         = "no sample to train on"
	NoneUsedHeld     = "no sample to validate on"
	SameID           = "same id"
	SamePicture      = "same picture"
	SameSample       = "same sample"
	PictureHeld      = "held-out pictures in training"
	SampleHeld       = "held-out samples in training"
	PictureInSuite   = "suite pictures in training"
	AnswersAsContext = "answers that are context"
)

// A Finding is one kind of thing that was found.
type Finding struct {
	Level Level    `json:"level"`
	Kind  string   `json:"kind"`
	Count int      `json:"count"`
	What  string   `json:"what"`
	Named []string `json:"named,omitempty"` // the first few
}

// mostNamed is how many samples of a kind are named.
const mostNamed = 20

// findings collects what is found, by level and kind.
type findings struct {
	list []Finding
	mask func(string) string
}

// add counts one sample, or whatever the kind counts, and names it if there is room.
func (f *findings) add(level Level, kind, named string) {
	i := slices.IndexFunc(f.list, func(x Finding) bool { return x.Level == level && x.Kind == kind })
	if i < 0 {
		i = len(f.list)
		f.list = append(f.list, Finding{Level: level, Kind: kind})
	}
	f.list[i].Count++
	if named != "" && len(f.list[i].Named) < mostNamed {
		f.list[i].Named = append(f.list[i].Named, f.mask(named))
	}
}

// room says whether another one of a kind would be named.
func (f *findings) room(level Level, kind string) bool {
	i := slices.IndexFunc(f.list, func(x Finding) bool { return x.Level == level && x.Kind == kind })
	return i < 0 || len(f.list[i].Named) < mostNamed
}

// sorted are the findings, the gravest first, in words.
func (f *findings) sorted(say func(Finding) string) []Finding {
	rank := []Level{Fault, Warning, Note}
	out := append([]Finding{}, f.list...)
	for i := range out {
		if out[i].What == "" {
			out[i].What = say(out[i])
		}
	}
	slices.SortStableFunc(out, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(slices.Index(rank, a.Level), slices.Index(rank, b.Level)), cmp.Compare(a.Kind, b.Kind))
	})
	return out
}

// A StopError says that a run would end with an error.
type StopError struct{ Places []string }

func (e *StopError) Error() string {
	return fmt.Sprintf("a run would stop at the data: %d errors, the first in %s", len(e.Places), e.Places[0])
}

// Err is a *StopError if a run would stop at what was found.
func (r *Report) Err() error {
	var at []string
	collect := func(place string, list []Finding) {
		for _, f := range list {
			if f.Level == Fault {
				at = append(at, fmt.Sprintf("%s: %s", place, f.What))
			}
		}
	}
	for _, s := range r.Stages {
		collect("stage "+s.Name, s.Findings)
	}
	for _, s := range r.Suites {
		collect("suite "+s.Name, s.Findings)
	}
	if len(at) == 0 {
		return nil
	}
	return &StopError{at}
}
