package protocols

import (
	"reflect"
	"strings"
	"testing"

	"moslava/pipelines/eval/suites"
)

const mmmuHeader = "index\tid\tquestion\tA\tB\tanswer\timage\n"

// What is asked and shown of questions with pictures, by protocol. The prompts of 2024.06 are what split_MMMU and
// message_to_promptimg of VLMEvalKit at ff8017cc make of the same texts.
func TestShownPictures(t *testing.T) {
	a, b := strings.Repeat("QUJD", 20), strings.Repeat("QUJE", 20) // nobody decodes these pictures
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
		s, err := suites.Read("some.tsv", strings.NewReader(mmmuHeader+"1\tvalidation_Math_1\t"+c.question+"\t"+c.options+"\tA\t"+c.pictures+"\n"), suites.Options{Name: "MMMU_DEV_VAL"})
		if err != nil {
			t.Fatal(err)
		}
		p, err := ForSuite(s, c.protocol)
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
