// Package adapters is what commands do with directories of adapters: Analyze looks inside one beside its base model,
// Compose writes the weighted sum of several.
package adapters

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"moslava/internal/nn"
	"moslava/moslora"
	"moslava/pipelines/analysis"
	"moslava/pipelines/models"
	"moslava/pipelines/recipe"
	"moslava/pipelines/recipes"
	"moslava/pipelines/vlm"
)

// AnalyzeOptions say what an adapter is looked at beside.
type AnalyzeOptions struct {
	// Base is the model that the adapter belongs to, a directory or the recipe that made it: with it norms of weights are known and,
	// from a seed, starts of mixers.
	Base string
	// Seed of the run, from which mixers were drawn. Default: the recipe's, if Base is one.
	Seed *uint64
	// Start is another adapter directory, whose mixers are the start, such as that of a state after no step. Excludes Seed.
	Start string
	// Against is the adapter directory that directions are compared with.
	Against string
}

// Analyze looks inside the adapters of a directory, in the order of their modules.
func Analyze(dir string, opt AnalyzeOptions) ([]analysis.Layer, error) {
	if opt.Start != "" && opt.Seed != nil {
		return nil, errors.New("the start of mixers is given twice: by a directory and by a seed")
	}
	name := func(module string) string { return module }
	weights := map[string]*nn.Linear{}
	if opt.Base != "" {
		m, seed, err := analyzeBase(opt.Base)
		if err != nil {
			return nil, err
		}
		if opt.Seed == nil && opt.Start == "" {
			opt.Seed = seed
		}
		name = m.PublishedName
		for l := range m.Params.Linears() {
			weights[l.Name] = l
		}
	} else if opt.Seed != nil {
		return nil, errors.New("a seed says how mixers started only together with a base, whose layers' names they were drawn by")
	}
	load := func(dir string) (*moslora.Saved, error) {
		if dir == "" {
			return nil, nil
		}
		return moslora.Load(dir, name)
	}
	saved, err := load(dir)
	if err != nil {
		return nil, err
	}
	if len(saved.Modules()) == 0 {
		return nil, fmt.Errorf("%s holds no adapters", dir)
	}
	start, err := load(opt.Start)
	if err != nil {
		return nil, err
	}
	against, err := load(opt.Against)
	if err != nil {
		return nil, err
	}
	var out []analysis.Layer
	for _, module := range saved.Modules() {
		in := analysis.Input{Module: module, Tower: towerOfModule(module), Depth: depthOf(module)}
		if in.Factors, err = saved.Factors(module); err != nil {
			return nil, err
		}
		if opt.Base != "" {
			l := weights[module]
			if l == nil || l.In() != in.Factors.In || l.Out() != in.Factors.Out {
				return nil, fmt.Errorf("%s: %s is an adapter for a layer of %d inputs and %d outputs, and %s has none of that name and shape",
					dir, module, in.Factors.In, in.Factors.Out, opt.Base)
			}
			in.Weight = l.Weight.Floats()
		}
		switch {
		case start != nil:
			f, err := start.Factors(module)
			if err != nil {
				return nil, err
			}
			if len(f.M) != len(in.Factors.M) {
				return nil, fmt.Errorf("%s: the mixer of %s has %d elements, in %s %d", opt.Start, module, len(f.M), dir, len(in.Factors.M))
			}
			in.Start = f.M
		case opt.Seed != nil || slices.Contains([]moslora.Mixer{moslora.Identity, moslora.Butterfly}, in.Factors.Config.Mixer):
			var seed uint64 // of no matter for those that are not drawn
			if opt.Seed != nil {
				seed = *opt.Seed
			}
			if in.Start, err = moslora.StartMixer(module, in.Factors.Config, nn.Random(seed)); err != nil {
				return nil, err
			}
		}
		if against != nil {
			f, err := against.Factors(module)
			if err != nil {
				return nil, err
			}
			in.Against = &f
		}
		l, err := analysis.Analyze(in)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", dir, err)
		}
		out = append(out, l)
	}
	return out, nil
}

// analyzeBase reads a model directory, or the model of a recipe and its seed, with full weights.
func analyzeBase(path string) (*vlm.Model, *uint64, error) {
	if !strings.HasSuffix(path, ".yaml") && !strings.HasSuffix(path, ".yml") {
		m, err := vlm.OpenModel(path, vlm.Options{})
		return m, nil, err
	}
	r, err := recipes.Load(path)
	if err != nil {
		return nil, nil, err
	}
	m, _, err := models.Base(models.Unrounded(r))
	return m, &r.Seed, r.MaskError(err)
}

// towerOfModule tells the tower by a module's path, under published names or those in memory.
func towerOfModule(module string) string {
	switch {
	case strings.Contains(module, "vision_tower.") || strings.Contains(module, "vision_model."):
		return recipe.PartVision
	case strings.Contains(module, "multi_modal_projector.") || strings.Contains(module, "connector."):
		return recipe.PartProjector
	}
	return recipe.PartLanguage
}

var blockNumber = regexp.MustCompile(`\.layers?\.([0-9]{1,6})\.`)

// depthOf is the number of a module's block, -1 if it is in none.
func depthOf(module string) int {
	if m := blockNumber.FindStringSubmatch(module); m != nil {
		n, _ := strconv.Atoi(m[1]) // digits alone
		return n
	}
	return -1
}
