// Package integrity checks that a run is what it was: it reads again all that a run directory records and all that it
// was made from. Which files there are their packages know: run, states, suitedir and inputs.
package integrity

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"moslava/internal/infile"
	"moslava/pipelines/eval"
	"moslava/pipelines/eval/score"
	"moslava/pipelines/eval/suites"
	"moslava/pipelines/inputs"
	"moslava/pipelines/recipe"
	"moslava/pipelines/recipes"
	"moslava/pipelines/run"
	"moslava/pipelines/states"
	"moslava/pipelines/suitedir"
)

// Verify reads again everything in a run directory that a later stage, a resume or another command reads, and all that
// it was made from, and gives what became of each file. Its error says why it could not go on; what does not agree is
// in the checks.
func Verify(ctx context.Context, dir string) ([]run.Check, error) {
	out, err := run.Verify(ctx, dir, run.Others{
		Recipes: recipes.Vocabulary(),
		Stage: func(stage string) ([]run.Check, error) {
			saved, err := states.Verify(stage)
			if err != nil {
				return nil, err
			}
			verdicts, err := checkVerdicts(stage)
			return append(saved, verdicts...), err
		},
		Pictures: inputs.RecordedPictures,
	})
	if err != nil {
		return nil, err
	}
	hashes, err := inputs.VerifyHashes(dir)
	return append(out, hashes...), err
}

// checkVerdicts reads the answers of an evaluate stage that is not finished; those of a finished one are among its
// outputs, but lines tell which of them was damaged.
func checkVerdicts(stage string) (out []run.Check, err error) {
	entries, err := os.ReadDir(stage)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		path := filepath.Join(stage, e.Name(), eval.VerdictsFile)
		if ok, err := infile.Exists(path); err != nil || !ok || !e.IsDir() {
			continue
		}
		c := run.Check{Path: path}
		if _, err := eval.ReadVerdicts(path); err != nil {
			c.Wrong = err.Error()
		}
		out = append(out, c)
		table, err := checkTable(filepath.Join(stage, e.Name()))
		if err != nil {
			return nil, err
		}
		out = append(out, table...)
	}
	return out, nil
}

// checkTable opens the table that a finished suite was asked from, for its pictures that lie in files of their own:
// they are part of its version.
func checkTable(dir string) ([]run.Check, error) {
	path := filepath.Join(dir, score.ResultFile)
	if ok, err := infile.Exists(path); err != nil || !ok {
		return nil, err
	}
	res, err := score.ReadResult(path)
	if err != nil {
		return []run.Check{{Path: path, Wrong: err.Error()}}, nil
	}
	table := res.Table
	if res.Data != nil && len(res.Data.Sources) > 0 {
		table = res.Data.Sources[0].Path
	}
	if table == "" {
		return nil, nil
	}
	c := run.Check{Path: run.Expanded(table) + " with its pictures"}
	if _, err := recipe.Expand(table); err != nil {
		c.Wrong = "cannot be looked at: " + err.Error()
		return []run.Check{c}, nil
	}
	s, err := suitedir.OpenTable(context.Background(), res)
	if err != nil {
		c.Wrong = err.Error()
		return []run.Check{c}, nil
	}
	defer func() { _ = s.Close() }() // only read from
	if !suites.SameVersion(s.Version, res.Version) {
		c.Wrong = fmt.Sprintf("is version %s of the suite, answers are to version %s", s.Version, res.Version)
	}
	return []run.Check{c}, nil
}

// Damage sums up checks: an error that names how many files do not agree, nil if all do.
func Damage(checks []run.Check) error {
	wrong := 0
	for _, c := range checks {
		if c.Wrong != "" {
			wrong++
		}
	}
	if wrong == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d files do not agree with what the run recorded", wrong, len(checks))
}
