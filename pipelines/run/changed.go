package run

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"moslava/pipelines/recipe"
)

// A ChangedError says that a stage was begun or finished with another configuration, or from another model, than it has now.
type ChangedError struct {
	Stage    string
	Dir      string // where the stage's results are
	Finished bool
	Changes  []Change // sorted by key, at least one
}

// A Change is one value that differs, in JSON; Was or Now is empty where there is none.
type Change struct{ Key, Was, Now string }

func (e *ChangedError) Error() string {
	what := "was begun"
	if e.Finished {
		what = "is finished"
	}
	return fmt.Sprintf("run: stage %s %s in %s, but has changed since: %s. Undo the change, give another run_dir, or give --force: "+
		"it sets the stage and those that depend on it aside, as %s~1 and so on, and does them again; nothing is deleted",
		e.Stage, what, e.Dir, e.list(), filepath.Base(e.Dir))
}

func (e *ChangedError) list() string {
	parts := make([]string, len(e.Changes))
	for i, c := range e.Changes {
		switch {
		case c.Was == "":
			parts[i] = fmt.Sprintf("%s is %s and was not set", c.Key, c.Now)
		case c.Now == "":
			parts[i] = fmt.Sprintf("%s was %s and is not set", c.Key, c.Was)
		default:
			parts[i] = fmt.Sprintf("%s was %s and is %s", c.Key, c.Was, c.Now)
		}
	}
	return strings.Join(parts, "; ")
}

// changed compares a plan with what it is now; nil if nothing that counts differs. Names of stages do not.
func (d *Dir) changed(p *Plan, now Plan, dir string, finished bool) *ChangedError {
	e := &ChangedError{Stage: now.Stage, Dir: dir, Finished: finished}
	if p.ConfigSHA256 != now.ConfigSHA256 {
		e.Changes = diff(p.Config, now.Config)
	}
	for _, name := range slices.Sorted(maps.Keys(now.values)) {
		if sealed, ok := p.Variables[name]; ok && !recipe.IsSealed(sealed, now.values[name]) {
			e.Changes = append(e.Changes, Change{"the environment variable " + name, "another text", "what it is now"})
		}
	}
	if len(e.Changes) == 0 && p.Taken != nil && now.Taken != nil {
		e.Changes = diffTaken(p.Taken, now.Taken)
	}
	was, is := inputs(p.Inputs), inputs(now.Inputs)
	if was != is {
		e.Changes = append(e.Changes, Change{"the model it takes", describeInputs(p.Inputs), describeInputs(now.Inputs)})
	}
	if len(e.Changes) == 0 {
		return nil
	}
	return e
}

// diffTaken lists the files that differ.
func diffTaken(was, now []Taken) []Change {
	describe := func(list []Taken) map[string]string {
		out := map[string]string{}
		for _, t := range list {
			out[strings.TrimSuffix(t.Key+", "+t.File, ", ")] = fmt.Sprintf("%s with SHA-256 %s", t.Path, t.SHA256)
		}
		return out
	}
	a, b := describe(was), describe(now)
	keys := maps.Clone(a)
	maps.Copy(keys, b)
	var out []Change
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		if hashOf(a[k]) != hashOf(b[k]) {
			out = append(out, Change{"the file of " + k, a[k], b[k]})
		}
	}
	return out
}

// hashOf is the hash at the end of a description.
func hashOf(text string) string { return text[strings.LastIndexByte(text, ' ')+1:] }

// inputs is what counts of a list of inputs.
func inputs(in []Input) string {
	var b strings.Builder
	for _, i := range in {
		b.WriteString(i.OutputsSHA256 + "\n")
	}
	return b.String()
}

func describeInputs(in []Input) string {
	if len(in) == 0 {
		return "the recipe's own"
	}
	parts := make([]string, len(in))
	for i, x := range in {
		parts[i] = fmt.Sprintf("that of stage %s (%.12s)", x.Stage, x.OutputsSHA256)
	}
	return strings.Join(parts, ", ")
}

// diff lists the values that differ between two JSON texts.
func diff(was, now []byte) []Change {
	a, b := map[string]string{}, map[string]string{}
	flatten("", was, a)
	flatten("", now, b)
	keys := maps.Clone(a)
	maps.Copy(keys, b)
	var out []Change
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		if a[k] != b[k] {
			out = append(out, Change{k, a[k], b[k]})
		}
	}
	return out
}

// flatten puts the values of a JSON text into a map, by the path of their keys; an empty list or object is a value.
func flatten(key string, text json.RawMessage, into map[string]string) {
	join := func(name string) string {
		if key == "" {
			return name
		}
		return key + "." + name
	}
	var object map[string]json.RawMessage
	var list []json.RawMessage
	switch {
	case json.Unmarshal(text, &object) == nil && len(object) > 0:
		for k, v := range object {
			flatten(join(k), v, into)
		}
	case json.Unmarshal(text, &list) == nil && len(list) > 0:
		for i, v := range list {
			flatten(join(strconv.Itoa(i)), v, into)
		}
	default:
		into[key] = string(text)
	}
}
