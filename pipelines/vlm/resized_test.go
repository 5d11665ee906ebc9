package vlm

import (
	"math"
	"testing"

	"moslava/internal/golden"
)

// TestRowsStartAsResized: rows for new tokens lie where transformers' resize_token_embeddings draws them, within six
// standard deviations of what it draws from: 1e-9 of the rows' covariance around their mean.
func TestRowsStartAsResized(t *testing.T) {
	g := golden.Open(t, "testdata/resized.safetensors")
	for _, name := range []string{"llama-tied", "llama-tiny"} {
		cfg, err := readConfig(configOf(decoderDirs+name), 0)
		if err != nil {
			t.Fatal(err)
		}
		old := cfg.Text.VocabSize
		if err := cfg.extend([]int32{int32(old), int32(old + 1), int32(old + 2)}, old+3); err != nil {
			t.Fatal(err)
		}
		m, err := load(decoderDirs+name, cfg, Storage{})
		if err != nil {
			t.Fatal(err)
		}
		for part, table := range map[string][]float32{"embed": m.Language.Embed.Weight.Floats(), "head": m.Language.Head.Weight.Floats()} {
			want, d := g.Float32(t, name+"."+part), cfg.Text.HiddenSize
			if len(table) != (old+3)*d || len(want) != 3*d {
				t.Fatalf("%s.%s: %d elements, and %d of new rows in transformers", name, part, len(table), len(want))
			}
			for i, w := range want {
				allowed := 6 * math.Sqrt(1e-9) * deviation(table[:old*d], d, i%d)
				if diff := math.Abs(float64(table[old*d+i] - w)); diff > allowed {
					t.Errorf("%s.%s: element %d of the new rows is %g, in transformers %g: %g apart, allowed %g", name, part, i, table[old*d+i], w, diff, allowed)
				}
			}
		}
	}
}

// deviation is the standard deviation of a column.
func deviation(table []float32, d, column int) float64 {
	n, sum, squares := float64(len(table)/d), 0.0, 0.0
	for i := column; i < len(table); i += d {
		sum += float64(table[i]) / n
		squares += float64(table[i]) * float64(table[i]) / n
	}
	return math.Sqrt(squares - sum*sum)
}
