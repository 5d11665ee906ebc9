package pipelines

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"moslava/internal/atomicfile"
	"moslava/internal/filehash"
	"moslava/internal/infile"
	"moslava/internal/output"
	"moslava/internal/sealed"
	"moslava/pipelines/metrics"
	"moslava/pipelines/recipe"
	"moslava/pipelines/run"
)

// targetFile says, in the directory of an export stage, which directory outside it writes to.
const targetFile = "target.json"

// stageRecords are files of a stage's directory that decide nothing of what later stages take.
var stageRecords = []string{metrics.LinesFile, metrics.EventsFile, targetFile}

type target struct {
	Path string `json:"path"`                    // absolute, with variables as in the recipe
	Sum  string `json:"record_sha256,omitempty"` // of the record without it; those of earlier versions have none
}

func (t *target) seal(sum string) { t.Sum = sum }

const targetIndent = "  "

// readTarget reads what writeTarget wrote. The error wraps fs.ErrNotExist if there is none.
func readTarget(stageDir string) (t target, err error) {
	path := filepath.Join(stageDir, targetFile)
	text, err := infile.Read(path, 1<<20)
	if err != nil {
		return t, err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&t); err != nil {
		return t, fmt.Errorf("%s: %w", path, err)
	}
	if err := sealed.Check(text, &t, targetIndent, t.Sum, t.seal); err != nil && !errors.Is(err, sealed.ErrNone) {
		return t, fmt.Errorf("%s %w. Remove it and the export that it names, and the stage writes both again", path, err)
	}
	return t, nil
}

func writeTarget(stageDir, path string) error {
	t := target{Path: path}
	b, err := sealed.Encode(&t, targetIndent, t.seal)
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(filepath.Join(stageDir, targetFile), b)
}

// claimed says whether the export stage with that directory has begun to write to path.
func claimed(stageDir, path string) (bool, error) {
	t, err := readTarget(stageDir)
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
		err = writeTarget(s.path, s.recipe.WrittenPath(abs))
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

// occupied makes sure, for a plan, that no others' files lie where exports are to be. A run does that itself (freeTargets), as it may be forced.
func (f *preflight) occupied() {
	for i := range f.recipe.Stages {
		s := &f.recipe.Stages[i]
		if s.Export == nil || s.Export.Path == "" {
			continue
		}
		path := f.recipe.ExportDir(i)
		ours, err := claimed(f.recipe.StageDir(i), path)
		if err == nil && !ours {
			err = output.Vacant(path)
		}
		f.problem(s, "path", err)
	}
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
