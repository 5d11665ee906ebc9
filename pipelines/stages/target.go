package stages

import (
	"errors"
	"path/filepath"

	"moslava/internal/output"
	"moslava/pipelines/metrics"
	"moslava/pipelines/recipe"
	"moslava/pipelines/run"
	"moslava/pipelines/samples"
)

// stageRecords are files of a stage's directory that decide nothing of what later stages take.
var stageRecords = []string{metrics.LinesFile, metrics.EventsFile, metrics.SamplesFile, samples.Dir, run.TargetFile}

// target takes the directory that an export stage writes to outside its own. What others wrote there is an error, or by
// force is set aside.
func (s *stage) target() (release func() error, err error) {
	path := s.recipe.ExportDir(s.index)
	ours, err := run.Claimed(s.path, path)
	if err != nil {
		return nil, err
	}
	release, err = output.Dir(path, output.Options{Force: s.force && !ours, Mine: func(string) bool { return ours }})
	if err != nil {
		return nil, err
	}
	abs, err := filepath.Abs(path)
	if err == nil {
		err = run.Claim(s.path, s.recipe.WrittenPath(abs))
	}
	if err != nil {
		return nil, errors.Join(err, release())
	}
	return release, nil
}

// freeTargets makes sure before the first stage that the chosen exports can be written where they are to be. What this
// run wrote there may be written again, as long as nobody has changed it since; what is in the way is an error, or by
// force is set aside.
func freeTargets(r *recipe.Recipe, d *run.Dir, chosen []int, force bool) error {
	for _, i := range chosen {
		if r.Stages[i].Export == nil || r.Stages[i].Export.Path == "" {
			continue
		}
		path := r.ExportDir(i)
		ours, err := run.Claimed(d.StageDir(i), path)
		if err != nil {
			return err
		}
		changed := ""
		if ours {
			if changed, err = d.ChangedOutside(i); err != nil {
				return err
			}
		}
		switch {
		case ours && changed == "":
			continue
		case ours && !force:
			return &output.OccupiedError{Path: path, Holds: changed}
		case ours:
			if err := output.SetAside(path); err != nil {
				return err
			}
		}
		release, err := output.Dir(path, output.Options{Force: force})
		if err == nil {
			err = release()
		}
		if err != nil {
			return err
		}
	}
	return nil
}
