// Package recipes reads recipes with the program's vocabulary: the names and rules of adapters, protocols, schedules,
// storages, policies and so on, each from the package that has them. Package recipe knows the keys and none of these. It also says what a
// recipe's adapter is as a configuration of moslora.
package recipes

import (
	"fmt"

	"moslava/datasets"
	"moslava/internal/optim"
	"moslava/moslora"
	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/eval/suites"
	"moslava/pipelines/preference"
	"moslava/pipelines/recipe"
	"moslava/pipelines/vlm"
	"moslava/projector"
)

// Load reads the recipe in a file, with overrides as recipe.Recipe.Override takes them.
func Load(path string, overrides ...string) (*recipe.Recipe, error) {
	return Vocabulary().Load(path, overrides...)
}

// Parse reads a recipe from memory. The name is used in messages, and its directory as the one relative paths are
// relative to.
func Parse(name string, b []byte) (*recipe.Recipe, error) { return Vocabulary().Parse(name, b) }

// Vocabulary is the program's.
func Vocabulary() *recipe.Vocabulary {
	starts, biases := moslora.Starts(), moslora.Biases()
	linears, tables := vlm.Storages()
	v := &recipe.Vocabulary{
		Words: map[string]recipe.Words{
			"mixers":     {Known: moslora.Mixers(), Refused: moslora.RefusedMixers()},
			"starts":     {Known: starts, Usual: starts[0]},
			"biases":     {Known: biases, Usual: biases[0]},
			"protocols":  {Known: protocols.Names(), Usual: protocols.Default},
			"schedules":  {Known: optim.Schedules()},
			"projectors": {Known: projector.Types()},

			"storages":       {Known: linears, Usual: linears[0]},
			"table storages": {Known: tables, Usual: tables[0]},
			"groupings":      {Known: datasets.Groupings()},
			"preferences":    {Known: preference.Kinds()},
			"row formats":    {Known: []string{datasets.FormatLLMAdapters}},
			"row keys":       {Known: datasets.RowKeys()},
		},
		Adapter:        faults,
		ChangesWeights: func(start string) bool { return moslora.Start(start).ChangesWeights() },
		Reference:      preference.HasReference,
		Shard:          func(text string) error { _, err := suites.ParseShard(text); return err },
	}
	for name, known := range datasets.Policies() {
		v.Words[name] = recipe.Words{Known: known}
	}
	return v
}

func faults(a *recipe.Adapter) (out []recipe.Fault) {
	cfg, err := Adapter(a)
	if err != nil {
		return []recipe.Fault{{Text: err.Error()}}
	}
	for _, f := range cfg.Faults() {
		out = append(out, recipe.Fault{Key: f.Field, Text: f.Text})
	}
	return out
}

// Adapter is what a recipe's adapter asks for, but for tokens, whose ids a tokenizer knows.
func Adapter(a *recipe.Adapter) (moslora.Config, error) {
	out := moslora.Config{R: a.R, Alpha: a.Alpha, Dropout: a.Dropout, Mixer: moslora.Mixer(a.Mixer), RSLoRA: a.RSLoRA, Targets: a.Targets,
		Start: moslora.Start(a.Start), FreezeA: a.FreezeA, LoRABias: a.LoRABias, DoRA: a.DoRA, Exclude: a.ExcludeModules,
		Beside: moslora.Beside{Save: a.ModulesToSave, Bias: a.Bias, Tied: a.EnsureWeightTying}}
	for _, p := range a.RankPattern {
		if err := out.RankPattern.Add(p.Layers, p.Value); err != nil {
			return out, fmt.Errorf("rank_pattern: %w", err)
		}
	}
	for _, p := range a.AlphaPattern {
		if err := out.AlphaPattern.Add(p.Layers, p.Value); err != nil {
			return out, fmt.Errorf("alpha_pattern: %w", err)
		}
	}
	for _, p := range a.MixerPattern {
		if err := out.MixerPattern.Add(p.Layers, moslora.Mixer(p.Value)); err != nil {
			return out, fmt.Errorf("mixer_pattern: %w", err)
		}
	}
	return out, nil
}
