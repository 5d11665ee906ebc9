package datasets

import (
	"context"
	"iter"
)

// A Look is what loading makes of one stored sample.
type Look struct {
	Row    int     // in the source
	Sample Sample  // as it was read; empty where it could not be
	Whole  Example // all of it, before it is cut or left out; empty where it was not encoded

	Unusable error // why it cannot be read or encoded, whatever OnBad says of that
	Empty    bool  // an answer that is learnt has no text, and OnEmpty does not take it
	Long     bool  // it has more than MaxLength tokens
	Mute     bool  // it fits, and no token of it is supervised

	Pieces []Example // what goes into batches
	Events []Event
	Err    error // what would end loading, with the sample's place
}

// Examine goes once over src, in its order, as Load does: with the same reading, encoding, policies and workers. look is called for every sample, by several
// goroutines at once, and what it makes of it is yielded in order. Nothing ends it but the context and options that Load
// would refuse: an error of a sample is in its Look. Of each sample no more is kept than look returns.
func Examine[T any](ctx context.Context, src Source, enc Encoder, opt LoadOptions, look func(*Look) T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		opt.Epochs, opt.InOrder = 1, true
		l, from := &loader{src: src, enc: enc, opt: opt, n: src.Len()}, Position{}
		if err := l.check(&from); err != nil {
			yield(none, err)
			return
		}
		work := func(j job) T {
			seen := &Look{Row: j.row}
			out := l.work(j, seen)
			if n := len(seen.Whole.IDs); n > 0 {
				seen.Long = !l.fits(&seen.Whole)
				seen.Mute = !seen.Long && seen.Whole.Targets() == 0
			}
			seen.Pieces, seen.Events, seen.Err = out.pieces, out.events, out.err
			return look(seen)
		}
		err := run(ctx, l, from, work, func(_ job, made T) bool { return yield(made, nil) })
		if err != nil {
			yield(none, err)
		}
	}
}
