package eval

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"

	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/eval/suites"
)

// square is a picture of n times n pixels as base64.
func square(t *testing.T, n int) string {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, n, n))
	for i := range n * n {
		m.Set(i%n, i/n, color.RGBA{byte(i), byte(n), 200, 255})
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

// Suites of one picture a question: the first of several, all of them, or an error.
func TestSeveralPicturesElsewhere(t *testing.T) {
	two := "['" + square(t, 5) + "', '" + square(t, 6) + "']"
	s, err := readText("index\tquestion\tA\tB\tanswer\timage\n7\tq\tx\ty\tA\t"+two+"\n", suites.Options{Name: "ScienceQA_TEST"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ protocol, start, shown string }{
		{protocols.VLMEvalKit202406, "q\n", "[7]"},
		{protocols.LMMSEval, "<image> <image>\nq\n", "[7 7#2]"},
		{protocols.LetterLogit, "<image>\n<image>\nq\n", "[7 7#2]"},
		{protocols.LLaVA15, "", "item 7: found 2 pictures, protocol llava-1.5 knows questions about one"},
	} {
		p, err := protocols.ForSuite(s, c.protocol)
		if err != nil {
			t.Fatal(err)
		}
		prompt, shown, err := p.Ask(s.Items[0])
		if got := fmt.Sprint(shown); err == nil && (got != c.shown || !strings.HasPrefix(prompt, c.start)) || err != nil && err.Error() != c.shown {
			t.Errorf("%s: found %q about %s, %v", c.protocol, prompt, got, err)
		}
		if err != nil {
			if _, err := Run(context.Background(), s, newOracle(s), Options{Protocol: p}); err == nil || !strings.Contains(err.Error(), c.shown) {
				t.Errorf("%s: found %v before anything was asked", c.protocol, err)
			}
		}
	}
}

// A run shows all pictures that a protocol shows, grey ones in their places if it is blank, and another second picture
// is another suite.
func TestRunShowsSeveralPictures(t *testing.T) {
	a, b, c := square(t, 5), square(t, 6), square(t, 7)
	suite := func(second string) *suites.Suite {
		s, err := readText("index\tquestion\tanswer\timage\n1\tq\tyes\t['"+a+"', '"+second+"']\n2\tr\tno\t"+a+"\n", suites.Options{Name: "POPE"})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := suite(b)
	if suite(c).Version == s.Version {
		t.Error("another second picture has the same version")
	}
	p, err := protocols.ForSuite(s, protocols.LetterLogit)
	if err != nil {
		t.Fatal(err)
	}
	for _, blank := range []bool{false, true} {
		o := newOracle(s)
		o.letters = [][]float64{{-1, -2}}
		res, err := Run(context.Background(), s, o, Options{Protocol: p, Blank: blank, Together: 1})
		if err != nil {
			t.Fatal(err)
		}
		if o.sizes[image.Pt(5, 5)] != 2 || o.sizes[image.Pt(6, 6)] != 1 || o.calls != 2 || blank != (o.greys == 3) {
			t.Errorf("found pictures %v, %d grey, in %d calls", o.sizes, o.greys, o.calls)
		}
		if got := res.Verdicts[0].Prompt; got != "<image>\n<image>\nq" {
			t.Errorf("found prompt %q", got)
		}
	}
}
