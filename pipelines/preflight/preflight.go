// Package preflight looks ahead at the stages of a recipe, before anything is computed: what would end one with an error,
// how much memory and disk they take, and, as a plan for people, how long. Of a model it reads configurations alone.
package preflight

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"moslava/pipelines/inputs"
	"moslava/pipelines/models"
	"moslava/pipelines/plan"
	"moslava/pipelines/recipe"
	"moslava/pipelines/run"
	"moslava/pipelines/vlm"
)

// A Problem is something that would end a stage with an error.
type Problem struct {
	Stage string
	Key   string // of the recipe; may be empty
	Err   error
}

func (p Problem) String() string {
	if p.Key == "" {
		return fmt.Sprintf("stage %s: %v", p.Stage, p.Err)
	}
	return fmt.Sprintf("stage %s: %s: %v", p.Stage, p.Key, p.Err)
}

// MarshalJSON writes the error as text.
func (p Problem) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"stage": p.Stage, "key": p.Key, "error": p.Err.Error()})
}

// An Error is what was found before the first step of the first stage.
type Error struct{ Problems []Problem }

func (e *Error) Error() string {
	if len(e.Problems) == 1 {
		return e.Problems[0].String()
	}
	lines := []string{fmt.Sprintf("%d problems, found before any stage was begun", len(e.Problems))}
	for _, p := range e.Problems {
		lines = append(lines, p.String())
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives the errors of all problems.
func (e *Error) Unwrap() (errs []error) {
	for _, p := range e.Problems {
		errs = append(errs, p.Err)
	}
	return errs
}

// checker looks at all that stages need, before anything is computed.
type checker struct {
	recipe    *recipe.Recipe
	opt       PlanOptions
	model     *vlm.Model // an outline
	processor *vlm.Processor
	planned   []planned
	held      []plan.Stage // that hold the model and train nothing: names and memory alone
	problems  []Problem
	disk      disk
}

// planned is a training stage whose data has been looked at.
type planned struct {
	stage *recipe.Stage
	in    plan.Input
	data  sampled
	made  plan.Stage // without times
}

// checks are what is looked at in a stage of each kind, in this order. One that fails does not keep the others from being made.
var checks = map[string][]func(*checker, context.Context, *recipe.Stage){
	recipe.Pretrain: {(*checker).training, (*checker).statesFit},
	recipe.Align:    {(*checker).training, (*checker).statesFit},
	recipe.Tune:     {(*checker).training, (*checker).statesFit},
	recipe.Merge:    {(*checker).merges, (*checker).holding},
	recipe.Evaluate: {(*checker).suites, (*checker).holding},
	recipe.Export:   {(*checker).format, (*checker).merges, (*checker).target, (*checker).exportFits, (*checker).holding},
}

// lookAhead makes the checks of stages. The error is one of the model's, without which nothing else can be looked at, or ctx's.
func lookAhead(ctx context.Context, r *recipe.Recipe, stages []int, opt PlanOptions) (*checker, error) {
	f := &checker{recipe: r, opt: opt, disk: disk{}}
	var err error
	if f.model, f.processor, err = models.Outline(r); err != nil {
		return nil, err
	}
	for _, i := range stages {
		s := &r.Stages[i]
		for _, check := range checks[s.Kind] {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			check(f, ctx, s)
		}
	}
	f.ignored()
	f.diskHolds()
	return f, nil
}

// ignored looks for keys of data.ignore that no row of any stage has, if all of them have been looked at.
func (f *checker) ignored() {
	met, first := map[string]bool{}, (*recipe.Stage)(nil)
	for i := range f.recipe.Stages {
		s := &f.recipe.Stages[i]
		if s.Train == nil || !inputs.Inherited(f.recipe, s.Train) {
			continue
		}
		at := slices.IndexFunc(f.planned, func(p planned) bool { return p.stage == s })
		if at < 0 || f.planned[at].data.met == nil {
			return
		}
		maps.Copy(met, f.planned[at].data.met)
		if first == nil {
			first = s
		}
	}
	if key := inputs.Unmet(f.recipe.Data.Ignore, met); key != "" && first != nil {
		f.problem(first, "data.ignore", fmt.Errorf("names %q, and no row, turn or content part of any stage's data has such a key: correct it, or leave it out", key))
	}
}

func (f *checker) problem(s *recipe.Stage, key string, err error) {
	if err != nil {
		f.problems = append(f.problems, Problem{f.recipe.Mask(s.Name), key, f.recipe.MaskError(err)})
	}
}

// Check looks ahead at all stages of a recipe as Run does before it begins, but for memory. What would end a stage with an error is a *Error.
func Check(ctx context.Context, r *recipe.Recipe) (err error) {
	defer func() { err = r.MaskError(err) }()
	f, err := lookAhead(ctx, r, everyStage(r), PlanOptions{Batches: preflightBatches})
	if err == nil && len(f.problems) > 0 {
		err = &Error{f.problems}
	}
	return err
}

func everyStage(r *recipe.Recipe) (all []int) {
	for i := range r.Stages {
		all = append(all, i)
	}
	return all
}

// preflightBatches is how many batches a run looks at of each stage before it begins.
const preflightBatches = 4

// ReadyOptions are those of a run that is about to begin.
type ReadyOptions struct {
	Force      bool // stages that are finished may be done again
	OverMemory bool // a plan for more memory than there is does not keep the run from beginning
	Out        io.Writer
}

// Ready looks ahead at those of the chosen stages that d has to do, and says how many bytes of memory each is planned to
// take, by its name.
func Ready(ctx context.Context, r *recipe.Recipe, d *run.Dir, chosen []int, opt ReadyOptions) (peaks map[string]int64, err error) {
	todo, err := unfinished(r, d, chosen, opt.Force)
	if err != nil || len(todo) == 0 {
		return nil, err
	}
	f, err := lookAhead(ctx, r, todo, PlanOptions{Batches: preflightBatches})
	if err != nil {
		return nil, fmt.Errorf("stage %s: %w", r.Stages[todo[0]].Name, err)
	}
	if len(f.problems) > 0 {
		return nil, &Error{f.problems}
	}
	var stages []plan.Stage
	for _, p := range f.planned {
		stages = append(stages, p.made)
	}
	m := f.memory(stages)
	if m.Need == 0 {
		return nil, nil
	}
	fmt.Fprintln(opt.Out, m)
	if err := m.Err(); err != nil && !opt.OverMemory {
		return nil, fmt.Errorf("stage %s: %w; --over-memory runs it all the same", m.Stage, err)
	}
	peaks = map[string]int64{}
	for _, s := range slices.Concat(stages, f.held) {
		peaks[s.Name] = int64(s.Memory.Peak)
	}
	return peaks, nil
}

// unfinished lists those of the chosen stages that a run has to do. A stage that takes the model of one which is neither finished nor among them is an error.
func unfinished(r *recipe.Recipe, d *run.Dir, chosen []int, force bool) (todo []int, err error) {
	is := map[int]bool{}
	for _, i := range chosen {
		if _, err := d.Manifest(i); err == nil && !force {
			continue
		}
		todo, is[i] = append(todo, i), true
		if from, _ := d.From(i); from >= 0 && !is[from] {
			if _, err := d.Manifest(from); err != nil {
				return nil, fmt.Errorf("stage %s: takes the model of stage %s, which is not finished: run that first, or leave --only out",
					r.Stages[i].Name, r.Stages[from].Name)
			}
		}
	}
	return todo, nil
}
