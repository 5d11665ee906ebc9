// Package overlap says whether two paths, there already or not, lead to the same place or one into the other, however
// they are spelt. It looks at links and at what the file system takes for the same name, and at no file's content.
// Whether an overlap is an error is for its callers.
package overlap

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unicode"
)

// A Relation says how a first path stands to a second one.
type Relation string

// Apart is the zero value.
const (
	Apart    Relation = ""
	Same     Relation = "is the same as"
	Inside   Relation = "lies inside"
	Contains Relation = "contains"
)

// Of tells how a stands to b. Symbolic links are followed, and on file systems that do not tell cases apart, cases are not.
func Of(a, b string) (Relation, error) {
	pa, err := find(a)
	if err != nil {
		return Apart, err
	}
	pb, err := find(b)
	if err != nil {
		return Apart, err
	}
	switch inA, inB := pb.below(pa), pa.below(pb); {
	case inA && inB:
		return Same, nil
	case inA:
		return Contains, nil
	case inB:
		return Inside, nil
	}
	return Apart, nil
}

// place is a path as far as it exists, and what of it does not, or cannot, as there is a file in its way.
type place struct {
	real  string // absolute, without symbolic links
	rest  []string
	folds bool // the file system does not tell cases apart
}

// maxLinks bounds how many dangling links are followed.
const maxLinks = 40

func find(path string) (place, error) {
	at, err := filepath.Abs(path)
	if err != nil {
		return place{}, err
	}
	var rest []string
	for links := 0; ; {
		real, err := filepath.EvalSymlinks(at)
		if err == nil {
			return place{real, rest, folds(real)}, nil
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) || at == filepath.Dir(at) {
			return place{}, err
		}
		if to, err := os.Readlink(at); err == nil && links < maxLinks { // a link to what is not there yet
			if !filepath.IsAbs(to) {
				to = filepath.Join(filepath.Dir(at), to)
			}
			at, links = to, links+1
			continue
		}
		rest = append([]string{filepath.Base(at)}, rest...)
		at = filepath.Dir(at)
	}
}

// below says whether p is in q, or is q.
func (p place) below(q place) bool {
	if len(q.rest) > 0 {
		return len(p.rest) >= len(q.rest) && sameFile(p.real, q.real) && q.begins(p.rest)
	}
	for dir := p.real; ; dir = filepath.Dir(dir) {
		if sameFile(dir, q.real) {
			return true
		}
		if dir == filepath.Dir(dir) {
			return false
		}
	}
}

func (p place) begins(rest []string) bool {
	for i, name := range p.rest {
		if name != rest[i] && !(p.folds && strings.EqualFold(name, rest[i])) {
			return false
		}
	}
	return true
}

func sameFile(a, b string) bool {
	if a == b {
		return true
	}
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// folds asks the file system for an existing path in other cases.
func folds(path string) bool {
	other := strings.Map(func(r rune) rune {
		if unicode.IsUpper(r) {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, filepath.Base(path))
	return other != filepath.Base(path) && sameFile(path, filepath.Join(filepath.Dir(path), other))
}
