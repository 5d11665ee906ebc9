// Package train is the optimisation loop. It knows models only by their loss, data only as batches,
// and where it stands by its State, from which it goes on bit for bit.
package train

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"sync"
	"time"

	"moslava/datasets"
	"moslava/internal/autograd"
	"moslava/internal/nn"
	"moslava/internal/optim"
)

// Model is anything with a loss.
type Model interface {
	// Loss returns the cross-entropy summed, not averaged, over the targets of b: on the tape and in float64.
	Loss(t *autograd.Tape, b *datasets.Batch) (*autograd.Var, float64, error)
}

// Mean is a Model whose loss is not a mean over targets.
type Mean interface {
	Model
	// Over is how many things of a batch the loss is a mean over.
	Over(b *datasets.Batch) int
}

func over(m Model, b *datasets.Batch) int {
	if m, ok := m.(Mean); ok {
		return m.Over(b)
	}
	return b.Targets()
}

// Param is a parameter that is trained, with its learning rate over the trainer's.
type Param struct {
	*nn.Param
	LR    float64
	Decay bool
}

// Trainer trains a model. Its fields are its whole configuration.
type Trainer struct {
	Model    Model
	Params   []Param
	Frozen   iter.Seq[*nn.Param] // those that are not trained, to be searched when the loss is not finite; may be nil
	Batches  func(ctx context.Context, from datasets.Position) iter.Seq2[*datasets.Batch, error]
	Optim    *optim.AdamW
	LR       float64
	Schedule optim.Schedule
	Steps    int     // steps of the optimiser
	Accum    int     // batches to a step
	Clip     float64 // largest total gradient norm; 0: no clipping
	Seed     uint64  // of dropout

	// Log is told of every finished step.
	Log func(Report) error
	// Save is called with the state to go on from: every SaveEvery steps, when the context ends, and at the end.
	Save      func(State) error
	SaveEvery int
	// Validate, if set, measures the loss on held-out data: every ValidateEvery steps and at the end, before
	// Log and Save. It may note the best step in the state. When its context ends, it returns an error.
	Validate      func(context.Context, *State) (*float64, error)
	ValidateEvery int
	// Diverged, if set, says what to do about a loss that has exploded.
	Diverged *Divergence

	changing sync.Mutex // held while parameters, the optimiser's state, the log or saved states change
	settled  State      // that of the parameters as they are while changing is not held
}

// State is what a run needs, besides parameters and optimiser state, to go on where it stopped.
type State struct {
	Step     int               `json:"step"`
	Data     datasets.Position `json:"data"`
	BestStep int               `json:"best_step,omitempty"`
	BestLoss float64           `json:"best_loss,omitempty"`
	Tokens   int               `json:"tokens"`
	// Pending is the report of the last step where the run was interrupted in its validation, which has to be made up for.
	Pending *Report `json:"pending,omitempty"`
	// First is the loss of the first step, and Above how many steps in a row, up to the last one, had a loss beyond what Divergence admits.
	First float64 `json:"first_loss,omitempty"`
	Above int     `json:"above,omitempty"`
}

// Report is what became of one step.
type Report struct {
	Step     int // finished steps
	Loss     float64
	GradNorm float64 // before clipping
	LR       float64
	Tokens   int
	Targets  int
	Samples  int
	Data     datasets.Position
	// Validation is the mean loss on held-out data, nil in steps in which it was not measured.
	Validation *float64
	Elapsed    time.Duration
}

// patience is how long a step may go on when the run is to stop. A longer one is left; it is done again when the run goes on.
const patience = 300 * time.Millisecond

// outlast is ctx with as much patience.
func outlast(ctx context.Context) (context.Context, func()) {
	late, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		time.AfterFunc(patience, func() { cancel(context.Cause(ctx)) })
	})
	return late, func() { stop(); cancel(nil) }
}

// Run trains from state to the last step. When ctx ends it finishes the step at hand, if that takes no longer than a moment, saves the
// last finished one and returns an error that wraps the context's cause.
func (tr *Trainer) Run(ctx context.Context, state State) (State, error) {
	late, cancel := outlast(ctx)
	defer cancel()
	next, stop := iter.Pull2(tr.Batches(ctx, state.Data))
	defer stop()
	tr.changing.Lock()
	defer tr.changing.Unlock()
	if r := state.Pending; r != nil {
		state.Pending = nil
		if err := tr.finish(ctx, &state, *r); err != nil {
			return state, err
		}
	}
	for state.Step < tr.Steps {
		began := time.Now()
		var r Report
		var err error
		tr.still(state, func() {
			var group []*datasets.Batch
			if group, err = tr.group(next); err == nil && ctx.Err() == nil {
				r, err = tr.gradients(late, state.Step, group)
			}
		})
		if ctx.Err() != nil && (r.Step == 0 || err != nil && late.Err() != nil) {
			return state, tr.interrupted(ctx, state)
		}
		if err == nil {
			err = tr.update(&r)
		}
		if err != nil {
			return state, fmt.Errorf("step %d: %w", state.Step+1, err)
		}
		r.Elapsed = time.Since(began)
		state.Step, state.Data, state.Tokens = r.Step, r.Data, state.Tokens+r.Tokens
		if state.Step == 1 {
			state.First = r.Loss
		}
		if err := tr.finish(ctx, &state, r); err != nil {
			return state, err
		}
	}
	return state, nil
}

// still runs f, which changes nothing that is saved, so that SaveNow may save the state meanwhile.
func (tr *Trainer) still(state State, f func()) {
	tr.settled = state
	tr.changing.Unlock()
	defer tr.changing.Lock()
	f()
}

// SaveNow saves the last finished step while Run is in the midst of something long, such as a product of large matrices, which does not look at its
// context. After that Run goes no further: the process is to end. It says how to go on, or that this is no moment for it.
func (tr *Trainer) SaveNow() (kept string, ok bool) {
	if !tr.changing.TryLock() {
		return "", false
	}
	if err := tr.Save(tr.settled); err != nil {
		return fmt.Sprintf("save at step %d: %v", tr.settled.Step, err), true
	}
	return tr.kept(tr.settled), true
}

func (tr *Trainer) kept(s State) string {
	return fmt.Sprintf("after step %d of %d, which is saved; the same run goes on there", s.Step, tr.Steps)
}

// finish does what follows the update of a step: it validates, logs and saves, as far as it is time to.
func (tr *Trainer) finish(ctx context.Context, state *State, r Report) error {
	last := state.Step == tr.Steps
	if tr.Validate != nil && (last || tr.ValidateEvery > 0 && state.Step%tr.ValidateEvery == 0) {
		pending := *state
		pending.Pending = &r
		var loss *float64
		var err error
		tr.still(pending, func() { loss, err = tr.Validate(ctx, state) })
		if err != nil && ctx.Err() != nil {
			return tr.interrupted(ctx, pending)
		}
		if err != nil {
			return fmt.Errorf("validation after step %d: %w", state.Step, err)
		}
		r.Validation = loss
	}
	if err := tr.Log(r); err != nil {
		return err
	}
	if err := tr.Diverged.check(state, r.Loss, last); err != nil {
		return err
	}
	if last || tr.SaveEvery > 0 && state.Step%tr.SaveEvery == 0 {
		if err := tr.Save(*state); err != nil {
			return fmt.Errorf("save at step %d: %w", state.Step, err)
		}
	}
	return nil
}

// interrupted saves what there is and says how to go on.
func (tr *Trainer) interrupted(ctx context.Context, state State) error {
	if err := tr.Save(state); err != nil {
		return errors.Join(fmt.Errorf("save at step %d: %w", state.Step, err), context.Cause(ctx))
	}
	return fmt.Errorf("%w %s", context.Cause(ctx), tr.kept(state))
}

// group pulls the batches of one step.
func (tr *Trainer) group(next func() (*datasets.Batch, error, bool)) ([]*datasets.Batch, error) {
	var group []*datasets.Batch
	for len(group) < max(1, tr.Accum) {
		b, err, ok := next()
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, errors.New("the data has ended")
		}
		group = append(group, b)
	}
	return group, nil
}

// gradients adds up those of one step. The loss is averaged over the targets, or what else it is a mean over, of the whole group, so how a group is
// cut into batches is immaterial.
func (tr *Trainer) gradients(ctx context.Context, done int, group []*datasets.Batch) (Report, error) {
	r := Report{Step: done + 1, LR: tr.LR * tr.Schedule(done), Data: group[len(group)-1].Next}
	all := 0
	for _, b := range group {
		all += over(tr.Model, b)
		r.Targets += b.Targets()
		r.Tokens += len(b.IDs)
		r.Samples += b.Len()
	}
	if r.Targets == 0 {
		return r, errors.New("no position carries a target")
	}
	for i, b := range group {
		tape := &autograd.Tape{Seed: tr.Seed ^ uint64(done)<<20 ^ uint64(i), Context: ctx}
		v, sum, err := tr.Model.Loss(tape, b)
		if err != nil {
			return r, err
		}
		if math.IsNaN(sum) || math.IsInf(sum, 0) {
			return r, tr.diagnose(tape.Seed, b, sum)
		}
		r.Loss += sum / float64(all)
		err = tape.Backward(v, 1/float32(all))
		tape.Release()
		if err != nil {
			return r, err
		}
	}
	return r, nil
}

// update changes the parameters by their gradients.
func (tr *Trainer) update(r *Report) (err error) {
	params := tr.optimParams()
	if r.GradNorm, err = optim.ClipNorm(params, tr.Clip); err != nil {
		return err
	}
	if err := tr.Optim.Step(params, r.LR); err != nil {
		return err
	}
	for _, p := range tr.Params {
		p.Var().ZeroGrad()
	}
	return nil
}

func (tr *Trainer) optimParams() []optim.Param {
	out := make([]optim.Param, len(tr.Params))
	for i, p := range tr.Params {
		out[i] = optim.Param{Name: p.Name, Value: p.Var().Floats(), Grad: p.Var().GradFloats(), LR: p.LR, Decay: p.Decay}
	}
	return out
}

// diagnose finds the first tensor that is not finite: a parameter, or else the result of an operation.
func (tr *Trainer) diagnose(seed uint64, b *datasets.Batch, loss float64) error {
	for _, p := range tr.Params {
		if err := finite(p.Param); err != nil {
			return fmt.Errorf("the loss is %g: parameter %w", loss, err)
		}
	}
	if tr.Frozen != nil {
		for p := range tr.Frozen {
			if err := finite(p); err != nil {
				return fmt.Errorf("the loss is %g: frozen parameter %w", loss, err)
			}
		}
	}
	_, _, err := tr.Model.Loss(&autograd.Tape{Seed: seed, Finite: true}, b)
	if err == nil {
		err = errors.New("every tensor before it is finite")
	}
	return fmt.Errorf("the loss is %g: %w", loss, err)
}

// finite names the first element that is none.
func finite(p *nn.Param) error {
	for i, v := range p.Floats() {
		if x := float64(v); math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("%s is %g at index %d", p.Name, x, i)
		}
	}
	return nil
}

// Evaluate is the mean loss over all targets of the batches, or what else it is a mean over, and the number of targets. It ends with an error soon after ctx.
func Evaluate(ctx context.Context, m Model, batches iter.Seq2[*datasets.Batch, error]) (loss float64, targets int, err error) {
	all := 0
	for b, err := range batches {
		if err != nil {
			return 0, 0, err
		}
		tape := &autograd.Tape{Values: true, Context: ctx}
		_, sum, err := m.Loss(tape, b)
		tape.Release()
		if err != nil {
			return 0, 0, err
		}
		loss += sum
		targets += b.Targets()
		all += over(m, b)
	}
	if all == 0 {
		return 0, 0, errors.New("no position carries a target")
	}
	if math.IsNaN(loss) || math.IsInf(loss, 0) { // no loss is less than a NaN, so it would count as the best
		return 0, 0, fmt.Errorf("the loss is %g", loss)
	}
	return loss / float64(all), targets, nil
}
