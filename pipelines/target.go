package pipelines

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"moslava/internal/checkpoint"
	"moslava/internal/filehash"
	"moslava/internal/output"
	"moslava/pipelines/recipe"
	"moslava/pipelines/run"
)

// targetFile says, in the directory of an export stage, which directory outside it writes to.
const targetFile = "target.json"

type target struct {
	Path string `json:"path"` // absolute, with variables as in the recipe
}

// claimed says whether the export stage with that directory has begun to write to path.
func claimed(stageDir, path string) (bool, error) {
	var t target
	err := checkpoint.ReadJSON(stageDir, targetFile, &t)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	abs, absErr := filepath.Abs(path)
	return filepath.Clean(run.Expanded(t.Path)) == abs, errors.Join(err, absErr)
}

// target takes the directory that an export stage writes to outside its own. What others wrote there is an error, or by force is set aside.
func (s *stage) target() (release func() error, err error) {
	path := s.recipe.ExportDir(s.index)
	ours, err := claimed(s.path, path)
	if err != nil {
		return nil, err
	}
	release, err = output.Dir(path, output.Options{Force: s.force && !ours, Mine: func(string) bool { return ours }})
	if err != nil {
		return nil, err
	}
	abs, err := filepath.Abs(path)
	if err == nil {
		err = checkpoint.WriteJSON(s.path, targetFile, target{s.recipe.WrittenPath(abs)})
	}
	if err != nil {
		return nil, errors.Join(err, release())
	}
	return release, nil
}

// freeTargets makes sure before the first stage that the chosen exports can be written where they are to be. What this run wrote there may
// be written again, as long as nobody has changed it since; what is in the way is an error, or by force is set aside.
func freeTargets(r *recipe.Recipe, d *run.Dir, chosen []int, force bool) error {
	for _, i := range chosen {
		if r.Stages[i].Export == nil || r.Stages[i].Export.Path == "" {
			continue
		}
		path := r.ExportDir(i)
		ours, err := claimed(d.StageDir(i), path)
		if err != nil {
			return err
		}
		changed := ""
		if ours {
			if changed, err = changedSince(d, i, path); err != nil {
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

// changedSince names a file of a finished export that somebody has put another in the place of. An export that is whole is not written again.
func changedSince(d *run.Dir, i int, path string) (string, error) {
	m, err := d.Manifest(i)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	} else if err != nil {
		return "", err
	}
	missing, other := false, ""
	for _, o := range m.Outputs {
		file := filepath.FromSlash(run.Expanded(o.Path))
		if !filepath.IsAbs(file) {
			continue
		}
		info, err := os.Stat(file)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			missing = true
		case err != nil:
			return "", err
		case info.Size() != o.Bytes:
			other = filepath.Base(file)
		}
	}
	if !missing || other != "" {
		return other, nil
	}
	for _, o := range m.Outputs {
		file := filepath.FromSlash(run.Expanded(o.Path))
		if !filepath.IsAbs(file) {
			continue
		}
		got, err := filehash.File(context.Background(), file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return "", err
		}
		if got.SHA256 != o.SHA256 {
			return filepath.Base(file), nil
		}
	}
	return "", nil
}
