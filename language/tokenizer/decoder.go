package tokenizer

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// decodeFunc turns tokens into text; the results of the last one are joined. It may write to its argument.
type decodeFunc func(tokens []string) []string

const supportedDecoders = "Sequence, ByteLevel, ByteFallback, BPEDecoder, Fuse, Metaspace, Replace, Strip"

func newDecoder(c *component, field string) ([]decodeFunc, error) {
	if c == nil {
		return nil, nil
	}
	var f decodeFunc
	switch c.Type {
	case "Sequence":
		return sequence(c.Decoders, field+".decoders", newDecoder)
	case "ByteLevel":
		f = decodeByteLevel
	case "ByteFallback":
		f = decodeByteFallback
	case "BPEDecoder":
		if c.Suffix == "" {
			return nil, missing(field, "suffix")
		}
		f = func(tokens []string) []string { return decodeSuffix(tokens, c.Suffix) }
	case "Fuse":
		f = func(tokens []string) []string { return []string{strings.Join(tokens, "")} }
	case "Metaspace":
		if c.Replacement == "" {
			return nil, missing(field, "replacement")
		}
		never := c.PrependScheme == "never" || c.PrependScheme == "" && c.AddPrefixSpace != nil && !*c.AddPrefixSpace
		f = func(tokens []string) []string { return decodeMetaspace(tokens, c.Replacement, !never) }
	case "Replace":
		if c.Content == nil {
			return nil, missing(field, "content")
		}
		p, err := c.Pattern.compile(field)
		if err != nil {
			return nil, err
		}
		f = func(tokens []string) []string {
			for i, s := range tokens {
				tokens[i], _ = p.replaceAll(s, *c.Content, math.MaxInt) // no text is longer
			}
			return tokens
		}
	case "Strip":
		if deref(c.Content) == "" || c.Start < 0 || c.Stop < 0 {
			return nil, fmt.Errorf("%s: content, start >= 0 and stop >= 0 expected", field)
		}
		f = func(tokens []string) []string { return decodeStrip(tokens, *c.Content, c.Start, c.Stop) }
	default:
		return nil, unsupported(field, c.Type, supportedDecoders)
	}
	return []decodeFunc{f}, nil
}

// mostLonger bounds how many times as long as its tokens a text may become by decoders; those of published tokenizers shorten.
const mostLonger = 64

// longer is a bound on how many times as long as its tokens a decoder makes a text; above mostLonger it is mostLonger + 1.
func longer(c *component) int {
	if c == nil {
		return 1
	}
	n := 1
	switch {
	case c.Type == "Sequence":
		for i := range c.Decoders {
			n = min(n*longer(&c.Decoders[i]), mostLonger+1)
		}
	case c.Type == "ByteLevel": // a letter may become U+FFFD
		n = 3
	case c.Type == "Replace" && c.Content != nil && c.Pattern != nil:
		shortest := 1 // of what a regular expression matches
		if s := c.Pattern.String; s != nil {
			shortest = max(len(*s), 1)
		}
		n = (min(len(*c.Content), shortest*(mostLonger+1)) + shortest - 1) / shortest
	}
	return max(n, 1)
}

// sequence builds the members of a Sequence component.
func sequence[T any](members []component, field string, build func(*component, string) ([]T, error)) ([]T, error) {
	var out []T
	for i := range members {
		more, err := build(&members[i], fmt.Sprintf("%s[%d]", field, i))
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	return out, nil
}

func decodeByteLevel(tokens []string) []string {
	var b []byte
	for _, s := range tokens {
		b = appendLetterBytes(b, s)
	}
	return []string{lossyUTF8(b)}
}

// decodeByteFallback joins runs of <0xNN> into text; every byte of a run that is not UTF-8 as a whole becomes U+FFFD.
func decodeByteFallback(tokens []string) []string {
	var out []string
	var run []byte
	flush := func() {
		if utf8.Valid(run) {
			out = append(out, string(run))
		} else {
			out = append(out, strings.Repeat(string(utf8.RuneError), len(run)))
		}
		run = run[:0]
	}
	for _, s := range tokens {
		if len(s) == 6 && strings.HasPrefix(s, "<0x") && s[5] == '>' {
			if b, err := strconv.ParseUint(s[3:5], 16, 8); err == nil {
				run = append(run, byte(b))
				continue
			}
		}
		if len(run) > 0 {
			flush()
		}
		out = append(out, s)
	}
	if len(run) > 0 {
		flush()
	}
	return out
}

// decodeSuffix turns the end-of-word mark into a space, and into nothing at the end of the text.
func decodeSuffix(tokens []string, suffix string) []string {
	for i := range tokens {
		space := " "
		if i == len(tokens)-1 {
			space = ""
		}
		tokens[i] = strings.ReplaceAll(tokens[i], suffix, space)
	}
	return tokens
}

// decodeMetaspace turns marks into spaces; those of the first token were put there by the pre-tokenizer when prepended.
func decodeMetaspace(tokens []string, mark string, prepended bool) []string {
	for i := range tokens {
		space := " "
		if i == 0 && prepended {
			space = ""
		}
		tokens[i] = strings.ReplaceAll(tokens[i], mark, space)
	}
	return tokens
}

func decodeStrip(tokens []string, content string, start, stop int) []string {
	for i, s := range tokens {
		for k := 0; k < start && strings.HasPrefix(s, content); k++ {
			s = s[len(content):]
		}
		for k := 0; k < stop && strings.HasSuffix(s, content); k++ {
			s = s[:len(s)-len(content)]
		}
		tokens[i] = s
	}
	return tokens
}
