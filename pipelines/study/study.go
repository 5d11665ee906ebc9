// Package study compares methods of adaptation by experiment: the same recipe is run with every method, rank and seed, each
// method at a learning rate of its own that was chosen on the validation split, and the answers to the same questions are
// compared with those of a baseline, with confidence intervals.
//
// A study is one YAML file, read as strictly as a recipe. One cell of it is one run directory, so a study that was interrupted
// goes on where it was, and loses at most what the running cell did after its last saved state.
package study

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"moslava/internal/infile"
	"moslava/pipelines/recipe"
)

// A Study is what a study's file says.
type Study struct {
	// Name is required, as in a recipe: letters of any alphabet, digits, spaces, '.', '_' and '-'.
	Name string `yaml:"name,required"`
	// Base is required: the recipe that every cell runs, but for what is varied. Stages before the varied one are run once.
	Base recipe.Path `yaml:"base,required"`
	// RunDir takes all that the study writes. Default: runs/NAME under the working directory.
	RunDir recipe.Path `yaml:"run_dir"`
	// Stage of the base recipe that is varied. It must have adapters and a validation share.
	Stage string `yaml:"stage" default:"tune"`
	// Evaluate is the stage of the base recipe that asks the suites; its first suite decides, others are reported.
	Evaluate string `yaml:"evaluate" default:"evaluate"`
	// Methods is required: what is compared.
	Methods []Method `yaml:"methods,required"`
	// Baseline is required: the method that the others are compared with.
	Baseline string `yaml:"baseline,required"`
	// Ranks of the adapters of all towers. alpha stays as the base recipe has it. Default: the base recipe's.
	Ranks []int `yaml:"ranks" range:"[1,65536]"`
	// Seeds is required: of the order of the data, the adapters' start and dropout; the same for all methods.
	Seeds []uint64 `yaml:"seeds,required"`
	// LearningRates to choose from, for each method and rank, by the loss on the validation share. Default: the base recipe's.
	LearningRates []float64 `yaml:"learning_rates" range:"(0,10]"`
	// TuningSeeds are those with which learning rates are compared. Default: the first of seeds.
	TuningSeeds []uint64 `yaml:"tuning_seeds"`
	// Fractions of the varied stage's limit, at the learning rate chosen for all of it. Default: 1.
	Fractions []float64 `yaml:"fractions" range:"(0,1]"`
	// FractionSeeds are the seeds of the cells with a fraction of the data. Default: seeds.
	FractionSeeds []uint64 `yaml:"fraction_seeds"`
	// Bootstrap says how intervals are computed.
	Bootstrap Bootstrap `yaml:"bootstrap"`

	file        string
	environment *recipe.Environment
}

// A Method is what distinguishes the cells of one curve.
type Method struct {
	// Name is required: lower-case letters, digits and '-'. It stands in every table, so that it can have no variable.
	Name string `yaml:"name,required" expand:"-"`
	// Adapters are keys of the adapters of every tower that the base recipe adapts, each as key=value: mixer=orthogonal.
	Adapters []string `yaml:"adapters" expand:"-"`
	// Keys are other keys of the varied stage, each as key=value.
	Keys []string `yaml:"keys" expand:"-"`
}

// Bootstrap holds the keys of the paired bootstrap.
type Bootstrap struct {
	// Draws is the number of resamples.
	Draws int `yaml:"draws" default:"10000" range:"[100,1e7]"`
	// Level is the probability that an interval is for.
	Level float64 `yaml:"level" default:"0.95" range:"(0,1)"`
	// Seed of the resampling.
	Seed uint64 `yaml:"seed" default:"1"`
}

// maxBytes is far above any study.
const maxBytes = 1 << 20

// Load reads a study's file.
func Load(path string) (*Study, error) {
	b, err := infile.Read(path, maxBytes)
	if err != nil {
		return nil, fmt.Errorf("study: %w", err)
	}
	return Parse(path, b)
}

// Parse reads a study from memory; paths are relative to the directory of name.
func Parse(name string, b []byte) (*Study, error) {
	s := &Study{file: name}
	var err error
	if s.environment, err = recipe.Decode(name, b, s, s.check); err != nil {
		return nil, err
	}
	return s, nil
}

var methodForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

// check fills in what is left out and reports what is wrong.
func (s *Study) check(has func(string) bool, report func(key, format string, args ...any)) {
	if name, err := recipe.CleanName(s.Name); err == nil {
		s.Name = name
	} else if has("name") {
		report("name", "%q %v", s.Name, err)
	}
	if s.RunDir == "" {
		s.RunDir = recipe.Path(filepath.Join("runs", s.Name))
	}
	var names []string
	for i, m := range s.Methods {
		key := "methods." + strconv.Itoa(i)
		switch {
		case !methodForm.MatchString(m.Name):
			report(key+".name", "%q: expected lower-case letters, digits and '-'", m.Name)
		case slices.Contains(names, m.Name):
			report(key+".name", "%q comes twice", m.Name)
		}
		names = append(names, m.Name)
		for kind, list := range map[string][]string{"adapters": m.Adapters, "keys": m.Keys} {
			for _, set := range list {
				if k, _, ok := strings.Cut(set, "="); !ok || k == "" {
					report(key+"."+kind, "is %q, expected key=value", set)
				}
			}
		}
	}
	if has("baseline") && !slices.Contains(names, s.Baseline) {
		report("baseline", "no method is called %q; there are %s", s.Baseline, strings.Join(names, ", "))
	}
	if len(s.TuningSeeds) == 0 && len(s.Seeds) > 0 {
		s.TuningSeeds = s.Seeds[:1]
	}
	if len(s.FractionSeeds) == 0 {
		s.FractionSeeds = s.Seeds
	}
	if len(s.Fractions) == 0 {
		s.Fractions = []float64{1}
	}
	if !slices.Contains(s.Fractions, 1) {
		report("fractions", "has no 1: learning rates are chosen, and methods compared, with all of the data")
	}
	repeated(report, "ranks", s.Ranks)
	repeated(report, "seeds", s.Seeds)
	repeated(report, "learning_rates", s.LearningRates)
	repeated(report, "tuning_seeds", s.TuningSeeds)
	repeated(report, "fractions", s.Fractions)
	repeated(report, "fraction_seeds", s.FractionSeeds)
}

// repeated reports values that come twice.
func repeated[T comparable](report func(key, format string, args ...any), key string, list []T) {
	for i, v := range list {
		if slices.Index(list, v) < i {
			report(key, "%v comes twice", v)
		}
	}
}

// method is the method of that name.
func (s *Study) method(name string) *Method {
	i := slices.IndexFunc(s.Methods, func(m Method) bool { return m.Name == name })
	return &s.Methods[i]
}
