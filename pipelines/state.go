package pipelines

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"moslava/internal/checkpoint"
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

// save writes the state after a step and removes all but the newest ones.
func (t *training) save(s train.State) error {
	if err := t.log.Sync(); err != nil {
		return err
	}
	dir := filepath.Join(t.path, fmt.Sprintf("%s%08d", statePrefix, s.Step))
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
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
	if err := checkpoint.WriteJSON(dir, stateFile, s); err != nil {
		return err
	}
	return t.prune()
}

// states lists the complete states, oldest first.
func (t *training) states() ([]string, error) {
	entries, err := os.ReadDir(t.path)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), statePrefix) {
			continue
		}
		dir := filepath.Join(t.path, e.Name())
		switch _, err := os.Stat(filepath.Join(dir, stateFile)); {
		case err == nil:
			out = append(out, dir)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
	}
	slices.Sort(out)
	return out, nil
}

func (t *training) prune() error {
	all, err := t.states()
	if err != nil {
		return err
	}
	for _, dir := range all[:max(0, len(all)-t.cfg.Keep)] {
		if err := os.Remove(filepath.Join(dir, stateFile)); err != nil { // first: half a state is none
			return err
		}
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}

// resume takes over the newest state, if there is one.
func (t *training) resume() (train.State, error) {
	var s train.State
	all, err := t.states()
	if err != nil || len(all) == 0 {
		return s, err
	}
	dir := all[len(all)-1]
	if err := checkpoint.ReadJSON(dir, stateFile, &s); err != nil {
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
			return s, err
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
	fmt.Fprintf(t.out, "%s: goes on after step %d\n", t.Name, s.Step)
	return s, t.trainer.Optim.Load(state)
}
