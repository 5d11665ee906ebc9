package datasets

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

// orders are all that decides which batches there are, each with all of the others' sources of trouble.
func orders(t *testing.T) map[string]func(w int) ([]*Batch, func(from Position) []*Batch) { // all, and the next two
	t.Helper()
	mixture, err := Mix(4, Temper(3, Weighted{mixed(20, true), 1.5}, Weighted{mixed(7, false), 1}, Weighted{mixed(11, true), 0.4})...)
	if err != nil {
		t.Fatal(err)
	}
	held, _, err := Split(mixed(40, true), 0.2, 3)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]func(int) ([]*Batch, func(Position) []*Batch){}
	for name, src := range map[string]Source{"rows": mixed(33, true), "mixture": mixture, "split source": held} {
		for _, rule := range append(Groupings(), "") {
			for _, o := range []LoadOptions{
				{BatchSize: 3}, {TokenBudget: 45}, {BatchSize: 3, MaxLength: 16, OnLong: OnSplit}, {TokenBudget: 40, MaxLength: 16, OnLong: OnSplit},
				{BatchSize: 2, MaxLength: 15, OnLong: OnTruncate}, {TokenBudget: 30, BatchSize: 4, MaxLength: 12, OnLong: OnTruncate}, {BatchSize: 4, MaxLength: 14, OnLong: OnDrop},
				{TokenBudget: 40, Pack: 4, MaxLength: 16, OnLong: OnSplit}, {TokenBudget: 40, Pack: 3, MaxLength: 13, OnLong: OnTruncate},
			} {
				o = skipping(o)
				if rule != "" {
					o = grouped(t, src, rule, o)
				}
				out[fmt.Sprintf("%s by %q, batch %d, tokens %d, pack %d, on_long %q", name, rule, o.BatchSize, o.TokenBudget, o.Pack, o.OnLong)] = func(w int) ([]*Batch, func(Position) []*Batch) {
					o.Workers = w
					return collect(t, src, o, Position{}, -1), func(from Position) []*Batch { return collect(t, src, o, from, 2) }
				}
			}
		}
	}
	return out
}

// TestOrders: the batches are those of one worker, and after each of them go on as they would have.
func TestOrders(t *testing.T) {
	for name, load := range orders(t) {
		want, from := load(1)
		if len(want) < 5 {
			t.Fatalf("%s: %d batches", name, len(want))
		}
		for _, w := range []int{2, 8} {
			if got, _ := load(w); !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %d workers make other batches", name, w)
			}
		}
		_, from = load(2)
		for i, b := range want {
			text, err := json.Marshal(b.Next)
			var p Position
			if err != nil || json.Unmarshal(text, &p) != nil {
				t.Fatal(err)
			}
			// Positions are a part of batches, so that all others follow from these.
			if got, next := from(p), want[i+1:min(i+3, len(want))]; len(got) != len(next) || len(got) > 0 && !reflect.DeepEqual(got, next) {
				t.Fatalf("%s: after batch %d at %s other batches follow", name, i, text)
			}
		}
	}
}

// TestMovedShards: a data set goes on in another folder where it stood in the first.
func TestMovedShards(t *testing.T) {
	from, to := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b", "c")
	plain := mixed(30, false)
	for i := range plain.rows {
		if len(plain.rows[i].Pictures) == 0 {
			continue
		}
		plain.rows[i].Pictures[0].Path = "p.png"
	}
	stored := func(yield func(Sample, error) bool) {
		for _, s := range plain.rows {
			if !yield(s, nil) {
				return
			}
		}
	}
	if err := WriteArrow(from, stored, WriteOptions{RowsPerShard: 7}); err != nil {
		t.Fatal(err)
	}
	first := mustOpen(t, from)
	opt := grouped(t, first, GroupModality, LoadOptions{BatchSize: 3, Epochs: 2, Seed: 2})
	want := collect(t, first, opt, Position{}, -1)
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	moved := mustOpen(t, to)
	again := grouped(t, moved, GroupModality, opt)
	if !reflect.DeepEqual(again.Group.Lengths, opt.Group.Lengths) {
		t.Error("rows have other lengths")
	}
	for i, b := range want {
		if got := collect(t, moved, again, b.Next, -1); len(got) != len(want)-i-1 || len(got) > 0 && !reflect.DeepEqual(got, want[i+1:]) {
			t.Fatalf("after batch %d other batches follow", i)
		}
	}
}

// TestBackPressure: a consumer that takes its time stops the workers after a few samples each.
func TestBackPressure(t *testing.T) {
	for _, w := range []int{1, 2, 8} {
		src := &counting{Source: mixed(2000, false)}
		taken := 0
		for _, err := range Load(t.Context(), src, spell{}, LoadOptions{BatchSize: 4, Workers: w}, Position{}) {
			if err != nil {
				t.Fatal(err)
			}
			taken += 4
			before := int64(-1)
			for range 200 { // until no more is read
				n := src.reads.Load()
				if n == before {
					break
				}
				before = n
				time.Sleep(5 * time.Millisecond)
			}
			// The queue, one in each worker's hands, one on its way, and the one that did not fit the batch.
			if most := taken + 2*w + w + 2; src.reads.Load() > int64(most) {
				t.Fatalf("%d workers have read %d rows for %d, expected at most %d", w, src.reads.Load(), taken, most)
			}
			if taken == 40 {
				break
			}
		}
	}
}
