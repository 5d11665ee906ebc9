package eval

import "moslava/pipelines/eval/suites"

// rounds are what is asked of some questions, one call after the other; each is known when those before it are
// answered. Under StopEarly the first pass goes first: a question of which any pass is wrong or cannot be read is not a
// hit, whatever the others are (VLMEvalKit's prefetch_circular_group under exact matching), so the others are asked of
// the rest alone. They go together, because a pass by itself costs the picture and all that passes share once more.
func (r *runner) rounds(gs [][]suites.Item) []func() []suites.Item {
	all := func() (out []suites.Item) {
		for _, g := range gs {
			out = append(out, r.missing(g)...)
		}
		return out
	}
	if !r.opt.StopEarly {
		return []func() []suites.Item{all}
	}
	first := func() (out []suites.Item) {
		for _, g := range gs {
			if m := r.missing(g); len(m) > 0 && m[0].ID == g[0].ID {
				out = append(out, m[0])
			}
		}
		return out
	}
	return []func() []suites.Item{first, all}
}

// lost says whether a question cannot be a hit any more. One without an answer in the suite is nobody's to decide.
func (r *runner) lost(g []suites.Item) bool {
	lost := false
	for _, it := range g {
		if it.Answer == "" {
			return false
		}
		v, asked := r.done[it.ID]
		lost = lost || asked && !v.Correct
	}
	return lost
}

// settled says whether nothing of a question has to be asked.
func (r *runner) settled(g []suites.Item) bool { return len(r.missing(g)) == 0 }

// missing is what has to be asked of a question still.
func (r *runner) missing(g []suites.Item) (out []suites.Item) {
	if r.opt.StopEarly && r.lost(g) {
		return nil
	}
	for _, it := range g {
		if _, ok := r.done[it.ID]; !ok {
			out = append(out, it)
		}
	}
	return out
}
