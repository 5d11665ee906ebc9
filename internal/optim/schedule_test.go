package optim

import (
	"math"
	"strings"
	"testing"
)

// TestSchedulePoints checks hand-computed factors of the schedules the golden does not hold.
func TestSchedulePoints(t *testing.T) {
	for _, c := range []struct {
		name  string
		total int
		warm  Warmup
		at    map[int]float64
	}{
		{Constant, 10, Warmup{}, map[int]float64{0: 1, 9: 1}},
		{Constant, 10, Warmup{Steps: 4}, map[int]float64{0: 0, 1: 0.25, 4: 1, 9: 1}},
		{Linear, 10, Warmup{Ratio: 0.11}, map[int]float64{0: 0, 1: 0.5, 2: 1, 6: 0.5, 10: 0}}, // rounded up to 2
		{Cosine, 10, Warmup{}, map[int]float64{0: 1, 5: 0.5, 10: 0, 11: 0}},
		{Cosine, 4, Warmup{Ratio: 1}, map[int]float64{0: 0, 2: 0.5, 4: 1}},
		// 29 steps warm-up over 1e-5..1 inclusive, the cosine then starts from 1 once more
		{CosineXTuner, 1000, Warmup{Ratio: 0.0299}, map[int]float64{0: 1e-5, 14: 0.500005, 28: 1, 29: 1, 1000: 0}},
		{CosineXTuner, 10, Warmup{Steps: 1}, map[int]float64{0: 1, 5: 0.5}},
		{CosineRamp, 100, Warmup{Ratio: 0.03}, map[int]float64{0: 0.25, 3: 0.5 * (1 + math.Cos(0.03*math.Pi)), 50: 0.5}},
		{CosineRamp, 50, Warmup{Ratio: 0.03}, map[int]float64{0: 0.4, 1: 0.8 * 0.5 * (1 + math.Cos(0.02*math.Pi)), 50: 0}},
	} {
		f, err := NewSchedule(c.name, c.total, c.warm)
		if err != nil {
			t.Fatal(err)
		}
		for step, want := range c.at {
			if got := f(step); math.Abs(got-want) > 1e-12 {
				t.Errorf("%s over %d, %+v: factor %v at step %d, want %v", c.name, c.total, c.warm, got, step, want)
			}
		}
	}
}

func TestScheduleIsAFactor(t *testing.T) {
	for _, name := range Schedules() {
		for total := 1; total < 12; total++ {
			for w := 0; w <= total; w++ {
				f, err := NewSchedule(name, total, Warmup{Steps: w})
				if err != nil {
					t.Fatal(err)
				}
				for s := -1; s <= total+2; s++ {
					if v := f(s); !(v >= 0 && v <= 1) {
						t.Errorf("%s, warm-up %d of %d, step %d: %v", name, w, total, s, v)
					}
				}
			}
		}
	}
}

func TestScheduleErrors(t *testing.T) {
	for want, make := range map[string]func() (Schedule, error){
		"want one of constant, linear": func() (Schedule, error) { return NewSchedule("cosin", 1, Warmup{}) },
		"over 0 steps":                 func() (Schedule, error) { return NewSchedule(Cosine, 0, Warmup{}) },
		"5 warm-up steps, want 0 to 4": func() (Schedule, error) { return NewSchedule(Cosine, 4, Warmup{Steps: 5}) },
		"ratio is NaN":                 func() (Schedule, error) { return NewSchedule(Cosine, 4, Warmup{Ratio: math.NaN()}) },
		"want one of them":             func() (Schedule, error) { return NewSchedule(Cosine, 4, Warmup{1, 0.5}) },
	} {
		if _, err := make(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
