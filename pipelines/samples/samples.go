// Package samples asks a model a handful of fixed questions while it is trained, so that people see what it answers by now. It changes
// nothing that is trained: answers are greedy, through an engine of their own for each time, without dropout and without a random number.
package samples

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"moslava/datasets"
	"moslava/internal/atomicfile"
	"moslava/language"
	"moslava/pipelines/engine"
	"moslava/pipelines/metrics"
	"moslava/pipelines/vlm"
)

// searched is how many rows are looked at for one question.
const searched = 50

// longestText is how much of a text is kept of a question or an answer, in bytes.
const longestText = 4 << 10

// pictureSide is the longer side of the pictures that are kept for people, in pixels.
const pictureSide = 256

// Set is the questions.
type Set struct {
	questions []question
	processor *vlm.Processor
	maxNew    int
}

type question struct {
	vlm.Question
	row     int
	picture string // its file
}

// Choose takes the first count rows that have a question and an answer, and whose prompt leaves room for one.
func Choose(ctx context.Context, rows *datasets.Subset, p *vlm.Processor, count, maxNew int) (*Set, error) {
	s := &Set{processor: p, maxNew: maxNew}
	outline := p.Outline()
	for i := 0; i < min(rows.Len(), searched*count) && len(s.questions) < count; i++ {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		sample, err := rows.At(i)
		if err != nil {
			continue // the loader has a policy for it
		}
		q, ok := vlm.FirstQuestion(sample)
		if !ok {
			continue
		}
		ids, _, err := outline.Prompt(q.Messages, q.Pictures)
		if err != nil || len(ids)+maxNew > p.Config.Text.MaxPositionEmbeddings {
			continue
		}
		s.questions = append(s.questions, question{Question: q, row: int(rows.Rows[i])})
	}
	return s, nil
}

// Len is how many questions there are.
func (s *Set) Len() int { return len(s.questions) }

// Dir is the folder with the pictures, in a stage's directory.
const Dir = "samples"

// KeepPictures writes the first picture of each question, small, into the stage's directory.
func (s *Set) KeepPictures(stage string) error {
	for i := range s.questions {
		q := &s.questions[i]
		if len(q.Pictures) == 0 {
			continue
		}
		b, err := s.processor.Pixels.Decoder.Thumbnail(q.Pictures[0], pictureSide)
		if err != nil {
			continue // the loader has a policy for broken pictures, and asking says what is wrong
		}
		if err := os.MkdirAll(filepath.Join(stage, Dir), 0o777); err != nil {
			return err
		}
		q.picture = path.Join(Dir, fmt.Sprintf("%d.jpg", i+1))
		if err := atomicfile.WriteBytes(filepath.Join(stage, filepath.FromSlash(q.picture)), b); err != nil {
			return err
		}
	}
	return nil
}

// Ask has the model, as it stands, answer the questions.
func (s *Set) Ask(ctx context.Context, m *vlm.Model, step int) ([]metrics.Sample, error) {
	requests := make([]engine.Request, len(s.questions))
	for i, q := range s.questions {
		requests[i] = engine.Request{Messages: q.Messages, Pictures: q.Pictures,
			Generation: language.Generation{MaxNew: s.maxNew, Stop: s.processor.StopIDs()}}
	}
	replies, err := engine.New(m, s.processor, engine.Limits{}).Do(ctx, requests)
	if err != nil {
		return nil, err
	}
	out := make([]metrics.Sample, len(s.questions))
	for i, q := range s.questions {
		last := q.Messages[len(q.Messages)-1].Content
		out[i] = metrics.Sample{Step: step, Sample: i + 1, Row: q.row, Picture: q.picture,
			Question: cut(strings.ReplaceAll(last, datasets.ImageMarker, "")), Wanted: cut(q.Wanted),
			Said: cut(s.processor.Tokenizer.Decode(replies[i].IDs, true))}
	}
	return out, nil
}

func cut(text string) string {
	text = strings.ToValidUTF8(strings.TrimSpace(text), "\uFFFD")
	if len(text) > longestText {
		text = strings.ToValidUTF8(text[:longestText], "") + "..."
	}
	return text
}

// Line is a sample for a terminal.
func Line(s metrics.Sample) string {
	return fmt.Sprintf("step %d: %q wanted %q, said %q", s.Step, short(s.Question), short(s.Wanted), short(s.Said))
}

// short is the beginning of a text, in one line.
func short(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if r := []rune(text); len(r) > 60 {
		text = string(r[:57]) + "..."
	}
	return text
}

// Dominant is the answer that the model gives to nearly all questions although most of them want another; false if there is none.
func Dominant(all []metrics.Sample) (answer string, times int, ok bool) {
	said, wanted := map[string]int{}, map[string]int{}
	for _, s := range all {
		said[plain(s.Said)]++
		wanted[plain(s.Wanted)]++
	}
	for _, s := range all {
		n := said[plain(s.Said)]
		if n >= 3 && 10*n >= 9*len(all) && 2*wanted[plain(s.Said)] <= len(all) {
			return s.Said, n, true
		}
	}
	return "", 0, false
}

// plain is what is compared of an answer.
func plain(text string) string { return strings.ToLower(strings.Trim(text, " .\n\t")) }

// Right says whether an answer is the one that was wanted, but for case, blanks and a full stop.
func Right(s metrics.Sample) bool { return plain(s.Said) == plain(s.Wanted) }
