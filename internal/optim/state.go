package optim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A Tensor is a piece of an optimiser's state as it is stored in a file.
type Tensor struct {
	Name string
	Data []float32
}

// The names of the state of parameter p are p + these, as torch calls them.
const (
	stepSuffix   = ".step"       // [1], the number of steps in which p had a gradient
	meanSuffix   = ".exp_avg"    // as long as p
	squareSuffix = ".exp_avg_sq" // as long as p
)

// State returns all that AdamW remembers, sorted by name: for each parameter that ever had a gradient
// "<name>.exp_avg" and "<name>.exp_avg_sq", as long as the parameter, and
// "<name>.step", of length 1. The slices are the optimiser's own: valid until the next Step.
func (a *AdamW) State() []Tensor {
	out := make([]Tensor, 0, 3*len(a.state))
	for name, m := range a.state {
		out = append(out, Tensor{name + meanSuffix, m.mean}, Tensor{name + squareSuffix, m.square},
			Tensor{name + stepSuffix, []float32{float32(m.step)}})
	}
	slices.SortFunc(out, func(x, y Tensor) int { return strings.Compare(x.Name, y.Name) })
	return out
}

// Load replaces what AdamW remembers by what State returned earlier, possibly in another process, so that the
// steps to come are those of the uninterrupted run, bit for bit. The data is copied. Anything missing,
// left over, of unequal lengths or not a step count is an error, and then nothing has changed.
// Whether lengths fit the parameters is checked by the next Step.
func (a *AdamW) Load(state []Tensor) error {
	byName := make(map[string][]float32, len(state))
	for _, t := range state {
		if _, ok := byName[t.Name]; ok {
			return fmt.Errorf("optim: state tensor %s comes twice", t.Name)
		}
		byName[t.Name] = t.Data
	}
	loaded := make(map[string]*moments, len(state)/3)
	for _, t := range state {
		name, ok := strings.CutSuffix(t.Name, stepSuffix)
		if !ok {
			continue
		}
		if len(t.Data) != 1 || !(t.Data[0] >= 1 && t.Data[0] <= maxStep) || t.Data[0] != float32(int(t.Data[0])) {
			return fmt.Errorf("optim: state tensor %s is %v, want one whole number from 1 to %d", t.Name, head(t.Data), maxStep)
		}
		mean, hasMean := byName[name+meanSuffix]
		square, hasSquare := byName[name+squareSuffix]
		switch {
		case !hasMean:
			return fmt.Errorf("optim: state tensor %s is missing beside %s", name+meanSuffix, t.Name)
		case !hasSquare:
			return fmt.Errorf("optim: state tensor %s is missing beside %s", name+squareSuffix, t.Name)
		case len(mean) != len(square):
			return fmt.Errorf("optim: state tensor %s has %d values, %s has %d", name+meanSuffix, len(mean), name+squareSuffix, len(square))
		}
		loaded[name] = &moments{step: int(t.Data[0]), mean: slices.Clone(mean), square: slices.Clone(square)}
		delete(byName, t.Name)
		delete(byName, name+meanSuffix)
		delete(byName, name+squareSuffix)
	}
	if len(byName) > 0 {
		left := slices.Sorted(maps.Keys(byName))
		return fmt.Errorf("optim: %d state tensors belong to no parameter with a %q, the first is %s", len(left), stepSuffix, left[0])
	}
	a.state = loaded
	return nil
}

// head cuts a long tensor down to what an error message can show.
func head(x []float32) []float32 { return x[:min(len(x), 4)] }
