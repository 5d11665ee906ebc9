package scenes

import (
	"encoding/base64"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
)

var tsvColumns = []string{"index", "question", "hint", "A", "B", "C", "D", "answer", "category", "image", "source", "l2-category", "comment", "split"}

// circularOffset separates the indices of a question's rotations, as in MMBench's files.
const circularOffset = 1_000_000

// TestTSV writes n questions of an evaluation split as an MMBench file, n/6 of each l2-category and each about a picture of its own,
// with the rows for circular evaluation: rotation k = 1..3 of question i (from 1) has index i + k*1e6, its options are shifted
// left by k, and its image is the index of the base row. The comment says what training never shows in the picture ("pair",
// "layout" or both) and the kind of question. split must be Validation or Test, n a positive multiple of 6 below 1e6.
func TestTSV(w io.Writer, n int, split Split, seed uint64) error {
	if split != Validation && split != Test {
		return fmt.Errorf("scenes: questions of the %s split, expected validation or test", split)
	}
	if n <= 0 || n%len(L2) != 0 || n >= circularOffset {
		return fmt.Errorf("scenes: %d questions, expected a positive multiple of %d below %d", n, len(L2), circularOffset)
	}
	out := csv.NewWriter(w)
	out.Comma = '\t'
	if err := out.Write(tsvColumns); err != nil {
		return fmt.Errorf("scenes: write header: %w", err)
	}
	scene := 0
	for i := range n {
		var s *Scene
		var q Question
		for ok := false; !ok; scene++ {
			s = New(seed, split, 3, scene)
			q, ok = s.question(L2[i%len(L2)])
		}
		for k := range len(q.Options) {
			if err := out.Write(row(s, q, i+1, k)); err != nil {
				return fmt.Errorf("scenes: write question %d: %w", i+1, err)
			}
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("scenes: write questions: %w", err)
	}
	return nil
}

// question draws one of the scene's questions of a category.
func (s *Scene) question(l2 string) (Question, bool) {
	for _, q := range s.Questions(s.Rand(forTest)) {
		if q.L2 == l2 {
			return q, true
		}
	}
	return Question{}, false
}

// row is question i rotated by k.
func row(s *Scene, q Question, i, k int) []string {
	image := strconv.Itoa(i)
	if k == 0 {
		image = base64.StdEncoding.EncodeToString(s.PNG())
	}
	n := len(q.Options)
	turned := make([]string, n)
	for j := range turned {
		turned[j] = q.Options[(j+k)%n]
	}
	answer := (q.Answer - k + n) % n
	novelty := "layout"
	if pair, layout := s.Novel(); pair && layout {
		novelty = "pair+layout"
	} else if pair {
		novelty = "pair"
	}
	name := "test"
	if s.Split == Validation {
		name = "dev"
	}
	return []string{
		strconv.Itoa(i + k*circularOffset), q.Text, "", turned[0], turned[1], turned[2], turned[3], letters[answer : answer+1],
		q.Category, image, "scenes", q.L2, novelty + " " + q.Kind, name,
	}
}
