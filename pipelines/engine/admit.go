package engine

import (
	"slices"

	"moslava/language"
)

// How much a pass reads of prompts, in positions: enough for products at full speed, few enough that what they read again and
// again stays in a core's cache, and that the pass's memory is small. One prompt may be longer.
const rowsAtOnce = 512

// worthSharing is how many positions of a beginning must be alike for it to be copied, or waited for.
const worthSharing = 16

// mostLater is how many requests that wait for a beginning may have been read: their pixels are in memory.
const mostLater = 4

// admit gives slots to requests that wait, in their order: as many as fit into the cache and into one pass. One whose beginning
// is about to be computed for another waits for it and lets those behind it pass.
func (e *Engine) admit() {
	queue := e.waiting
	e.waiting = nil
	for rows := 0; len(queue) > 0 && rows < rowsAtOnce && len(e.waiting) < mostLater; {
		t := queue[0]
		n, v := e.begin(t, rows)
		if v == stop {
			break
		}
		queue = queue[1:]
		switch v {
		case admitted:
			e.active = append(e.active, t)
			rows += n
		case later:
			e.waiting = append(e.waiting, t)
		}
	}
	e.waiting = append(e.waiting, queue...)
}

// verdict is what became of a request that asked to begin.
type verdict int

const (
	admitted verdict = iota
	later            // it waits for a beginning
	stop             // there is no room for it in this pass or in the cache
	failed
)

// begin gives a request a slot, if it may, and says how many rows it adds to the pass, which has so many.
func (e *Engine) begin(t *Ticket, rows int) (n int, _ verdict) {
	fail := func(err error) (int, verdict) {
		e.finish(t, err)
		return 0, failed
	}
	if t.read == nil {
		p, err := e.prompt(t.request)
		if err != nil {
			return fail(err)
		}
		t.read = p
	}
	p, g := t.read, t.request.Generation
	if len(t.request.First) > 0 {
		g = language.Generation{}
	}
	from, shared, coming := e.beginning(p)
	if coming-shared >= worthSharing {
		return 0, later
	}
	if rows > 0 && rows+len(p.ids)-shared > rowsAtOnce {
		return 0, stop
	}
	capacity := len(p.ids) + g.MaxNew
	bytes := max(1, g.Beams) * e.cache.Bytes(capacity)
	ok, kept := e.makeRoom(bytes, from)
	if !ok {
		return 0, stop
	}
	if !kept {
		shared = 0
	}
	if err := e.look(t.ctx, p); err != nil {
		e.release(p)
		return fail(err)
	}
	s := &sequence{prompt: p, slot: e.cache.Open(capacity), bytes: bytes, have: shared}
	if shared > 0 {
		e.cache.ForkPart(from.slot, s.slot, shared)
	}
	var err error
	if s.decoding, err = g.Begin(s.slot); err != nil {
		e.cache.Close(s.slot)
		e.release(p)
		return fail(err)
	}
	t.sequence, t.read = s, nil
	return len(p.ids) - shared, admitted
}

// release takes back a prompt's use of its pictures.
func (e *Engine) release(p *prompt) {
	for _, at := range p.pictures {
		e.pictures.drop(at.picture)
	}
}

// beginning finds the sequence that shares most with a prompt, up to its last position: shared positions that are computed, and as
// many as another is about to compute.
func (e *Engine) beginning(p *prompt) (from *sequence, shared, coming int) {
	for _, t := range e.active {
		s := t.sequence
		n := alike(s.prompt.keys, p.keys)
		coming = max(coming, n)
		if n = min(n, s.have); n > shared {
			from, shared = s, n
		}
	}
	for _, s := range e.ended {
		if n := alike(s.prompt.keys, p.keys); n > shared {
			from, shared = s, n
		}
	}
	if shared < worthSharing {
		return nil, 0, coming
	}
	return from, shared, max(coming, shared)
}

// alike is how many keys both begin with, at most one less than b has, so that b has a last position of its own.
func alike(a, b []int64) int {
	n := min(len(a), len(b)-1)
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return max(n, 0)
}

// makeRoom lets go of sequences that have ended, the oldest first, until so many bytes fit, and reports whether they do: a request
// alone always fits. from, which is about to be copied, goes last; kept says whether it is still there.
func (e *Engine) makeRoom(bytes int, from *sequence) (ok, kept bool) {
	used := bytes
	for _, t := range e.active {
		used += t.sequence.bytes
	}
	if used > e.limits.CacheBytes && len(e.active) > 0 {
		return false, true
	}
	for _, s := range e.ended {
		used += s.bytes
	}
	for used > e.limits.CacheBytes && len(e.ended) > 0 {
		i := 0
		if e.ended[0] == from && len(e.ended) > 1 {
			i = 1
		}
		s := e.ended[i]
		used -= s.bytes
		s.decoding.Close(e.cache)
		e.ended = slices.Delete(e.ended, i, i+1)
	}
	return true, from == nil || !from.ended || slices.Contains(e.ended, from)
}
