package suites

import (
	"bytes"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func open(t *testing.T, file string, opt Options) *Suite {
	t.Helper()
	s, err := OpenFile(filepath.Join("testdata", file), opt)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func read(text string, opt Options) (*Suite, error) {
	return Read("some.tsv", bytes.NewReader([]byte(text)), opt)
}

func TestMMBenchFile(t *testing.T) {
	s := open(t, "mmbench_cut.tsv", Options{})
	if s.Kind != Circular || len(s.Items) != 22 || s.Questions() != 6 || len(s.Notes) != 0 || s.Name != "mmbench_cut" {
		t.Fatalf("found %s suite %s of %d items, %d questions, notes %q", s.Kind, s.Name, len(s.Items), s.Questions(), s.Notes)
	}
	it := s.Items[0]
	want := "for x in range(6):\n     print(x)\n   else:\n     print(\"Finally finished!\")"
	if it.ID != 1 || it.Choices[0].Text != want {
		t.Errorf("found item %d with option A %q, expected %q", it.ID, it.Choices[0].Text, want)
	}
	for _, g := range Groups(s.Items) {
		for k, it := range g {
			if it.Pass != k || it.ImageKey != g[0].ImageKey {
				t.Errorf("item %d: found pass %d of picture %s", it.ID, it.Pass, it.ImageKey)
			}
			rot := rotate(g[0], k, it.ID)
			if !reflect.DeepEqual(rot.Choices, it.Choices) || rot.Answer != it.Answer {
				t.Errorf("item %d: Rotate gives %v %s, the file has %v %s", it.ID, rot.Choices, rot.Answer, it.Choices, it.Answer)
			}
		}
	}
	b, err := s.Picture(it.ImageKey)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := png.DecodeConfig(bytes.NewReader(b)); err != nil {
		t.Error(err)
	}
}

// The rows that are generated from base rows are the ones that the full file has.
func TestGeneratedRotations(t *testing.T) {
	for _, file := range []string{"mmbench_cut.tsv", "emoji_en.tsv"} {
		full := open(t, file, Options{Kind: Circular})
		var base []Item
		for _, it := range full.Items {
			if it.Pass == 0 {
				base = append(base, it)
			}
		}
		s, err := read(asTSV(base), Options{Kind: Circular})
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Items) != len(full.Items) || len(s.Notes) != 2 {
			t.Fatalf("%s: found %d items and notes %q, expected %d items", file, len(s.Items), s.Notes, len(full.Items))
		}
		for i, it := range s.Items {
			it.ImageKey = full.Items[i].ImageKey
			it.Source, it.Comment = full.Items[i].Source, full.Items[i].Comment
			if !reflect.DeepEqual(it, full.Items[i]) {
				t.Errorf("%s: found %+v, expected %+v", file, it, full.Items[i])
			}
		}
	}
}

func asTSV(items []Item) string {
	var b strings.Builder
	b.WriteString("index\tquestion\thint\tA\tB\tC\tD\tanswer\tcategory\tl2-category\tsplit\n")
	q := func(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
	for _, it := range items {
		c := [4]string{}
		for i := range it.Choices {
			c[i] = it.Choices[i].Text
		}
		fmt.Fprintf(&b, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", it.ID, q(it.Question), q(it.Hint), q(c[0]), q(c[1]), q(c[2]), q(c[3]), it.Answer, q(it.Category), q(it.L2), it.Split)
	}
	return b.String()
}

func withOptions(texts map[string]string) Item {
	it := Item{ID: 1, Question: "?"}
	for _, l := range alphabet {
		if text, ok := texts[string(l)]; ok {
			it.Choices = append(it.Choices, Choice{byte(l), text})
		}
	}
	return it
}

func TestRotatable(t *testing.T) {
	for _, c := range []struct {
		texts map[string]string
		ok    bool
	}{
		{map[string]string{"A": "red", "B": "blue"}, true},
		{map[string]string{"A": "Solution A", "B": "Solution B"}, true},
		{map[string]string{"A": "both A and B", "B": "no"}, false},
		{map[string]string{"A": "A/B", "B": "no"}, false},
		{map[string]string{"A": "AB", "B": "no"}, false},
		{map[string]string{"A": "C", "B": "no"}, false},
		{map[string]string{"A": "red", "C": "blue"}, false},
	} {
		it := withOptions(c.texts)
		it.Answer = "A"
		if err := rotatable(it); (err == nil) != c.ok {
			t.Errorf("%v: found %v", c.texts, err)
		}
	}
}

func TestYesNoFile(t *testing.T) {
	s := open(t, "pope.tsv", Options{})
	if s.Kind != YesNo || len(s.Items) != 12 {
		t.Fatalf("found %s suite of %d items", s.Kind, len(s.Items))
	}
	keys := map[string]bool{}
	for _, it := range s.Items {
		keys[it.ImageKey] = true
		if it.Answer != "Yes" && it.Answer != "No" {
			t.Errorf("item %d: found answer %q", it.ID, it.Answer)
		}
	}
	if len(keys) != 2 {
		t.Errorf("found %d pictures, expected 2", len(keys))
	}
}

func TestDialect(t *testing.T) {
	text := "\xef\xbb\xbfindex\tquestion\tA\tB\tC\tanswer\r\n" +
		"\r\n" +
		"1\ta \"b\" c\t\"x\ty\"\t\"l1\r\nl2\"\t\tA\r" + // inner quotes literal, tab and line end inside quotes, bare \r
		"2\t\"say \"\"hi\"\"\" now\tNone\t\"\"\"\"\tc\tC\n\n" +
		"3\tlast\tu\tv\t\tB"
	s, err := read(text, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if s.Kind != Vanilla || len(s.Items) != 3 {
		t.Fatalf("found %s suite of %d items", s.Kind, len(s.Items))
	}
	got := []string{s.Items[0].Question, s.Items[0].Choices[0].Text, s.Items[0].Choices[1].Text, s.Items[1].Question, s.Items[1].Choices[0].Text, s.Items[1].Choices[1].Text, s.Items[2].Answer}
	want := []string{`a "b" c`, "x\ty", "l1\r\nl2", `say "hi" now`, "None", `"`, "B"}
	if !slices.Equal(got, want) {
		t.Errorf("found %q, expected %q", got, want)
	}
	s, err = read(text, Options{PandasMissing: true})
	if err != nil {
		t.Fatal(err)
	}
	if c := s.Items[1].Choices; len(c) != 2 || c[0].Letter != 'B' {
		t.Errorf("found %v, expected option A to be missing", c)
	}
}

func TestBadFiles(t *testing.T) {
	long := strings.Repeat("QUJD", 20)
	for _, c := range []struct{ text, want string }{
		{"", "empty file"},
		{"index\tquestion\n", "no rows"},
		{"index\tA\tB\n1\tx\ty\n", `expected a column "question"`},
		{"index\tindex\tquestion\n", "twice"},
		{"index\t\tquestion\n", "without a name"},
		{"index\tquestion\timage_path\n1\tq\tx.png\n", "image_path"},
		{"index\tquestion\tanswer\n1\tq\n", "some.tsv:2: found 2 fields, expected 3"},
		{"index\tquestion\tanswer\n1\tq\tyes\tmore\n", "some.tsv:2: found more than 3 fields"},
		{"index\tquestion\tanswer\n1\tq\tmaybe\n", `some.tsv:2: column "answer": found "maybe", expected yes or no`},
		{"index\tquestion\tanswer\n1.5\tq\tyes\n", `some.tsv:2: column "index": found "1.5"`},
		{"index\tquestion\tanswer\n\tq\tyes\n", `some.tsv:2: column "index": found ""`},
		{"index\tquestion\tanswer\n-1\tq\tyes\n", `column "index"`},
		{"index\tquestion\tanswer\n1\tq\tyes\n2\t\tyes\n", `some.tsv:3: column "question"`},
		{"index\tquestion\tanswer\n1\tq\tyes\n1\tp\tyes\n", "on line 2 already"},
		{"index\tquestion\tanswer\n1\t\"q\tyes\n", "inside a quoted field"},
		{"index\tquestion\tanswer\n1\tq\xff\tyes\n", "not UTF-8"},
		{"index\tquestion\tA\tB\tanswer\n1\tq\tx\ty\tC\n", `expected one of the options AB`},
		{"index\tquestion\tA\tB\tanswer\n1\tq\tx\t\tA\n", `expected two or more`},
		{"index\tquestion\tanswer\timage\n1\tq\tyes\t7\n", `some.tsv:2: column "image": row 1: found "7"`},
		{"index\tquestion\tanswer\timage\n1\tq\tyes\t2\n2\tq\tyes\t1\n", `found "2"`},
		{"index\tquestion\tA\tB\tanswer\n5\tq\tx\ty\tA\n1000005\tq\ty\tx\tB\n1000006\tq\ty\tx\tB\n", "expected row 6"},
		{"index\tquestion\tanswer\n1\t" + strings.Repeat("x", maxTextField+1) + "\tyes\n", "more than 1048576 bytes"},
	} {
		_, err := read(c.text, Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60q: found error %v, expected %q in it", c.text, err, c.want)
		}
	}
	if _, err := read("index\tquestion\tanswer\timage\n1\tq\tyes\t"+long+"*\n", Options{}); err == nil || !strings.Contains(err.Error(), `some.tsv:2: column "image": row 1: picture 1 is no base64`) {
		t.Errorf("found %v, expected an error about base64", err)
	}
}

func TestChangedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.tsv")
	text := "index\tquestion\tanswer\timage\n1\tq\tyes\t" + strings.Repeat("QUJD", 20) + "\n"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := OpenFile(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if b, err := s.Picture("1"); err != nil || !strings.HasPrefix(string(b), "ABCABC") {
		t.Errorf("found %q, %v", b, err)
	}
	if err := os.WriteFile(path, []byte(text+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Picture("1"); err == nil || !strings.Contains(err.Error(), "has changed") {
		t.Errorf("found %v, expected an error", err)
	}
}

func TestVersionFollowsContent(t *testing.T) {
	text := "index\tquestion\tanswer\timage\n1\tq\tyes\t" + strings.Repeat("QUJD", 20) + "\n"
	versions := map[string]bool{}
	for _, x := range []string{text, strings.Replace(text, "yes", "no", 1), strings.Replace(text, "QUJD", "QUJE", 1)} {
		s, err := read(x, Options{})
		if err != nil {
			t.Fatal(err)
		}
		versions[s.Version] = true
	}
	if len(versions) != 3 {
		t.Errorf("found %d versions of 3 different suites", len(versions))
	}
}
