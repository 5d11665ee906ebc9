// Package optim updates parameters from their gradients: AdamW, clipping by the
// total norm, and learning-rate schedules. It works on plain slices and knows no
// model; all it keeps between steps goes by parameter name.
package optim

import (
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"moslava/internal/kernels"
)

// A Param is one tensor to be updated, seen by a step.
type Param struct {
	Name  string
	Value []float32 // updated in place
	Grad  []float32 // as long as Value; nil: no gradient in this step, the tensor is left alone
	LR    float64   // the tensor's rate over the step's rate; 1 in the plain case, 0 is refused
	Decay bool      // whether Config.WeightDecay applies
}

// Config holds AdamW's settings. The zero value of a field means what it says (no
// momentum, no decay); Default has the usual ones.
type Config struct {
	Beta1       float64 // decay of the mean of the gradient, in [0, 1)
	Beta2       float64 // decay of the mean of its square, in [0, 1)
	Eps         float64 // added to the root of the second, >= 0
	WeightDecay float64 // decoupled: Value shrinks by rate*WeightDecay before the update, >= 0
	Threads     int     // how many goroutines share a step; 0: GOMAXPROCS. The result does not depend on it
}

// Default returns torch's defaults without decay: 0.9, 0.999, 1e-8, 0.
func Default() Config { return Config{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8} }

// AdamW is Adam with decoupled weight decay, in float32 and in the order of operations
// of torch.optim.AdamW (torch 2.x, foreach=False, capturable=False, amsgrad=False).
// A tensor's step count advances only in steps in which it has a gradient. The bits of
// the result do not depend on the number of threads.
type AdamW struct {
	cfg   Config
	state map[string]*moments
}

// moments is what AdamW remembers of one tensor.
type moments struct {
	step   int
	mean   []float32 // exp_avg
	square []float32 // exp_avg_sq
}

// maxStep is the last count that float32, in which torch and State keep it, holds exactly.
const maxStep = 1 << 24

// NewAdamW returns an optimiser without history. A setting out of range is an error.
func NewAdamW(cfg Config) (*AdamW, error) {
	switch {
	case !(cfg.Beta1 >= 0 && cfg.Beta1 < 1):
		return nil, fmt.Errorf("optim: beta1 is %v, want at least 0 and less than 1", cfg.Beta1)
	case !(cfg.Beta2 >= 0 && cfg.Beta2 < 1):
		return nil, fmt.Errorf("optim: beta2 is %v, want at least 0 and less than 1", cfg.Beta2)
	case !(cfg.Eps >= 0) || math.IsInf(cfg.Eps, 0):
		return nil, fmt.Errorf("optim: eps is %v, want a finite number of at least 0", cfg.Eps)
	case !(cfg.WeightDecay >= 0) || math.IsInf(cfg.WeightDecay, 0):
		return nil, fmt.Errorf("optim: weight decay is %v, want a finite number of at least 0", cfg.WeightDecay)
	case cfg.Threads < 0:
		return nil, fmt.Errorf("optim: %d threads, want at least 0", cfg.Threads)
	}
	return &AdamW{cfg: cfg, state: map[string]*moments{}}, nil
}

// Step makes one update at rate lr (times each Param.LR). Everything is checked first:
// after an error (a name twice, lengths that differ from the gradient's or from
// those of earlier steps, a rate that is negative or not finite) nothing has changed.
func (a *AdamW) Step(params []Param, lr float64) error {
	if !(lr >= 0) || math.IsInf(lr, 0) {
		return fmt.Errorf("optim: rate is %v, want a finite number of at least 0", lr)
	}
	if err := a.check(params); err != nil {
		return err
	}
	var work []chunk
	for i := range params {
		p := &params[i]
		if p.Grad == nil {
			continue
		}
		m := a.state[p.Name]
		if m == nil {
			m = &moments{mean: make([]float32, len(p.Value)), square: make([]float32, len(p.Value))}
			a.state[p.Name] = m
		}
		m.step++
		u := a.update(m.step, lr*p.LR, p.Decay)
		for from := 0; from < len(p.Value); from += chunkLen {
			work = append(work, chunk{p, m, u, from, min(from+chunkLen, len(p.Value))})
		}
	}
	parallel(len(work), a.cfg.Threads, func(i int) { work[i].run() })
	return nil
}

// check refuses what Step cannot do, before anything is touched.
func (a *AdamW) check(params []Param) error {
	seen := make(map[string]bool, len(params))
	for i := range params {
		p := &params[i]
		switch {
		case p.Name == "":
			return fmt.Errorf("optim: parameter %d of %d has no name", i, len(params))
		case seen[p.Name]:
			return fmt.Errorf("optim: parameter %s comes twice", p.Name)
		case p.Grad != nil && len(p.Grad) != len(p.Value):
			return fmt.Errorf("optim: parameter %s has %d values but a gradient of %d", p.Name, len(p.Value), len(p.Grad))
		case !(p.LR > 0) || math.IsInf(p.LR, 0):
			return fmt.Errorf("optim: parameter %s: rate factor is %v, want more than 0 (1 for the step's own rate; leave frozen tensors out)", p.Name, p.LR)
		}
		seen[p.Name] = true
		if m := a.state[p.Name]; m != nil {
			if len(m.mean) != len(p.Value) {
				return fmt.Errorf("optim: parameter %s has %d values but its state %d", p.Name, len(p.Value), len(m.mean))
			}
			if m.step >= maxStep && p.Grad != nil {
				return fmt.Errorf("optim: parameter %s: more than %d steps", p.Name, maxStep)
			}
		}
	}
	return nil
}

func (a *AdamW) update(step int, rate float64, decay bool) *kernels.AdamW {
	c := a.cfg
	u := &kernels.AdamW{
		Shrink:     1,
		W1:         float32(1 - c.Beta1),
		Beta2:      float32(c.Beta2),
		W2:         float32(1 - c.Beta2),
		Correction: float32(math.Sqrt(1 - math.Pow(c.Beta2, float64(step)))),
		Eps:        float32(c.Eps),
		MinusStep:  float32(-(rate / (1 - math.Pow(c.Beta1, float64(step))))),
	}
	if decay {
		u.Shrink = float32(1 - rate*c.WeightDecay)
	}
	return u
}

// chunkLen is how many values one goroutine updates at a time.
const chunkLen = 1 << 14

type chunk struct {
	p        *Param
	m        *moments
	u        *kernels.AdamW
	from, to int
}

func (c *chunk) run() {
	c.u.Update(c.p.Value[c.from:c.to], c.p.Grad[c.from:c.to], c.m.mean[c.from:c.to], c.m.square[c.from:c.to])
}

// parallel calls f(0), ..., f(n-1) on up to threads goroutines (0: GOMAXPROCS), in no particular order.
func parallel(n, threads int, f func(int)) {
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	if threads = min(threads, n); threads <= 1 {
		for i := range n {
			f(i)
		}
		return
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range threads {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	wg.Wait()
}
