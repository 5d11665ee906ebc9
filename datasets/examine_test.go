package datasets

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
)

type encoderFunc func(Sample) (Example, error)

func (f encoderFunc) Encode(s Sample) (Example, error) { return f(s) }

// Examine sees of every sample what loading makes of it, in order and for any number of workers, and stops at none.
func TestExamine(t *testing.T) {
	say := func(id, answer string) Sample {
		return Sample{ID: id, Turns: []Turn{{From: Human, Value: "q"}, {From: GPT, Value: answer}}}
	}
	src := &memory{rows: []Sample{say("good", "a b"), say("empty", " "), say("long", "a b c d e f"), say("mute", "a"), say("broken", "a")}}
	enc := encoderFunc(func(s Sample) (Example, error) {
		n := len(s.Turns[1].Value)
		e := Example{IDs: make([]int32, n), Labels: make([]int32, n)}
		if s.ID == "mute" {
			e = Example{IDs: []int32{1, 2}, Labels: []int32{IgnoreIndex, IgnoreIndex}}
		}
		if s.ID == "broken" {
			return Example{}, errors.New("no picture")
		}
		return e, nil
	})
	for workers := 1; workers < 4; workers++ {
		var got []string
		for text, err := range Examine(context.Background(), src, enc, LoadOptions{BatchSize: 1, MaxLength: 8, Workers: workers}, func(l *Look) string {
			return fmt.Sprintf("%d %s pieces %d, unusable %v, empty %v, long %v, mute %v, ends %v", l.Row, l.Sample.ID, len(l.Pieces), l.Unusable != nil, l.Empty,
				l.Long, l.Mute, l.Err != nil)
		}) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, text)
		}
		if want := []string{
			"0 good pieces 1, unusable false, empty false, long false, mute false, ends false",
			"1 empty pieces 0, unusable false, empty true, long false, mute false, ends true",
			"2 long pieces 0, unusable false, empty false, long true, mute false, ends true",
			"3 mute pieces 0, unusable false, empty false, long false, mute true, ends true",
			"4 broken pieces 0, unusable true, empty false, long false, mute false, ends true",
		}; !slices.Equal(got, want) {
			t.Errorf("%d workers:\n%q\nwant\n%q", workers, got, want)
		}
	}
	for _, err := range Examine(context.Background(), src, enc, LoadOptions{BatchSize: 1, OnLong: "bend"}, func(*Look) int { return 0 }) {
		if err == nil {
			t.Error("a policy that there is not")
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, err := range Examine(ctx, src, enc, LoadOptions{BatchSize: 1}, func(*Look) int { return 0 }) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("found %v", err)
		}
	}
}
