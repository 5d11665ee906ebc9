package stages

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"moslava/datasets"
	"moslava/pipelines/inputs"
	"moslava/pipelines/metrics"
	"moslava/pipelines/recipes/recipetest"
)

// picture is a small drawing, as PNG or JPEG.
func picture(t *testing.T, i int, asJPEG bool) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, 40, 32))
	for y := range 32 {
		for x := range 40 {
			m.Set(x, y, color.RGBA{uint8(6 * x), uint8(8 * y), uint8(40 * i), 255})
		}
	}
	var b bytes.Buffer
	err := png.Encode(&b, m)
	if asJPEG {
		b.Reset()
		err = jpeg.Encode(&b, m, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// ask is a sample of one question about a picture and its answer.
func ask(t *testing.T, i int) datasets.Sample {
	return datasets.Sample{ID: fmt.Sprintf("s%d", i), Pictures: []datasets.Picture{{Bytes: picture(t, i, i%2 == 1)}}, Turns: []datasets.Turn{
		{From: datasets.Human, Value: datasets.ImageMarker + "\nwhat is it"}, {From: datasets.GPT, Value: fmt.Sprintf("drawing %d", i)}}}
}

// store writes samples as an Arrow data set of two shards and returns its directory.
func store(t *testing.T, samples ...datasets.Sample) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	err := datasets.WriteArrow(dir, func(yield func(datasets.Sample, error) bool) {
		for _, s := range samples {
			if !yield(s, nil) {
				return
			}
		}
	}, datasets.WriteOptions{RowsPerShard: (len(samples) + 1) / 2})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// alignOn is a recipe that aligns on stored samples for an epoch; more is further keys of the stage.
func alignOn(data, more string) string {
	return fmt.Sprintf("%sstages:\n  - {kind: align, data: %q, batch: 2, epochs: 1%s}\n", recipetest.Towers, data, more)
}

// samples are six good ones with x in the place of the fourth, which is row 0 of the second shard.
func samplesWith(t *testing.T, x datasets.Sample) []datasets.Sample {
	var out []datasets.Sample
	for i := range 6 {
		out = append(out, ask(t, i))
	}
	if x.ID != "" {
		out[3] = x
	}
	return out
}

// TestArrow: what is written as shards trains.
func TestArrow(t *testing.T) {
	dir := t.TempDir()
	mustRun(t, recipetest.Parse(t, dir, alignOn(store(t, samplesWith(t, datasets.Sample{})...), "")))
	records, err := metrics.Read(filepath.Join(dir, "00-align", metrics.LinesFile))
	if err != nil || len(records) != 3 || records[2].Counts["samples"] != 6 {
		t.Errorf("%+v, %v; want three steps of six samples", records, err)
	}
}

// TestTruncatedShard: a shard that is cut off anywhere is named, and nothing is trained.
func TestTruncatedShard(t *testing.T) {
	data := store(t, samplesWith(t, datasets.Sample{})...)
	const shard = "data-00001-of-00002.arrow"
	path := filepath.Join(data, shard)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, keep := range []int{0, 1, len(b) / 3, len(b) / 2, len(b) - 9, len(b) - 1} {
		if err := os.WriteFile(path, b[:keep], 0o666); err != nil {
			t.Fatal(err)
		}
		t.Run(fmt.Sprint(keep), func(t *testing.T) {
			fails(t, recipetest.Parse(t, t.TempDir(), alignOn(data, "")), "stage align", shard)
		})
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	fails(t, recipetest.Parse(t, t.TempDir(), alignOn(data, "")), "stage align", shard, "no such file")
}

// TestBadSamples: a sample that cannot be used ends the run with its row, its id and a way out; with the
// policy it is counted, told of, and the rest is trained on.
func TestBadSamples(t *testing.T) {
	with := func(change func(*datasets.Sample)) datasets.Sample {
		s := ask(t, 3)
		change(&s)
		return s
	}
	bomb, err := os.ReadFile("testdata/bomb_60k_norows.png")
	if err != nil {
		t.Fatal(err)
	}
	long := with(func(s *datasets.Sample) {
		for range 6 {
			s.Turns = append(s.Turns, datasets.Turn{From: datasets.Human, Value: "and what else is there"}, datasets.Turn{From: datasets.GPT, Value: "nothing much"})
		}
	})
	for name, c := range map[string]struct {
		sample    datasets.Sample
		keys      string // of the stage, in any case
		want      []string
		policy    string
		count     string // what the sample is counted as with the policy
		remaining int64
	}{
		"torn png": {with(func(s *datasets.Sample) { p := picture(t, 3, false); s.Pictures[0].Bytes = p[:len(p)/2] }), "",
			[]string{"picture 1", "png of 55 bytes", "not enough pixel data", "on_bad skip"}, "on_bad: skip", "skipped", 5},
		"torn jpeg": {with(func(s *datasets.Sample) { p := s.Pictures[0].Bytes; s.Pictures[0].Bytes = p[:len(p)/2] }), "",
			[]string{"picture 1", "jpeg", "unexpected EOF", "on_bad skip"}, "on_bad: skip", "skipped", 5},
		"flipped png": {with(func(s *datasets.Sample) { p := picture(t, 3, false); p[60] ^= 0x55; s.Pictures[0].Bytes = p }), "",
			[]string{"picture 1", "png"}, "on_bad: skip", "skipped", 5},
		"no picture at all": {with(func(s *datasets.Sample) { s.Pictures[0].Bytes = []byte("<html>404</html>") }), "",
			[]string{"picture 1", "unknown picture format", "want JPEG, PNG"}, "on_bad: skip", "skipped", 5},
		"image bomb": {with(func(s *datasets.Sample) { s.Pictures[0].Bytes = bomb }), "",
			[]string{"picture 1", "png declares 60000 x 60000 pixels"}, "on_bad: skip", "skipped", 5},
		"marker without a picture": {with(func(s *datasets.Sample) { s.Pictures = nil }), "",
			[]string{"1 image markers (<image>) in the turns", "0 pictures"}, "on_bad: skip", "skipped", 5},
		"no targets": {with(func(s *datasets.Sample) { s.Turns = s.Turns[:1] }), "",
			[]string{"none of", "tokens is supervised", "on_no_targets skip"}, "on_no_targets: skip", "no_targets", 5},
		"too long, dropped": {long, ", max_length: 60", []string{"tokens, 16 of them of images, expected at most 60", "on_long drop", "split"},
			"on_long: drop", "dropped", 5},
		"too long, split": {long, ", max_length: 60", []string{"expected at most 60"}, "on_long: split", "split", 6},
	} {
		t.Run(name, func(t *testing.T) {
			data := store(t, samplesWith(t, c.sample)...)
			const row = "data-00001-of-00002.arrow:0"
			fails(t, recipetest.Parse(t, t.TempDir(), alignOn(data, c.keys)), append(c.want, "stage align", "data: ", row, "s3")...)
			dir := t.TempDir()
			out := mustRun(t, recipetest.Parse(t, dir, alignOn(data, c.keys+", "+c.policy)))
			if !strings.Contains(out, row+" (id s3): ") && !strings.Contains(out, row+": ") {
				t.Errorf("the sample is not told of:\n%s", out)
			}
			summary := fmt.Sprintf("align: %d samples used; dropped", c.remaining)
			if !strings.Contains(out, summary) || !strings.Contains(out, strings.ReplaceAll(c.count, "no_targets", "without targets")+" 1") {
				t.Errorf("the end says nothing of it:\n%s", out)
			}
			records, err := metrics.Read(filepath.Join(dir, "00-align", metrics.LinesFile))
			if err != nil {
				t.Fatal(err)
			}
			counts := records[len(records)-1].Counts
			if counts[c.count] != 1 || counts["samples"] != c.remaining {
				t.Errorf("counts %v, want %d samples and 1 %s", counts, c.remaining, c.count)
			}
		})
	}
}

// TestAllBad: when nothing can be used, skipping is not silence.
func TestAllBad(t *testing.T) {
	s := ask(t, 0)
	s.Pictures[0].Bytes = []byte("no")
	fails(t, recipetest.Parse(t, t.TempDir(), alignOn(store(t, s, s), ", on_bad: skip")), "none of the 2 samples can be used", "skipped 2")
}

// TestLongKeepsPictures: whatever is dropped or split, each picture that is in a batch has all of its image tokens.
func TestLongKeepsPictures(t *testing.T) {
	_, p := tinyModel(t)
	src, err := inputs.Open("scenes:tune?n=40&seed=2", datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	for _, policy := range []string{datasets.OnDrop, datasets.OnSplit} {
		var last datasets.Counts
		events := map[datasets.EventKind]int{}
		opt := datasets.LoadOptions{BatchSize: 4, Epochs: 1, MaxLength: 90, OnLong: policy, OnNoTargets: datasets.OnSkip,
			Notice: func(e datasets.Event) { events[e.Kind]++ }}
		for b, err := range datasets.Load(context.Background(), src, p, opt, datasets.Position{}) {
			if err != nil {
				t.Fatal(err)
			}
			tokens := 0
			for _, id := range b.IDs {
				if id == p.Config.ImageToken {
					tokens++
				}
			}
			if want := len(b.Images) * p.Config.ImageTokens(32, 32); tokens != want {
				t.Errorf("%s: %d image tokens for %d pictures, want %d", policy, tokens, len(b.Images), want)
			}
			for i := range b.Len() {
				if n := b.Offsets[i+1] - b.Offsets[i]; n > 90 {
					t.Errorf("%s: a sequence of %d tokens, want at most 90", policy, n)
				}
			}
			last = b.Counts
		}
		if policy == datasets.OnDrop && (last.Samples+last.Dropped != 40 || last.Dropped == 0 || events[datasets.Dropped] != last.Dropped) {
			t.Errorf("dropped: %+v and %v, want 40 samples in all", last, events)
		}
		if policy == datasets.OnSplit && (last.Split == 0 || events[datasets.SplitUp] != last.Split || events[datasets.Dropped] != last.Dropped) {
			t.Errorf("split: %+v and %v", last, events)
		}
	}
}
