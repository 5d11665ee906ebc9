package eval

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// scoring is part of every suite's version: it moves whenever the code that reads or scores suites could change a score.
const scoring = "1"

// groupOffset is MMBench's distance between the passes of a question: index = base + pass*1e6.
const groupOffset = 1_000_000

// PassDistance is groupOffset for readers of other programs' files.
const PassDistance = groupOffset

// Suite is a set of items, where their pictures come from, and a version.
type Suite struct {
	Name     string
	Version  string   // changes whenever a score could: rules of this package, items, answers, pictures
	Kind     Kind     // how the suite is counted
	Family   Family   // the benchmark, which protocols go by
	Protocol string   // that a definition names; empty: the default
	Items    []Item   // sorted by Group, then Pass
	Notes    []string // what a reader of the scores should know: generated, missing or unrotated passes, unread columns

	pictures Pictures
}

// Pictures gives encoded pictures (PNG, JPEG, ...) by key. It is called again whenever a picture is needed.
type Pictures interface {
	// Picture returns the encoded bytes of the picture.
	Picture(key string) ([]byte, error)
	// Digest identifies the picture's content without decoding it.
	Digest(key string) (string, error)
}

// NewSuite checks items and puts them in order. It is the way in for suites of other file formats; pictures may be nil when no
// item has a picture. Errors name the item's ID and what is wrong with it.
func NewSuite(name string, kind Kind, items []Item, pictures Pictures) (*Suite, error) {
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
	if it.open() {
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

// stamp derives Version from everything a score depends on.
func (s *Suite) stamp() error {
	h := sha256.New()
	enc := json.NewEncoder(h)
	if err := enc.Encode([]string{scoring, string(s.Kind)}); err != nil {
		return err
	}
	for _, it := range s.Items {
		if err := enc.Encode(it); err != nil {
			return fmt.Errorf("suite %s: item %d: %w", s.Name, it.ID, err)
		}
		for _, key := range it.Pictures() {
			d, err := s.pictures.Digest(key)
			if err != nil {
				return fmt.Errorf("suite %s: item %d: %w", s.Name, it.ID, err)
			}
			if err := enc.Encode(d); err != nil {
				return err
			}
		}
	}
	s.Version = scoring + "-" + hex.EncodeToString(h.Sum(nil)[:8])
	return nil
}

// SameVersion says whether two versions of a suite are of the same items and pictures, as far as the same rules of this package say so.
func SameVersion(a, b string) bool {
	rules, _, _ := strings.Cut(a, "-")
	others, _, _ := strings.Cut(b, "-")
	return a == b || rules != others
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
func (s *Suite) Questions() int { return len(groups(s.Items)) }

// Shard is part Index (from 0) of Count equal parts. The zero value is everything.
type Shard struct {
	Index int `json:"index"`
	Count int `json:"count"`
}

// Select returns the items of the first limit questions (0: all) that fall into the shard, in the suite's order. Questions about
// one picture stay together, so shards are equal in pictures rather than in rows, and no question is split.
func (s *Suite) Select(limit int, shard Shard) ([]Item, error) {
	if limit < 0 {
		return nil, fmt.Errorf("suite %s: found limit %d, expected 0 (all) or more", s.Name, limit)
	}
	if shard.Count < 0 || shard.Index < 0 || (shard.Count == 0 && shard.Index != 0) || (shard.Count > 0 && shard.Index >= shard.Count) {
		return nil, fmt.Errorf("suite %s: found shard %d of %d, expected an index from 0 to count-1", s.Name, shard.Index, shard.Count)
	}
	all := groups(s.Items)
	if limit > 0 && limit < len(all) {
		all = all[:limit]
	}
	pictures := map[string]int{}
	var items []Item
	for i, g := range all {
		n := i
		if key := g[0].ImageKey; key != "" {
			if _, ok := pictures[key]; !ok {
				pictures[key] = len(pictures)
			}
			n = pictures[key]
		}
		if shard.Count <= 1 || n%shard.Count == shard.Index {
			items = append(items, g...)
		}
	}
	return items, nil
}

// groups cuts items, sorted by Group, into questions.
func groups(items []Item) [][]Item {
	var out [][]Item
	for i := 0; i < len(items); {
		j := i + 1
		for j < len(items) && items[j].Group == items[i].Group {
			j++
		}
		out = append(out, items[i:j])
		i = j
	}
	return out
}
