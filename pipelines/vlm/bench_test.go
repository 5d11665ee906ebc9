package vlm

import (
	"fmt"
	"testing"

	"moslava/datasets"
	"moslava/internal/autograd"
	"moslava/internal/nn"
)

// BenchmarkPretrainStep is a forward and backward pass over everything, eight scenes of 64 patches
// and 130 text tokens, for tiny towers of several widths.
func BenchmarkPretrainStep(b *testing.B) {
	for _, s := range []struct{ vd, vl, td, tl int }{{96, 4, 128, 4}, {128, 4, 160, 4}, {128, 5, 192, 5}} {
		b.Run(fmt.Sprint(s), func(b *testing.B) { benchPretrain(b, s.vd, s.vl, s.td, s.tl) })
	}
}

func benchPretrain(b *testing.B, vd, vl, td, tl int) {
	cfg, err := ParseConfig(fmt.Appendf(nil, `{"model_type":"llava","image_token_index":3,"vision_feature_layer":-1,
		"vision_config":{"model_type":"clip_vision_model","hidden_size":%d,"intermediate_size":%d,"num_hidden_layers":%d,
		"num_attention_heads":4,"image_size":64,"patch_size":8},
		"text_config":{"model_type":"llama","vocab_size":640,"hidden_size":%d,"intermediate_size":%d,"num_hidden_layers":%d,
		"num_attention_heads":4,"num_key_value_heads":2,"tie_word_embeddings":true}}`, vd, 3*vd, vl, td, td*8/3, tl))
	if err != nil {
		b.Fatal(err)
	}
	m, err := New(cfg, nn.Random(1), Storage{})
	if err != nil {
		b.Fatal(err)
	}
	n := 0
	for p := range m.Params.All() {
		n += p.Size()
	}
	m.Params.Train(func(name string) bool { return !m.Unreachable(name) })
	batch := &datasets.Batch{Offsets: []int32{0}}
	for range 8 {
		batch.Images = append(batch.Images, datasets.OneTile(datasets.Tile{Pixels: make([]float32, 3*64*64), H: 64, W: 64}, len(batch.IDs), 64))
		for i := range 194 {
			id, label := int32(3), int32(datasets.IgnoreIndex)
			if i >= 64 {
				id = int32(10 + i*7%600)
				if i%3 == 0 {
					label = id
				}
			}
			batch.IDs, batch.Labels = append(batch.IDs, id), append(batch.Labels, label)
		}
		batch.Offsets = append(batch.Offsets, int32(len(batch.IDs)))
	}
	b.ResetTimer()
	for range b.N {
		tape := new(autograd.Tape)
		v, _, err := m.Loss(tape, batch)
		if err == nil {
			err = tape.Backward(v, 1e-3)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*8/b.Elapsed().Seconds(), "scenes/s")
	b.ReportMetric(float64(n)/1e6, "Mparams")
}
