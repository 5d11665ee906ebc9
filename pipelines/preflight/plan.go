package preflight

import (
	"context"
	"fmt"
	"io"
	"slices"

	"moslava/internal/machine"
	"moslava/pipelines/plan"
	"moslava/pipelines/recipe"
)

// PlanOptions say what a plan assumes where it cannot look.
type PlanOptions struct {
	Text    int // text tokens of a sample, if the data is not there; 0: then that is a problem
	Targets int // how many of them are learnt
	// Batches is how many are read to learn lengths.
	Batches int
}

// Plan is what the training stages of a recipe would take.
type Plan struct {
	Recipe  string       `json:"recipe"`
	Machine plan.Rates   `json:"machine"`
	Stages  []plan.Stage `json:"stages"`
	Memory  *MemoryCheck `json:"memory_check,omitempty"`
	// Problems are what a run would end with before its first step.
	Problems []Problem `json:"problems,omitempty"`
	// Unmeasured is why there are no rates and times; empty if there are.
	Unmeasured string `json:"unmeasured,omitempty"`
}

// MakePlan plans the training stages of r, and says what would stop a run. The memory check looks at the others, too. Of the model only configurations and the tokenizer are read; data is
// sampled if it is there.
func MakePlan(ctx context.Context, r *recipe.Recipe, opt PlanOptions) (_ *Plan, err error) {
	defer func() { err = r.MaskError(err) }()
	f, err := lookAhead(ctx, r, everyStage(r), opt)
	if err != nil {
		return nil, err
	}
	f.occupied()
	out := &Plan{Recipe: r.Mask(r.Name), Stages: []plan.Stage{}, Problems: f.problems}
	if n := len(f.planned); n > 0 {
		last := f.planned[n-1].in
		product := plan.ProductOf(f.model, last.Part.Storage, last.Batches)
		if err := machine.Take(plan.MeasureBytes(product)); err != nil {
			out.Unmeasured = err.Error()
		} else {
			out.Machine = plan.Measure(threadsOf(r), product)
		}
	}
	for _, p := range f.planned {
		st := p.made
		st.Name, st.Kind, st.Steps, st.Batches = r.Mask(p.stage.Name), p.stage.Kind, p.data.steps, p.data.seen
		for _, text := range p.data.assumed {
			st.Assumed = append(st.Assumed, r.Mask(text))
		}
		if out.Unmeasured == "" { // nor is what loading takes a time of its own
			st.Time(out.Machine)
		}
		out.Stages = append(out.Stages, st)
	}
	if len(out.Stages)+len(f.held) > 0 {
		out.Memory = f.memory(out.Stages)
	}
	return out, nil
}

// Err is what would stop a run, nil if nothing is known to.
func (p *Plan) Err() error {
	problems := slices.Clone(p.Problems)
	if p.Memory != nil {
		if err := p.Memory.Err(); err != nil {
			problems = append(problems, Problem{Stage: p.Memory.Stage, Err: err})
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return &Error{problems}
}

// Write shows the plan to people.
func (p *Plan) Write(out io.Writer) error {
	m := p.Machine
	if len(p.Stages) == 0 {
		if p.Memory == nil {
			return nil
		}
		_, err := fmt.Fprintf(out, "%s trains nothing\n%s\n", p.Recipe, p.Memory)
		return err
	}
	var err error
	if p.Unmeasured != "" {
		_, err = fmt.Fprintf(out, "%s: how fast this machine is was not measured: %s\n", p.Recipe, p.Unmeasured)
	} else {
		_, err = fmt.Fprintf(out, "%s on %d threads (%s): products %.0f GFLOP/s, memory %.1f GB/s, optimiser %.0f million parameters/s, measured just now\n",
			p.Recipe, m.Threads, m.ISA, m.Products/1e9, m.Bytes/1e9, m.Updates/1e6)
	}
	for _, s := range p.Stages {
		if err == nil {
			err = s.Write(out)
		}
	}
	if err == nil && p.Memory != nil {
		_, err = fmt.Fprintf(out, "\n%s\n", p.Memory)
	}
	for _, s := range p.Stages {
		if err == nil && len(s.Assumed) > 0 {
			_, err = fmt.Fprintf(out, "warning: a run would stop at stage %s, of which something is not there and assumed: %s\n", s.Name, s.Assumed[0])
		}
	}
	return err
}
