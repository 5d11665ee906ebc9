package run

import (
	"errors"
	"fmt"
	"io/fs"

	"moslava/internal/output"
)

// taken is what stage i takes from outside, asked once.
func (d *Dir) taken(i int) ([]Taken, error) {
	if d.opt.Takes == nil {
		return nil, nil
	}
	if list, ok := d.takes[i]; ok {
		return list, nil
	}
	list, err := d.opt.Takes(i)
	if err != nil {
		return nil, err
	}
	d.takes[i] = list
	return list, nil
}

// Intact reads again, before anything is done, what finished stages left behind that the given ones take, as far as those are not finished. What has changed is a
// *ChangedError, or with Options.Force is set aside together with the stages that depend on it.
func (d *Dir) Intact(stages []int) error {
	for _, i := range stages {
		if _, err := d.Manifest(i); err == nil && !d.force {
			continue
		}
		for from, _ := d.From(i); from >= 0; from, _ = d.From(from) {
			if err := d.intactOrAside(from); err != nil {
				return err
			}
		}
		if d.force {
			if err := d.intactOrAside(i); err != nil {
				return err
			}
		}
	}
	return nil
}

// intactOrAside checks a stage that may be finished.
func (d *Dir) intactOrAside(i int) error {
	err := d.intactStage(i)
	var changed *ChangedError
	if errors.Is(err, fs.ErrNotExist) {
		return nil // not finished
	} else if !errors.As(err, &changed) || !d.force {
		return err
	}
	d.notice(fmt.Sprintf("%s: done again by force: %s", d.recipe.Stages[i].Name, changed.list()))
	return d.setAside(i)
}

// intactTo checks a stage and those that led to it.
func (d *Dir) intactTo(i int) error {
	for ; i >= 0; i, _ = d.From(i) {
		if err := d.intactStage(i); err != nil {
			return err
		}
	}
	return nil
}

// intactStage reads the outputs of a finished stage once. Those that are missing or of another size make the stage unfinished, which is
// Finished's affair.
func (d *Dir) intactStage(i int) error {
	if d.intact[i] {
		return nil
	}
	m, err := d.Manifest(i)
	if err != nil {
		return err
	}
	for _, o := range m.Outputs {
		if o.stat(d.StageDir(i)) != "" {
			return nil
		}
	}
	changes, err := changedOutputs(d.StageDir(i), m)
	if err != nil {
		return err
	}
	if len(changes) > 0 {
		return &ChangedError{Stage: d.recipe.Stages[i].Name, Dir: d.StageDir(i), Finished: true, Changes: changes}
	}
	d.intact[i] = true
	return nil
}

// changedOutputs reads the outputs of a finished stage, all of which are there.
func changedOutputs(dir string, m *Manifest) (changes []Change, err error) {
	for _, o := range m.Outputs {
		got, err := hashFile(o.in(dir))
		if err != nil {
			return nil, err
		}
		if got.SHA256 != o.SHA256 {
			changes = append(changes, Change{"its file " + o.Path, "SHA-256 " + o.SHA256, "SHA-256 " + got.SHA256})
		}
	}
	return changes, nil
}

func (d *Dir) notice(text string) {
	if d.opt.Notice != nil {
		d.opt.Notice(text)
	}
}

// nothingComputed says whether a stage that was begun has nothing to lose.
func (d *Dir) nothingComputed(i int, dir string) bool {
	if d.opt.Computed == nil {
		return false
	}
	computed, err := d.opt.Computed(i, dir)
	return err == nil && !computed
}

// restart makes room for stage i to begin anew, with another configuration: what it left is nothing, but is kept all the same.
func (d *Dir) restart(i int, changed *ChangedError) error {
	d.notice(fmt.Sprintf("%s: begun, but nothing was computed yet; it starts anew, as %s", d.recipe.Stages[i].Name, changed.list()))
	if err := output.SetAside(d.StageDir(i)); err != nil {
		return fmt.Errorf("run: %w", err)
	}
	return nil
}
