package train

import "fmt"

// Divergence says when a loss has exploded: it is so far above both the first step's and that of a guess that the model only gets worse.
type Divergence struct {
	Guess float64 // the loss of who guesses among all tokens alike, ln V
}

// A loss counts as exploded beyond explosion times what it was or what a guess has. Spikes of a step or two are no divergence; so many in
// a row are, and at the end, where there are no more, one.
const (
	explosion = 2
	inARow    = 5
)

// limit is the largest loss that has not exploded, given that of the first step.
func (d *Divergence) limit(first float64) float64 { return explosion * max(d.Guess, first) }

// Exploded says whether a loss, of training or validation, is beyond what is admitted.
func (d *Divergence) Exploded(s *State, loss float64) bool {
	return d != nil && loss > d.limit(s.First)
}

// check counts the last step's loss and returns a *DivergedError when it is enough.
func (d *Divergence) check(s *State, loss float64, last bool) error {
	if !d.Exploded(s, loss) {
		s.Above = 0
		return nil
	}
	if s.Above++; s.Above < inARow && !last {
		return nil
	}
	return &DivergedError{Step: s.Step, Steps: s.Above, Loss: loss, First: s.First, Guess: d.Guess}
}

// A DivergedError says that the loss has exploded.
type DivergedError struct {
	Step, Steps        int // the last step, and how many up to it were beyond the limit
	Loss, First, Guess float64
}

func (e *DivergedError) Error() string {
	return fmt.Sprintf("the run has diverged: the loss is %.4g at step %d, and was as large in %d step(s) up to it; it was %.4g at step 1, and guessing among all tokens has %.4g",
		e.Loss, e.Step, e.Steps, e.First, e.Guess)
}
