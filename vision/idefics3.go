package vision

import "math"

// idefics3 and smolvlm are transformers' Idefics3VisionTransformer and SmolVLMVisionTransformer: SigLIP without a pooling head, with
// positions that are found by where a patch lies in its picture.
var (
	idefics3 = withFractions("idefics3_vision")
	smolvlm  = withFractions("smolvlm_vision")
)

func withFractions(name string) *kind {
	return &kind{
		name: name,
		defaults: Config{HiddenSize: 1152, IntermediateSize: 3072, NumHiddenLayers: 12, NumAttentionHeads: 16, NumChannels: 3,
			ImageSize: 224, PatchSize: 32, HiddenAct: "gelu_pytorch_tanh", LayerNormEps: 1e-6},
		build:        newSigLIP,
		interpolates: true,
		buckets:      fractions,
		names:        clipNames,
		bare:         true,
		lastNormed:   true,
	}
}

// fractions is, for each of n patches along a side of a picture, the row of a table of side positions that lies at the same part
// of the side, with the float32 numbers of transformers 5.23: i/n is looked up among the boundaries 1/side, 2/side and so on. At some
// sizes rounding puts a patch a row too low even where n is side. The boundaries are those of torch.arange with vectors of eight
// numbers, which it makes two at a time: the first of a vector is rounded before the others are counted on from it.
func fractions(side, n int) []int32 {
	const vector = 8
	step := 1 / float64(side)
	count := int(math.Ceil((1 - step) / step))
	boundaries := make([]float32, count)
	for i := range boundaries {
		boundaries[i] = float32(step + step*float64(i))
		if pair := i / (2 * vector) * 2 * vector; pair+2*vector <= count {
			first := float32(step + step*float64(i/vector*vector))
			boundaries[i] = float32(float64(first) + step*float64(i%vector))
		}
	}
	out := make([]int32, n)
	each, at := 1/float32(n), 0
	for i := range out {
		for at < count && boundaries[at] <= min(float32(i)*each, float32(1-1e-6)) {
			at++
		}
		out[i] = int32(at)
	}
	return out
}
