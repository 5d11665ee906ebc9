package tokenizer

import (
	"fmt"
	"strings"
	"unicode/utf8"

	sugarme "github.com/sugarme/tokenizer"
	"github.com/sugarme/tokenizer/normalizer"
)

// spaceMark stands for a space in SentencePiece vocabularies (U+2581).
const spaceMark = "▁"

// splitFunc cuts pieces further; at is the place of the first.
type splitFunc func(pieces []string, at place) []string

const supportedPreTokenizers = "Sequence, Split, Digits, ByteLevel, Metaspace"

// newPreTokenizer also reports whether pieces are then spelled in the byte-level alphabet.
func newPreTokenizer(c *component, field string) (steps []splitFunc, byteLevel bool, err error) {
	if c == nil {
		return nil, false, nil
	}
	switch c.Type {
	case "Sequence":
		for i := range c.PreTokenizers {
			if byteLevel {
				return nil, false, fmt.Errorf("%s.pretokenizers[%d]: %s after ByteLevel is not supported", field, i, c.PreTokenizers[i].Type)
			}
			more, bl, err := newPreTokenizer(&c.PreTokenizers[i], fmt.Sprintf("%s.pretokenizers[%d]", field, i))
			if err != nil {
				return nil, false, err
			}
			steps, byteLevel = append(steps, more...), bl
		}
		return steps, byteLevel, nil
	case "Split":
		p, err := c.Pattern.compile(field)
		if err != nil {
			return nil, false, err
		}
		behavior, ok := behaviors[c.Behavior]
		if !ok {
			return nil, false, fmt.Errorf("%s.behavior: %q is not supported", field, c.Behavior)
		}
		return []splitFunc{(&Split{Pattern: p, Behavior: behavior, Invert: c.Invert}).all}, false, nil
	case "Digits":
		expr := `\p{N}+`
		if c.IndividualDigits {
			expr = `\p{N}`
		}
		p, err := CompilePattern(expr)
		if err != nil {
			return nil, false, err
		}
		return []splitFunc{(&Split{Pattern: p, Behavior: normalizer.IsolatedBehavior}).all}, false, nil
	case "ByteLevel":
		steps, err := newByteLevel(c, field)
		return steps, true, err
	case "Metaspace":
		step, err := newMetaspace(c, field)
		return []splitFunc{step}, false, err
	}
	return nil, false, unsupported(field, c.Type, supportedPreTokenizers)
}

func newByteLevel(c *component, field string) ([]splitFunc, error) {
	if c.AddPrefixSpace == nil {
		return nil, missing(field, "add_prefix_space")
	}
	var steps []splitFunc
	if *c.AddPrefixSpace {
		steps = append(steps, func(pieces []string, at place) []string {
			out := make([]string, len(pieces))
			for i, s := range pieces {
				if !strings.HasPrefix(s, " ") && !(i == 0 && at == continuation) {
					s = " " + s
				}
				out[i] = s
			}
			return out
		})
	}
	if c.UseRegex == nil || *c.UseRegex {
		p, err := CompilePattern(gpt2Pattern)
		if err != nil {
			return nil, err
		}
		steps = append(steps, (&Split{Pattern: p, Behavior: normalizer.IsolatedBehavior}).all)
	}
	return steps, nil
}

func newMetaspace(c *component, field string) (splitFunc, error) {
	scheme := c.PrependScheme
	if scheme == "" { // before tokenizers 0.15
		scheme = "always"
		if c.AddPrefixSpace != nil && !*c.AddPrefixSpace {
			scheme = "never"
		}
	}
	if scheme != "always" && scheme != "first" && scheme != "never" {
		return nil, fmt.Errorf("%s.prepend_scheme: %q found, always, first or never expected", field, scheme)
	}
	if utf8.RuneCountInString(c.Replacement) > 1 {
		return nil, fmt.Errorf("%s.replacement: %.40q found, one character expected", field, c.Replacement)
	}
	mark, err := literalPattern(c.Replacement)
	if err != nil {
		return nil, fmt.Errorf("%s.replacement: %w", field, err)
	}
	cut := &Split{Pattern: mark, Behavior: normalizer.MergedWithNextBehavior}
	return func(pieces []string, at place) []string {
		out := make([]string, 0, len(pieces))
		for i, s := range pieces {
			s = strings.ReplaceAll(s, " ", c.Replacement)
			prepend := scheme == "always" && !(i == 0 && at == continuation) || scheme == "first" && i == 0 && at == opening
			if prepend && !strings.HasPrefix(s, c.Replacement) {
				s = c.Replacement + s
			}
			if c.Split != nil && !*c.Split {
				out = append(out, s)
			} else {
				out = cut.appendPieces(out, s)
			}
		}
		return out
	}, nil
}

var behaviors = map[string]normalizer.SplitDelimiterBehavior{
	"Removed":            normalizer.RemovedBehavior,
	"Isolated":           normalizer.IsolatedBehavior,
	"MergedWithPrevious": normalizer.MergedWithPreviousBehavior,
	"MergedWithNext":     normalizer.MergedWithNextBehavior,
	"Contiguous":         normalizer.ContiguousBehavior,
}

// Split cuts text by a pattern; Behavior says where the matches go, Invert swaps matches and the rest. It implements
// sugarme/tokenizer's PreTokenizer.
type Split struct {
	Pattern  *Pattern
	Behavior normalizer.SplitDelimiterBehavior
	Invert   bool
}

var _ sugarme.PreTokenizer = (*Split)(nil)

func (s *Split) all(pieces []string, _ place) []string {
	size := 0
	for _, p := range pieces {
		size += len(p)
	}
	out := make([]string, 0, len(pieces)+size/4+1)
	for _, p := range pieces {
		out = s.appendPieces(out, p)
	}
	return out
}

// appendPieces appends the non-empty pieces of text.
func (s *Split) appendPieces(dst []string, text string) []string {
	if s.Behavior == normalizer.IsolatedBehavior && s.Pattern.scan != nil { // matches and what lies between them
		for pos := 0; pos < len(text); {
			start, end, ok := s.Pattern.scan(text, pos)
			if !ok {
				return append(dst, text[pos:])
			}
			if start > pos {
				dst = append(dst, text[pos:start])
			}
			dst = append(dst, text[start:end])
			pos = end
		}
		return dst
	}
	for _, r := range s.ranges(text) {
		dst = append(dst, text[r[0]:r[1]])
	}
	return dst
}

// ranges are the byte ranges of the pieces (tokenizers 0.22, NormalizedString::split).
func (s *Split) ranges(text string) [][2]int {
	var out [][2]int
	before := false // whether the part before was a match
	for _, m := range s.Pattern.FindMatches(text) {
		start, end, match := m.Offsets[0], m.Offsets[1], m.Match != s.Invert
		joins := false // extends the piece before it
		switch s.Behavior {
		case normalizer.MergedWithPreviousBehavior:
			joins = match && !before
		case normalizer.MergedWithNextBehavior:
			joins = before && !match
		case normalizer.ContiguousBehavior:
			joins = match == before
		}
		before = match
		switch {
		case s.Behavior == normalizer.RemovedBehavior && match, start == end:
		case joins && len(out) > 0:
			out[len(out)-1][1] = end
		default:
			out = append(out, [2]int{start, end})
		}
	}
	return out
}

// PreTokenize implements sugarme/tokenizer's PreTokenizer.
func (s *Split) PreTokenize(p *sugarme.PreTokenizedString) (*sugarme.PreTokenizedString, error) {
	return p.Split(func(_ int, n *normalizer.NormalizedString) []sugarme.SplitIdx {
		var out []sugarme.SplitIdx
		for _, r := range s.ranges(n.GetNormalized()) {
			if piece := n.Slice(normalizer.NewRange(r[0], r[1], normalizer.NormalizedTarget)); piece != nil {
				out = append(out, sugarme.SplitIdx{Normalized: piece})
			}
		}
		return out
	}), nil
}
