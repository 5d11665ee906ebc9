package language

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"moslava/internal/autograd"
	"moslava/internal/device"
	"moslava/internal/nn"
)

// drawn is a small decoder with two key-value heads, frozen.
func drawn(t *testing.T, window string) *Decoder {
	t.Helper()
	cfg, err := ParseConfig(fmt.Appendf(nil, `{"model_type":"mistral","vocab_size":90,"hidden_size":48,"intermediate_size":80,%s
		"num_hidden_layers":3,"num_attention_heads":6,"num_key_value_heads":2,"rms_norm_eps":1e-5,"tie_word_embeddings":true}`, window))
	if err != nil {
		t.Fatal(err)
	}
	d, ps, err := nn.Build(nn.Random(5), func(s *nn.Scope) *Decoder { return New(s, cfg) })
	if err != nil {
		t.Fatal(err)
	}
	ps.Freeze()
	return d
}

func sequence(seed, n int) []int32 {
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32((i*i*7 + seed*13 + i*3) % 90)
	}
	return ids
}

func extend(t *testing.T, d *Decoder, c *Cache, chunks ...Chunk) [][]float32 {
	t.Helper()
	h, err := d.Extend(c, chunks)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Collect(slices.Chunk(h.Floats(), h.Cols()))
}

// TestNeighboursChangeNoBit computes sequences in one piece and alone, in pieces, after a prefix that another slot
// computed, and beside others, and wants the same bits of each. A pass without a cache is as near as rounding lets it be.
func TestNeighboursChangeNoBit(t *testing.T) {
	defer device.Host.SetThreads(device.Host.Threads())
	for _, window := range []string{"", `"sliding_window":9,`} {
		d := drawn(t, window)
		embed := func(ids []int32) *autograd.Var { return d.Embed.Forward(nil, ids) }
		a, b := sequence(1, 61), sequence(2, 33)
		device.Host.SetThreads(1)
		want := func(ids []int32) []float32 { return extend(t, d, d.NewCache(1, len(ids)), Chunk{X: embed(ids)})[0] }
		wantA, wantB := want(a), want(b)
		whole := d.Forward(nil, embed(a), Rows{Offsets: []int32{0, int32(len(a))}}, nil)
		for i, v := range whole.Floats()[(len(a)-1)*48:] {
			if math.Abs(float64(v-wantA[i])) > 2e-5 {
				t.Fatalf("element %d is %g over a cache and %g without", i, wantA[i], v)
			}
		}
		for _, threads := range []int{1, 3} {
			device.Host.SetThreads(threads)
			for _, cut := range []int{1, 15, 16, 17, 40, 60} {
				c := d.NewCache(1, cut)
				extend(t, d, c, Chunk{X: embed(a[:cut])})
				same := c.Open(len(a))
				c.Fork(0, same)
				other := c.Open(len(b) + 40)
				got := extend(t, d, c, Chunk{Slot: same, X: embed(a[cut:])}, Chunk{Slot: other, X: embed(b)})
				if !slices.Equal(got[0], wantA) && window == "" {
					t.Errorf("cut at %d, %d threads: other bits after a prefix and beside another sequence", cut, threads)
				}
				if !slices.Equal(got[1], wantB) {
					t.Errorf("cut at %d, %d threads: other bits beside another sequence", cut, threads)
				}
				c.Close(same)
				if again := c.Open(len(a)); again != same || c.Len(again) != 0 {
					t.Errorf("a closed slot comes back as %d with %d positions", again, c.Len(again))
				}
			}
		}
	}
}
