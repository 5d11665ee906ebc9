package pipelines

import (
	"context"
	"path/filepath"

	"moslava/pipelines/eval"
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

// ask asks one suite in a directory of the stage.
func (s *stage) ask(ctx context.Context, c recipe.Suite, a eval.Answerer) error {
	shard, err := eval.ParseShard(c.Shard)
	if err != nil {
		return err
	}
	_, err = askSuite(ctx, filepath.Join(s.path, c.Name), string(c.TSV), a, eval.Options{Limit: c.Limit, Shard: shard, StopEarly: c.StopEarly, Blank: c.Blank},
		suiteOptions{name: c.Name, protocol: c.Protocol, title: s.Name + " " + c.Name, out: s.out})
	return err
}
