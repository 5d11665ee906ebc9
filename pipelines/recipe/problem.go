package recipe

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"moslava/internal/spelling"
)

// A Problem is one thing wrong with a recipe.
type Problem struct {
	File     string
	Line     int    // from 1; 0 if it is about the file or an override
	Override string // "key.path=value" if an override brought it in
	Key      string // its path, such as stages.1.lr; may be empty
	Message  string // what was found, what was expected
}

func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	switch {
	case p.Override != "":
		fmt.Fprintf(&b, ", override %q", p.Override)
	case p.Line > 0:
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	b.WriteString(": ")
	if p.Key != "" {
		b.WriteString(p.Key + ": ")
	}
	b.WriteString(p.Message)
	return b.String()
}

// maxProblems is how many anybody would read.
const maxProblems = 100

// Error holds all that is wrong with a recipe, in the order of the lines; of more than 100 problems, those found first.
type Error struct{ Problems []Problem }

func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	if len(lines) == 1 {
		return lines[0]
	}
	return fmt.Sprintf("%d problems in %s\n%s", len(lines), filepath.Base(e.Problems[0].File), strings.Join(lines, "\n"))
}

// nearest returns what a message says about an unknown word: the closest known one if it
// is close, else all of them.
func nearest(word string, known []string) string {
	if len(known) == 0 {
		return "none is expected here"
	}
	best := slices.MinFunc(known, func(a, b string) int {
		if d := spelling.Distance(word, a) - spelling.Distance(word, b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	if spelling.Distance(word, best) <= max(2, min(len(word), len(best))/2) {
		return fmt.Sprintf("did you mean %q?", best)
	}
	return listed + strings.Join(known, ", ")
}

// listed begins what nearest says where nothing is near.
const listed = "expected one of "
