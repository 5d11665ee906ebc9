package datacheck

import (
	"strings"

	"moslava/datasets"
	"moslava/language/tokenizer"
	"moslava/pipelines/vlm"
)

// Rendered is a sample as the model reads it.
type Rendered struct {
	Place    string   `json:"place"`
	Tokens   int      `json:"tokens"`
	Learnt   int      `json:"supervised_tokens"`
	Spans    []Span   `json:"spans"`
	Pictures [][]byte `json:"-"` // small JPEGs
}

// A Span is a stretch of tokens that are alike.
type Span struct {
	Kind   string `json:"kind"`
	Text   string `json:"text,omitempty"` // empty for a picture
	Tokens int    `json:"tokens"`
}

// Kinds of spans.
const (
	Read    = "read"
	Learnt  = "supervised"
	Picture = "picture"
)

// render shows the first sequence of a sample; nil if there is none.
func render(p *vlm.Processor, l *datasets.Look) *Rendered {
	if len(l.Pieces) == 0 {
		return nil
	}
	e := &l.Pieces[0]
	r := &Rendered{Place: place(&l.Sample), Tokens: len(e.IDs), Learnt: e.Targets(), Spans: spans(p.Tokenizer, e)}
	if len(e.Images) > 0 {
		for _, pic := range l.Sample.Pictures {
			if b, err := p.Pixels.Decoder.Thumbnail(pic.Bytes, thumbnailSide); err == nil {
				r.Pictures = append(r.Pictures, b)
			}
		}
	}
	return r
}

// spans cuts a sequence where its kind changes.
func spans(tok *tokenizer.Tokenizer, e *datasets.Example) (out []Span) {
	kinds := make([]string, len(e.IDs))
	for i := range kinds {
		if kinds[i] = Read; i > 0 && e.Labels[i] != datasets.IgnoreIndex {
			kinds[i] = Learnt
		}
	}
	for _, im := range e.Images {
		out := kinds[im.At : im.At+im.Layout.Len()]
		for i := range out {
			out[i] = Picture
		}
	}
	images := map[int]int{} // how long the picture is that begins at a position
	for _, im := range e.Images {
		images[im.At] = im.Layout.Len()
	}
	var text []int32 // all ids so far but those of pictures
	before := ""
	for i := 0; i < len(kinds); {
		if n := images[i]; n > 0 {
			out = append(out, Span{Kind: Picture, Tokens: n})
			i += n
			continue
		}
		n := i + 1
		for n < len(kinds) && kinds[n] == kinds[i] {
			n++
		}
		text = append(text, e.IDs[i:n]...)
		// What a token spells depends on those before it: a blank at its beginning, or half a character.
		all := tok.Decode(text, false)
		part, ok := strings.CutPrefix(all, before)
		if !ok {
			part = tok.Decode(e.IDs[i:n], false)
		}
		before = all
		out = append(out, Span{Kind: kinds[i], Text: part, Tokens: n - i})
		i = n
	}
	return out
}

// thumbnailSide is the longest side of a picture on a page, in pixels.
const thumbnailSide = 192
