package language

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"moslava/internal/nn"
)

// Dynamic scaling changes nothing up to max_position_embeddings, under either spelling, and is an error beyond.
func TestDynamicRope(t *testing.T) {
	const body = `"hidden_size":16,"intermediate_size":24,"num_hidden_layers":1,"num_attention_heads":2,"vocab_size":32,"max_position_embeddings":6`
	open := func(kind, extra string) *Decoder {
		cfg, err := ParseConfig([]byte(fmt.Sprintf(`{"model_type":%q,%s%s}`, kind, body, extra)))
		if err != nil {
			t.Fatal(err)
		}
		d, _, err := nn.Build(nn.Random(1), func(s *nn.Scope) *Decoder { return New(s, cfg) })
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, kind := range []string{llama.name, internlm2.name} {
		plain := open(kind, "")
		ids := []int32{1, 2, 3, 4, 5, 6}
		want := plain.Forward(nil, plain.Embed.Forward(nil, ids), Rows{Offsets: []int32{0, 6}}, nil).Floats()
		for _, extra := range []string{`,"rope_scaling":{"type":"dynamic","factor":2.0}`, `,"rope_parameters":{"rope_type":"dynamic","factor":2.0,"rope_theta":10000}`} {
			d := open(kind, extra)
			if got := d.Forward(nil, d.Embed.Forward(nil, ids), Rows{Offsets: []int32{0, 6}}, nil).Floats(); !slices.Equal(got, want) {
				t.Errorf("%s %s: other hidden states than without", kind, extra)
			}
			c := d.NewCache(1, 16)
			if _, err := d.Extend(c, []Chunk{{X: d.Embed.Forward(nil, ids)}}); err != nil {
				t.Error(err)
			}
			_, err := d.Extend(c, []Chunk{{X: d.Embed.Forward(nil, ids[:1])}})
			if err == nil || !strings.Contains(err.Error(), "7 positions and the model was trained for 6 (max_position_embeddings)") {
				t.Errorf("%s %s: error %v", kind, extra, err)
			}
		}
	}
}
