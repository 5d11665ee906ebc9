package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"moslava/internal/atomicfile"
	"moslava/pipelines/recipe"
)

// Finished says whether stage i is finished and can be skipped, and if not, why. A finished stage whose
// configuration or inputs are others than when it ran is a *ChangedError, or with Options.Force
// is set aside together with the stages that depend on it. Outputs are checked for presence and
// size; Verify also reads them.
func (d *Dir) Finished(i int) (done bool, reason string, err error) {
	m, err := d.Manifest(i)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(d.StageDir(i), begunFile)); err == nil {
			return false, "begun, not finished", nil
		}
		return false, "not begun", nil
	} else if err != nil {
		return false, "", err
	}
	if from, _ := d.From(i); from >= 0 {
		done, why, err := d.Finished(from)
		if err != nil || !done {
			return false, fmt.Sprintf("stage %s, whose model it takes: %s", d.recipe.Stages[from].Name, why), err
		}
	}
	now, err := d.plan(i)
	if err != nil {
		return false, "", err
	}
	if err := d.changed(&m.Plan, now, d.StageDir(i), true); err != nil {
		if !d.force {
			return false, "", err
		}
		return false, "done again by force: " + err.list(), d.setAside(i)
	}
	for _, o := range m.Outputs {
		if why := o.stat(d.StageDir(i)); why != "" {
			return false, why, nil
		}
	}
	return true, "", nil
}

// Begin makes the directory of stage i ready to be written to, and says whether an earlier process began there
// with the same configuration and inputs, so that its state can be resumed. If they differ, that is
// a *ChangedError, or with Options.Force the stage is set aside and begins anew. The
// stage whose model it takes must be finished.
func (d *Dir) Begin(i int) (dir string, resumed bool, err error) {
	dir = d.StageDir(i)
	if from, _ := d.From(i); from >= 0 {
		done, why, err := d.Finished(from)
		if err != nil {
			return "", false, err
		}
		if !done {
			return "", false, fmt.Errorf("run: stage %s takes the model of stage %s, which is not finished: %s",
				d.recipe.Stages[i].Name, d.recipe.Stages[from].Name, why)
		}
		if err := d.intactTo(from); err != nil {
			return "", false, err
		}
	}
	now, err := d.plan(i)
	if err != nil {
		return "", false, err
	}
	var was begun
	var changed *ChangedError
	found := readJSON(filepath.Join(dir, begunFile), &was)
	switch {
	case errors.Is(found, fs.ErrNotExist):
		err = d.refuseStrange(dir)
	case found != nil:
		err = found
	default:
		if changed = d.changed(&was.Plan, now, dir, false); changed != nil && !d.force && !d.nothingComputed(i, dir) {
			err = changed
		}
	}
	if err == nil {
		err = d.Record() // from here on the stage is begun
	}
	if err != nil {
		return "", false, err
	}
	dir = d.StageDir(i)
	switch {
	case changed != nil && d.nothingComputed(i, dir):
		err = d.restart(i, changed)
	case changed != nil:
		err = d.setAside(i)
	case found == nil:
		// A manifest that was found wanting must not stand beside what is written from now on.
		if err := os.Remove(filepath.Join(dir, manifestFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", false, fmt.Errorf("run: %w", err)
		}
		return dir, true, nil
	}
	if err != nil {
		return "", false, err
	}
	if err := atomicfile.MkdirAll(dir); err != nil {
		return "", false, fmt.Errorf("run: %w", err)
	}
	if now.Variables, err = recipe.Seal(now.values); err != nil {
		return "", false, fmt.Errorf("run: %w", err)
	}
	return dir, false, writeJSON(filepath.Join(dir, begunFile), &begun{Plan: now, Begun: time.Now().UTC().Truncate(time.Second)})
}

// refuseStrange refuses a stage directory with files that no stage began.
func (d *Dir) refuseStrange(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("run: %w", err)
	}
	for _, e := range entries {
		if !hidden(e.Name()) {
			return fmt.Errorf("run: %s holds %s but no %s: it was not made by a run; move it away", dir, e.Name(), begunFile)
		}
	}
	return nil
}

// Finish records that stage i is finished. Outputs are the files, or directories of files, in the stage's directory that
// other stages and people are to rely on; absolute paths name what was written elsewhere. Their
// sizes and SHA-256 go into the manifest, and later stages are tied to them, so files that
// differ from run to run for no good reason, such as those with times in them, are better left out.
// None means all files but hidden ones.
func (d *Dir) Finish(i int, outputs ...string) error {
	dir := d.StageDir(i)
	var was begun
	if err := readJSON(filepath.Join(dir, begunFile), &was); err != nil {
		return fmt.Errorf("run: stage %s was not begun: %w", d.recipe.Stages[i].Name, err)
	}
	if len(outputs) == 0 {
		outputs = []string{"."}
	}
	files, err := hashOutputs(dir, outputs)
	if err != nil {
		return err
	}
	delete(d.intact, i)
	for k := range files {
		files[k].Path = d.Recorded(i, files[k].Path)
	}
	return writeJSON(filepath.Join(dir, manifestFile), &Manifest{
		Format:        manifestFormat,
		Plan:          was.Plan,
		Outputs:       files,
		OutputsSHA256: digest(files),
		Versions:      Versions(),
		Begun:         was.Begun,
		Finished:      time.Now().UTC().Truncate(time.Second),
	})
}

// Recorded is the path of an output of stage i as a record has it: values of variables are not in it.
func (d *Dir) Recorded(i int, path string) string {
	if filepath.IsAbs(path) {
		return d.recipe.WrittenPath(path)
	}
	if e := d.recipe.Stages[i].Evaluate; e != nil {
		for j, suite := range e.Suites { // whose directories have their names
			if below, ok := strings.CutPrefix(path+"/", suite.Name+"/"); ok {
				return strings.TrimSuffix(d.written.Stages[i].Evaluate.Suites[j].Name+"/"+below, "/")
			}
		}
	}
	return path
}

// Manifest reads the manifest of stage i. The error wraps fs.ErrNotExist if the stage is not finished.
func (d *Dir) Manifest(i int) (*Manifest, error) {
	m := new(Manifest)
	if err := readJSON(filepath.Join(d.StageDir(i), manifestFile), m); err != nil {
		return nil, err
	}
	return m, nil
}

// plan is what stage i would be done with now.
func (d *Dir) plan(i int) (Plan, error) {
	config, err := d.recipe.StageJSON(i)
	if err != nil {
		return Plan{}, fmt.Errorf("run: %w", err)
	}
	p := Plan{Stage: d.written.Stages[i].Name, Kind: d.recipe.Stages[i].Kind, Config: config, ConfigSHA256: sha256Hex(config), Inputs: []Input{}}
	if p.values, err = d.recipe.Variables(i); err != nil {
		return Plan{}, fmt.Errorf("run: %w", err)
	}
	if from, _ := d.From(i); from >= 0 {
		m, err := d.Manifest(from)
		if err != nil {
			return Plan{}, err
		}
		p.Inputs = append(p.Inputs, Input{Stage: d.written.Stages[from].Name, OutputsSHA256: m.OutputsSHA256})
	}
	p.Taken, err = d.taken(i)
	return p, err
}

// writeJSON writes a record of a stage in one step, with its hash.
func writeJSON(path string, v sealed) error {
	sum, err := sealOf(v)
	if err != nil {
		return fmt.Errorf("run: %s: %w", path, err)
	}
	*v.seal() = sum
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("run: %s: %w", path, err)
	}
	if err := atomicfile.WriteBytes(path, append(b, '\n')); err != nil {
		return fmt.Errorf("run: %w", err)
	}
	return nil
}
