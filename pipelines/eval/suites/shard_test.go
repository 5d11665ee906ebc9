package suites

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestParseShard(t *testing.T) {
	for text, want := range map[string]Shard{"": {}, "1/1": {0, 1}, "2/4": {1, 4}, "4/4": {3, 4}} {
		if got, err := ParseShard(text); err != nil || got != want || got.String() != text {
			t.Errorf("%q: found %v (%s), %v", text, got, got, err)
		}
	}
	for _, text := range []string{"0/4", "5/4", "1", "/", "1/", "/2", "-1/2", "1/2/3", "a/b", "1/0", " 1/2", "1.0/2"} {
		if _, err := ParseShard(text); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("found shard %q, expected i/n", text)) {
			t.Errorf("%q: found %v", text, err)
		}
	}
}

func TestSelect(t *testing.T) {
	s := open(t, "pope.tsv", Options{})
	var got []int64
	for i := range 3 {
		part, err := s.Select(0, Shard{i, 3})
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range part {
			got = append(got, it.ID)
		}
	}
	slices.Sort(got)
	if len(got) != 12 || len(slices.Compact(got)) != 12 {
		t.Errorf("found %v, expected each row in one shard", got)
	}
	e := open(t, "emoji_en.tsv", Options{})
	if part, err := e.Select(2, Shard{}); err != nil || len(part) != 8 {
		t.Errorf("found %d rows, %v, expected the 8 of 2 questions", len(part), err)
	}
	for _, bad := range []Shard{{3, 3}, {-1, 2}, {1, 0}, {0, -1}} {
		if _, err := s.Select(0, bad); err == nil {
			t.Errorf("shard %v: found no error", bad)
		}
	}
}
