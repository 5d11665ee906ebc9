package runreport

import (
	"context"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"moslava/internal/atomicfile"
	"moslava/pipelines/demo/scenes"
	"moslava/pipelines/eval"
	"moslava/pipelines/recipes/recipetest"
	"moslava/pipelines/suitedir"
)

// guesser answers by the bytes of question and pictures.
type guesser struct{}

func (guesser) TakesPictures() error { return nil }

func (guesser) Answer(_ context.Context, questions []eval.Question, _ eval.AnswerOptions) (out []string, err error) {
	for _, q := range questions {
		h := crc32.NewIEEE()
		for _, p := range append(q.Pictures, []byte(q.Prompt)) {
			h.Write(p)
		}
		out = append(out, string(rune('A'+h.Sum32()%4)))
	}
	return out, nil
}

func (guesser) Letters(context.Context, []eval.Question, []string) ([][]float64, error) {
	return nil, errors.New("nobody asks for letters")
}

// ask has the guesser asked a suite in a directory.
func ask(t *testing.T, suite, dir string, opt eval.Options) {
	t.Helper()
	d, err := suitedir.Open(t.Context(), dir, suite, suitedir.Options{Out: io.Discard})
	if err == nil {
		err = atomicfile.MkdirAll(dir)
	}
	if err == nil {
		_, err = d.Ask(t.Context(), guesser{}, opt)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestReport: reports on a suite's directory, on a run with several, and against another.
func TestReport(t *testing.T) {
	dir := t.TempDir()
	suite := filepath.Join(dir, "questions.tsv")
	if err := atomicfile.WriteFile(suite, func(w io.Writer) error { return scenes.TestTSV(w, 96, scenes.Test, 5) }); err != nil {
		t.Fatal(err)
	}
	ask(t, suite, filepath.Join(dir, "a", "00-evaluate", "test"), eval.Options{Limit: 12})
	ask(t, suite, filepath.Join(dir, "b", "00-evaluate", "test"), eval.Options{Limit: 12, Blank: true})
	ask(t, suite, filepath.Join(dir, "a", "00-evaluate~1", "test"), eval.Options{Limit: 6})
	text := func(run string, opt Options) string {
		t.Helper()
		opt.Cards = 5
		path, err := Write(filepath.Join(dir, run), opt)
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if html := text("a", Options{}); !strings.Contains(html, "data:image/png") || !strings.Contains(html, "<h2 id=\"suite-0\">00-evaluate/test</h2>") || strings.Contains(html, "suite-1") {
		t.Errorf("found\n%.3000s", html)
	}
	if html := text("a", Options{Against: filepath.Join(dir, "b")}); !strings.Contains(html, "McNemar") {
		t.Errorf("found no comparison")
	}
	if html := text("a/00-evaluate/test", Options{Against: filepath.Join(dir, "b", "00-evaluate", "test"), Out: filepath.Join(dir, "x.html")}); !strings.Contains(html, "against") {
		t.Errorf("found no comparison of two suites")
	}
	if md := text("a", Options{Markdown: true}); !strings.Contains(md, "| all | 12 |") {
		t.Errorf("found\n%s", md)
	}
	_, err := Write(filepath.Join(dir, "a", "00-evaluate", "test", "none"), Options{})
	recipetest.Names(t, err, "none")
	_, err = Write(t.TempDir(), Options{})
	recipetest.Names(t, err, "found neither result.json in it or up to two directories below, nor metrics.jsonl")
	_, err = Write(filepath.Join(dir, "a"), Options{Against: filepath.Join(dir, "a", "00-evaluate~1", "test")})
	recipetest.Names(t, err, "suite 00-evaluate/test: found 12 questions in one run and 6 in the other")
	if err := os.Remove(filepath.Join(dir, "b", "00-evaluate", "test", eval.VerdictsFile)); err != nil {
		t.Fatal(err)
	}
	_, err = Write(filepath.Join(dir, "a"), Options{Against: filepath.Join(dir, "b")})
	recipetest.Names(t, err, eval.VerdictsFile)
	for _, name := range []string{"c", "d"} {
		ask(t, suite, filepath.Join(dir, "two", name), eval.Options{Limit: 1})
	}
	_, err = Write(filepath.Join(dir, "two"), Options{Against: filepath.Join(dir, "a")})
	recipetest.Names(t, err, "a has none of the suites [c d]; it has [00-evaluate/test]")
	ask(t, suite, filepath.Join(dir, "one more", "d"), eval.Options{Limit: 1})
	ask(t, suite, filepath.Join(dir, "one more", "e"), eval.Options{Limit: 1})
	if md := text("two", Options{Against: filepath.Join(dir, "one more"), Markdown: true}); !strings.Contains(md, "McNemar") ||
		!strings.Contains(md, "one more has no suite c: nothing to compare it with") || !strings.Contains(md, "suite e is in one more alone and left out") {
		t.Errorf("what two runs have in common: found\n%s", md)
	}
}
