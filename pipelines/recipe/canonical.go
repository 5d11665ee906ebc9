package recipe

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
)

// StageJSON is the canonical form of all that decides what stage i leaves behind, given what it starts
// from: the seed, the model and the stage's own keys with defaults filled in, sorted, zero values left out. Keys that
// change no result (threads, workers, run_dir, save_every, keep, checkpointing, the names of
// stages) are not in it. Paths below the recipe's directory are relative to it, so that moving everything
// together changes nothing. Where variables stand in the file they stand here, in the place of numbers, too; Variables has their values.
func (r *Recipe) StageJSON(i int) ([]byte, error) {
	if i < 0 || i >= len(r.Stages) {
		return nil, fmt.Errorf("recipe: no stage %d, there are %d", i, len(r.Stages))
	}
	c, err := r.canoniser(false)
	if err != nil {
		return nil, err
	}
	all := c.base()
	all["stage"] = c.stage(&r.Stages[i], i)
	return json.Marshal(all)
}

// JSON is the whole recipe as it was understood, with all defaults filled in, for people and for records.
func (r *Recipe) JSON() ([]byte, error) {
	all, err := r.all()
	if err != nil {
		return nil, err
	}
	return json.MarshalIndent(all, "", "  ")
}

// ModelJSON is the part of StageJSON that decides what the first stage starts from: the seed and the model.
func (r *Recipe) ModelJSON() ([]byte, error) {
	c, err := r.canoniser(false)
	if err != nil {
		return nil, err
	}
	return json.Marshal(c.base())
}

// all has every key of the recipe.
func (r *Recipe) all() (map[string]any, error) {
	c, err := r.canoniser(true)
	if err != nil {
		return nil, err
	}
	stages := make([]any, len(r.Stages))
	for i := range r.Stages {
		stages[i] = c.stage(&r.Stages[i], i)
	}
	all := c.value(reflect.ValueOf(*r), "").(map[string]any)
	all["stages"] = stages
	return all, nil
}

// A canoniser turns parts of a recipe into maps, which encoding/json writes sorted by key.
type canoniser struct {
	recipe      *Recipe
	dir         string            // absolute
	environment *Environment      // its texts stand in the place of what they stand for
	met         map[string]string // variables in these texts, with their values
	all         bool              // keys that change no result, and zero values, too
}

func (r *Recipe) canoniser(all bool) (*canoniser, error) {
	dir, err := filepath.Abs(r.Dir())
	if err != nil {
		return nil, fmt.Errorf("recipe: %w", err)
	}
	return &canoniser{r, dir, r.environment, map[string]string{}, all}, nil
}

// base decides what the first stage starts from.
func (c *canoniser) base() map[string]any {
	return map[string]any{"seed": c.value(reflect.ValueOf(c.recipe.Seed), "seed"), "model": c.value(reflect.ValueOf(c.recipe.Model), "model")}
}

// stage puts the keys of a stage's kind beside its own, as in the file.
func (c *canoniser) stage(s *Stage, i int) map[string]any {
	key := "stages." + strconv.Itoa(i)
	out := c.value(reflect.ValueOf(*s), key).(map[string]any)
	for _, p := range []reflect.Value{reflect.ValueOf(s.Train), reflect.ValueOf(s.Evaluate), reflect.ValueOf(s.Export)} {
		if !p.IsNil() {
			for k, v := range c.value(p.Elem(), key).(map[string]any) {
				out[k] = v
			}
		}
	}
	if s.Evaluate != nil {
		c.heldOut(s.Evaluate, out)
	}
	return out
}

// heldOut puts beside the suites of an evaluate stage what decides which samples a training stage holds out.
func (c *canoniser) heldOut(e *EvaluateConfig, out map[string]any) {
	of := map[string]any{}
	for _, suite := range e.Suites {
		s, i := c.recipe.Stage(suite.HeldOut)
		if suite.HeldOut == "" || s == nil || s.Train == nil || c.all {
			continue
		}
		train := c.value(reflect.ValueOf(s.Train).Elem(), "stages."+strconv.Itoa(i)).(map[string]any)
		share := map[string]any{}
		for _, key := range []string{"data", "limit", "temperature", "validation", "validation_by", "images", "ignore"} {
			if v, has := train[key]; has {
				share[key] = v
			}
		}
		of[suite.HeldOut] = share
	}
	if len(of) > 0 {
		out["held_out_of"] = of
	}
}

func (c *canoniser) value(v reflect.Value, key string) any {
	if text, ok := c.environment.written[key]; ok {
		for _, name := range variablesIn(text) {
			c.met[name] = c.environment.values[name]
		}
		return text
	}
	switch v.Kind() {
	case reflect.Struct:
		out := map[string]any{}
		c.fields(v, key, out)
		return out
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return c.value(v.Elem(), key)
	case reflect.Slice:
		out := make([]any, v.Len())
		for i := range out {
			out[i] = c.value(v.Index(i), join(key, strconv.Itoa(i)))
		}
		return out
	}
	if v.Type() == pathType {
		return c.path(v.String())
	}
	return v.Interface()
}

func (c *canoniser) fields(v reflect.Value, key string, out map[string]any) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous {
			c.fields(v.Field(i), key, out)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "" || name == "-" || !c.all && (f.Tag.Get("hash") == "-" || v.Field(i).IsZero()) {
			continue
		}
		out[name] = c.value(v.Field(i), join(key, name))
		if text, ok := out[name].(string); ok && c.environment.written[join(key, name)] == "" && f.Tag.Get("hash") == "path" && isTemplateFile(text) {
			out[name] = c.path(text)
		}
	}
}

// path is relative to the recipe's directory if it lies below it.
func (c *canoniser) path(p string) string {
	if p == "" || scheme.MatchString(p) {
		return p
	}
	abs, err := filepath.Abs(p)
	if err != nil {
		return p
	}
	if rel, err := filepath.Rel(c.dir, abs); err == nil && filepath.IsLocal(rel) {
		return filepath.ToSlash(rel)
	}
	return filepath.ToSlash(abs)
}
