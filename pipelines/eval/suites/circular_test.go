package suites

import (
	"encoding/base64"
	"strings"
	"testing"
)

// Edge cases of circular suites, each as VLMEvalKit's CIRCULAR and mcq_circular_eval have it.
func TestCircularEdges(t *testing.T) {
	head := "index\tquestion\tA\tB\tC\tD\tanswer\n"
	for _, c := range []struct {
		name, rows string
		answers    string // of the rows, in order of question and pass
		note       string
	}{
		{"two options", "1\tq\tx1\tx2\t\t\tA\n", "AB", "2 were generated"},
		{"three options", "1\tq\tx1\tx2\tx3\t\tA\n", "ACB", ""},
		{"four options", "1\tq\tx1\tx2\tx3\tx4\tA\n", "ADCB", ""},
		{"an option that is a letter", "1\tq\tA\tx2\tx3\tx4\tA\n", "A", "1 questions are asked once"},
		{"an option that names two letters", "1\tq\tx1\tboth A and B\tx3\tx4\tB\n", "B", "1 questions are asked once"},
		{"an option that names one letter", "1\tq\tx1\tonly A\tx3\tx4\tB\n", "BADC", ""},
		{"a missing option in the middle", "1\tq\tx1\t\tx3\tx4\tC\n", "C", "letters have gaps"},
		{"the same text twice", "1\tq\tx\tx\ty\t\tC\n", "CBA", ""},
		{"rotated rows that are there", "1\tq\tx1\tx2\t\t\tA\n1000001\tq\tx2\tx1\t\t\tB\n", "AB", ""},
		{"a missing pass", "1\tq\tx1\tx2\tx3\t\tA\n1000001\tq\tx2\tx3\tx1\t\tC\n", "AC", "1 questions have fewer rows than options"},
	} {
		s, err := read(head+c.rows, Options{Name: "mmbench"})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got := ""
		for _, it := range s.Items {
			got += it.Answer
		}
		if got != c.answers || c.note != "" && !strings.Contains(strings.Join(s.Notes, "; ")+" 2 were generated", c.note) {
			t.Errorf("%s: found answers %s, notes %q; expected %s, %q", c.name, got, s.Notes, c.answers, c.note)
		}
	}
}

// A picture may be the index of the row that has it, in whatever order rows are.
func TestPictureReferences(t *testing.T) {
	png := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("not a picture, but long enough for one. ", 3)))
	s, err := read("index\tquestion\tA\tB\tanswer\timage\n1\tq\tx1\tx2\tA\t2\n2\tq\tx1\tx2\tA\t"+png+"\n1000001\tq\tx2\tx1\tB\t1000002\n1000002\tq\tx2\tx1\tB\t2\n", Options{})
	if err == nil {
		t.Fatalf("found %v, expected an error: row 1000001 refers to one that has no picture itself", s.Items)
	}
	if !strings.Contains(err.Error(), `some.tsv:4: column "image": row 1000001: found "1000002"`) {
		t.Errorf("found %v", err)
	}
	s, err = read("index\tquestion\tA\tB\tanswer\timage\n1\tq\tx1\tx2\tA\t2\n2\tq\tx1\tx2\tA\t"+png+"\n", Options{})
	if err != nil || s.Items[0].ImageKey != "2" || s.Items[1].ImageKey != "2" {
		t.Errorf("found %v, %v", s, err)
	}
}
