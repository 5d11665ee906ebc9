package study

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"moslava/pipelines/recipe"
	"moslava/pipelines/recipes"
)

// plan is a study with its base recipe: it makes the recipe of every cell.
type plan struct {
	*Study
	base   *recipe.Recipe
	tune   *recipe.Stage
	shared []string          // stages whose model the varied one takes, in order
	towers []string          // that have adapters
	model  string            // directory that the shared stages make; empty: the recipe's own model
	cells  string            // directory of cells
	common []string          // overrides of every recipe
	sealed map[string]string // values of variables as records hide them, by name
}

// exported is the stage that the shared run ends with.
const exported = "study-model"

// newPlan reads the base recipe and checks that the study can be made of it.
func newPlan(s *Study, threads int) (*plan, error) {
	base, err := recipes.Load(string(s.Base))
	if err != nil {
		return nil, err
	}
	p := &plan{Study: s, base: base, cells: filepath.Join(absolute(string(s.RunDir)), "cells"), sealed: map[string]string{}}
	if threads > 0 {
		p.common = append(p.common, fmt.Sprintf("threads=%d", threads))
	}
	fail := func(key, format string, args ...any) error {
		return fmt.Errorf("%s: %s: %s", s.file, key, fmt.Sprintf(format, args...))
	}
	tune, _ := base.Stage(s.Stage)
	switch {
	case tune == nil:
		return nil, fail("stage", "%s has no stage %q", s.Base, s.Stage)
	case tune.Train == nil || tune.Train.Adapters == nil:
		return nil, fail("stage", "stage %s of %s attaches no adapters", s.Stage, s.Base)
	case tune.Train.Validation == 0:
		return nil, fail("stage", "stage %s of %s holds nothing out: give it validation, on which learning rates are compared", s.Stage, s.Base)
	}
	p.tune = tune
	ev, _ := base.Stage(s.Evaluate)
	if ev == nil || ev.Evaluate == nil || ev.From != s.Stage {
		return nil, fail("evaluate", "%s has no stage %q of kind evaluate that takes the model of %s", s.Base, s.Evaluate, s.Stage)
	}
	if len(s.Fractions) > 1 && tune.Train.Limit == 0 {
		return nil, fail("fractions", "stage %s of %s has no limit, of which they would be fractions", s.Stage, s.Base)
	}
	for at := tune.From; at != ""; {
		p.shared = append(p.shared, at)
		st, _ := base.Stage(at)
		at = st.From
	}
	slices.Reverse(p.shared)
	var ranks []int
	for tower, c := range map[string]*recipe.Adapter{"vision": tune.Train.Adapters.Vision, "language": tune.Train.Adapters.Language} {
		if c != nil {
			p.towers, ranks = append(p.towers, tower), append(ranks, c.R)
		}
	}
	if len(s.Ranks) == 0 {
		if s.Ranks = ranks[:1]; slices.Max(ranks) != slices.Min(ranks) {
			return nil, fail("ranks", "the towers have ranks %v in %s: say which the study takes", ranks, s.Base)
		}
	}
	slices.Sort(p.towers)
	if len(s.LearningRates) == 0 {
		s.LearningRates = []float64{tune.Train.LR}
	}
	// Every method's keys are read once now, so that a slip does not wait for its turn.
	for _, c := range p.mainCells(func(string, int) float64 { return s.LearningRates[0] }) {
		if c.Seed != s.Seeds[0] {
			continue
		}
		if _, err := p.recipe(c); err != nil {
			return nil, fmt.Errorf("%s: method %s: %w", s.file, c.Method, err)
		}
	}
	return p, nil
}

// sharedRecipe runs what is before the varied stage, and exports the model; nil if there is nothing before it.
func (p *plan) sharedRecipe() (*recipe.Recipe, error) {
	if len(p.shared) == 0 {
		return nil, nil
	}
	sets := []string{"name=" + quote(p.writtenName()+"-shared"), "run_dir=" + p.path(p.sharedDir())}
	return p.base.Select(recipe.Selection{Stages: p.shared, Export: exported, Environment: p.environment}, append(sets, p.common...)...)
}

func (p *plan) sharedDir() string { return filepath.Join(absolute(string(p.RunDir)), "shared") }

// recipe is what a cell runs: the varied stage and its evaluation, from the shared model.
func (p *plan) recipe(c Cell) (*recipe.Recipe, error) {
	m, at := p.method(c.Method), "stages."+p.Stage+"."
	sets := []string{"name=" + quote(p.writtenName()), "run_dir=" + p.path(p.dir(c)), fmt.Sprintf("seed=%d", c.Seed), fmt.Sprintf("%slr=%v", at, c.Rate)}
	if c.Fraction < 1 {
		sets = append(sets, fmt.Sprintf("%slimit=%d", at, max(1, int(math.Round(c.Fraction*float64(p.tune.Train.Limit))))))
	}
	for _, tower := range p.towers {
		in := at + "adapters." + tower + "."
		sets = append(sets, fmt.Sprintf("%sr=%d", in, c.Rank))
		for _, set := range m.Adapters {
			sets = append(sets, in+set)
		}
	}
	for _, set := range m.Keys {
		sets = append(sets, at+set)
	}
	tokens, err := p.tokens()
	if err != nil {
		return nil, err
	}
	sets = append(sets, tokens...)
	sel := recipe.Selection{Stages: []string{p.Stage, p.Evaluate}, From: p.environment.Path(p.model), Environment: p.environment}
	return p.base.Select(sel, append(sets, p.common...)...)
}

// tuningCells are those that learning rates are compared with.
func (p *plan) tuningCells() []Cell {
	var out []Cell
	if len(p.LearningRates) == 1 {
		return nil
	}
	for _, seed := range p.TuningSeeds {
		for _, m := range p.Methods {
			for _, r := range p.Ranks {
				for _, lr := range p.LearningRates {
					out = append(out, Cell{m.Name, r, lr, seed, 1})
				}
			}
		}
	}
	return out
}

// mainCells are those that are compared, at the learning rates that chosen gives: seed after seed, so that an unfinished
// study has complete pairs; fractions last, the largest first.
func (p *plan) mainCells(chosen func(method string, rank int) float64) []Cell {
	var out []Cell
	fractions := slices.Sorted(slices.Values(p.Fractions))
	slices.Reverse(fractions)
	for _, f := range fractions {
		seeds := p.Seeds
		if f < 1 {
			seeds = p.FractionSeeds
		}
		for _, seed := range seeds {
			for _, m := range p.Methods {
				for _, r := range p.Ranks {
					out = append(out, Cell{m.Name, r, chosen(m.Name, r), seed, f})
				}
			}
		}
	}
	return out
}

// path makes a YAML string of a path, in which variables of the study stay what they are.
func (p *plan) path(path string) string { return quote(filepath.ToSlash(p.environment.Path(path))) }

// quote makes a YAML string of a text.
func quote(text string) string { return fmt.Sprintf("%q", text) }

// writtenName is the study's name as its file has it.
func (s *Study) writtenName() string { return s.environment.Written("name", s.Name) }

// absolute is the path from the root, so that a recipe's directory does not matter.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}
