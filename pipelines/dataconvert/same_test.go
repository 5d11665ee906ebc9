package dataconvert

import (
	"encoding/json"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"moslava/datasets"
)

// letters encodes a byte a token and each picture's bytes, so that equal batches have equal texts and pictures.
type letters struct{}

func (letters) Encode(s datasets.Sample) (x datasets.Example, err error) {
	for _, turn := range s.Turns {
		rest := turn.Value
		for rest != "" {
			if after, ok := strings.CutPrefix(rest, datasets.ImageMarker); ok {
				tile := datasets.Tile{H: 1, W: len(s.Pictures[0].Bytes)}
				for range 3 {
					for _, b := range s.Pictures[0].Bytes {
						tile.Pixels = append(tile.Pixels, float32(b))
					}
				}
				x.Images = append(x.Images, datasets.OneTile(tile, len(x.IDs), 3))
				x.IDs = append(x.IDs, 1000, 1000, 1000)
				x.Labels = append(x.Labels, datasets.IgnoreIndex, datasets.IgnoreIndex, datasets.IgnoreIndex)
				s.Pictures, rest = s.Pictures[1:], after
				continue
			}
			label := int32(datasets.IgnoreIndex)
			if turn.From == datasets.GPT && !turn.Context {
				label = int32(rest[0])
			}
			x.IDs, x.Labels = append(x.IDs, int32(rest[0])), append(x.Labels, label)
			rest = rest[1:]
		}
	}
	return x, nil
}

// TestSameBatches: the same rows make the same batches in every form, with any number of workers, and go on in any other form after each of them.
func TestSameBatches(t *testing.T) {
	src := asked(rows(t, 14))
	sources := map[string]datasets.Source{}
	for _, form := range Forms() {
		dir := filepath.Join(t.TempDir(), form)
		_, err := Convert(t.Context(), src, dir, Options{To: form, RowsPerShard: 5})
		must(t, err)
		sources[form] = open(t, dir)
	}
	load := func(form string, opt datasets.LoadOptions, from datasets.Position) (out []*datasets.Batch) {
		t.Helper()
		for b, err := range datasets.Load(t.Context(), sources[form], letters{}, opt, from) {
			must(t, err)
			out = append(out, b)
		}
		return out
	}
	for _, opt := range []datasets.LoadOptions{
		{BatchSize: 3}, {TokenBudget: 300, Pack: 3}, {BatchSize: 2, MaxLength: 170, OnLong: datasets.OnTruncate}, {BatchSize: 4, MaxLength: 170, OnLong: datasets.OnDrop},
	} {
		opt.Seed, opt.Epochs = 3, 2
		want := load(Arrow, opt, datasets.Position{})
		if len(want) < 5 {
			t.Fatalf("%+v: %d batches", opt, len(want))
		}
		for form := range sources {
			for _, workers := range []int{1, 2, 8} {
				opt.Workers = workers
				if !reflect.DeepEqual(load(form, opt, datasets.Position{}), want) {
					t.Errorf("%s with %d workers makes other batches than Arrow: %+v", form, workers, opt)
				}
			}
			for i, b := range want {
				text, err := json.Marshal(b.Next)
				must(t, err)
				var from datasets.Position
				must(t, json.Unmarshal(text, &from))
				if got := load(form, opt, from); len(got) != len(want)-i-1 || len(got) > 0 && !reflect.DeepEqual(got, want[i+1:]) {
					t.Fatalf("%s goes on after batch %d of Arrow with other batches: %+v", form, i, opt)
				}
			}
		}
	}
}
