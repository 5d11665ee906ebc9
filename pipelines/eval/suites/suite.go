package suites

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Suite is a set of items, where their pictures come from, and a version.
type Suite struct {
	Name     string
	Version  string   // changes whenever a score could: rules of this package, items, answers, pictures
	Kind     Kind     // how the suite is counted
	Family   Family   // the benchmark, which protocols go by
	Protocol string   // that a definition names; empty: the default
	Items    []Item   // sorted by Group, then Pass
	Notes    []string // what a reader of the scores should know: generated, missing or unrotated passes, unread columns

	Data *Data // what it is made of, if that is no table

	pictures Pictures
}

// Close closes what pictures are read from; nothing is to be asked afterwards. Suites of tables need none.
func (s *Suite) Close() error {
	if c, ok := s.pictures.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// New checks items and puts them in order. It is the way in for suites of other file formats; pictures may be nil when no
// item has a picture. Errors name the item's ID and what is wrong with it.
func New(name string, kind Kind, items []Item, pictures Pictures) (*Suite, error) {
	s := &Suite{Name: name, Kind: kind, Family: familyOf(name, kind), Items: slices.Clone(items), pictures: pictures}
	if len(items) == 0 {
		return nil, fmt.Errorf("suite %s: found no items, expected at least one", name)
	}
	slices.SortFunc(s.Items, func(a, b Item) int {
		if a.Group != b.Group {
			return cmp.Compare(a.Group, b.Group)
		}
		if a.Pass != b.Pass {
			return cmp.Compare(a.Pass, b.Pass)
		}
		return cmp.Compare(a.ID, b.ID)
	})
	seen := make(map[int64]bool, len(items))
	for i, it := range s.Items {
		if seen[it.ID] {
			return nil, fmt.Errorf("suite %s: item %d is there twice", name, it.ID)
		}
		seen[it.ID] = true
		if i > 0 && s.Items[i-1].Group == it.Group && s.Items[i-1].Pass == it.Pass {
			return nil, fmt.Errorf("suite %s: items %d and %d are both pass %d of question %d", name, s.Items[i-1].ID, it.ID, it.Pass, it.Group)
		}
		if err := s.check(it); err != nil {
			return nil, fmt.Errorf("suite %s: item %d: %w", name, it.ID, err)
		}
	}
	s.Notes = s.answerNotes()
	return s, s.stamp()
}

// check refuses an item that could not be asked or never be right.
func (s *Suite) check(it Item) error {
	if strings.TrimSpace(it.Question) == "" {
		return fmt.Errorf("found an empty question")
	}
	if it.ImageKey != "" && s.pictures == nil {
		return fmt.Errorf("names picture %q, but the suite has none", it.ImageKey)
	}
	if it.ImageKey == "" && len(it.More) > 0 {
		return fmt.Errorf("names picture %q as the second and no first one", it.More[0])
	}
	if it.IsOpen() {
		if s.Kind != Open && s.Kind != Mixed {
			return fmt.Errorf("found an answer of form %q in a suite of kind %s, expected a letter, Yes or No", it.Form, s.Kind)
		}
		return nil
	}
	if s.Kind == YesNo || s.Kind == YesNoPairs {
		if len(it.Choices) > 0 {
			return fmt.Errorf("found %d options in a yes/no suite, expected none", len(it.Choices))
		}
		if it.Answer != "" && it.Answer != "Yes" && it.Answer != "No" {
			return fmt.Errorf("found answer %q, expected Yes or No", it.Answer)
		}
		return nil
	}
	if s.Kind != Circular && s.Kind != Vanilla && s.Kind != Mixed {
		return fmt.Errorf("found suite kind %q with a question of options, expected %s, %s or %s", s.Kind, Circular, Vanilla, Mixed)
	}
	letters, ok := "", it.Answer == ""
	for _, c := range it.Choices {
		if c.Letter < 'A' || c.Letter > 'Z' || strings.IndexByte(letters, c.Letter) >= 0 {
			return fmt.Errorf("found option letter %q after %q, expected different letters from A to Z", c.Letter, letters)
		}
		letters += string(c.Letter)
		ok = ok || it.Answer == string(c.Letter)
	}
	if len(letters) < 2 {
		return fmt.Errorf("found %d options, expected two or more", len(letters))
	}
	if !ok {
		return fmt.Errorf("found answer %q, expected one of the options %s", it.Answer, letters)
	}
	return nil
}

// Picture returns the encoded bytes of the picture with that key, nil for the empty key.
func (s *Suite) Picture(key string) ([]byte, error) {
	if key == "" {
		return nil, nil
	}
	b, err := s.pictures.Picture(key)
	if err != nil {
		return nil, fmt.Errorf("suite %s: picture %s: %w", s.Name, key, err)
	}
	return b, nil
}

// Questions is the number of groups.
func (s *Suite) Questions() int { return len(Groups(s.Items)) }

// answerNotes say of how many questions the suite does not tell the answer.
func (s *Suite) answerNotes() []string {
	all := Groups(s.Items)
	unlabelled := 0
	for _, g := range all {
		if slices.ContainsFunc(g, func(it Item) bool { return it.Answer == "" }) {
			unlabelled++
		}
	}
	switch unlabelled {
	case 0:
		return nil
	case len(all):
		return []string{noAnswers}
	}
	return []string{fmt.Sprintf("%d of %d questions have no answer in the suite: they are asked, and are in no score", unlabelled, len(all))}
}

// noAnswers is the note of a suite that can be asked and not scored.
const noAnswers = "the suite has no answers: predictions only, nothing is scored"
