package pipelines

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"moslava/pipelines/eval"
	"moslava/pipelines/progress"
	"moslava/pipelines/recipe"
	"moslava/pipelines/vlm"
)

// evaluate asks the suites, one directory each.
func (s *stage) evaluate(ctx context.Context) ([]string, error) {
	from, _ := s.dir.From(s.index)
	m, p, err := modelAfter(s.recipe, s.dir, from)
	if err != nil {
		return nil, err
	}
	if err := m.Freeze(s.Stage.Evaluate.Weights); err != nil {
		return nil, err
	}
	var outputs []string
	for _, suite := range s.Stage.Evaluate.Suites {
		if err := s.ask(ctx, suite, &vlm.Answerer{Model: m, Processor: p}); err != nil {
			return nil, err
		}
		outputs = append(outputs, suite.Name)
	}
	return outputs, nil
}

// Files of a suite's directory.
const (
	resultFile   = "result.json"
	verdictsFile = "verdicts.jsonl"
	accuracyFile = "acc.csv"
)

func (s *stage) ask(ctx context.Context, c recipe.Suite, a eval.Answerer) (err error) {
	dir := filepath.Join(s.path, c.Name)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	suite, err := openSuite(c, dir)
	if err != nil {
		return err
	}
	protocol, err := eval.ProtocolNamed(c.Protocol)
	if err != nil {
		return err
	}
	if raw := protocol.Name == eval.LLMAdapters; raw != suite.AsksCommonsense() {
		return fmt.Errorf("suite %s: protocol is %s; commonsense questions in LLM-Adapters' form, and no others, are asked under %s", c.Name, protocol.Name, eval.LLMAdapters)
	}
	bar := progress.New(s.out, s.Name+" "+c.Name, suite.Questions())
	at := 0
	res, err := eval.Run(ctx, suite, a, eval.Options{Protocol: protocol, Limit: c.Limit, Blank: c.Blank,
		VerdictsPath: filepath.Join(dir, verdictsFile),
		Progress: func(done, total int, running float64) {
			bar.Step(done-at, percent(running))
			at = done
		}})
	bar.Done()
	if err != nil {
		return err
	}
	if err := res.WriteJSON(filepath.Join(dir, resultFile)); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(dir, accuracyFile))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if suite.Kind == eval.YesNo {
		return res.WriteYesNoCSV(f)
	}
	return res.WriteAccuracyCSV(f)
}
