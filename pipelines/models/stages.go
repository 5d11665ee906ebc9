package models

import (
	"fmt"
	"path/filepath"

	"moslava/internal/atomicfile"
	"moslava/internal/checkpoint"
	"moslava/internal/infile"
	"moslava/internal/safetensors"
	"moslava/pipelines/recipe"
	"moslava/pipelines/run"
	"moslava/pipelines/vlm"
)

// What a stage that changes the model leaves in its directory. A model is the recipe's, changed by
// the chain of stages that led to it.
const (
	TrainedFile = "trained.safetensors" // parameters of the base model that were trained, whole
	AdaptersDir = "adapters"            // a PEFT directory with all adapters and the projector
	MergedFile  = "merged.json"         // adapters were folded in here
)

// After is the recipe's model as stage i leaves it; -1 is the recipe's own.
func After(r *recipe.Recipe, d *run.Dir, i int) (*vlm.Model, *vlm.Processor, error) {
	var chain []string
	for i >= 0 {
		chain = append([]string{d.StageDir(i)}, chain...)
		i, _ = d.From(i)
	}
	return Of(r, chain)
}

// Of is the recipe's model, changed by the stages with these directories, one after the other.
func Of(r *recipe.Recipe, chain []string) (*vlm.Model, *vlm.Processor, error) {
	m, p, err := Base(r)
	if err != nil {
		return nil, nil, err
	}
	for k, dir := range chain {
		last, err := lastAdapters(chain[k+1:])
		if err == nil {
			err = Apply(m, dir, last)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return m, p, nil
}

// lastAdapters says whether a stage's adapters last until something is done with them, a merge or the end: later stages of the
// chain that have a directory of adapters have them all, as they became.
func lastAdapters(later []string) (bool, error) {
	for _, dir := range later {
		if merged, err := infile.Exists(filepath.Join(dir, MergedFile)); merged || err != nil {
			return true, err
		}
		if again, err := infile.Exists(filepath.Join(dir, AdaptersDir)); again || err != nil {
			return false, err
		}
	}
	return true, nil
}

// Apply changes the model as the stage with that directory did; adapters says whether its adapters, too.
func Apply(m *vlm.Model, dir string, adapters bool) error {
	if ok, err := infile.Exists(filepath.Join(dir, MergedFile)); err != nil {
		return err
	} else if ok {
		if err := m.MergeAdapters(); err != nil {
			return err
		}
	}
	if ok, err := infile.Exists(filepath.Join(dir, TrainedFile)); err != nil {
		return err
	} else if ok {
		if err := LoadTrained(m, filepath.Join(dir, TrainedFile)); err != nil {
			return err
		}
	}
	ok, err := infile.Exists(filepath.Join(dir, AdaptersDir))
	if err != nil || !ok || !adapters {
		return err
	}
	m.DetachAdapters() // the directory has them all, as they are now
	return m.LoadAdapters(filepath.Join(dir, AdaptersDir))
}

// LoadTrained replaces the parameters that a file holds.
func LoadTrained(m *vlm.Model, path string) error {
	f, err := checkpoint.OpenFile(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, name := range f.Names() {
		p := m.Params.Get(name)
		if p == nil {
			return fmt.Errorf("%s: the model has no parameter %s", path, name)
		}
		data, err := f.Float32(name, p.Shape)
		if err != nil {
			return err
		}
		if err := p.Set(data, p.Shape); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// SaveTrained writes the base model's trained parameters, and the adapters if there are any.
func SaveTrained(m *vlm.Model, dir, base string, trained []string) error {
	if err := atomicfile.MkdirAll(dir); err != nil {
		return err
	}
	var tensors []safetensors.Tensor
	for _, name := range trained {
		p := m.Params.Get(name)
		tensors = append(tensors, safetensors.Tensor{Name: name, Shape: p.Shape, Data: p.Floats()})
	}
	if len(tensors) > 0 {
		if err := safetensors.Write(filepath.Join(dir, TrainedFile), tensors, map[string]string{"format": "pt"}); err != nil {
			return err
		}
	}
	if m.Adapters.Len() == 0 {
		return nil
	}
	to := filepath.Join(dir, AdaptersDir)
	if err := atomicfile.MkdirAll(to); err != nil {
		return err
	}
	return m.SaveAdapters(to, base, false)
}
