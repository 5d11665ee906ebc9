package datasets

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
)

// counting counts how often rows are read.
type counting struct {
	Source
	reads atomic.Int64
}

func (c *counting) At(i int) (Sample, error) {
	c.reads.Add(1)
	return c.Source.At(i)
}

// lastError ranges to the end and gives the number of batches and the error.
func lastError(t *testing.T, src Source, enc Encoder, opt LoadOptions, from Position) (n int, err error) {
	t.Helper()
	for b, e := range Load(t.Context(), src, enc, opt, from) {
		if err != nil {
			t.Fatal("something follows an error")
		}
		if err = e; b != nil {
			n++
		}
	}
	return n, err
}

// TestPolicies: each kind of trouble ends loading at its row, or is left out,
// counted and named.
func TestPolicies(t *testing.T) {
	fine := Sample{ID: "fine", Turns: []Turn{{From: Human, Value: "a"}, {From: GPT, Value: "b"}}}
	rows := func(s Sample) *memory { return &memory{rows: []Sample{fine, fine, fine, s, fine}} }
	long := Sample{ID: "x", Pictures: []Picture{{Bytes: []byte{1}}}, Turns: []Turn{{From: Human, Value: ImageMarker + strings.Repeat("a", 20)}, {From: GPT, Value: "b"}}}
	unreadable := rows(Sample{ID: "x"})
	unreadable.bad = map[int]error{3: errors.New("unreadable")}
	for name, c := range map[string]struct {
		src    *memory
		want   string
		leave  func(*LoadOptions)
		counts Counts
		kind   EventKind
	}{
		"unreadable": {unreadable, "memory:3: unreadable", func(o *LoadOptions) { o.OnBad = OnSkip }, Counts{Samples: 4, Skipped: 1}, Skipped},
		"encoder": {rows(Sample{ID: "x", Turns: []Turn{{From: Human, Value: ImageMarker}}}), "memory:3 (id x): 1 image markers (<image>) in the turns, and 0 pictures",
			func(o *LoadOptions) { o.OnBad = OnSkip }, Counts{Samples: 4, Skipped: 1}, Skipped},
		"panic": {rows(Sample{ID: "x", Turns: []Turn{{From: Human, Value: "panic"}}}), "memory:3 (id x): encoder panicked: no such picture",
			func(o *LoadOptions) { o.OnBad = OnSkip }, Counts{Samples: 4, Skipped: 1}, Skipped},
		"no targets": {rows(Sample{ID: "x", Turns: []Turn{{From: Human, Value: "abc"}}}), "memory:3 (id x): none of 3 tokens is supervised",
			func(o *LoadOptions) { o.OnNoTargets = OnSkip }, Counts{Samples: 4, NoTargets: 1}, NoTargets},
		"nothing": {rows(Sample{ID: "x"}), "memory:3 (id x): none of 0 tokens is supervised",
			func(o *LoadOptions) { o.OnNoTargets = OnSkip }, Counts{Samples: 4, NoTargets: 1}, NoTargets},
		"first token only": {rows(Sample{ID: "x", Turns: []Turn{{From: GPT, Value: "a"}}}), "none of 1 tokens is supervised",
			func(o *LoadOptions) { o.OnNoTargets = OnSkip }, Counts{Samples: 4, NoTargets: 1}, NoTargets},
		"long": {rows(long), "memory:3 (id x): 28 tokens, 7 of them of images, expected at most 20",
			func(o *LoadOptions) { o.OnLong = OnDrop }, Counts{Samples: 4, Dropped: 1}, Dropped},
		"one exchange": {rows(long), "28 tokens", func(o *LoadOptions) { o.OnLong = OnSplit }, Counts{Samples: 4, Dropped: 1}, Dropped},
	} {
		t.Run(name, func(t *testing.T) {
			opt := LoadOptions{BatchSize: 2, Epochs: 1, MaxLength: 20, InOrder: true, Workers: 2}
			n, err := lastError(t, c.src, spell{}, opt, Position{})
			if err == nil || !strings.Contains(err.Error(), c.want) || n != 1 {
				t.Errorf("%d batches, error %v; want 1 and %q", n, err, c.want)
			}
			c.leave(&opt)
			var events []Event
			opt.Notice = func(e Event) { events = append(events, e) }
			batches := collect(t, c.src, opt, Position{}, -1)
			if got := batches[len(batches)-1].Counts; got != c.counts || len(batches) != 2 {
				t.Errorf("%d batches, counts %+v, want %+v", len(batches), got, c.counts)
			}
			if len(events) != 1 || events[0].Kind != c.kind || events[0].Index != 3 || events[0].Origin != "memory:3" ||
				!strings.Contains(events[0].String(), "(id x)") {
				t.Errorf("events %v", events)
			}
		})
	}
}

// TestErrorAfterFullBatch: a full batch before the bad row is not lost.
func TestErrorAfterFullBatch(t *testing.T) {
	src := mixed(8, false)
	src.bad[4] = errors.New("unreadable")
	n, err := lastError(t, src, spell{}, LoadOptions{BatchSize: 2, Epochs: 1, InOrder: true}, Position{})
	if n != 2 || err == nil {
		t.Errorf("%d batches, %v; want 2 and an error", n, err)
	}
}

// TestEncoderContract: no policy hides a broken encoder.
func TestEncoderContract(t *testing.T) {
	image := func(at int, pieces ...Piece) Image {
		return Image{Tiles: []Tile{{Pixels: make([]float32, 3*4), H: 2, W: 2}}, Layout: pieces, At: at}
	}
	narrow := image(0, Piece{N: 1})
	narrow.Tiles[0].W = 3
	of := func(images ...Image) Example {
		return Example{IDs: []int32{1, 2}, Labels: []int32{IgnoreIndex, 2}, Images: images}
	}
	for i, e := range []Example{
		{IDs: []int32{1, 2}, Labels: []int32{1}},
		of(image(1, Piece{N: 2})),
		of(image(-1, Piece{N: 1})),
		of(image(0)),
		of(image(0, Piece{N: 0})),
		of(image(0, Piece{IDs: []int32{1}}, Piece{N: 1}, Piece{N: 0})),
		of(image(0, Piece{IDs: []int32{1, 2}}, Piece{N: 1})),
		of(image(0, Piece{Tile: 1, N: 1})),
		of(image(0, Piece{From: -1, N: 1})),
		of(narrow),
		of(image(0, Piece{N: 2}), image(1, Piece{N: 1})),
	} {
		_, err := lastError(t, mixed(3, false), fixed(e), LoadOptions{BatchSize: 1, OnBad: OnSkip, OnNoTargets: OnSkip}, Position{})
		if err == nil || !strings.Contains(err.Error(), "encoder") {
			t.Errorf("example %d: error %v", i, err)
		}
	}
}

type fixed Example

func (f fixed) Encode(Sample) (Example, error) { return Example(f), nil }

// TestSplit: exchanges stay whole, the pictures are in the first piece, system
// turns lead every piece, and nothing is lost but what does not fit alone.
func TestSplit(t *testing.T) {
	turns := func(vs ...string) (out []Turn) {
		for i, v := range vs {
			out = append(out, Turn{From: []string{Human, GPT}[i%2], Value: v})
		}
		return out
	}
	sys := Turn{From: System, Value: "S"}
	for name, c := range map[string]struct {
		s    Sample
		max  int
		want []string
		n    Counts
	}{
		"text":    {Sample{Turns: turns("aa", "bb", "cc", "dd", "ee", "ff", "gg", "hh")}, 9, []string{"aabbccdd", "eeffgghh"}, Counts{Samples: 1, Split: 1}},
		"system":  {Sample{Turns: append([]Turn{sys}, turns("aa", "bb", "cc", "dd", "ee", "ff")...)}, 9, []string{"Saabbccdd", "Seeff"}, Counts{Samples: 1, Split: 1}},
		"picture": {Sample{Pictures: []Picture{{Bytes: []byte{1}}}, Turns: turns(ImageMarker+"a", "bb", "cc", "dd", "ee", "ff")}, 14, []string{"#abbccdd", "eeff"}, Counts{Samples: 1, Split: 1}},
		"picture in the second exchange": {Sample{Pictures: []Picture{{Bytes: []byte{1}}}, Turns: turns("aa", "bb", ImageMarker, "dd", "ee", "ff")}, 13,
			[]string{"aabb#dd", "eeff"}, Counts{Samples: 1, Split: 1}},
		"picture does not fit": {Sample{Pictures: []Picture{{Bytes: []byte{1}}}, Turns: turns("aa", "bb", ImageMarker, "dd", "ee", "ff", "gg", "hh")}, 12,
			[]string{"eeffgghh"}, Counts{Samples: 1, Split: 1, Dropped: 1}},
		"middle does not fit": {Sample{Turns: turns("aa", "bb", "cc", "ddddddddd", "ee", "ff")}, 8, []string{"aabb", "eeff"}, Counts{Samples: 1, Split: 1, Dropped: 1}},
		"nothing fits":        {Sample{Turns: turns("aa", "bb", "cc", "dd")}, 3, nil, Counts{Split: 1, Dropped: 2}},
		"open question":       {Sample{Turns: turns("aa", "bb", "cc", "dd", "eeeee")}, 8, []string{"aabbccdd"}, Counts{Samples: 1, Split: 1, NoTargets: 1}},
		"two humans": {Sample{Turns: []Turn{{From: Human, Value: "a"}, {From: Human, Value: "b"}, {From: GPT, Value: "c"}, {From: GPT, Value: "d"}, {From: Human, Value: "e"}, {From: GPT, Value: "f"}}}, 5,
			[]string{"abcd", "ef"}, Counts{Samples: 1, Split: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			more := Sample{Turns: turns("x", "y")}
			opt := LoadOptions{BatchSize: 20, Epochs: 1, InOrder: true, MaxLength: c.max, OnLong: OnSplit, OnNoTargets: OnSkip}
			b := collect(t, &memory{rows: []Sample{c.s, more}}, opt, Position{}, -1)[0]
			var got []string
			for i := range b.Len() {
				var s strings.Builder
				for _, id := range b.IDs[b.Offsets[i]:b.Offsets[i+1]] {
					if id != 1000 {
						s.WriteByte(byte(id))
					} else if !strings.HasSuffix(s.String(), "#") {
						s.WriteByte('#')
					}
				}
				got = append(got, s.String())
			}
			c.n.Samples++
			if !reflect.DeepEqual(got, append(c.want, "xy")) || b.Counts != c.n {
				t.Errorf("%q, counts %+v; want %q, %+v", got, b.Counts, c.want, c.n)
			}
		})
	}
}

func TestLoadRefuses(t *testing.T) {
	src := mixed(10, false)
	ok := LoadOptions{BatchSize: 2, Epochs: 1}
	next := collect(t, src, ok, Position{}, 1)[0].Next
	for name, c := range map[string]struct {
		src  Source
		opt  LoadOptions
		from Position
		want string
	}{
		"no limit":    {src, LoadOptions{}, Position{}, "neither a batch size nor a token budget"},
		"negative":    {src, LoadOptions{BatchSize: 1, TokenBudget: -1}, Position{}, "token budget -1"},
		"policy":      {src, LoadOptions{BatchSize: 1, OnLong: "cut"}, Position{}, `on_long "cut", expected one of error, drop, split, truncate, shrink`},
		"policy skip": {src, LoadOptions{BatchSize: 1, OnBad: OnDrop}, Position{}, `on_bad "drop", expected one of error, skip`},
		"empty":       {&memory{}, ok, Position{}, "no samples"},
		"beyond":      {src, ok, Position{Index: 10}, "index 10"},
		"other data":  {mixed(11, false), ok, next, "belongs to a source of 10 samples, this one has 11"},
		"other seed":  {src, LoadOptions{BatchSize: 2, Seed: 5}, next, "belongs to seed 0, the options say 5"},
		"no piece":    {src, ok, Position{Index: 1, Piece: 3}, "piece 3"},
		"no use":      {mixed(10, false), LoadOptions{BatchSize: 2, MaxLength: 1, OnLong: OnDrop}, Position{}, "epoch 0: none of the 10 samples can be used"},
	} {
		t.Run(name, func(t *testing.T) {
			if n, err := lastError(t, c.src, spell{}, c.opt, c.from); err == nil || !strings.Contains(err.Error(), c.want) || n != 0 {
				t.Errorf("%d batches, error %v, want %q", n, err, c.want)
			}
		})
	}
	if n, err := lastError(t, src, spell{}, ok, Position{Epoch: 1}); n != 0 || err != nil {
		t.Errorf("after the last epoch: %d batches, %v", n, err)
	}
}

func TestPermutation(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4, 5, 16, 17, 255, 1000} {
		p := newPermutation(n, 3, 1)
		seen := make([]bool, n)
		for i := range n {
			seen[p.at(i)] = true
		}
		for i, s := range seen {
			if !s {
				t.Fatalf("n %d: %d is never reached", n, i)
			}
		}
	}
	// Every item is about as often in every place: chi-squared over seeds and epochs.
	const n, draws = 7, 7000
	var count [n][n]float64
	for d := range draws {
		p := newPermutation(n, uint64(d/10), d%10)
		for i := range n {
			count[i][p.at(i)]++
		}
	}
	chi := 0.0
	for i := range n {
		for j := range n {
			chi += (count[i][j] - draws/n) * (count[i][j] - draws/n) / (draws / n)
		}
	}
	if chi > 75 { // 36 degrees of freedom: 0.01 % beyond
		t.Errorf("chi-squared %.1f over 36 degrees of freedom", chi)
	}
	// Fixed values: a run can be resumed by a later release.
	var got []int
	for i, p := 0, newPermutation(10, 42, 3); i < 10; i++ {
		got = append(got, p.at(i))
	}
	if want := []int{6, 3, 4, 7, 9, 5, 2, 0, 8, 1}; !reflect.DeepEqual(got, want) {
		t.Errorf("order %v, want %v", got, want)
	}
}

func TestSplitSource(t *testing.T) {
	src := mixed(1000, false)
	train, val, err := Split(src, 0.05, 9)
	if err != nil || train.Len() != 950 || val.Len() != 50 {
		t.Fatalf("%d and %d rows, %v", train.Len(), val.Len(), err)
	}
	seen := map[string]bool{}
	for _, s := range []Source{train, val} {
		for i := range s.Len() {
			seen[at(t, s, i).ID] = true
		}
	}
	if len(seen) != 1000 {
		t.Errorf("%d different rows of 1000", len(seen))
	}
	_, again, _ := Split(src, 0.05, 9)
	_, other, _ := Split(src, 0.05, 10)
	_, grown, _ := Split(mixed(1020, false), 0.05, 9)
	if !reflect.DeepEqual(val.Rows, again.Rows) || reflect.DeepEqual(val.Rows, other.Rows) {
		t.Error("the rows do not depend on the seed alone")
	}
	kept := map[int32]bool{}
	for _, r := range grown.Rows {
		kept[r] = true
	}
	stay := 0
	for _, r := range val.Rows {
		if kept[r] {
			stay++
		}
	}
	if stay < 45 {
		t.Errorf("%d of 50 rows are still held back after 20 more rows", stay)
	}
	for share, n := range map[float64]int{0: 0, 1e-9: 1, 0.5: 500} {
		if _, val, err := Split(src, share, 1); err != nil || val.Len() != n {
			t.Errorf("share %v: %d rows, %v; want %d", share, val.Len(), err, n)
		}
	}
	for _, share := range []float64{-0.1, 1, 2} {
		if _, _, err := Split(src, share, 1); err == nil {
			t.Errorf("share %v is no error", share)
		}
	}
	if _, _, err := Split(mixed(1, false), 0.1, 1); err == nil {
		t.Error("a split that leaves nothing to train on is no error")
	}
}

// TestTemper: shares of temperature mixing, from those of the weights to equal ones, with the rows there were.
func TestTemper(t *testing.T) {
	of := func(n int, weight float64) Weighted { return Weighted{mixed(n, false), weight} }
	parts := []Weighted{of(400, 1), of(50, 2), of(0, 1), of(36, 0)}
	for temperature, want := range map[float64][]float64{1: {400, 100, 0, 0}, 2: {1000. / 3, 500. / 3, 0, 0}, 1e6: {250, 250, 0, 0}, 0.5: {500 * 16. / 17, 500. / 17, 0, 0}} {
		got := Temper(temperature, parts...)
		for i, p := range got {
			if rows := p.Weight * float64(p.Source.Len()); math.Abs(rows-want[i]) > 1e-3*(1+want[i]) {
				t.Errorf("temperature %g: part %d has %g rows, want %g", temperature, i, rows, want[i])
			}
		}
		m, err := Mix(1, got...)
		if err != nil || m.Len() != 500 {
			t.Errorf("temperature %g: a mixture of %d rows, %v", temperature, m.Len(), err)
		}
	}
	if parts[0].Weight != 1 {
		t.Error("the weights that were given have changed")
	}
}

func TestMix(t *testing.T) {
	a, b := mixed(10, false), &memory{}
	for i := range 7 {
		b.rows = append(b.rows, Sample{ID: fmt.Sprint("b-", i)})
	}
	m, err := Mix(5, Weighted{a, 2.5}, Weighted{&memory{}, 1}, Weighted{b, 0.5})
	if err != nil || m.Len() != 25+4 {
		t.Fatalf("%v rows, %v", m.Len(), err)
	}
	count := map[string]int{}
	for i := range m.Len() {
		count[at(t, m, i).ID]++
	}
	twice, thrice := 0, 0
	for id, n := range count {
		switch {
		case strings.HasPrefix(id, "b-") && n != 1:
			t.Errorf("%s %d times", id, n)
		case strings.HasPrefix(id, "id-") && n == 2:
			twice++
		case strings.HasPrefix(id, "id-") && n == 3:
			thrice++
		}
	}
	if twice != 5 || thrice != 5 || len(count) != 14 {
		t.Errorf("%d twice, %d three times, %d different; want 5, 5, 14", twice, thrice, len(count))
	}
	c, err := Concat(a, b)
	if err != nil || c.Len() != 17 || at(t, c, 9).ID != "id-9" || at(t, c, 10).ID != "b-0" {
		t.Errorf("concat: %d rows, %v", c.Len(), err)
	}
	if _, err := c.At(17); err == nil {
		t.Error("row 17 of 17 is no error")
	}
	for _, w := range []float64{-1, 1e18} {
		if _, err := Mix(0, Weighted{a, w}); err == nil {
			t.Errorf("weight %v is no error", w)
		}
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}
