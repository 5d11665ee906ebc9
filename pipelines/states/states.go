// Package states keeps the saved states of training stages. A state is a directory in the stage's own with all that the
// stage needs to go on after a step: what is trained, the optimiser's moments, and where the loop stands. Hashes say
// whether any of it was damaged since.
package states

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"moslava/internal/atomicfile"
	"moslava/internal/checkpoint"
	"moslava/internal/infile"
	"moslava/internal/optim"
	"moslava/internal/safetensors"
	"moslava/pipelines/train"
)

// Files of a state. state.json is written last: without it the directory is the remains of an interrupted save.
const (
	paramsFile = "params.safetensors"
	optimFile  = "optim.safetensors"
	stateFile  = "state.json"
)

const prefix = "state-"

// Name is that of the directory of the state after a step.
func Name(step int) string { return fmt.Sprintf("%s%08d", prefix, step) }

// Params is the file of a state that holds all parameters that are trained, and nothing else.
func Params(state string) string { return filepath.Join(state, paramsFile) }

// Save writes the state of a stage after a step, and removes all but the newest ones. A state that is there already is
// that of the same step of the same run, and stays: replacing it would leave none for a while.
func Save(stage string, s train.State, t *train.Trainer, keep int) error {
	dir := filepath.Join(stage, Name(s.Step))
	if ok, err := infile.Exists(filepath.Join(dir, stateFile)); err != nil || ok {
		return err
	}
	if err := write(dir, s, t); err != nil {
		return errors.Join(err, os.RemoveAll(dir)) // half a state is of no use and may fill the disk
	}
	return prune(stage, keep)
}

// write makes the directory of a state.
func write(dir string, s train.State, t *train.Trainer) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := atomicfile.MkdirAll(dir); err != nil {
		return err
	}
	var params []safetensors.Tensor
	for _, p := range t.Params {
		params = append(params, safetensors.Tensor{Name: p.Name, Shape: p.Shape, Data: p.Floats()})
	}
	if err := safetensors.Write(Params(dir), params, nil); err != nil {
		return err
	}
	var moments []safetensors.Tensor
	for _, m := range t.Optim.State() {
		moments = append(moments, safetensors.Tensor{Name: m.Name, Shape: []int{len(m.Data)}, Data: m.Data})
	}
	if err := safetensors.Write(filepath.Join(dir, optimFile), moments, nil); err != nil {
		return err
	}
	return seal(dir, s)
}

// List lists the directories of a stage's complete states, oldest first, and those of the remains of interrupted saves.
func List(stage string) (whole, torn []string, err error) {
	entries, err := entriesOf(stage)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range entries {
		dir := filepath.Join(stage, e.Name())
		ok, err := infile.Exists(filepath.Join(dir, stateFile))
		if err != nil {
			return nil, nil, err
		}
		if ok {
			whole = append(whole, dir)
		} else {
			torn = append(torn, dir)
		}
	}
	return whole, torn, nil
}

// entriesOf lists what a stage's directory has by the name of a state, sorted.
func entriesOf(stage string) ([]os.DirEntry, error) {
	entries, err := os.ReadDir(stage)
	return slices.DeleteFunc(entries, func(e os.DirEntry) bool { return !strings.HasPrefix(e.Name(), prefix) }), err
}

// prune removes old states and the remains of interrupted saves.
func prune(stage string, keep int) error {
	whole, torn, err := List(stage)
	if err != nil {
		return err
	}
	for _, dir := range whole[:max(0, len(whole)-keep)] {
		if err := os.Remove(filepath.Join(dir, stateFile)); err != nil { // first: half a state is none
			return err
		}
		torn = append(torn, dir)
	}
	for _, dir := range torn {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}

// Resume has the trainer take over a stage's newest state, if there is one; of a stage without, the state is the zero
// value. It tidies up first: a run that was killed after its last save has no other occasion.
func Resume(stage string, t *train.Trainer, keep int) (train.State, error) {
	if err := prune(stage, keep); err != nil {
		return train.State{}, err
	}
	all, _, err := List(stage)
	if err != nil || len(all) == 0 {
		return train.State{}, err
	}
	dir := all[len(all)-1]
	s, err := load(dir, t)
	if err != nil {
		return s, fmt.Errorf("%w (to go on from the state before it, or from the start, remove %s)", err, dir)
	}
	return s, nil
}

// load takes over the state in a directory.
func load(dir string, t *train.Trainer) (train.State, error) {
	s, err := unseal(dir)
	if err != nil {
		return s, err
	}
	params, err := checkpoint.OpenFile(Params(dir))
	if err != nil {
		return s, err
	}
	defer params.Close()
	for _, p := range t.Params {
		data, err := params.Float32(p.Name, p.Shape)
		if err != nil {
			return s, err
		}
		if err := p.Set(data, p.Shape); err != nil {
			return s, fmt.Errorf("%s: %w", dir, err)
		}
	}
	if left := params.Unused(nil); len(left) > 0 {
		return s, fmt.Errorf("%s: %s is not trained here", dir, left[0])
	}
	moments, err := safetensors.Open(filepath.Join(dir, optimFile))
	if err != nil {
		return s, err
	}
	defer moments.Close()
	var state []optim.Tensor
	for _, name := range moments.Names() {
		data, err := moments.Float32(name)
		if err != nil {
			return s, err
		}
		state = append(state, optim.Tensor{Name: name, Data: data})
	}
	if err := t.Optim.Load(state); err != nil {
		return s, fmt.Errorf("%s: %w", filepath.Join(dir, optimFile), err)
	}
	return s, nil
}
