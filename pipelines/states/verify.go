package states

import (
	"path/filepath"

	"moslava/internal/infile"
	"moslava/pipelines/metrics"
	"moslava/pipelines/run"
)

// Verify reads the states that a training stage may go on from, and says what became of each of their files, and of the
// lines of metrics up to them.
func Verify(stage string) (out []run.Check, err error) {
	entries, err := entriesOf(stage)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		dir := filepath.Join(stage, e.Name())
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
