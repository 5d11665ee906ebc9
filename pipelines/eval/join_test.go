package eval

import (
	"context"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"moslava/pipelines/eval/score"
	"moslava/pipelines/eval/suites"
)

// shards runs a suite in n parts, as files would hold them.
func shards(t *testing.T, s *suites.Suite, o *oracle, n int, opt Options) (parts []*score.Result) {
	t.Helper()
	for i := range n {
		opt.Shard = suites.Shard{Index: i, Count: n}
		opt.VerdictsPath = filepath.Join(t.TempDir(), "verdicts.jsonl")
		res, err := Run(context.Background(), s, o, opt)
		if err != nil {
			t.Fatal(err)
		}
		if res.Verdicts, err = ReadVerdicts(opt.VerdictsPath); err != nil {
			t.Fatal(err)
		}
		parts = append(parts, res)
	}
	return parts
}

// TestJoin: shards put together are the whole run, verdict for verdict.
func TestJoin(t *testing.T) {
	for _, file := range []string{"emoji_en.tsv", "pope.tsv", "mmbench_cut.tsv"} {
		s := opened(t, file, suites.Options{})
		o := newOracle(s)
		o.wrong[s.Items[0].ID], o.wrong[s.Items[len(s.Items)-1].ID] = "Z", "what?"
		for _, opt := range []Options{{Model: "m"}, {Model: "m", Limit: 2}, {Model: "m", Blank: true}, {Model: "m", StopEarly: true}} {
			if opt.StopEarly && s.Kind != suites.Circular {
				continue
			}
			want, err := Run(context.Background(), s, o, opt)
			if err != nil {
				t.Fatal(err)
			}
			for n := 1; n <= 4; n++ {
				got, err := Join(s, shards(t, s, o, n, opt))
				if err != nil {
					t.Fatalf("%s in %d parts, %+v: %v", file, n, opt, err)
				}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("%s in %d parts, %+v: found %+v, expected %+v", file, n, opt, got.Overall.Tally, want.Overall.Tally)
				}
			}
		}
	}
}

func TestJoinRefuses(t *testing.T) {
	s := opened(t, "emoji_en.tsv", suites.Options{})
	o := newOracle(s)
	parts := func() []*score.Result { return shards(t, s, o, 3, Options{Model: "m"}) }
	for _, c := range []struct {
		spoil func([]*score.Result) []*score.Result
		want  string
	}{
		{func(p []*score.Result) []*score.Result { return nil }, "found no results to join"},
		{func(p []*score.Result) []*score.Result { return p[:2] }, "found 2 of 3 shards, 3/3 is missing"},
		{func(p []*score.Result) []*score.Result { p[1] = p[0]; return p }, "found shard 1/3 beside shard 1/3, expected each of 3 parts once"},
		{func(p []*score.Result) []*score.Result { p[1].Shard = suites.Shard{Index: 1, Count: 2}; return p }, "found shard 2/2 beside shard 1/3"},
		{func(p []*score.Result) []*score.Result { p[2].Model = "other"; return p }, `by model "m", protocol vlmevalkit-2024.06, blank false, limit 0, stop early false and shard 3/3 by model "other"`},
		{func(p []*score.Result) []*score.Result { p[0].Version = "0-x"; return p }, "found shard 1/3 of version 0-x, expected " + s.Version},
		{func(p []*score.Result) []*score.Result { p[2].Verdicts = p[2].Verdicts[:3]; return p }, "found no verdict on item"},
		{func(p []*score.Result) []*score.Result { p[2].Verdicts[0].Prompt += "?"; return p }, "shard 3/3: found a verdict on item 3 with another prompt"},
		{func(p []*score.Result) []*score.Result { p[0].Protocol = "mine"; return p }, `found protocol "mine"`},
	} {
		if _, err := Join(s, c.spoil(parts())); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("found %v, expected %q", err, c.want)
		}
	}
}
