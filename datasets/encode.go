package datasets

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
)

// An outcome is what one stored sample gives: sequences, events, or an error that
// ends loading.
type outcome struct {
	origin string
	id     string
	pieces []Example
	events []Event
	err    error
}

// work reads and encodes one sample and applies the policies to it. What it comes by is noted in seen.
func (l *loader) work(j job, seen *Look) (out outcome) {
	s, err := l.read(j.row)
	out.origin, out.id = s.Origin, s.ID
	seen.Sample = s
	if err != nil {
		seen.Unusable = err
		l.bad(&out, err)
		return out
	}
	if out.origin == "" {
		out.origin = fmt.Sprintf("row %d", j.row)
	}
	if err := s.Check(); err != nil {
		seen.Unusable = err
		l.bad(&out, out.name(err))
		return out
	}
	if err := s.checkAnswers(); err != nil && l.opt.OnEmpty != OnLearn {
		seen.Empty = true
		if l.opt.OnEmpty != OnSkip {
			err = fmt.Errorf("%w; on_empty skip leaves such samples out, learn takes them as they are, and weight 0 on the turn leaves it unlearnt", err)
			out.err = out.name(err)
			return out
		}
		out.add(Skipped, err)
		return out
	}
	e, err := l.encode(s, l.enc.Encode)
	seen.Whole, seen.Unusable = e, err
	switch {
	case err != nil:
		l.bad(&out, out.name(err))
	case l.fits(&e):
		l.keep(&out, e)
	case l.opt.OnLong == OnError:
		out.err = out.name(fmt.Errorf("%w; on_long drop leaves such samples out, split cuts them between exchanges, truncate cuts their end off", l.tooLong(&e)))
	case l.opt.OnLong == OnDrop:
		out.add(Dropped, l.tooLong(&e))
	case l.opt.OnLong == OnTruncate:
		l.truncate(&out, e)
	case l.opt.OnLong == OnShrink:
		l.shrink(&out, s, l.tooLong(&e))
	default:
		l.split(&out, s, l.tooLong(&e))
	}
	return out
}

func (o *outcome) name(err error) error {
	if o.id != "" {
		return fmt.Errorf("%s (id %s): %w", o.origin, o.id, err)
	}
	return fmt.Errorf("%s: %w", o.origin, err)
}

func (o *outcome) add(kind EventKind, err error) {
	o.events = append(o.events, Event{Kind: kind, Origin: o.origin, ID: o.id, Err: err})
}

// A contractError is an Encoder's fault, which no policy covers up.
type contractError struct{ error }

// bad ends the sample, or loading, because of err, which names the sample.
func (l *loader) bad(o *outcome, err error) {
	o.pieces, o.events = nil, nil
	switch {
	case errors.As(err, new(contractError)):
		o.err = err
	case l.opt.OnBad == OnError:
		o.err = fmt.Errorf("%w; on_bad skip leaves such samples out", err)
	default:
		o.add(Skipped, err)
	}
}

// read calls the source. A panic of it becomes the sample's error: it would
// otherwise end the process from a goroutine that nobody can guard.
func (l *loader) read(row int) (s Sample, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("row %d: source panicked: %v", row, r)
		}
	}()
	return l.src.At(row)
}

// encode calls the encoder, whose panics, and those of the image decoders below
// it, are likewise the sample's error.
func (l *loader) encode(s Sample, encode func(Sample) (Example, error)) (e Example, err error) {
	defer func() {
		if r := recover(); r != nil {
			e, err = Example{}, fmt.Errorf("encoder panicked: %v", r)
		}
	}()
	if e, err = encode(s); err != nil {
		return e, err
	}
	if err := e.check(); err != nil {
		return e, contractError{err}
	}
	return e, nil
}

func (l *loader) fits(e *Example) bool {
	return l.opt.MaxLength == 0 || e.longest() <= l.opt.MaxLength
}

func (l *loader) tooLong(e *Example) error {
	images := 0
	for _, m := range e.Images {
		images += m.Layout.Len()
	}
	return fmt.Errorf("%d tokens, %d of them of images, expected at most %d", e.longest(), images, l.opt.MaxLength)
}

// checkAnswers finds an answer of which nothing but its end would be learnt.
func (s *Sample) checkAnswers() error {
	for i, t := range slices.Concat(s.Turns, s.Rejected) {
		if t.IsEmptyAnswer() {
			return fmt.Errorf("turn %d: the answer is empty: nothing but its end would be learnt", i%max(1, len(s.Turns)))
		}
	}
	return nil
}

// keep takes a sequence that fits, if there is anything to learn in it.
func (l *loader) keep(o *outcome, e Example) {
	if o.err != nil {
		return
	}
	if e.Targets() > 0 {
		o.pieces = append(o.pieces, e)
		return
	}
	err := fmt.Errorf("none of %d tokens is supervised", len(e.IDs))
	if l.opt.OnNoTargets == OnError {
		o.err = o.name(fmt.Errorf("%w; on_no_targets skip leaves such samples out", err))
		return
	}
	o.add(NoTargets, err)
}

// truncate cuts the end off a sequence, as the field does, but neither a picture nor all that is learnt.
func (l *loader) truncate(o *outcome, e Example) {
	why, most := l.tooLong(&e), l.opt.MaxLength
	if n := len(e.Images); n > 0 {
		if end := e.Images[n-1].At + e.Images[n-1].Layout.Len(); end > most {
			o.add(Dropped, fmt.Errorf("%w; picture %d ends at token %d, and pictures are not cut", why, n, end))
			return
		}
	}
	learnt := e.Targets()
	e.IDs, e.Labels = e.IDs[:most:most], e.Labels[:most:most]
	if learnt > 0 && e.Targets() == 0 {
		o.add(Dropped, fmt.Errorf("%w; all %d tokens that are learnt lie beyond", why, learnt))
		return
	}
	o.add(Truncated, why)
	l.keep(o, e)
}

// shrink has the encoder make less of the pictures.
func (l *loader) shrink(o *outcome, s Sample, why error) {
	e, err := l.encode(s, func(s Sample) (Example, error) { return l.enc.(Shrinker).Shrink(s, l.opt.MaxLength) })
	switch {
	case err != nil:
		l.bad(o, o.name(err))
	case !l.fits(&e):
		o.add(Dropped, l.tooLong(&e))
	default:
		o.add(Shrunk, why)
		l.keep(o, e)
	}
}

// split cuts a sample that is too long into pieces of whole exchanges. The first
// piece has all pictures; each piece takes as many exchanges as fit.
func (l *loader) split(o *outcome, s Sample, why error) {
	head, units, pictures := exchanges(&s)
	if pictures >= len(units) { // nothing to cut
		o.add(Dropped, why)
		return
	}
	o.add(SplitUp, why)
	for lo := 0; lo < len(units); {
		need := lo + 1
		if lo == 0 {
			need = pictures
		}
		part := s
		if lo > 0 {
			part.Pictures = nil
		}
		e, hi, err := l.longest(part, head, units, lo, need)
		if err != nil {
			l.bad(o, o.name(fmt.Errorf("exchanges %d to %d: %w", lo, hi, err)))
			return
		}
		if l.fits(&e) {
			l.keep(o, e)
		} else {
			o.add(Dropped, fmt.Errorf("exchanges %d to %d: %w", lo, hi-1, l.tooLong(&e)))
		}
		lo = hi
	}
	if o.err != nil {
		o.pieces, o.events = nil, nil
	}
}

// longest encodes the exchanges from lo on, at least up to need and as many more
// as fit; hi is where it stopped. Encoding is repeated, not estimated, because
// only the encoder knows what its template adds; the search keeps it to a few times.
func (l *loader) longest(s Sample, head []Turn, units [][]Turn, lo, need int) (best Example, hi int, err error) {
	try := func(hi int) (Example, error) {
		s.Turns = append([]Turn(nil), head...)
		for _, u := range units[lo:hi] {
			s.Turns = append(s.Turns, u...)
		}
		return l.encode(s, l.enc.Encode)
	}
	if best, err = try(need); err != nil || !l.fits(&best) {
		return best, need, err
	}
	hi = need
	sort.Search(len(units)-need, func(i int) bool {
		if err != nil {
			return true
		}
		e, failed := try(need + i + 1)
		if failed != nil {
			err = failed
			return true
		}
		if !l.fits(&e) {
			return true
		}
		if need+i+1 > hi {
			best, hi = e, need+i+1
		}
		return false
	})
	return best, hi, err
}

// exchanges divides a conversation into its leading system turns and exchanges
// that each begin with a human turn; the first pictures of them hold the images.
func exchanges(s *Sample) (head []Turn, units [][]Turn, pictures int) {
	n := 0
	for n < len(s.Turns) && s.Turns[n].From == System {
		n++
	}
	head = s.Turns[:n]
	pictures = 1
	marked := len(s.Pictures) > 0
	for i := n; i < len(s.Turns); i++ {
		if i == n || s.Turns[i].From == Human && s.Turns[i-1].From != Human {
			units = append(units, nil)
		}
		k := len(units) - 1
		units[k] = append(units[k], s.Turns[i])
		if marked && strings.Contains(s.Turns[i].Value, ImageMarker) {
			pictures = k + 1
		}
	}
	return head, units, pictures
}
