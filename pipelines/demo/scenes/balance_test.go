package scenes

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// asked draws n questions of a split, as Tune draws them for train and TestTSV for test.
func asked(split Split, seed uint64, n int) (out []Question) {
	for i := 0; len(out) < n; i++ {
		s := New(seed, split, 3, i)
		if split == Train {
			out = append(out, s.choose(s.Rand(forTune))...)
		} else if q, ok := s.question(L2[len(out)%len(L2)]); ok {
			out = append(out, q)
		}
	}
	return out[:n]
}

// form is the question's text without the values it names.
func form(q Question) string {
	words := strings.Fields(q.Text)
	for i, w := range words {
		w = strings.Trim(w, "?.,")
		if slices.Contains(colourNames[:], w) || slices.Contains(figureNames[:], strings.TrimSuffix(strings.TrimSuffix(w, "es"), "s")) ||
			slices.Contains([]string{"top", "bottom", "middle", "left", "right", "centre"}, w) || w != "" && w[0] >= '0' && w[0] <= '9' {
			words[i] = "*"
		}
	}
	return strings.Join(words, " ")
}

// clues are what a reader without the picture may go by for one option: the option itself, alone and with the question's form,
// text and words, the other options, and the option's letter.
func clues(q Question, i int) (out []string) {
	o := q.Options[i]
	out = []string{"o:" + o, q.Kind + ":" + o, "f:" + form(q) + ":" + o, "t:" + q.Text + ":" + o, "p:" + strconv.Itoa(i), "kp:" + q.Kind + strconv.Itoa(i)}
	for _, w := range strings.Fields(q.Text) {
		out = append(out, "w:"+w+":"+o)
	}
	rank := 0
	for j, p := range q.Options {
		if j != i {
			out = append(out, q.Kind+":"+o+"/"+p)
		}
		if p < o {
			rank++
		}
	}
	shared := 0
	for _, w := range strings.Fields(o) {
		for j, p := range q.Options {
			if j != i && slices.Contains(strings.Fields(p), w) {
				shared++
			}
		}
	}
	return append(out, q.Kind+":rank"+strconv.Itoa(rank), q.Kind+":shared"+strconv.Itoa(shared))
}

// guesser knows how often each clue went with a right option among the train questions.
type guesser map[string][2]float64 // clue -> right, offered

func (g guesser) learn(q Question) {
	for i := range q.Options {
		for _, c := range clues(q, i) {
			n := g[c]
			n[1]++
			if i == q.Answer {
				n[0]++
			}
			g[c] = n
		}
	}
}

// logOdds of a clue against one in four, drawn towards nothing when it was seen seldom.
func (g guesser) logOdds(clue string) float64 {
	const prior = 40
	n := g[clue]
	p := (n[0] + prior/4) / (n[1] + prior)
	return math.Log(p/(1-p)) - math.Log(1.0/3)
}

// puzzle is a question with the clues of its options.
type puzzle struct {
	Question
	clues [4][]string
}

// best is the option with the highest score.
func best(p puzzle, score func(p puzzle, i int) float64) int {
	top, high := 0, math.Inf(-1)
	for i := range p.Options {
		if x := score(p, i); x > high {
			top, high = i, x
		}
	}
	return top
}

// No way of answering without the picture that was learnt from 20,000 train questions is right on more than 28 % of test questions.
func TestTextAloneGivesNothing(t *testing.T) {
	g := guesser{}
	for _, q := range asked(Train, 21, 20000) {
		g.learn(q)
	}
	var puzzles []puzzle
	for _, q := range asked(Test, 22, 6000) {
		p := puzzle{Question: q}
		for i := range q.Options {
			p.clues[i] = clues(q, i)
		}
		puzzles = append(puzzles, p)
	}
	ways := map[string]func(puzzle, int) float64{
		"longest":  func(p puzzle, i int) float64 { return float64(len(p.Options[i])) },
		"shortest": func(p puzzle, i int) float64 { return -float64(len(p.Options[i])) },
		"first":    func(_ puzzle, i int) float64 { return -float64(i) },
		"naive Bayes": func(p puzzle, i int) (sum float64) {
			for _, c := range p.clues[i] {
				sum += g.logOdds(c)
			}
			return sum
		},
	}
	for k, name := range []string{"option", "kind", "form", "text"} {
		ways["prior by "+name] = func(p puzzle, i int) float64 { return g.logOdds(p.clues[i][k]) }
	}
	for back, name := range []string{"shared words", "rank"} {
		ways["prior by "+name] = func(p puzzle, i int) float64 { return g.logOdds(p.clues[i][len(p.clues[i])-1-back]) }
	}
	for name, way := range ways {
		right := 0
		kinds := map[string][2]int{}
		for _, q := range puzzles {
			i := best(q, way)
			n := kinds[q.Kind]
			n[1]++
			if i == q.Answer {
				right++
				n[0]++
			}
			kinds[q.Kind] = n
		}
		share := float64(right) / float64(len(puzzles))
		t.Logf("%-18s %.3f", name, share)
		if share > 0.28 {
			t.Errorf("%s: %.3f right without the picture, expected at most 0.28", name, share)
		}
		for kind, n := range kinds {
			limit := 0.30 + 3*math.Sqrt(0.19/float64(n[1]))
			if p := float64(n[0]) / float64(n[1]); p > limit {
				t.Errorf("%s, %s: %.3f of %d right without the picture, expected at most %.3f", name, kind, p, n[1], limit)
			}
		}
	}
}

// Letters are equally likely, and so are the answers of questions whose options are always the same.
func TestAnswersAreBalanced(t *testing.T) {
	for _, split := range []Split{Train, Test} {
		var positions [4]int
		fixed := map[string]map[string]int{}
		var questions []Question
		for i := range 6000 {
			s := New(23, split, 3, i)
			questions = append(questions, s.Questions(s.Rand(forTest))...)
		}
		for _, q := range questions {
			positions[q.Answer]++
			if slices.Contains([]string{"count", "remain", "points"}, q.Kind) {
				options := slices.Sorted(slices.Values(q.Options))
				key := q.Kind + " " + strings.Join(options, "/")
				if fixed[key] == nil {
					fixed[key] = map[string]int{}
				}
				fixed[key][q.Options[q.Answer]]++
			}
		}
		for i, n := range positions {
			if share := float64(n) / float64(len(questions)); math.Abs(share-0.25) > 0.015 {
				t.Errorf("%s: %c is right in %.3f of the questions, expected 0.25", split, letters[i], share)
			}
		}
		for key, answers := range fixed {
			n := 0
			for _, c := range answers {
				n += c
			}
			t.Log(split, key, answers)
			limit := 0.02 + 3*math.Sqrt(0.19/float64(n))
			for a, c := range answers {
				if share := float64(c) / float64(n); math.Abs(share-0.25) > limit {
					t.Errorf("%s: %s: %s is right in %.3f of %d, expected 0.25 +- %.3f", split, key, a, share, n, limit)
				}
			}
		}
	}
}
