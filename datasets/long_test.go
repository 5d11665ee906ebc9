package datasets

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

// long is a conversation of a question with so many pictures and an answer.
func long(question string, pictures int, answer string) Sample {
	s := Sample{Turns: []Turn{{From: Human, Value: strings.Repeat(ImageMarker, pictures) + question}, {From: GPT, Value: answer}}}
	for range pictures {
		s.Pictures = append(s.Pictures, Picture{Bytes: []byte{9}})
	}
	return s
}

// TestTruncate: the end is cut off, but no picture, and not all that is learnt.
func TestTruncate(t *testing.T) {
	behind := long("q", 0, "abc")
	behind.Turns = append(behind.Turns, long("", 1, "y").Turns...)
	behind.Pictures = []Picture{{Bytes: []byte{9}}}
	for name, c := range map[string]struct {
		s       Sample
		most    int
		tokens  int // 0: dropped
		targets int
		why     string
		n       Counts
	}{
		"text":                   {long("qqq", 0, "abcdef"), 5, 5, 2, "9 tokens, 0 of them of images, expected at most 5", Counts{Truncated: 1}},
		"picture stays":          {long("q", 1, "abcdef"), 10, 10, 2, "14 tokens, 7 of them of images, expected at most 10", Counts{Truncated: 1}},
		"picture is cut":         {long("q", 1, "abcdef"), 6, 0, 0, "picture 1 ends at token 7, and pictures are not cut", Counts{Dropped: 1}},
		"second picture is cut":  {long("q", 2, "abcdef"), 13, 0, 0, "picture 2 ends at token 14, and pictures are not cut", Counts{Dropped: 1}},
		"picture behind the cut": {behind, 4, 0, 0, "picture 1 ends at token 11", Counts{Dropped: 1}},
		"nothing is learnt":      {long("qqqqq", 0, "ab"), 5, 0, 0, "all 2 tokens that are learnt lie beyond", Counts{Dropped: 1}},
		"nothing was learnt":     {Sample{Turns: long("qqqqq", 0, "").Turns[:1]}, 4, 0, 0, "none of 4 tokens is supervised", Counts{Truncated: 1, NoTargets: 1}},
		"fits":                   {long("q", 0, "ab"), 3, 3, 2, "", Counts{}},
	} {
		t.Run(name, func(t *testing.T) {
			var heard []string
			opt := LoadOptions{BatchSize: 9, Epochs: 1, InOrder: true, MaxLength: c.most, OnLong: OnTruncate, OnNoTargets: OnSkip,
				Notice: func(e Event) { heard = append(heard, e.String()) }}
			b := collect(t, &memory{rows: []Sample{c.s, long("x", 0, "y")}}, opt, Position{}, -1)[0]
			c.n.Samples = 1
			if c.tokens > 0 {
				c.n.Samples++
			}
			if len(b.IDs) != c.tokens+2 || b.Targets() != c.targets+1 || b.Counts != c.n {
				t.Errorf("%d tokens, %d targets, %+v; want %d, %d, %+v", len(b.IDs)-2, b.Targets()-1, b.Counts, c.tokens, c.targets, c.n)
			}
			if !strings.Contains(strings.Join(heard, "\n"), c.why) {
				t.Errorf("heard %q, want %q", heard, c.why)
			}
		})
	}
}

// less spells pictures with fewer tokens, if it may.
type less struct {
	spell
	no   error
	bare bool
}

func (e less) Shrinks() error { return e.no }

func (e less) Shrink(s Sample, most int) (Example, error) {
	x, err := e.Encode(s)
	if !e.bare && err == nil && len(x.Images) == 1 { // each token taken off the picture
		for len(x.IDs) > most && x.Images[0].Layout.Len() > 1 {
			x.IDs, x.Labels = x.IDs[1:], x.Labels[1:]
			x.Images[0].Layout = Layout{{N: x.Images[0].Layout.Len() - 1}}
		}
	}
	return x, err
}

func TestShrink(t *testing.T) {
	src := &memory{rows: []Sample{long("q", 1, "abcdef"), long("q", 0, "abcdefghij"), long("x", 0, "y")}}
	opt := LoadOptions{BatchSize: 9, Epochs: 1, InOrder: true, MaxLength: 10, OnLong: OnShrink}
	for b, err := range Load(t.Context(), src, less{}, opt, Position{}) {
		if want := (Counts{Samples: 2, Shrunk: 1, Dropped: 1}); err != nil || b.Counts != want || !reflect.DeepEqual(b.Offsets, []int32{0, 10, 12}) || b.Images[0].Layout.Len() != 3 {
			t.Fatalf("%+v, %v", b, err)
		}
	}
	for want, enc := range map[string]Encoder{
		"load: on_long shrink: the encoder cannot make less of pictures": spell{},
		"load: on_long shrink: one size":                                 less{no: errors.New("one size")},
	} {
		if _, err := lastError(t, src, enc, opt, Position{}); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
