package stages

import (
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"

	"moslava/pipelines/metrics"
)

// A part's gradients count as vanished if they are below vanishedShare of all in vanishedFor steps in a row.
const (
	vanishedShare = 1e-6
	vanishedFor   = 20
)

// stillParts counts for how many steps in a row the gradients of each part have been next to nothing.
type stillParts map[string]int

// step takes the norms of one step in and lists the parts for which it has been enough just now.
func (s *stillParts) step(total float64, parts map[string]float64) (out []string) {
	if *s == nil {
		*s = stillParts{}
	}
	for _, part := range slices.Sorted(maps.Keys(parts)) {
		if n := parts[part]; n > 0 && n >= vanishedShare*total {
			(*s)[part] = 0
			continue
		}
		if (*s)[part]++; (*s)[part] == vanishedFor {
			out = append(out, part)
		}
	}
	return out
}

// flat is the share of the loss that is no progress: a stage that has taken it down by less has learnt next to nothing.
const flat = 0.01

// learnt is a loss in nats below which there is little left to learn.
const learnt = 0.05

// noteLoss tells when the loss has risen over the stage, which need not be an explosion, or stays where it was.
func (t *training) noteLoss() error {
	lines, err := metrics.Read(filepath.Join(t.path, metrics.LinesFile))
	if err != nil || len(lines) < 10 {
		return err
	}
	n := min(20, len(lines)/4)
	mean := func(some []metrics.Record) (m float64) {
		for _, r := range some {
			m += r.Loss / float64(len(some))
		}
		return m
	}
	last, begin := mean(lines[len(lines)-n:]), lines[0].Loss
	first := mean(lines[:n])
	switch {
	case last > 2*begin+1: // the first steps may have exploded themselves
		fmt.Fprintf(t.out, "%s: warning: the loss has risen, from %.3f in the first step to %.3f in the last %d: lr %g may be too high\n", t.Name, begin, last, n, t.cfg.LR)
	case last > first+0.5 && last > 1.2*first:
		fmt.Fprintf(t.out, "%s: warning: the loss has risen, from %.3f in the first %d steps to %.3f in the last: lr %g may be too high\n", t.Name, first, n, last, t.cfg.LR)
	case n >= 10 && first > learnt && math.Abs(last-first) < flat*first:
		fmt.Fprintf(t.out, "%s: warning: the loss is flat, %.3f in the first %d steps and %.3f in the last: lr %g may be too low or too high (moslava lr tries rates), or nothing in the data tells the answers\n",
			t.Name, first, n, last, t.cfg.LR)
	}
	return nil
}
