package optim

import (
	"fmt"
	"math"
	"strings"
)

// A Schedule gives the factor on the base rate for step 0, 1, ... of a training stage: a pure
// function of the step, so resuming needs no state.
type Schedule func(step int) float64

// The schedules NewSchedule knows.
const (
	Constant     = "constant"      // warm-up, then 1
	Linear       = "linear"        // warm-up, then down to 0 in a straight line
	Cosine       = "cosine"        // warm-up, then down to 0 in half a cosine
	CosineXTuner = "cosine-xtuner" // the same with XTuner's warm-up, from 1e-5 to 1 inclusive
	CosineRamp   = "cosine-ramp"   // half a cosine over all steps, multiplied by a ramp
)

// Schedules lists the names NewSchedule takes.
func Schedules() []string { return []string{Constant, Linear, Cosine, CosineXTuner, CosineRamp} }

// A Warmup says how long the rate rises: a number of steps, or a share of all steps, in [0, 1]. One of them at most is set.
type Warmup struct {
	Steps int
	Ratio float64
}

// NewSchedule returns the named schedule over total steps; later steps keep the last factor.
//
//   - constant, linear and cosine are transformers' get_*_schedule_with_warmup (5.x): the first of w warm-up steps
//     has factor 0, step w factor 1, step total factor 0. A ratio is rounded up, as its Trainer does.
//   - cosine-xtuner is XTuner's LinearLR + CosineAnnealingLR (mmengine 0.10): factors 1e-5 to 1 over
//     the w warm-up steps, then the cosine begins anew at 1. A ratio is rounded down. Upstream, w = 1 would
//     leave the rate at 1e-5 for good and w = 0 is refused; here both mean no warm-up.
//   - cosine-ramp is 1/2(1 + cos(pi*step/total)) * min(1, (step+1)/(w+1)), where w = ratio*total is not rounded: no step is wasted on factor 0.
//
// An unknown name, total < 1, or a warm-up out of range or given twice is an error.
func NewSchedule(name string, total int, warmup Warmup) (Schedule, error) {
	switch {
	case total < 1:
		return nil, fmt.Errorf("optim: a schedule over %d steps, want at least 1", total)
	case warmup.Steps < 0 || warmup.Steps > total:
		return nil, fmt.Errorf("optim: %d warm-up steps, want 0 to %d (all steps)", warmup.Steps, total)
	case !(warmup.Ratio >= 0 && warmup.Ratio <= 1):
		return nil, fmt.Errorf("optim: warm-up ratio is %v, want 0 to 1", warmup.Ratio)
	case warmup.Steps > 0 && warmup.Ratio > 0:
		return nil, fmt.Errorf("optim: warm-up of %d steps and of ratio %v, want one of them", warmup.Steps, warmup.Ratio)
	}
	exact := float64(warmup.Steps) + warmup.Ratio*float64(total)
	up, down, all := int(math.Ceil(exact)), int(exact), float64(total)
	var f func(s float64) float64
	switch name {
	case Constant:
		f = afterRamp(up, func(float64) float64 { return 1 })
	case Linear:
		f = afterRamp(up, func(s float64) float64 { return max(0, (all-s)/max(1, all-float64(up))) })
	case Cosine:
		f = afterRamp(up, func(s float64) float64 { return halfCosine((s - float64(up)) / max(1, all-float64(up))) })
	case CosineXTuner:
		f = xtuner(down, all)
	case CosineRamp:
		f = func(s float64) float64 { return halfCosine(s/all) * min(1, (s+1)/(exact+1)) }
	default:
		return nil, fmt.Errorf("optim: schedule %q, want one of %s", name, strings.Join(Schedules(), ", "))
	}
	return func(step int) float64 { return f(float64(min(max(step, 0), total))) }, nil
}

// afterRamp rises from 0 at step 0 to 1 at step w, where f takes over.
func afterRamp(w int, f func(float64) float64) func(float64) float64 {
	return func(s float64) float64 {
		if s < float64(w) {
			return s / float64(w)
		}
		return f(s)
	}
}

// xtunerStart is the start_factor of XTuner's warm-up.
const xtunerStart = 1e-5

func xtuner(w int, total float64) func(float64) float64 {
	if w < 2 {
		w = 0
	}
	return func(s float64) float64 {
		if s < float64(w) {
			return xtunerStart + (1-xtunerStart)*s/float64(w-1)
		}
		return halfCosine((s - float64(w)) / max(1, total-float64(w)))
	}
}

// halfCosine falls from 1 at x = 0 to 0 at x = 1.
func halfCosine(x float64) float64 { return max(0, 0.5*(1+math.Cos(math.Pi*x))) }
