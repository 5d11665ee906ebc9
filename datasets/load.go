package datasets

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// What to do about samples that cannot be used as they are.
const (
	OnError = "error" // stop with an error that names the sample; what an empty policy means
	OnSkip  = "skip"  // leave it out, count it and notice it (OnBad, OnNoTargets)
	OnDrop  = "drop"  // the same for OnLong
	// OnSplit, for OnLong, cuts a conversation between exchanges, after the last
	// turn with a picture; system turns are repeated. A piece that is still too
	// long is dropped. Later pieces ask about a picture they do not have.
	OnSplit = "split"
	// OnTruncate, for OnLong, cuts the end off. A sample of which that would take a part of a picture, or all that is learnt, is dropped.
	OnTruncate = "truncate"
	// OnShrink, for OnLong, has the Encoder make less of the pictures, which takes a Shrinker. A sample that is still too long is dropped.
	OnShrink = "shrink"
	OnLearn  = "learn" // take it as it is (OnEmpty)
)

// Policies are what OnLong, OnBad, OnNoTargets and OnEmpty may be, by their names in recipes; the first is meant by an empty one.
func Policies() map[string][]string {
	return map[string][]string{"on_long": {OnError, OnDrop, OnSplit, OnTruncate, OnShrink}, "on_bad": {OnError, OnSkip}, "on_no_targets": {OnError, OnSkip},
		"on_empty": {OnError, OnSkip, OnLearn}}
}

// LoadOptions say how samples become batches. BatchSize or TokenBudget is needed.
type LoadOptions struct {
	Seed   uint64 // of the order of each epoch
	Epochs int    // passes over the source; 0: endless
	// InOrder reads every epoch in the source's order, for validation.
	InOrder bool
	// Group, if not nil, has samples of like lengths come together. Not with InOrder.
	Group *Grouping

	BatchSize   int // sequences in a batch at most; 0: no limit
	TokenBudget int // tokens in a batch at most, unless one sequence alone has more; 0: no limit
	MaxLength   int // tokens in a sequence at most; 0: no limit
	// Pack keeps so many batches open at once and puts each sequence into the one that it fills best, so that TokenBudget is used up
	// when lengths differ (greedy best fit). 0 and 1 fill one batch after the other.
	Pack int

	Workers     int    // goroutines that read and encode; 0: one per processor
	OnLong      string // OnError, OnDrop, OnSplit, OnTruncate or OnShrink
	OnBad       string // OnError or OnSkip: samples that cannot be read or encoded
	OnNoTargets string // OnError or OnSkip: sequences without a supervised token
	OnEmpty     string // OnError, OnSkip or OnLearn: samples with an answer of white space alone that is learnt

	// Notice, if not nil, hears of every sample that is not used whole, in order,
	// from the goroutine that ranges over the batches.
	Notice func(Event)
}

// Threads is how many goroutines read and encode.
func (o *LoadOptions) Threads() int {
	if o.Workers == 0 {
		return runtime.GOMAXPROCS(0)
	}
	return o.Workers
}

// An Event is something that happened to one stored sample.
type Event struct {
	Kind   EventKind
	Origin string // file:row
	ID     string
	Epoch  int
	Index  int   // place in the epoch's order
	Err    error // what was found and what was expected
}

func (e Event) String() string {
	s := string(e.Kind) + ": " + e.Origin
	if e.ID != "" {
		s += fmt.Sprintf(" (id %s)", e.ID)
	}
	return fmt.Sprintf("%s: %v", s, e.Err)
}

// An EventKind is which of Counts an Event adds to.
type EventKind string

const (
	Skipped   EventKind = "skipped"
	Dropped   EventKind = "dropped"
	NoTargets EventKind = "no targets"
	SplitUp   EventKind = "split"
	Truncated EventKind = "truncated"
	Shrunk    EventKind = "shrunk"
)

// Load encodes the samples of src with enc, in an order drawn from the seed and
// the epoch, and fills batches. Each batch takes the next sequences until one
// does not fit; it never mixes epochs, so the last one of an epoch may be short.
//
// Batches depend on src, opt and from alone, not on the number of workers.
// Ranging from a batch's Next gives exactly the batches, positions and counts that
// would have followed it; the zero Position starts. An error ends the sequence:
// the policies', the context's, or that of an encoder that breaks its contract.
// At most a few samples per worker are encoded ahead, and when the loop is left,
// by break, error or cancellation, no goroutine remains. src stays open.
func Load(ctx context.Context, src Source, enc Encoder, opt LoadOptions, from Position) iter.Seq2[*Batch, error] {
	return func(yield func(*Batch, error) bool) {
		l := &loader{src: src, enc: enc, opt: opt, n: src.Len()}
		if err := l.check(&from); err != nil {
			yield(nil, err)
			return
		}
		c := collector{l: l, yield: yield, at: from, piece: from.Piece, whole: from.Index == 0 && from.Piece == 0}
		if err := c.reopen(from); err != nil {
			yield(nil, err)
			return
		}
		if c.whole && !c.emitAll() { // batches of the epoch before
			return
		}
		err := run(ctx, l, from, func(j job) outcome { return l.work(j, &Look{}) }, c.take)
		if err != nil {
			yield(nil, err)
		}
	}
}

type loader struct {
	src Source
	enc Encoder
	opt LoadOptions
	n   int
}

func (l *loader) check(from *Position) error {
	o := &l.opt
	if min(o.Epochs, o.BatchSize, o.TokenBudget, o.MaxLength, o.Pack, o.Workers) < 0 {
		return fmt.Errorf("load: negative option: epochs %d, batch size %d, token budget %d, max length %d, pack %d, workers %d",
			o.Epochs, o.BatchSize, o.TokenBudget, o.MaxLength, o.Pack, o.Workers)
	}
	if o.BatchSize == 0 && o.TokenBudget == 0 {
		return errors.New("load: neither a batch size nor a token budget")
	}
	if o.Pack > 1 && o.TokenBudget == 0 {
		return fmt.Errorf("load: pack %d without a token budget: there is no room to fill", o.Pack)
	}
	o.Workers = o.Threads()
	for _, p := range []struct {
		name  string
		value *string
	}{{"on_long", &o.OnLong}, {"on_bad", &o.OnBad}, {"on_no_targets", &o.OnNoTargets}, {"on_empty", &o.OnEmpty}} {
		if err := policy(p.name, p.value, Policies()[p.name]); err != nil {
			return err
		}
	}
	if o.OnLong == OnShrink {
		err := errors.New("the encoder cannot make less of pictures")
		if s, ok := l.enc.(Shrinker); ok {
			err = s.Shrinks()
		}
		if err != nil {
			return fmt.Errorf("load: on_long %s: %w", OnShrink, err)
		}
	}
	if l.n == 0 {
		return errors.New("load: the source has no samples")
	}
	if o.Group != nil {
		if o.InOrder {
			return errors.New("load: samples in order and in groups")
		}
		if err := o.Group.check(l.n); err != nil {
			return err
		}
	}
	if from.Epoch < 0 || from.Piece < 0 || from.Index < 0 || from.Index >= l.n {
		return fmt.Errorf("load: position epoch %d, index %d, piece %d in a source of %d samples", from.Epoch, from.Index, from.Piece, l.n)
	}
	if from.Rows != 0 && from.Rows != l.n {
		return fmt.Errorf("load: position belongs to a source of %d samples, this one has %d", from.Rows, l.n)
	}
	// Rows is set in every position a batch carries; without it, and at the start,
	// the position was not taken from a run and has no seed to disagree with.
	if (from.Rows != 0 || from.Seed != 0) && from.Seed != o.Seed {
		return fmt.Errorf("load: position belongs to seed %d, the options say %d", from.Seed, o.Seed)
	}
	from.Rows, from.Seed = l.n, o.Seed
	return l.checkOpen(from)
}

func policy(name string, value *string, known []string) error {
	if *value == "" {
		*value = known[0]
	}
	if !slices.Contains(known, *value) {
		return fmt.Errorf("load: %s %q, expected one of %s", name, *value, strings.Join(known, ", "))
	}
	return nil
}

// A job is one place in an epoch's order.
type job struct{ epoch, index, row int }

// queued is a job; done receives what became of it.
type queued[T any] struct {
	job
	done chan T
}

// feed hands the jobs from a position on to the workers, and to the collector in
// order, as long as both take them.
func feed[T any](ctx context.Context, l *loader, from Position, queue, jobs chan<- queued[T]) {
	defer close(queue)
	defer close(jobs)
	index := from.Index
	for epoch := from.Epoch; l.opt.Epochs == 0 || epoch < l.opt.Epochs; epoch++ {
		at := l.order(epoch)
		for ; index < l.n; index++ {
			j := queued[T]{job{epoch, index, at(index)}, make(chan T, 1)}
			for _, c := range []chan<- queued[T]{queue, jobs} {
				select {
				case c <- j:
				case <-ctx.Done():
					return
				}
			}
		}
		index = 0
	}
}

// order says which row is at a place of an epoch.
func (l *loader) order(epoch int) (at func(i int) int) {
	if l.opt.InOrder {
		return func(i int) int { return i }
	}
	draw := func(k, n int) func(i int) int {
		p := newPermutation(n, l.opt.Seed^mix64(uint64(k)), epoch)
		return p.at
	}
	if l.opt.Group == nil {
		return draw(0, l.n)
	}
	rows := l.opt.Group.order(draw)
	return func(i int) int { return int(rows[i]) }
}

// run has workers do the jobs from a position on and gives what became of them to take, in order, until it returns
// false. The error is that of the context.
func run[T any](parent context.Context, l *loader, from Position, work func(job) T, take func(job, T) bool) error {
	ctx, cancel := context.WithCancel(parent)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	queue, jobs := make(chan queued[T], 2*l.opt.Workers), make(chan queued[T])
	wg.Go(func() { feed(ctx, l, from, queue, jobs) })
	for range l.opt.Workers {
		wg.Go(func() {
			for j := range jobs {
				j.done <- work(j.job)
			}
		})
	}
	for {
		var j queued[T]
		ok := parent.Err() == nil
		if ok {
			select {
			case j, ok = <-queue:
			case <-ctx.Done():
				ok = false
			}
		}
		if !ok {
			return context.Cause(parent)
		}
		select {
		case out := <-j.done:
			if !take(j.job, out) {
				return nil
			}
		case <-ctx.Done():
			return context.Cause(parent)
		}
	}
}

// A collector fills batches with outcomes, which it takes in order.
type collector struct {
	l     *loader
	yield func(*Batch, error) bool
	at    Position // of the outcome at hand; its Counts are those so far
	piece int      // the first piece to take of the first outcome
	whole bool     // the epoch at hand was begun at its start
	open  []*bin   // batches being filled, the oldest first; none is empty
}

// take adds one sample's sequences. It returns false when the loop has ended.
//
// A batch goes out when a sequence comes for which no open one has room, not when it is full: so
// its position and counts lie beyond the unusable samples that follow it, and no
// sample is noticed or counted twice when loading resumes there.
func (c *collector) take(j job, out outcome) bool {
	c.at.Epoch, c.at.Index, c.at.Piece = j.epoch, j.index, 0
	if out.err != nil {
		for i := 0; i < len(c.open); {
			if !c.l.opt.full(c.open[i]) {
				i++
			} else if !c.emit(i) {
				return false
			}
		}
		c.yield(nil, out.err)
		return false
	}
	first := c.piece
	c.piece = 0
	if first > 0 && first >= len(out.pieces) {
		c.yield(nil, fmt.Errorf("load: position says piece %d of %s, which has %d: the data or the options changed", first, out.origin, len(out.pieces)))
		return false
	}
	if len(out.pieces) == 0 {
		c.count(j, out)
	}
	for p := first; p < len(out.pieces); p++ {
		e := out.pieces[p]
		c.at.Piece = p
		b := c.bestFit(e.tokens())
		if b == nil {
			if !c.emit(c.fullest()) {
				return false
			}
			b = c.bestFit(e.tokens())
		}
		if p == 0 {
			c.count(j, out)
		}
		b.add(e, SamplePlace{j.index, p})
	}
	return j.index < c.l.n-1 || c.endEpoch()
}

func (c *collector) count(j job, out outcome) {
	n := &c.at.Counts
	if len(out.pieces) > 0 {
		n.Samples++
	}
	for _, e := range out.pieces {
		n.Context += e.Context
	}
	for _, e := range out.events {
		switch e.Kind {
		case Skipped:
			n.Skipped++
		case Dropped:
			n.Dropped++
		case NoTargets:
			n.NoTargets++
		case SplitUp:
			n.Split++
		case Truncated:
			n.Truncated++
		case Shrunk:
			n.Shrunk++
		}
		if c.l.opt.Notice != nil {
			e.Epoch, e.Index = j.epoch, j.index
			c.l.opt.Notice(e)
		}
	}
}

func (c *collector) endEpoch() bool {
	if len(c.open) == 0 && c.whole {
		n := c.at.Counts
		c.yield(nil, fmt.Errorf("load: epoch %d: none of the %d samples can be used (so far skipped %d, dropped %d, without targets %d)",
			c.at.Epoch, c.l.n, n.Skipped, n.Dropped, n.NoTargets))
		return false
	}
	c.whole = true
	c.at.Epoch, c.at.Index, c.at.Piece = c.at.Epoch+1, 0, 0
	return c.emitAll()
}
