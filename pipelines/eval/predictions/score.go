package predictions

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"moslava/internal/atomicfile"
	"moslava/pipelines/eval"
	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/eval/score"
	"moslava/pipelines/eval/suites"
)

// Options say what is scored, and how.
type Options struct {
	Suite       string     // a built-in name, whose questions are then taken from the predictions, or a file as eval.OpenSuite reads it
	Predictions string     // the file
	Protocol    string     // its name; that of the suite's definition when empty
	Judge       eval.Judge // reads what no rule reads, under protocols that use one; nil: such answers are wrong
}

// Scored is a result with a line for each answer, in the order of the predictions.
type Scored struct {
	Result *score.Result
	Lines  []Line
}

// Line is a verdict as score writes it.
type Line struct {
	ID        any     `json:"id"`     // the item's number, or its name if it has one
	Answer    string  `json:"answer"` // what the model said
	Extracted string  `json:"extracted"`
	Rule      string  `json:"rule"`
	Want      string  `json:"want"`
	Correct   bool    `json:"correct"`
	Credit    float64 `json:"credit"` // 0 to 1; parts of a point for TextVQA
	Group     int64   `json:"group,omitempty"`
	Pass      int     `json:"pass,omitempty"`
	Category  string  `json:"category,omitempty"`
	L2        string  `json:"l2,omitempty"`
	Split     string  `json:"split,omitempty"`
	Protocol  string  `json:"protocol"`
}

// Score scores a predictions file.
func Score(ctx context.Context, opt Options) (*Scored, error) {
	f, err := Read(opt.Predictions)
	if err != nil {
		return nil, err
	}
	s, err := openSuite(opt.Suite, f)
	if err != nil {
		return nil, err
	}
	p, err := protocols.ForSuite(s, opt.Protocol)
	if err != nil {
		return nil, err
	}
	verdicts, err := f.verdicts(s)
	if err != nil {
		return nil, err
	}
	if verdicts, err = protocols.Reread(p, s.Items, verdicts); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Path, err)
	}
	if opt.Judge != nil {
		if err := eval.AskJudge(ctx, opt.Judge, p, s.Items, verdicts); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Path, err)
		}
	}
	res, err := score.OfAnswers(s, p, verdicts)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Path, err)
	}
	if opt.Judge != nil {
		res.Judge = opt.Judge.Name()
	}
	return &Scored{res, lines(s, verdicts)}, nil
}

// openSuite finds the suite: a file, or a name and the questions that the predictions carry.
func openSuite(name string, f *File) (*suites.Suite, error) {
	if _, err := os.Stat(name); err == nil {
		return eval.OpenSuite(name, suites.Options{TextOnly: true})
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	d, err := suites.DefinitionNamed(name)
	if err != nil {
		return nil, err
	}
	return f.Suite(d)
}

// finder looks up the item of an answer: by number or name, LLaVA's answers to TextVQA by picture and question.
func finder(s *suites.Suite) func(Answer) (suites.Item, error) {
	byID, byName := map[int64]suites.Item{}, map[string]suites.Item{}
	for _, it := range s.Items {
		byID[it.ID] = it
		if it.Name != "" {
			byName[it.Name] = it
		}
	}
	byPicture := newPictureIndex(s.Items)
	return func(a Answer) (suites.Item, error) {
		if s.Family == suites.TextVQA && a.prompt != "" {
			return byPicture.find(s, a)
		}
		it, ok := byID[a.ID]
		if a.Name != "" {
			it, ok = byName[a.Name]
		}
		if !ok {
			return it, fmt.Errorf("found an answer to item %s, which suite %s does not have", a.item(), s.Name)
		}
		return it, nil
	}
}

// verdicts pairs answers with the suite's items. An answer to an item that the suite does not have is an error.
func (f *File) verdicts(s *suites.Suite) ([]protocols.Verdict, error) {
	find := finder(s)
	out := make([]protocols.Verdict, len(f.Answers))
	seen := map[int64]string{}
	for i, a := range f.Answers {
		it, err := find(a)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", a.at, err)
		}
		if first, twice := seen[it.ID]; twice {
			return nil, fmt.Errorf("%s: found a second answer to item %s, the first is at %s", a.at, a.item(), first)
		}
		seen[it.ID] = a.at
		out[i] = protocols.Verdict{ID: it.ID, Group: it.Group, Pass: it.Pass, Split: it.Split, Category: it.Category, L2: it.L2, Comment: it.Comment,
			Raw: a.Text, Suite: s.Version}
	}
	return out, nil
}

func lines(s *suites.Suite, verdicts []protocols.Verdict) []Line {
	names := map[int64]string{}
	for _, it := range s.Items {
		names[it.ID] = it.Name
	}
	out := make([]Line, len(verdicts))
	for i, v := range verdicts {
		l := Line{ID: v.ID, Answer: v.Raw, Extracted: v.Extracted, Rule: v.Rule, Want: v.Want, Correct: v.Correct, Credit: v.Credit,
			Group: v.Group, Pass: v.Pass, Category: v.Category, L2: v.L2, Split: v.Split, Protocol: v.Protocol}
		if names[v.ID] != "" {
			l.ID = names[v.ID]
		}
		if v.Correct {
			l.Credit = 1
		}
		out[i] = l
	}
	return out
}

// WriteLines writes the lines as JSONL, whole or not at all.
func (s *Scored) WriteLines(path string) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for _, l := range s.Lines {
		if err := enc.Encode(l); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return atomicfile.WriteBytes(path, b.Bytes())
}
