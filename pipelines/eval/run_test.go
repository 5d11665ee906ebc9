package eval

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/eval/score"
	"moslava/pipelines/eval/suites"
)

// oracle answers from the suite, except for rows named in wrong.
type oracle struct {
	byPrompt map[string]suites.Item
	wrong    map[int64]string
	letters  [][]float64 // set: what Letters returns for each prompt
	fail     int         // the call that fails, from 1
	calls    int         // pictures that were looked at
	batches  []int       // questions of each call
	prompts  int
	sizes    map[image.Point]int
	greys    int
}

func newOracle(s *suites.Suite) *oracle {
	p, _ := protocols.Named("")
	o := &oracle{byPrompt: map[string]suites.Item{}, wrong: map[int64]string{}, sizes: map[image.Point]int{}}
	for _, it := range s.Items {
		o.byPrompt[it.ImageKey+p.Prompt(it)] = it
		o.byPrompt[p.Prompt(it)] = it
	}
	return o
}

// TakesPictures says yes.
func (o *oracle) TakesPictures() error { return nil }

// see looks at the pictures of a call. Questions about the same ones count once.
func (o *oracle) see(questions []Question) error {
	o.batches = append(o.batches, len(questions))
	for i, q := range questions {
		if i > 0 && reflect.DeepEqual(q.Pictures, questions[i-1].Pictures) {
			continue
		}
		if err := o.look(q.Pictures); err != nil {
			return err
		}
	}
	o.prompts += len(questions)
	return nil
}

func (o *oracle) look(pictures [][]byte) error {
	o.calls++
	if o.calls == o.fail {
		return errors.New("out of memory")
	}
	for _, picture := range pictures {
		m, _, err := image.Decode(bytes.NewReader(picture))
		if err != nil {
			return err
		}
		o.sizes[m.Bounds().Size()]++
		if c := color.GrayModel.Convert(m.At(0, 0)).(color.Gray); c.Y == 128 {
			o.greys++
		}
	}
	return nil
}

func (o *oracle) Answer(ctx context.Context, questions []Question, opt AnswerOptions) ([]string, error) {
	if err := o.see(questions); err != nil {
		return nil, err
	}
	if opt.MaxNewTokens != 5 {
		return nil, fmt.Errorf("found %d tokens, expected 5", opt.MaxNewTokens)
	}
	out := make([]string, len(questions))
	for i, q := range questions {
		it, ok := o.byPrompt[q.Prompt]
		if !ok {
			return nil, fmt.Errorf("unknown prompt %q", q.Prompt)
		}
		if out[i] = it.Answer; o.wrong[it.ID] != "" {
			out[i] = o.wrong[it.ID]
		}
	}
	return out, nil
}

func (o *oracle) Letters(ctx context.Context, questions []Question, letters []string) ([][]float64, error) {
	if err := o.see(questions); err != nil {
		return nil, err
	}
	return o.letters[:len(questions)], nil
}

func TestRunScoresCircular(t *testing.T) {
	s := opened(t, "emoji_en.tsv", suites.Options{})
	o := newOracle(s)
	o.wrong[3000002] = "Z"                // question 2: last pass wrong
	o.wrong[1000003] = "neither of"       // question 3: unresolved
	o.wrong[4] = s.Items[12].Answer + "." // still right
	steps := 0
	res, err := Run(context.Background(), s, o, Options{Progress: func(done, total int, running score.Share) {
		if steps++; done != steps || total != 6 {
			t.Errorf("progress %d of %d at step %d", done, total, steps)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	all := res.Overall.Tally
	if all.N != 6 || all.Rows != 24 || all.Hits != 4 || all.RowHits != 22 || all.Unresolved != 1 || all.Chance != 0.25 || all.ChanceSteady != 0.25 {
		t.Errorf("found %+v", all)
	}
	if all.Circular != 4.0/6 || all.Vanilla != 22.0/24 || steps != 6 || o.calls != 6 {
		t.Errorf("found circular %v, vanilla %v, %d steps, %d calls", all.Circular, all.Vanilla, steps, o.calls)
	}
	n := 0
	for _, b := range res.Overall.Comment {
		n += b.N
	}
	if n != 6 || len(res.Splits) != 1 || res.Splits[0].Name != "dev" || res.Protocol != protocols.VLMEvalKit202406 || res.Kind != suites.Circular {
		t.Errorf("found %d questions in comments, splits %v, protocol %s", n, res.Splits, res.Protocol)
	}
}

func TestRunBlank(t *testing.T) {
	s := opened(t, "mmbench_cut.tsv", suites.Options{})
	seen, blank := newOracle(s), newOracle(s)
	if _, err := Run(context.Background(), s, seen, Options{}); err != nil {
		t.Fatal(err)
	}
	res, err := Run(context.Background(), s, blank, Options{Blank: true})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(seen.sizes, blank.sizes) || seen.greys != 0 || blank.greys != blank.calls || !res.Blank {
		t.Errorf("found sizes %v and %d grey of %d, expected sizes %v", blank.sizes, blank.greys, blank.calls, seen.sizes)
	}
}

func TestLetterLogit(t *testing.T) {
	s, err := readText("index\tquestion\tA\tB\tC\tanswer\n1\tq\tx\ty\tz\tB\n2\tr\tx\ty\tz\tA\n3\t几\tx\ty\t\tA\n", suites.Options{})
	if err != nil {
		t.Fatal(err)
	}
	o := newOracle(s)
	o.letters = [][]float64{{-3, -1, -1}}
	p := mustProtocol(t, protocols.LetterLogit)
	if _, err := Run(context.Background(), s, o, Options{Protocol: p, Together: 1}); err == nil || !strings.Contains(err.Error(), "item 3: found 3 log-probabilities") {
		t.Errorf("found %v, expected a complaint about the third item's two options", err)
	}
	res, err := Run(context.Background(), s, o, Options{Protocol: p, Limit: 2, Together: 1})
	if err != nil {
		t.Fatal(err)
	}
	v := res.Verdicts[0]
	if v.Extracted != "B" || !v.Correct || v.Rule != protocols.RuleLogit || v.LogProbs["C"] != -1 || res.Overall.Hits != 1 {
		t.Errorf("found %+v", v)
	}
	if !strings.HasSuffix(p.Prompt(s.Items[2]), "Answer with the option's letter from the given choices directly.") {
		t.Errorf("found prompt %q", p.Prompt(s.Items[2]))
	}
	o.letters[0][0] = math.NaN()
	if _, err := Run(context.Background(), s, o, Options{Protocol: p, Limit: 1}); err == nil || !strings.Contains(err.Error(), "finite") {
		t.Errorf("found %v, expected a complaint about NaN", err)
	}
}

func TestRunCancelled(t *testing.T) {
	s := opened(t, "pope.tsv", suites.Options{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Run(ctx, s, newOracle(s), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("found %v, expected cancellation", err)
	}
}

// TestRunTogether asks about different pictures in one call and wants the same verdicts in the same order, also
// after an interruption.
func TestRunTogether(t *testing.T) {
	s := opened(t, "emoji_en.tsv", suites.Options{})
	dir := t.TempDir()
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	o := newOracle(s)
	o.wrong[3000002] = "Z"
	want, err := Run(context.Background(), s, o, Options{VerdictsPath: filepath.Join(dir, "apart")})
	if err != nil {
		t.Fatal(err)
	}
	all := newOracle(s)
	all.wrong = o.wrong
	steps := 0
	opt := Options{VerdictsPath: filepath.Join(dir, "together"), Progress: func(done, total int, _ score.Share) {
		if steps++; done != steps || total != 6 {
			t.Errorf("progress %d of %d at step %d", done, total, steps)
		}
	}}
	got, err := Run(context.Background(), s, all, opt)
	if err != nil {
		t.Fatal(err)
	}
	if len(all.batches) != 1 || all.batches[0] != 24 || steps != 6 {
		t.Errorf("found calls of %v prompts and %d steps, expected one of 24 and 6", all.batches, steps)
	}
	if !reflect.DeepEqual(got, want) || read("together") != read("apart") {
		t.Error("verdicts differ from those of single calls")
	}
	lines := strings.SplitAfter(read("together"), "\n")
	if err := os.WriteFile(filepath.Join(dir, "together"), []byte(strings.Join(lines[:10], "")+lines[10][:40]), 0o644); err != nil {
		t.Fatal(err)
	}
	steps = 0
	opt.Begin = func(done, total int) {
		if steps = done; done != 2 || total != 6 {
			t.Errorf("begins at %d of %d, expected 2 of 6", done, total)
		}
	}
	if got, err = Run(context.Background(), s, all, opt); err != nil {
		t.Fatal(err)
	}
	if steps != 6 {
		t.Errorf("found %d questions after the resumed run, expected 6", steps)
	}
	if all.batches[1] != 14 || !reflect.DeepEqual(got, want) || read("together") != read("apart") {
		t.Errorf("resumed with calls of %v prompts, or with other verdicts", all.batches)
	}
}

func mustProtocol(t *testing.T, name string) protocols.Protocol {
	t.Helper()
	p, err := protocols.Named(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
