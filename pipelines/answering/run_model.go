package answering

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"moslava/internal/infile"
	"moslava/pipelines/inputs"
	"moslava/pipelines/models"
	"moslava/pipelines/recipe"
	"moslava/pipelines/recipes"
	"moslava/pipelines/run"
	"moslava/pipelines/vlm"
)

// runModel is the model of a run as its stages left it, found without changing anything there.
type runModel struct {
	view  *run.View
	chain []run.Finished // stages that led to it, the first one first
	given string         // the directory of a stage that was asked for and leaves the model as it is; empty: none
	taken []run.Taken    // files of the recipe's model, once it is open
}

// changesModel are the kinds of stages that leave another model than they take.
var changesModel = []string{recipe.Pretrain, recipe.Align, recipe.Tune, recipe.Merge}

// findRunModel finds what a directory of a run, or of a stage in one, stands for; nil if it is neither.
func findRunModel(dir string) (*runModel, error) {
	if model, err := infile.Exists(filepath.Join(dir, vlm.ConfigFile)); model || err != nil {
		return nil, err
	}
	root, stage, ok := run.Find(dir)
	if !ok {
		return nil, nil
	}
	v, err := run.Look(root, recipes.Vocabulary())
	if err != nil {
		return nil, err
	}
	m := &runModel{view: v}
	var f run.Finished
	at, aside := -1, slices.IndexFunc(v.Aside, func(f run.Finished) bool { return stage == filepath.Base(f.Dir) })
	if aside >= 0 {
		f = v.Aside[aside]
	}
	for i, f := range v.Finished {
		if stage == filepath.Base(f.Dir) || stage == "" && slices.Contains(changesModel, f.Kind) {
			at = i
		}
	}
	switch {
	case aside >= 0:
	case at < 0 && strings.Contains(stage, "~"):
		return nil, fmt.Errorf("%s: the stage was set aside before it was finished: there is no model of it", dir)
	case at < 0 && stage != "":
		return nil, fmt.Errorf("%s: the stage is not finished: moslava run goes on with it", dir)
	case at < 0 && len(v.Begun) > 0:
		return nil, fmt.Errorf("%s: no stage that changes the model is finished (%s is not): moslava run goes on there",
			dir, strings.Join(v.Begun, ", "))
	case at < 0:
		return nil, fmt.Errorf("%s: no stage that changes the model is finished; name the model itself", dir)
	}
	if at >= 0 {
		f = v.Finished[at]
	}
	if m.chain, err = v.Chain(f); err != nil {
		return nil, err
	}
	if slices.Contains(changesModel, f.Kind) {
		m.chain = append(m.chain, f)
	} else {
		m.given = f.Dir
	}
	return m, nil
}

// dir is the directory of the stage that the model is of.
func (m *runModel) dir() string {
	if n := len(m.chain); n > 0 && m.given == "" {
		return m.chain[n-1].Dir
	}
	return m.given
}

// open reads the model, once all that it is made from has been found to be what it was.
func (m *runModel) open(ctx context.Context, out io.Writer) (*vlm.Model, *vlm.Processor, error) {
	r := m.view.Recipe
	if err := r.ModelNeeds(); err != nil {
		return nil, nil, m.named(err)
	}
	t := inputs.NewTaker(ctx, r, m.view.Path, out)
	var err error
	if m.taken, err = t.Model(); err != nil {
		return nil, nil, m.named(err)
	}
	var dirs []string
	for _, f := range m.chain {
		if err := m.view.Agrees(f, m.taken); err != nil {
			return nil, nil, m.named(err)
		}
		dirs = append(dirs, f.Dir)
	}
	model, p, err := models.Of(r, dirs)
	if err != nil {
		return nil, nil, m.named(err)
	}
	_, err = fmt.Fprintln(out, r.Mask(m.describe(model)))
	return model, p, err
}

// named says whose model could not be had.
func (m *runModel) named(err error) error {
	r := m.view.Recipe
	return r.MaskError(fmt.Errorf("the model of %s, a run of %s: %w", m.dir(), r.File(), err))
}

// describe says in a line what is taken.
func (m *runModel) describe(model *vlm.Model) string {
	text := "taken: the recipe's own model"
	if n := len(m.chain); n > 0 {
		text = "taken: the model as stage " + m.chain[n-1].Stage + " left it, in " + m.chain[n-1].Dir
	}
	if n := model.Adapters.Len(); n > 0 {
		text += fmt.Sprintf(", with %d adapters attached", n)
	}
	if m.given != "" {
		text += "; " + filepath.Base(m.given) + " takes it and leaves it as it is"
	} else if len(m.view.Begun) > 0 {
		text += "; not finished: " + strings.Join(m.view.Begun, ", ")
	}
	return text
}

// identify writes what decides the model's answers.
func (m *runModel) identify(h io.Writer) error {
	if m.taken == nil {
		return errors.New("the model is not open")
	}
	config, err := m.view.Recipe.ModelJSON()
	if err != nil {
		return err
	}
	fmt.Fprintf(h, "%s\x00", config)
	for _, t := range m.taken {
		fmt.Fprintf(h, "%s\x00%s\x00%s\x00", t.Key, t.File, t.SHA256)
	}
	for _, f := range m.chain {
		fmt.Fprintf(h, "%s\x00", f.OutputsSHA256)
	}
	return nil
}

// modelName is what a model is called in the names of what is made with it.
func modelName(dir string) (string, error) {
	m, err := findRunModel(dir)
	if err != nil {
		return "", err
	}
	if m == nil {
		return lastPart(dir), nil
	}
	_, stage, _ := strings.Cut(filepath.Base(m.dir()), "-")
	return lastPart(m.view.Path) + "-" + stage, nil
}

// lastPart is that of a directory's name.
func lastPart(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	return filepath.Base(dir)
}
