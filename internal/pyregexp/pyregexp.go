// Package pyregexp matches the names of modules against Python's regular expressions, as PEFT 0.21 does: with lookahead and
// lookbehind, which Go's own package does not have. Matching takes bounded time.
package pyregexp

import (
	"fmt"
	"time"

	"github.com/dlclark/regexp2"
)

// timeout is how long one name may take; names are short, so only patterns that try exponentially many ways take as long.
const timeout = time.Second

// Expr is a compiled expression.
type Expr struct {
	text string
	re   *regexp2.Regexp
}

// Full is an expression for a whole name: re.fullmatch, which PEFT uses for target_modules.
func Full(text string) (*Expr, error) { return compile(text, `\A(?:`+text+`)\z`) }

// End is an expression for a whole name or for its end behind a dot: re.match of (.*\.)?(text)$, which PEFT uses for rank_pattern.
func End(text string) (*Expr, error) { return compile(text, `\A(?:(.*\.)?(`+text+`)$)`) }

func compile(text, whole string) (*Expr, error) {
	if _, err := regexp2.Compile(text, regexp2.RE2); err != nil { // what is around it must not close its brackets
		return nil, err
	}
	re, err := regexp2.Compile(whole, regexp2.RE2)
	if err != nil {
		return nil, err
	}
	re.MatchTimeout = timeout
	return &Expr{text, re}, nil
}

// Match reports whether a name fits. It fails if that takes too long.
func (e *Expr) Match(name string) (bool, error) {
	ok, err := e.re.MatchString(name)
	if err != nil {
		return false, fmt.Errorf("pattern %q takes longer than %v on %q: write it without nested repetitions", e.text, timeout, name)
	}
	return ok, nil
}
