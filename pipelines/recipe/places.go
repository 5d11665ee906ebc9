package recipe

import (
	"fmt"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"moslava/internal/overlap"
)

// A Place is a file or directory that a recipe reads or writes.
type Place struct {
	Key   string // that names it, such as stages.1.data.0.path
	Path  string
	Stage int // whose key it is; -1 for the model, which all stages start from
}

// Reads lists what the recipe reads: models, adapters, projectors, templates, data and suites. Names with a scheme are no places.
func (r *Recipe) Reads() []Place {
	out := reads(reflect.ValueOf(r.Model), "model", -1)
	for i := range r.Stages {
		s, key := &r.Stages[i], "stages."+strconv.Itoa(i)
		switch {
		case s.Train != nil:
			out = append(out, reads(reflect.ValueOf(s.Train).Elem(), key, i)...)
		case s.Evaluate != nil:
			out = append(out, reads(reflect.ValueOf(s.Evaluate).Elem(), key, i)...)
		}
	}
	return out
}

// reads gathers the fields of type Path, and files that a key with another meaning may name as well.
func reads(v reflect.Value, key string, stage int) (out []Place) {
	switch {
	case v.Type() == pathType:
		if p := v.String(); p != "" && !scheme.MatchString(p) {
			out = append(out, Place{key, p, stage})
		}
	case v.Kind() == reflect.Pointer && !v.IsNil():
		return reads(v.Elem(), key, stage)
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			out = append(out, reads(v.Index(i), join(key, strconv.Itoa(i)), stage)...)
		}
	case v.Kind() == reflect.Struct:
		for _, f := range fields(v) {
			if text := f.value; f.tag.Get("hash") == "path" && isTemplateFile(text.String()) {
				out = append(out, Place{join(key, f.name), text.String(), stage})
				continue
			}
			out = append(out, reads(f.value, join(key, f.name), stage)...)
		}
	}
	return out
}

// DirName is the name of the directory of stage i.
func (r *Recipe) DirName(i int) string { return fmt.Sprintf("%02d-%s", i, r.Stages[i].Name) }

// StageDir is the directory of stage i in the run directory.
func (r *Recipe) StageDir(i int) string { return filepath.Join(string(r.RunDir), r.DirName(i)) }

// DirOf is the directory of the stage of that name, which the recipe must have.
func (r *Recipe) DirOf(stage string) string {
	_, i := r.Stage(stage)
	return r.StageDir(i)
}

// ExportDir is where export stage i writes.
func (r *Recipe) ExportDir(i int) string {
	if p := r.Stages[i].Export.Path; p != "" {
		return string(p)
	}
	return filepath.Join(r.StageDir(i), r.Stages[i].Export.Format)
}

// places reports what would be written over what is read: the model's own base above all.
func (r *Recipe) places(d *decoder) {
	from := r.Reads()
	c := &comparison{d: d}
	for i := range r.Stages {
		s, key := &r.Stages[i], "stages."+strconv.Itoa(i)
		if s.Export == nil || s.Export.Path == "" {
			for _, p := range from {
				// An earlier stage may leave what a later one reads by its directory, as compose does.
				if p.Stage <= i {
					c.refuse(d.nearest("run_dir"), "the directory of stage "+s.Name+",", r.StageDir(i), p.Key, p.Path)
				}
			}
			continue
		}
		key = join(key, "path")
		target := string(s.Export.Path)
		if scheme.MatchString(target) {
			d.at(key, "is %q, expected a directory", target)
			continue
		}
		for _, p := range from {
			c.refuse(key, "the export", target, p.Key, p.Path)
		}
		for j := range r.Stages[:i] {
			if e := r.Stages[j].Export; e != nil && e.Path != "" {
				c.refuse(key, "the export", target, "stages."+strconv.Itoa(j)+".path", string(e.Path))
			}
		}
		c.aboutRun(r, i, key, target)
	}
}

// comparison reports places that overlap.
type comparison struct{ d *decoder }

func (c *comparison) relation(key, a, b string) overlap.Relation {
	how, err := overlap.Of(a, b)
	if err != nil {
		c.d.at(key, "%v", err)
	}
	return how
}

func (c *comparison) refuse(key, what, target, other, path string) {
	if how := c.relation(key, target, path); how != overlap.Apart {
		c.d.at(key, "%s %s %s what %s names, and would be written over it or into it: give another directory", what, quoted(target), how, other)
	}
}

func quoted(path string) string { return strconv.Quote(path) }

// inStage matches what stands below a run directory inside a stage's directory.
var inStage = regexp.MustCompile(`^[0-9]{2,}-[^/]+(/|$)`)

// aboutRun keeps an export out of the directories that runs keep in order themselves.
func (c *comparison) aboutRun(r *Recipe, i int, key, target string) {
	switch how := c.relation(key, target, string(r.RunDir)); how {
	case overlap.Same, overlap.Contains:
		c.d.at(key, "the export %s %s what run_dir names, and would be written over it: give another directory", quoted(target), how)
		return
	case overlap.Apart:
		return
	}
	if c.relation(key, target, r.StageDir(i)) == overlap.Inside {
		return
	}
	a, errA := filepath.Abs(string(r.RunDir))
	b, errB := filepath.Abs(target)
	if errA != nil || errB != nil {
		return
	}
	if rel, err := filepath.Rel(a, b); err == nil && inStage.MatchString(strings.ToLower(filepath.ToSlash(rel))) {
		c.d.at(key, "the export %s lies inside a stage's directory in run_dir: give another directory", quoted(target))
	}
}

// nearest is the key if it is present, else the empty key of the whole file.
func (d *decoder) nearest(key string) string {
	if d.has(key) {
		return key
	}
	return ""
}
