package pipelines

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

// A state is a directory with all that a run needs to go on. state.json is written last: without it
// the directory is the remains of an interrupted save.
const (
	statePrefix = "state-"
	paramsFile  = "params.safetensors"
	optimFile   = "optim.safetensors"
	stateFile   = "state.json"
)

// save writes the state after a step and removes all but the newest ones. A state that is there
// already is that of the same step of the same run, and stays: replacing it would leave none for a while.
func (t *training) save(s train.State) error {
	if err := t.log.Sync(); err != nil {
		return err
	}
	dir := filepath.Join(t.path, fmt.Sprintf("%s%08d", statePrefix, s.Step))
	if ok, err := infile.Exists(filepath.Join(dir, stateFile)); err != nil || ok {
		return err
	}
	if err := t.write(dir, s); err != nil {
		return errors.Join(err, os.RemoveAll(dir)) // half a state is of no use and may fill the disk
	}
	return t.prune()
}

// write makes the directory of a state.
func (t *training) write(dir string, s train.State) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := atomicfile.MkdirAll(dir); err != nil {
		return err
	}
	var params []safetensors.Tensor
	for _, p := range t.trainer.Params {
		params = append(params, safetensors.Tensor{Name: p.Name, Shape: p.Shape, Data: p.Floats()})
	}
	if err := safetensors.Write(filepath.Join(dir, paramsFile), params, nil); err != nil {
		return err
	}
	var moments []safetensors.Tensor
	for _, m := range t.trainer.Optim.State() {
		moments = append(moments, safetensors.Tensor{Name: m.Name, Shape: []int{len(m.Data)}, Data: m.Data})
	}
	if err := safetensors.Write(filepath.Join(dir, optimFile), moments, nil); err != nil {
		return err
	}
	return seal(dir, s)
}

// states lists the complete states, oldest first, and the remains of interrupted saves.
func (t *training) states() (whole, torn []string, err error) {
	entries, err := os.ReadDir(t.path)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), statePrefix) {
			continue
		}
		dir := filepath.Join(t.path, e.Name())
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
	slices.Sort(whole)
	return whole, torn, nil
}

// prune removes old states and the remains of interrupted saves.
func (t *training) prune() error {
	whole, torn, err := t.states()
	if err != nil {
		return err
	}
	for _, dir := range whole[:max(0, len(whole)-t.cfg.Keep)] {
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

// resume takes over the newest state, if there is one. It tidies up first: a run that was killed after its last save has no other occasion.
func (t *training) resume() (train.State, error) {
	if err := t.prune(); err != nil {
		return train.State{}, err
	}
	all, _, err := t.states()
	if err != nil || len(all) == 0 {
		return train.State{}, err
	}
	dir := all[len(all)-1]
	s, err := t.load(dir)
	if err != nil {
		return s, fmt.Errorf("%w (to go on from the state before it, or from the start, remove %s)", err, dir)
	}
	return s, nil
}

// load takes over the state in a directory.
func (t *training) load(dir string) (train.State, error) {
	s, err := unseal(dir)
	if err != nil {
		return s, err
	}
	params, err := checkpoint.OpenFile(filepath.Join(dir, paramsFile))
	if err != nil {
		return s, err
	}
	defer params.Close()
	for _, p := range t.trainer.Params {
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
	if err := t.trainer.Optim.Load(state); err != nil {
		return s, fmt.Errorf("%s: %w", filepath.Join(dir, optimFile), err)
	}
	return s, nil
}
