package verify

import (
	"fmt"
	"math"
	"slices"

	"moslava/internal/autograd"
	"moslava/internal/checkpoint"
	"moslava/internal/compare"
	"moslava/internal/device"
	"moslava/internal/kernels"
	"moslava/pipelines/vlm/families"
	"moslava/vision"
)

// What a tower of transformers gives besides its hidden states is computed here, in float64 and from the formulas, because the
// program has no use for it.

// outputs compares output.last_hidden_state and output.pooler.
func (r *run) outputs(t tower, prefix string, last *autograd.Var, images int) error {
	if !r.has(prefix+"output.last_hidden_state") && !r.has(prefix+"output.pooler") {
		return nil
	}
	x := compare.Widen(last.Floats())
	d := t.Config.HiddenSize
	tokens := last.Rows() / images
	out := t.Config.Outputs()
	normed, err := t.layerNorm(out.Norm, x)
	if err != nil {
		return err
	}
	first := func(x []float64) (rows []float64) {
		for i := range images {
			rows = append(rows, x[i*tokens*d:][:d]...)
		}
		return rows
	}
	pooled := first(normed)
	if out.Pooled == vision.PoolAttention && r.has(prefix+"output.pooler") {
		if pooled, err = t.attentionPool(normed, images); err != nil {
			return err
		}
	}
	if out.Normed {
		x = normed
	}
	r.check(prefix+"output.last_hidden_state", x, []int{images, tokens, d})
	r.check(prefix+"output.pooler", pooled, []int{images, d})
	return nil
}

// layerNorm is that of the named module.
func (t tower) layerNorm(name string, x []float64) ([]float64, error) {
	w, b := t.params.Get(name+".weight"), t.params.Get(name+".bias")
	if w == nil || b == nil {
		return nil, fmt.Errorf("%s: the tower has no %s", t.dir, name)
	}
	return layerNorm(x, w.Floats(), b.Floats(), t.Config.LayerNormEps), nil
}

func layerNorm(x []float64, w, b []float32, eps float64) []float64 {
	out := slices.Clone(x)
	for d := len(w); len(x) > 0; x = x[d:] {
		y := out[len(out)-len(x):][:d]
		mean, variance := 0.0, 0.0
		for _, v := range y {
			mean += v / float64(d)
		}
		for _, v := range y {
			variance += (v - mean) * (v - mean) / float64(d)
		}
		for i := range y {
			y[i] = (y[i]-mean)/math.Sqrt(variance+eps)*float64(w[i]) + float64(b[i])
		}
	}
	return out
}

// attentionPool is SigLIP's SiglipMultiheadAttentionPoolingHead: one learnt query over the tokens x [images*tokens, D], and an MLP.
func (t tower) attentionPool(x []float64, images int) ([]float64, error) {
	ckpt, err := checkpoint.Open(t.dir)
	if err != nil {
		return nil, err
	}
	defer ckpt.Close()
	src := ckpt.Rename(families.TowerStored(&t.Config))
	d, f := t.Config.HiddenSize, t.Config.IntermediateSize
	var failed error
	read := func(name string, shape ...int) []float32 {
		data, err := src.Float32("vision_model.head."+name, shape)
		if err != nil && failed == nil {
			failed = err
		}
		return data
	}
	probe := read("probe", 1, 1, d)
	in, inBias := read("attention.in_proj_weight", 3*d, d), read("attention.in_proj_bias", 3*d)
	out, outBias := read("attention.out_proj.weight", d, d), read("attention.out_proj.bias", d)
	normW, normB := read("layernorm.weight", d), read("layernorm.bias", d)
	fc1, bias1 := read("mlp.fc1.weight", f, d), read("mlp.fc1.bias", f)
	fc2, bias2 := read("mlp.fc2.weight", d, f), read("mlp.fc2.bias", d)
	if failed != nil {
		return nil, failed
	}
	act, err := kernels.ParseAct(t.Config.HiddenAct)
	if err != nil {
		return nil, err
	}
	q := linear(compare.Widen(probe), in[:d*d], inBias[:d])
	k, v := linear(x, in[d*d:2*d*d], inBias[d:2*d]), linear(x, in[2*d*d:], inBias[2*d:])
	var pooled []float64
	for n, i := len(k)/images, 0; i < images; i++ {
		a := attend(q, k[i*n:][:n], v[i*n:][:n], t.Config.NumAttentionHeads)
		y := linear(a, out, outBias)
		h := narrow(linear(layerNorm(y, normW, normB, t.Config.LayerNormEps), fc1, bias1))
		device.Host.Workers().Activate(act, h, h)
		for j, v := range linear(compare.Widen(h), fc2, bias2) {
			pooled = append(pooled, y[j]+v)
		}
	}
	return pooled, nil
}

// linear is x·Wᵀ + b.
func linear(x []float64, w, b []float32) []float64 {
	in := len(w) / len(b)
	out := make([]float64, 0, len(x)/in*len(b))
	for ; len(x) > 0; x = x[in:] {
		for o := range b {
			sum := float64(b[o])
			for i, v := range w[o*in:][:in] {
				sum += x[i] * float64(v)
			}
			out = append(out, sum)
		}
	}
	return out
}

// attend is the attention of one query [D] over keys and values [n, D].
func attend(q, k, v []float64, heads int) []float64 {
	d := len(q)
	width, n := d/heads, len(k)/d
	out := make([]float64, d)
	for lo := 0; lo < d; lo += width {
		p := make([]float64, n)
		top, total := math.Inf(-1), 0.0
		for j := range p {
			for c := lo; c < lo+width; c++ {
				p[j] += q[c] * k[j*d+c] / math.Sqrt(float64(width))
			}
			top = max(top, p[j])
		}
		for j := range p {
			p[j] = math.Exp(p[j] - top)
			total += p[j]
		}
		for j := range p {
			for c := lo; c < lo+width; c++ {
				out[c] += p[j] / total * v[j*d+c]
			}
		}
	}
	return out
}

func narrow(x []float64) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = float32(v)
	}
	return out
}
