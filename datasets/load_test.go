package datasets

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"
)

// memory is a source in memory; a nil error in bad lets the row through.
type memory struct {
	rows []Sample
	bad  map[int]error
}

func (m *memory) Len() int     { return len(m.rows) }
func (m *memory) Close() error { return nil }
func (m *memory) At(i int) (Sample, error) {
	s := m.rows[i]
	s.Origin = fmt.Sprintf("memory:%d", i)
	if err := m.bad[i]; err != nil {
		return s, fmt.Errorf("%s: %w", s.Origin, err)
	}
	return s, nil
}

// spell encodes a byte a token, an image marker as imageTokens tokens of 1000, and
// supervises what gpt says. The order in which it finishes varies.
type spell struct{ err error }

const imageTokens = 7

func (e spell) Encode(s Sample) (Example, error) {
	var x Example
	if e.err != nil {
		return x, e.err
	}
	ps := s.Pictures
	for _, t := range s.Turns {
		if strings.Contains(t.Value, "panic") {
			panic("no such picture")
		}
		rest := t.Value
		for rest != "" {
			if after, ok := strings.CutPrefix(rest, ImageMarker); ok {
				if len(ps) == 0 {
					return x, errors.New("marker without a picture")
				}
				x.Images = append(x.Images, Image{Tiles: []Tile{{Pixels: []float32{float32(ps[0].Bytes[0]), 0, 0}, H: 1, W: 1}}, Layout: Layout{{N: imageTokens}}, At: len(x.IDs)})
				ps = ps[1:]
				for range imageTokens {
					x.IDs, x.Labels = append(x.IDs, 1000), append(x.Labels, IgnoreIndex)
				}
				rest = after
				continue
			}
			label := int32(IgnoreIndex)
			if t.From == GPT {
				label = int32(rest[0])
			}
			x.IDs, x.Labels = append(x.IDs, int32(rest[0])), append(x.Labels, label)
			rest = rest[1:]
		}
	}
	if s.Rejected != nil {
		r, err := e.Encode(Sample{Turns: s.Rejected, Pictures: s.Pictures})
		if err != nil {
			return x, err
		}
		x.Rejected = &r
	}
	if len(x.IDs)%16 == 5 {
		time.Sleep(20 * time.Microsecond)
	}
	if len(ps) > 0 {
		return x, fmt.Errorf("%d pictures without a marker", len(ps))
	}
	return x, nil
}

// mixed is n conversations of different lengths with something of everything that
// can go wrong, if broken.
func mixed(n int, broken bool) *memory {
	m := &memory{bad: map[int]error{}}
	for i := range n {
		s := Sample{ID: fmt.Sprint("id-", i)}
		q := fmt.Sprintf("%c", 'a'+i%26)
		if i%3 == 0 {
			s.Pictures = []Picture{{Bytes: []byte{byte(i)}}}
			q = ImageMarker + q
		}
		s.Turns = []Turn{{From: Human, Value: q}, {From: GPT, Value: strings.Repeat("y", 1+i%11)}}
		for k := range i % 4 {
			s.Turns = append(s.Turns, Turn{From: Human, Value: fmt.Sprint(k)}, Turn{From: GPT, Value: strings.Repeat("z", 1+(i+k)%9)})
		}
		if broken {
			switch i % 17 {
			case 3:
				m.bad[i] = errors.New("unreadable")
			case 5:
				s.Turns = s.Turns[:1]
			case 7:
				s.Turns[0].Value = "panic"
			case 9:
				s.Turns[1].Value = strings.Repeat("long", 30)
			}
		}
		m.rows = append(m.rows, s)
	}
	return m
}

func collect(t *testing.T, src Source, opt LoadOptions, from Position, limit int) []*Batch {
	t.Helper()
	var out []*Batch
	for b, err := range Load(t.Context(), src, spell{}, opt, from) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b)
		if len(out) == limit {
			break
		}
	}
	return out
}

var everyPolicy = []LoadOptions{
	{BatchSize: 4}, {TokenBudget: 50}, {TokenBudget: 64, BatchSize: 3}, {BatchSize: 1}, {TokenBudget: 1},
	{TokenBudget: 40, MaxLength: 20, OnLong: OnDrop}, {TokenBudget: 40, MaxLength: 20, OnLong: OnSplit},
	{TokenBudget: 50, Pack: 4}, {TokenBudget: 40, BatchSize: 3, MaxLength: 20, OnLong: OnSplit, Pack: 3}, {TokenBudget: 1, Pack: 2},
	{BatchSize: 2, MaxLength: 14, OnLong: OnSplit}, {BatchSize: 3, MaxLength: 20, OnLong: OnSplit, InOrder: true},
	{BatchSize: 3, MaxLength: 17, OnLong: OnTruncate}, {TokenBudget: 30, MaxLength: 12, OnLong: OnTruncate},
}

func skipping(o LoadOptions) LoadOptions {
	o.Seed, o.Epochs, o.OnBad, o.OnNoTargets = 11, 2, OnSkip, OnSkip
	return o
}

// TestWorkers: the batches do not depend on the number of workers.
func TestWorkers(t *testing.T) {
	src := mixed(36, true)
	for _, o := range everyPolicy {
		o = skipping(o)
		o.Workers = 1
		want := collect(t, src, o, Position{}, -1)
		for _, w := range []int{2, 7, 0} {
			o.Workers = w
			if got := collect(t, src, o, Position{}, -1); !reflect.DeepEqual(got, want) {
				t.Errorf("%+v: %d batches differ from the %d of one worker", o, len(got), len(want))
			}
		}
	}
}

// TestResume: from every batch on, the rest is what it would have been, positions,
// counts and notices included.
func TestResume(t *testing.T) {
	src := mixed(36, true)
	pieces := 0 // batches that end inside a sample
	for _, o := range everyPolicy {
		o = skipping(o)
		o.Workers = 3
		var all []Event
		var heard []int // events before each batch's end
		o.Notice = func(e Event) { all = append(all, e) }
		var want []*Batch
		for b, err := range Load(t.Context(), src, spell{}, o, Position{}) {
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, b)
			heard = append(heard, len(all))
		}
		for i, b := range want {
			if b.Next.Piece > 0 {
				pieces++
			}
			var later []Event
			o.Notice = func(e Event) { later = append(later, e) }
			var from Position
			if text, err := json.Marshal(b.Next); err != nil || json.Unmarshal(text, &from) != nil || !reflect.DeepEqual(from, b.Next) {
				t.Fatalf("position %+v as JSON: %s", b.Next, text)
			}
			if got := collect(t, src, o, from, -1); len(got) != len(want)-i-1 || len(got) > 0 && !reflect.DeepEqual(got, want[i+1:]) {
				t.Fatalf("%+v: after batch %d at %+v: %d batches, want %d", o, i, b.Next, len(got), len(want)-i-1)
			}
			if len(later) != len(all)-heard[i] {
				t.Fatalf("%+v: after batch %d: %d events, want %d", o, i, len(later), len(all)-heard[i])
			}
		}
		last := want[len(want)-1]
		if n := last.Counts; n.Samples+n.Skipped == 0 || last.Next.Epoch != 2 || last.Next.Index != 0 || last.Counts != last.Next.Counts {
			t.Errorf("%+v: ends at %+v", o, last.Next)
		}
	}
	if pieces == 0 {
		t.Error("no batch ends inside a sample: the test shows less than it should")
	}
}

// TestEpochs: each epoch has every sample once, in an order of its own.
func TestEpochs(t *testing.T) {
	src := mixed(40, false)
	var orders [3][]int32
	for _, b := range collect(t, src, LoadOptions{BatchSize: 6, Epochs: 3, Seed: 1}, Position{}, -1) {
		epoch := b.Next.Epoch
		if b.Next.Index == 0 {
			epoch--
		}
		for i := range b.Len() {
			orders[epoch] = append(orders[epoch], b.Offsets[i+1]-b.Offsets[i])
		}
	}
	var lengths []int32
	for _, b := range collect(t, src, LoadOptions{BatchSize: 40, Epochs: 1, InOrder: true}, Position{}, -1) {
		for i := range b.Len() {
			lengths = append(lengths, b.Offsets[i+1]-b.Offsets[i])
		}
	}
	for e, o := range orders {
		if len(o) != 40 {
			t.Errorf("epoch %d has %d samples", e, len(o))
		}
		if reflect.DeepEqual(o, lengths) || e > 0 && reflect.DeepEqual(o, orders[e-1]) {
			t.Errorf("epoch %d is not shuffled anew", e)
		}
	}
}

// TestBatch checks one batch by hand.
func TestBatch(t *testing.T) {
	src := &memory{rows: []Sample{
		{Turns: []Turn{{From: Human, Value: "ab"}, {From: GPT, Value: "cd"}}},
		{Pictures: []Picture{{Bytes: []byte{9}}}, Turns: []Turn{{From: Human, Value: "q" + ImageMarker}, {From: GPT, Value: "e"}}},
	}}
	for b, err := range Load(t.Context(), src, spell{}, LoadOptions{BatchSize: 2, Epochs: 1, InOrder: true, Seed: 4}, Position{}) {
		if err != nil {
			t.Fatal(err)
		}
		const no = IgnoreIndex
		want := &Batch{
			IDs:       []int32{'a', 'b', 'c', 'd', 'q', 1000, 1000, 1000, 1000, 1000, 1000, 1000, 'e'},
			Labels:    []int32{no, 'c', 'd', no, no, no, no, no, no, no, no, 'e', no},
			Offsets:   []int32{0, 4, 13},
			Positions: []int32{0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6, 7, 8},
			Images:    []Image{{Tiles: []Tile{{Pixels: []float32{9, 0, 0}, H: 1, W: 1}}, Layout: Layout{{N: 7}}, At: 5}},
			Next:      Position{Epoch: 1, Seed: 4, Rows: 2, Counts: Counts{Samples: 2}},
			Counts:    Counts{Samples: 2},
		}
		if !reflect.DeepEqual(b, want) {
			t.Errorf("got  %+v\nwant %+v", b, want)
		}
		if b.Len() != 2 || b.Targets() != 3 {
			t.Errorf("%d sequences, %d targets", b.Len(), b.Targets())
		}
	}
}

// TestFill: batches keep to their limits and are not left emptier than they need be.
func TestFill(t *testing.T) {
	src := mixed(97, false)
	var before *Batch
	for _, b := range collect(t, src, LoadOptions{TokenBudget: 33, Epochs: 1, Seed: 2}, Position{}, -1) {
		if len(b.IDs) > 33 && b.Len() > 1 {
			t.Errorf("%d tokens in %d sequences", len(b.IDs), b.Len())
		}
		if before != nil && len(before.IDs)+int(b.Offsets[1]) <= 33 {
			t.Errorf("%d tokens would have had room for %d more", len(before.IDs), b.Offsets[1])
		}
		before = b
	}
	total := 0
	for _, b := range collect(t, src, LoadOptions{BatchSize: 10, Epochs: 1}, Position{}, -1) {
		total += b.Len()
		if b.Len() != 10 && total != 97 {
			t.Errorf("batch of %d after %d", b.Len(), total)
		}
	}
}

// TestCancel: however the loop is left, no goroutine stays.
func TestCancel(t *testing.T) {
	src := mixed(200, false)
	before := runtime.NumGoroutine()
	opt := LoadOptions{BatchSize: 3, Workers: 5}
	for round := range 30 {
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("enough")
		n, last := 0, error(nil)
		for _, err := range Load(ctx, src, spell{}, opt, Position{}) {
			last = err
			if n++; n == 1+round%7 {
				if round%2 == 0 {
					break
				}
				cancel(why)
			}
		}
		if round%2 == 1 && !errors.Is(last, why) {
			t.Errorf("cancelled: last error %v", last)
		}
		cancel(nil)
		// Load waits until its goroutines are done; the runtime may still count one
		// that is on its way out.
		for wait := 0; runtime.NumGoroutine() > before; wait++ {
			if wait == 1000 {
				t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
			}
			time.Sleep(time.Millisecond)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	n := 0
	for b, err := range Load(ctx, src, spell{}, opt, Position{}) {
		if n++; b != nil || !errors.Is(err, context.Canceled) {
			t.Errorf("batch %v, error %v of a dead context", b, err)
		}
	}
	if n != 1 {
		t.Errorf("%d values of a dead context", n)
	}
}

// TestLookAhead: the source is not read far beyond what was asked for.
func TestLookAhead(t *testing.T) {
	src := &counting{Source: mixed(500, false)}
	collect(t, src, LoadOptions{BatchSize: 2, Workers: 2}, Position{}, 5)
	if n := src.reads.Load(); n > 10+1+3*2+2 {
		t.Errorf("%d rows read for 10", n)
	}
}
