package suites

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"moslava/pipelines/eval"
	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/eval/score"
	"moslava/pipelines/eval/suites"
)

// liar answers every nth prompt with a text of its own, and the others with the right letter.
type liar struct {
	suite *suites.Suite
	nth   int
	text  string
	n     int
}

func (l *liar) TakesPictures() error { return nil }

func (l *liar) Answer(_ context.Context, questions []eval.Question, _ eval.AnswerOptions) ([]string, error) {
	p, err := protocols.Named("")
	if err != nil {
		return nil, err
	}
	var out []string
	for _, q := range questions {
		for _, it := range l.suite.Items {
			if p.Prompt(it) == q.Prompt {
				answer := it.Answer
				if l.n++; l.n%l.nth == 0 {
					answer = l.text
				}
				out = append(out, answer)
				break
			}
		}
	}
	return out, nil
}

func (l *liar) Letters(context.Context, []eval.Question, []string) ([][]float64, error) {
	return nil, fmt.Errorf("not asked")
}

const hostile = "<script>alert(1)</script><img src=x onerror=alert(2)> \u202eevil\x00 \"' https://example.org/x.png | *b*"

func answered(t *testing.T, file string, nth int, opt eval.Options) (*suites.Suite, *score.Result) {
	t.Helper()
	s, err := eval.OpenSuite("../../eval/suites/testdata/"+file, suites.Options{})
	if err != nil {
		t.Fatal(err)
	}
	res, err := eval.Run(context.Background(), s, &liar{suite: s, nth: nth, text: hostile}, opt)
	if err != nil {
		t.Fatal(err)
	}
	return s, res
}

// pageOf writes a page of one suite and returns it.
func pageOf(t *testing.T, sections ...Section) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "report.html")
	if err := WriteHTML(path, Page{Title: "Evaluation of <run>", Run: "run", Against: "other", Sections: sections}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestPageIsSelfContained: no script, no address that a browser would fetch, a policy that forbids both, every text escaped.
func TestPageIsSelfContained(t *testing.T) {
	suite, res := answered(t, "emoji_en.tsv", 3, eval.Options{})
	s, err := NewSection("<b>name</b>", res, nil, suite, 24)
	if err != nil {
		t.Fatal(err)
	}
	html := pageOf(t, s)
	for _, bad := range []string{"<script", "<img src=x", "<b>name", "\u202e", "\x00", "<link", "url(", "<iframe", "<object", "srcset", "<run>"} {
		if strings.Contains(html, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	for _, want := range []string{`content="default-src 'none'; img-src data:; style-src 'unsafe-inline'"`, "&lt;script&gt;alert(1)&lt;/script&gt;", "<svg viewBox", `name="viewport"`,
		"data:image/", "0 of 6", "&lt;b&gt;name&lt;/b&gt;", "unresolved, right is"} {
		if !strings.Contains(html, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	for _, m := range regexp.MustCompile(`(?:src|href|action|poster|data)="([^"]*)"`).FindAllStringSubmatch(html, -1) {
		if !strings.HasPrefix(m[1], "data:image/") && !strings.HasPrefix(m[1], "#") {
			t.Errorf("the page refers to %.60q", m[1])
		}
	}
}

// A card shows all pictures of its question.
func TestCardOfSeveralPictures(t *testing.T) {
	s, err := eval.OpenSuite("../../eval/suites/testdata/emoji_en.tsv", suites.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var parts []string
	for _, i := range []int{0, 4, 8} {
		b, err := s.Picture(s.Items[i].ImageKey)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, "'"+base64.StdEncoding.EncodeToString(b)+"'")
	}
	table := "index\tquestion\tA\tB\tanswer\timage\n1\twhich?\tx\ty\tA\t[" + strings.Join(parts, ", ") + "]\n"
	if s, err = suites.Read("plain", strings.NewReader(table), suites.Options{}); err != nil {
		t.Fatal(err)
	}
	res, err := eval.Run(context.Background(), s, &liar{suite: s, nth: 1, text: "B"}, eval.Options{})
	if err != nil {
		t.Fatal(err)
	}
	section, err := NewSection("plain", res, nil, s, 24)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(pageOf(t, section), `<img src="data:image/`); n != 3 {
		t.Errorf("found %d pictures, expected 3", n)
	}
}

func TestComparison(t *testing.T) {
	suite, a := answered(t, "emoji_en.tsv", 9, eval.Options{})
	_, b := answered(t, "emoji_en.tsv", 5, eval.Options{StopEarly: true, Together: 1})
	s, err := NewSection("emoji", a, b, suite, 2)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Cards) != 2 || len(s.Cards[0].Answers) != 2 || s.Compare.N != 6 || len(s.Compare.Flips) < 3 {
		t.Errorf("found %d cards, %+v", len(s.Cards), s.Compare)
	}
	html := pageOf(t, s)
	for _, want := range []string{"Questions on which the runs differ", "points</b> against other", "exact test: p = ", `class="b"`} {
		if !strings.Contains(html, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	md := Markdown(Page{Title: "a|b", Run: "run", Against: "other", Sections: []Section{s}})
	for _, want := range []string{`# a\|b`, "only this / other | p |", "| --- | ---: |", "McNemar's exact test on ", "| all | 6 | "} {
		if !strings.Contains(md, want) {
			t.Errorf("the Markdown has no %q:\n%s", want, md)
		}
	}
	_, other := answered(t, "pope.tsv", 3, eval.Options{})
	if _, err := NewSection("emoji", a, other, suite, 2); err == nil || !strings.Contains(err.Error(), "suite emoji: found verdicts on version") {
		t.Errorf("found %v", err)
	}
}

func TestWithoutTable(t *testing.T) {
	_, res := answered(t, "pope.tsv", 2, eval.Options{})
	s, err := NewSection("pope", res, nil, nil, 3)
	if err != nil {
		t.Fatal(err)
	}
	html := pageOf(t, s)
	for _, want := range []string{"not where it was", "Yes or no", "Is there a", "precision"} {
		if !strings.Contains(html, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	if strings.Contains(html, "data:image/") {
		t.Error("the page has a picture")
	}
	if len(s.Cards) > 3 || s.Missed == 0 {
		t.Errorf("found %d cards and %d missed", len(s.Cards), s.Missed)
	}
}

func TestCardsAreSpread(t *testing.T) {
	var qs []score.Asked
	for i, l2 := range []string{"a", "a", "a", "b", "a", "c", "b"} {
		qs = append(qs, score.Asked{First: protocols.Verdict{ID: int64(i), L2: l2}})
	}
	var got []int64
	for _, q := range spread(qs, 5) {
		got = append(got, q.First.ID)
	}
	if fmt.Sprint(got) != "[0 3 5 1 6]" || len(spread(qs, 99)) != 7 || len(spread(nil, 3)) != 0 {
		t.Errorf("found %v", got)
	}
}

func TestThumbnail(t *testing.T) {
	encoded := func(w, h int, png8 bool) []byte {
		m := image.NewNRGBA(image.Rect(0, 0, w, h))
		for i := range w {
			m.Set(i, i%h, color.NRGBA{uint8(i), 0, 200, 100})
		}
		var b bytes.Buffer
		var err error
		if err = jpeg.Encode(&b, m, nil); png8 {
			b.Reset()
			err = png.Encode(&b, m)
		}
		if err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	for _, c := range []struct {
		w, h  int
		png   bool
		want  image.Point
		start string
	}{
		{40, 30, true, image.Pt(40, 30), "\x89PNG"}, {1000, 500, true, image.Pt(320, 160), "\xff\xd8"}, {200, 100, false, image.Pt(200, 100), "\xff\xd8"},
		{3000, 2, true, image.Pt(320, 1), "\xff\xd8"}, {4, 640, false, image.Pt(2, 320), "\xff\xd8"},
	} {
		b, err := thumbnail(encoded(c.w, c.h, c.png))
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := image.DecodeConfig(bytes.NewReader(b))
		if err != nil || image.Pt(got.Width, got.Height) != c.want || !strings.HasPrefix(string(b), c.start) {
			t.Errorf("%d x %d: found %d x %d, %v, expected %v", c.w, c.h, got.Width, got.Height, err, c.want)
		}
	}
	for text, want := range map[string]string{"GIF89a\xff\xff\xff\xff\x00\x00\x00;": "65535 x 65535 pixels", "what": "unknown format", "": "unknown format"} {
		if _, err := thumbnail([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: found %v", text, err)
		}
	}
}

// Where the suite has no answers, the page says so and shows no percentage.
func TestPredictionsOnly(t *testing.T) {
	const head = "index\tquestion\tA\tB\tanswer\tcategory\n"
	for table, want := range map[string][]string{
		head + "1\tq\tx\ty\t\tc\n":                   {"predictions only", "1 questions have no answer"},
		head + "1\tq\tx\ty\t\tc\n2\tp\tx\ty\tA\td\n": {"1 of 1", "1 questions have no answer"},
	} {
		s, err := suites.Read("plain", strings.NewReader(table), suites.Options{})
		if err != nil {
			t.Fatal(err)
		}
		res, err := eval.Run(context.Background(), s, &liar{suite: s, nth: 9, text: "B"}, eval.Options{})
		if err != nil {
			t.Fatal(err)
		}
		section, err := NewSection("plain", res, nil, s, 24)
		if err != nil {
			t.Fatal(err)
		}
		html, md := pageOf(t, section), Markdown(Page{Title: "x", Sections: []Section{section}})
		for _, w := range want {
			if !strings.Contains(html, w) {
				t.Errorf("the page has no %q: %s", w, html)
			}
		}
		if !strings.Contains(md, "| c | 0 | - | - | - |") || !strings.Contains(md, "have no answer") || strings.Contains(html, "0 of 0") || strings.Contains(html+md, "-100") {
			t.Errorf("found %s", md)
		}
	}
}
