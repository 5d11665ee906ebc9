package vision

import (
	"math"

	"moslava/internal/autograd"
	"moslava/internal/nn"
)

// newDinov2 declares transformers' Dinov2Model. mask_token and the final layernorm take no part
// in the features; they are loaded so that an export is whole.
func newDinov2(s *nn.Scope, cfg Config) *Tower {
	d, side := cfg.HiddenSize, cfg.ImageSize/cfg.PatchSize
	e := s.In("embeddings")
	t := &Tower{Config: cfg, embed: embeddings{
		cls: e.Param("cls_token", nn.Normal(0.02), 1, 1, d),
		pos: e.Param("position_embeddings", nn.Normal(0.02), 1, side*side+1, d),
	}}
	if cfg.UseMask {
		e.Param("mask_token", nn.Zeros, 1, d)
	}
	t.embed.patch = e.Param("patch_embeddings.projection.weight", nn.KaimingUniform, d, 3, cfg.PatchSize, cfg.PatchSize)
	t.embed.bias = e.Param("patch_embeddings.projection.bias", nn.Zeros, d)
	for i := range cfg.NumHiddenLayers {
		l := s.In("encoder", "layer", i)
		attn := l.In("attention", "attention")
		linear := attn.Linear
		if !cfg.QKVBias {
			linear = attn.LinearNoBias
		}
		t.blocks = append(t.blocks, &block{
			heads: cfg.NumAttentionHeads, act: cfg.act,
			norm1:  l.LayerNorm("norm1", d, cfg.LayerNormEps),
			q:      linear("query", d, d),
			k:      linear("key", d, d),
			v:      linear("value", d, d),
			o:      l.In("attention", "output").LinearToResidual("dense", d, d, true, 2*cfg.NumHiddenLayers),
			scale1: l.In("layer_scale1").Param("lambda1", nn.Ones, d),
			norm2:  l.LayerNorm("norm2", d, cfg.LayerNormEps),
			fc1:    l.In("mlp").Linear("fc1", d, cfg.IntermediateSize),
			fc2:    l.In("mlp").LinearToResidual("fc2", cfg.IntermediateSize, d, true, 2*cfg.NumHiddenLayers),
			scale2: l.In("layer_scale2").Param("lambda1", nn.Ones, d),
		})
	}
	s.LayerNorm("layernorm", d, cfg.LayerNormEps)
	return t
}

// resample is the matrix [1+gh*gw, 1+side*side] that keeps the class token's row and interpolates
// the grid as torch.nn.functional.interpolate does with mode bicubic (a = -0.75), half-pixel
// centres, repeated edges and no antialiasing.
func resample(side, gh, gw int) *autograd.Var {
	n := side*side + 1
	m := make([]float32, (gh*gw+1)*n)
	m[0] = 1
	rows, cols := cubicWeights(side, gh), cubicWeights(side, gw)
	for y := range gh {
		for x := range gw {
			r := m[(1+y*gw+x)*n+1:]
			for _, a := range rows[y] {
				for _, b := range cols[x] {
					r[a.at*side+b.at] += float32(a.w * b.w)
				}
			}
		}
	}
	return autograd.New(m, gh*gw+1, n)
}

type tap struct {
	at int
	w  float64
}

// cubicWeights gives, for each of out positions, the four source positions and their weights.
func cubicWeights(in, out int) [][4]tap {
	const a = -0.75
	near := func(x float64) float64 { return ((a+2)*x-(a+3))*x*x + 1 }
	far := func(x float64) float64 { return ((a*x-5*a)*x+8*a)*x - 4*a }
	ws := make([][4]tap, out)
	for i := range out {
		src := (float64(i)+0.5)*float64(in)/float64(out) - 0.5
		base := int(math.Floor(src))
		f := src - float64(base)
		for k, w := range [4]float64{far(f + 1), near(f), near(1 - f), far(2 - f)} {
			ws[i][k] = tap{min(max(base-1+k, 0), in-1), w}
		}
	}
	return ws
}
