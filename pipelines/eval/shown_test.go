package eval

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"reflect"
	"strings"
	"testing"
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

const mmmuHeader = "index\tid\tquestion\tA\tB\tanswer\timage\n"

// What is asked and shown of questions with pictures, by protocol. The prompts of 2024.06 are what split_MMMU and message_to_promptimg of VLMEvalKit
// at ff8017cc make of the same texts.
func TestShownPictures(t *testing.T) {
	a, b := square(t, 5), square(t, 6)
	two := "['" + a + "', '" + b + "']"
	letter := "\n" + instructLetter
	for _, c := range []struct {
		protocol, question, options, pictures string
		prompt                                string
		shown                                 []string // or the error
	}{
		{VLMEvalKit202406, "q", "x\ty", two, "q\nA. x\nB. y" + letter, []string{"1"}},
		{VLMEvalKit202406, "<image 2> and <image 1>?", "<image 1>\ty", two, "\n and \n?\nA. \n\nB. y" + letter, []string{"1#2"}},
		{VLMEvalKit202406, "a<image 1>b <image> c", "x\ty", a, "a\nb  c\nA. x\nB. y" + letter, []string{"1"}},
		{VLMEvalKit202406, "q <image 3>", "x\ty", two, "", []string{"item validation_Math_1: protocol vlmevalkit-2024.06: found <image 3> in the text, expected the number of one of the item's 2 pictures"}},
		{VLMEvalKit202406, "q <image 0>", "x\ty", two, "", []string{"found <image 0> in the text"}},
		{VLMEvalKit202406, "q <image 10>", "x\ty", two, "", []string{`found "<image 10>` + "\nA. x"}},
		{VLMEvalKit202406, "q <image ", "\t", two, "", []string{`expected a digit and >`}},
		{VLMEvalKit202406, "q <image 1>", "\t", a, "q \n" + letter, []string{"1"}},
		{VLMEvalKit202508, "<image 2> and <image 1>?", "x\ty", two, "<image 2> and <image 1>?\nA. x\nB. y" + letter, []string{"1"}},
		{VLMEvalKit202608, "a<image>b", "x\ty", two, "ab\nA. x\nB. y" + letter, []string{"1"}},
		{LMMSEval, "<image 2> and <image 1>?", "<image 1>\ty", two, "<image> <image>\n<image 2> and <image 1>?\nA. <image 1>\nB. y\n" + letter, []string{"1", "1#2"}},
		{LMMSEval, "what is <image 2>?", "x\ty", two, "what is <image 2>?\nA. x\nB. y\n" + letter, []string{"1#2"}},
		{LMMSEval, "q", "x\ty", two, "q\nA. x\nB. y\n" + letter, nil},
		{LMMSEval, "q <image 7>", "x\ty", two, "", []string{"found <image 7> in the text"}},
		{MMMUOfficial, "<image 2> and <image 1>?", "x\ty", two, "<image 2> and <image 1>?\n(A) x\n(B) y\n" + letter, []string{"1"}},
		{MMMUOfficial, "q", "<img='1.png'>\t<img='2.png'>", two, "", []string{"found 2 pictures <img='..'> in the options"}},
	} {
		s, err := read(mmmuHeader+"1\tvalidation_Math_1\t"+c.question+"\t"+c.options+"\tA\t"+c.pictures+"\n", SuiteOptions{Name: "MMMU_DEV_VAL"})
		if err != nil {
			t.Fatal(err)
		}
		p, err := ProtocolForSuite(s, c.protocol)
		if err != nil {
			t.Fatal(err)
		}
		prompt, shown, err := p.Ask(s.Items[0])
		if err != nil {
			if len(c.shown) == 0 || !strings.Contains(err.Error(), c.shown[0]) {
				t.Errorf("%s, %q: found error %v, expected %q", c.protocol, c.question, err, c.shown)
			}
			continue
		}
		if prompt != c.prompt || !reflect.DeepEqual(shown, c.shown) {
			t.Errorf("%s, %q: found %q about %q, expected %q about %q", c.protocol, c.question, prompt, shown, c.prompt, c.shown)
		}
	}
}

// Suites of one picture a question: the first of several, all of them, or an error.
func TestSeveralPicturesElsewhere(t *testing.T) {
	two := "['" + square(t, 5) + "', '" + square(t, 6) + "']"
	s, err := read("index\tquestion\tA\tB\tanswer\timage\n7\tq\tx\ty\tA\t"+two+"\n", SuiteOptions{Name: "ScienceQA_TEST"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ protocol, start, shown string }{
		{VLMEvalKit202406, "q\n", "[7]"},
		{LMMSEval, "<image> <image>\nq\n", "[7 7#2]"},
		{LetterLogit, "<image>\n<image>\nq\n", "[7 7#2]"},
		{LLaVA15, "", "item 7: found 2 pictures, protocol llava-1.5 knows questions about one"},
	} {
		p, err := ProtocolForSuite(s, c.protocol)
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

func TestPictureLists(t *testing.T) {
	a, b := square(t, 5), square(t, 6)
	for _, cell := range []string{
		"['" + a + "', '" + b + "']", "['" + a + "','" + b + "',]", "[ '" + a + "' , '" + b + "' ]",
		`"[""` + a + `"", ""` + b + `""]"`, `"['` + a + `', ""` + b + `""]"`,
	} {
		s, err := read("index\tquestion\tanswer\timage\n1\tq\tyes\t"+cell+"\n2\tq\tno\t1\n3\tq\tno\t"+cell+"\n4\tq\tno\t"+a+"\n", SuiteOptions{})
		if err != nil {
			t.Fatalf("%.20s: %v", cell, err)
		}
		for i, want := range [][]string{{"1", "1#2"}, {"1", "1#2"}, {"1", "1#2"}, {"4"}} {
			if got := s.Items[i].Pictures(); !reflect.DeepEqual(got, want) {
				t.Errorf("row %d: found pictures %q, expected %q", i+1, got, want)
			}
		}
		for key, want := range map[string]string{"1": a, "1#2": b, "4": a} {
			if got, err := s.Picture(key); err != nil || base64.StdEncoding.EncodeToString(got) != want {
				t.Errorf("%.20s, picture %s: found %d bytes, %v", cell, key, len(got), err)
			}
		}
		for _, key := range []string{"1#3", "1#0", "1#", "1#x", "2", "4#2"} {
			if _, err := s.Picture(key); err == nil {
				t.Errorf("found a picture %s", key)
			}
		}
	}
	for cell, want := range map[string]string{
		"['" + a + "', '" + b + "'":                           `expected a list ['..', '..'] of quoted base64`,
		"['" + a + "' '" + b + "']":                           `expected a list`,
		"['" + a + "', " + b + "]":                            `expected a list`,
		"['" + a + "', '12']":                                 `found "12" as picture 2 of a list, expected base64 of more than 64 characters`,
		"['" + a + "', 'x]":                                   `expected a list`,
		"[" + strings.Repeat(" ", 70) + "]":                   `expected a list`,
		"[" + strings.Repeat("'"+a+"',", maxPictures+1) + "]": `found more than 64 pictures`,
	} {
		_, err := read("index\tquestion\tanswer\timage\n1\tq\tyes\t"+cell+"\n", SuiteOptions{})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `some.tsv:2: column "image": row 1: `) {
			t.Errorf("%.20s: found error %v, expected %q in it", cell, err, want)
		}
		if _, err := read("index\tquestion\tanswer\timage\n1\tq\tyes\t"+cell+"\n", SuiteOptions{TextOnly: true}); err != nil {
			t.Errorf("%.20s: found error %v though no picture is wanted", cell, err)
		}
	}
	if _, err := read("index\tquestion\tanswer\timage_1\timage_2\n1\tq\tyes\tx\ty\n", SuiteOptions{}); err == nil || !strings.Contains(err.Error(), `found column "image_1" without "image"`) {
		t.Errorf("found %v", err)
	}
}

// A run shows all pictures that a protocol shows, grey ones in their places if it is blank, and another second picture is another suite.
func TestRunShowsSeveralPictures(t *testing.T) {
	a, b, c := square(t, 5), square(t, 6), square(t, 7)
	suite := func(second string) *Suite {
		s, err := read("index\tquestion\tanswer\timage\n1\tq\tyes\t['"+a+"', '"+second+"']\n2\tr\tno\t"+a+"\n", SuiteOptions{Name: "POPE"})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := suite(b)
	if suite(c).Version == s.Version {
		t.Error("another second picture has the same version")
	}
	p, err := ProtocolForSuite(s, LetterLogit)
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
