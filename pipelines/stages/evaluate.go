package stages

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"moslava/pipelines/engine/answers"
	"moslava/pipelines/eval"
	"moslava/pipelines/eval/judge"
	"moslava/pipelines/eval/score"
	"moslava/pipelines/eval/suites"
	"moslava/pipelines/inputs"
	"moslava/pipelines/models"
	"moslava/pipelines/recipe"
	"moslava/pipelines/suitedir"
)

// evaluate asks the suites, one directory each.
func (s *stage) evaluate(ctx context.Context) ([]string, error) {
	suites, written := s.Stage.Evaluate.Suites, s.written.Evaluate.Suites
	judges := make([]eval.Judge, len(suites))
	for i, suite := range suites { // before anything is loaded and asked
		var err error
		c := judge.Config{URL: suite.JudgeURL, Model: suite.JudgeModel, KeyEnv: suite.JudgeKeyEnv,
			Name: written[i].JudgeModel}
		if judges[i], err = suitedir.OpenJudge(c); err != nil {
			return nil, fmt.Errorf("suite %s: %w", suite.Name, err)
		}
	}
	from, _ := s.dir.From(s.index)
	m, p, err := models.After(s.recipe, s.dir, from)
	if err != nil {
		return nil, err
	}
	if err := m.Freeze(s.Stage.Evaluate.Weights); err != nil {
		return nil, err
	}
	var outputs []string
	var results []*score.Result
	a := answers.New(m, p.WithMaxPixels(s.recipe.Data.MaxPixels))
	for i, suite := range suites {
		res, err := s.ask(ctx, suite, written[i].Name, a, judges[i])
		if err != nil {
			return nil, err
		}
		outputs, results = append(outputs, suite.Name), append(results, res)
	}
	s.noteBlank(suites, results)
	return outputs, nil
}

// ask asks one suite in a directory of the stage. name is what records call it.
func (s *stage) ask(ctx context.Context, c recipe.Suite, name string, a eval.Answerer, j eval.Judge) (_ *score.Result, err error) {
	shard, err := suites.ParseShard(c.Shard)
	if err != nil {
		return nil, err
	}
	data, err := inputs.DataOf(s.recipe, &c)
	if err != nil {
		return nil, err
	}
	protocol, err := inputs.ProtocolOf(&c)
	if err != nil {
		return nil, err
	}
	dir, err := suitedir.Open(ctx, filepath.Join(s.path, c.Name), string(c.TSV), suitedir.Options{Name: name, Data: data,
		Protocol: protocol, Images: inputs.Folders(c.Images), Title: s.Name + " " + c.Name, Out: s.out,
		Record: s.recipe.WrittenPath, Mask: s.recipe.Mask})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	res, err := dir.Ask(ctx, a, eval.Options{Limit: c.Limit, Shard: shard, StopEarly: c.StopEarly, Blank: c.Blank,
		Judge: j})
	if err != nil {
		return nil, err
	}
	s.emitResult(c.Name, name, res)
	return res, nil
}
