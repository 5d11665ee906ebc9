package eval

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/eval/score"
	"moslava/pipelines/eval/suites"
)

// spoilt is an oracle that answers some rows wrongly, or so that they cannot be read.
func spoilt(s *suites.Suite, seed uint64, share float64) *oracle {
	o := newOracle(s)
	r := rand.New(rand.NewPCG(seed, 1))
	for _, it := range s.Items {
		if r.Float64() < share {
			o.wrong[it.ID] = []string{"Z", "I do not know", "A B", string(it.Choices[r.IntN(len(it.Choices))].Letter)}[r.IntN(4)]
		}
	}
	return o
}

// tallies are all tallies of a result.
func tallies(r *score.Result) (out []score.Tally) {
	parts := []score.Breakdown{r.Overall}
	for _, s := range r.Splits {
		parts = append(parts, s.Breakdown)
	}
	for _, p := range parts {
		out = append(out, p.Tally)
		for _, b := range slices.Concat(p.L2, p.Category, p.Comment) {
			out = append(out, b.Tally)
		}
	}
	return out
}

// circular are all circular scores of a result.
func circular(r *score.Result) (out []string) {
	for _, t := range tallies(r) {
		out = append(out, fmt.Sprint(t.N, t.Rows, t.Hits, t.Circular, t.Low, t.High, t.Chance, t.ChanceSteady))
	}
	for _, b := range r.Overall.L2 {
		out = append(out, b.Name)
	}
	return out
}

// TestStopEarlyGivesTheSameScore: whatever is answered, every circular score is that of the run that asks all passes,
// fewer prompts are asked as soon as a first pass is wrong, and no verdict differs.
func TestStopEarlyGivesTheSameScore(t *testing.T) {
	s := opened(t, "emoji_en.tsv", suites.Options{})
	saved := 0
	for seed := range uint64(60) {
		share := float64(seed%6) / 5
		whole, early := spoilt(s, seed, share), spoilt(s, seed, share)
		want, err := Run(context.Background(), s, whole, Options{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := Run(context.Background(), s, early, Options{StopEarly: true})
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(circular(got), circular(want)) {
			t.Fatalf("seed %d: found %v, expected %v", seed, circular(got), circular(want))
		}
		if early.prompts > whole.prompts {
			t.Errorf("seed %d: asked %d prompts, all are %d", seed, early.prompts, whole.prompts)
		}
		saved += whole.prompts - early.prompts
		for i, v := range got.Verdicts {
			if v.Rule != protocols.RuleNotAsked && !reflect.DeepEqual(v, want.Verdicts[i]) {
				t.Errorf("seed %d: item %d: found %+v, expected %+v", seed, v.ID, v, want.Verdicts[i])
			}
		}
		for _, tl := range tallies(got) {
			if tl.Vanilla != score.NotKnown || tl.RowHits != score.NotKnown || tl.Unresolved != score.NotKnown {
				t.Errorf("found counts of passes in %+v", tl)
			}
		}
	}
	if saved == 0 {
		t.Error("stopping early saved no prompt")
	}
}

func TestStopEarlyInFiles(t *testing.T) {
	s := opened(t, "emoji_en.tsv", suites.Options{})
	o := newOracle(s)
	for _, it := range s.Items[:8] { // two questions
		o.wrong[it.ID] = "Z"
	}
	path := filepath.Join(t.TempDir(), "verdicts.jsonl")
	early, err := Run(context.Background(), s, o, Options{StopEarly: true, VerdictsPath: path})
	if err != nil {
		t.Fatal(err)
	}
	if vs, err := ReadVerdicts(path); err != nil || len(vs) != 18 || o.prompts != 18 {
		t.Errorf("found %d verdicts, %v, %d prompts, expected 18", len(vs), err, o.prompts)
	}
	result := filepath.Join(filepath.Dir(path), "result.json")
	if err := early.WriteJSON(result); err != nil {
		t.Fatal(err)
	}
	back, err := score.ReadResult(result)
	if err != nil {
		t.Fatal(err)
	}
	if back.Overall.Vanilla != score.NotKnown || back.Overall.Unresolved != score.NotKnown || !back.StopEarly || back.Overall.Hits != 4 {
		t.Errorf("found %+v", back.Overall.Tally)
	}
	if b, err := json.Marshal(early.Overall.Tally); err != nil || !strings.Contains(string(b), `"vanilla":null`) {
		t.Errorf("found %s, %v, expected null for the share of passes", b, err)
	}
	// Without the option, the file is gone on with: only what was left out is asked.
	o.prompts = 0
	got, err := Run(context.Background(), s, o, Options{VerdictsPath: path})
	if err != nil {
		t.Fatal(err)
	}
	want, err := Run(context.Background(), s, newWrong(s, o), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if o.prompts != 6 || !reflect.DeepEqual(got.Overall, want.Overall) {
		t.Errorf("found %d prompts and %+v, expected 6 and %+v", o.prompts, got.Overall.Tally, want.Overall.Tally)
	}
	// And a whole file, run with the option, asks nothing.
	o.prompts = 0
	if _, err := Run(context.Background(), s, o, Options{VerdictsPath: path, StopEarly: true}); err != nil || o.prompts != 0 {
		t.Errorf("found %d prompts, %v", o.prompts, err)
	}
}

func newWrong(s *suites.Suite, like *oracle) *oracle {
	o := newOracle(s)
	o.wrong = like.wrong
	return o
}

func TestStopEarlyIsForCircularSuites(t *testing.T) {
	for _, file := range []string{"pope.tsv"} {
		s := opened(t, file, suites.Options{})
		_, err := Run(context.Background(), s, newOracle(s), Options{StopEarly: true})
		if err == nil || !strings.Contains(err.Error(), "suite pope is yesno: found stop early, expected it with a circular suite only") {
			t.Errorf("found %v", err)
		}
	}
	s, err := readText("index\tquestion\tA\tB\tanswer\n1\tq\tx\ty\t\n2\tr\tx\ty\tB\n", suites.Options{Kind: suites.Circular})
	if err != nil {
		t.Fatal(err)
	}
	o := newOracle(s)
	for _, it := range s.Items {
		o.wrong[it.ID] = "Z"
	}
	if _, err := Run(context.Background(), s, o, Options{StopEarly: true}); err != nil || o.prompts != 3 {
		t.Errorf("found %d prompts, %v, expected both passes of the question without an answer and one of the other", o.prompts, err)
	}
}
