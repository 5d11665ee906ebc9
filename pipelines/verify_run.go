package pipelines

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"moslava/internal/filehash"
	"moslava/internal/infile"
	"moslava/pipelines/eval"
	"moslava/pipelines/eval/score"
	"moslava/pipelines/eval/suites"
	"moslava/pipelines/metrics"
	"moslava/pipelines/recipes"
	"moslava/pipelines/run"
)

// VerifyRun reads again everything in a run directory that a later stage, a resume or another command reads, and all that it was made from, and gives
// what became of each file. Its error says why it could not go on; what does not agree is in the checks.
func VerifyRun(ctx context.Context, dir string) ([]run.Check, error) {
	out, err := run.Verify(ctx, dir, run.Others{
		Recipes: recipes.Vocabulary(),
		Stage: func(stage string) ([]run.Check, error) {
			states, err := checkStates(stage)
			if err != nil {
				return nil, err
			}
			verdicts, err := checkVerdicts(stage)
			return append(states, verdicts...), err
		},
		Pictures: recordedPictures,
	})
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, hashesFile)
	if ok, err := infile.Exists(path); err != nil || !ok {
		return out, err
	}
	c := run.Check{Path: path}
	if err := filehash.Open(path).Damage; err != nil {
		c.Wrong = err.Error() + ": remove it; what it knew is read again"
	}
	return append(out, c), nil
}

// Intact reads again what finished stages of runs recorded of the files at paths, or in directories there, before they are used. It is an error if one of them
// has been damaged or replaced. Files of which nothing was recorded, as they lie in no run directory, are passed over.
func Intact(ctx context.Context, paths ...string) error { return run.Intact(ctx, paths...) }

// checkStates reads the states that a training stage may go on from.
func checkStates(stage string) (out []run.Check, err error) {
	dirs, err := stateDirs(stage)
	if err != nil {
		return nil, err
	}
	for _, dir := range dirs {
		path := filepath.Join(dir, stateFile)
		if ok, err := infile.Exists(path); err != nil || !ok {
			out = append(out, run.Check{Path: path, Wrong: "is missing: the state was not saved whole, and is not gone on from"})
			continue
		}
		s, err := readSealed(dir)
		if err != nil {
			out = append(out, run.Check{Path: path, Wrong: err.Error()})
			continue
		}
		out = append(out, run.Check{Path: path})
		for _, name := range []string{paramsFile, optimFile} {
			c := run.Check{Path: filepath.Join(dir, name)}
			if want, ok := s.Files[name]; !ok {
				c.Wrong = "has no hash: an earlier version saved it"
			} else if err := agrees(c.Path, want); err != nil {
				c.Wrong = err.Error()
			}
			out = append(out, c)
		}
		if err := s.linesAgree(dir); err != nil {
			out = append(out, run.Check{Path: filepath.Join(stage, metrics.LinesFile), Wrong: err.Error()})
		}
	}
	return out, nil
}

func stateDirs(stage string) ([]string, error) {
	entries, err := os.ReadDir(stage)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if e.IsDir() && len(e.Name()) > len(statePrefix) && e.Name()[:len(statePrefix)] == statePrefix {
			out = append(out, filepath.Join(stage, e.Name()))
		}
	}
	slices.Sort(out)
	return out, nil
}

// checkVerdicts reads the answers of an evaluate stage that is not finished; those of a finished one are among its outputs, but lines tell which
// of them was damaged.
func checkVerdicts(stage string) (out []run.Check, err error) {
	entries, err := os.ReadDir(stage)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		path := filepath.Join(stage, e.Name(), verdictsFile)
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

// checkTable opens the table that a finished suite was asked from, for its pictures that lie in files of their own: they are part of its version.
func checkTable(dir string) ([]run.Check, error) {
	path := filepath.Join(dir, resultFile)
	if ok, err := infile.Exists(path); err != nil || !ok {
		return nil, err
	}
	res, err := score.ReadResult(path)
	if err != nil {
		return []run.Check{{Path: path, Wrong: err.Error()}}, nil
	}
	if res.Table == "" {
		return nil, nil
	}
	c := run.Check{Path: run.Expanded(res.Table) + " with its pictures"}
	s, err := eval.OpenSuite(run.Expanded(res.Table), suites.Options{Name: res.Suite, Images: expandedAll(res.Images)})
	switch {
	case err != nil:
		c.Wrong = err.Error()
	case !suites.SameVersion(s.Version, res.Version):
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
