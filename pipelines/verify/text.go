package verify

import (
	"context"
	"fmt"
	"math"

	"moslava/datasets"
	"moslava/internal/autograd"
	"moslava/internal/compare"
	"moslava/language"
	"moslava/pipelines/vlm"
)

// batch is the golden's padded rows laid end to end.
type batch struct {
	datasets.Batch
	b, t int
	at   []int // place of each position in [B, T]
}

func (r *run) ints(name string) ([]int64, error) { return r.golden.Int64(name) }

// batch reads input_ids, labels and attention_mask. Without labels there are no targets, without a mask all positions are real.
func (r *run) batch(vocab int) (*batch, error) {
	shape, err := r.shape("input.input_ids", 2)
	if err != nil {
		return nil, err
	}
	in := &batch{b: shape[0], t: shape[1]}
	read := func(name string, otherwise int64) ([]int64, error) {
		if !r.has(name) {
			v := make([]int64, in.b*in.t)
			for i := range v {
				v[i] = otherwise
			}
			return v, nil
		}
		if s, err := r.shape(name, 2); err != nil || s[0] != in.b || s[1] != in.t {
			return nil, fmt.Errorf("%s: tensor %q has shape %v, input.input_ids %v (%v)", r.golden.Path(), name, s, shape, err)
		}
		return r.ints(name)
	}
	ids, err := read("input.input_ids", 0)
	if err != nil {
		return nil, err
	}
	labels, err := read("input.labels", datasets.IgnoreIndex)
	if err != nil {
		return nil, err
	}
	mask, err := read("input.attention_mask", 1)
	if err != nil {
		return nil, err
	}
	in.Offsets = []int32{0}
	for k, id := range ids {
		if mask[k] != 0 {
			if id < 0 || id >= int64(vocab) {
				return nil, fmt.Errorf("%s: input.input_ids has %d at [%d, %d], the vocabulary has %d", r.golden.Path(), id, k/in.t, k%in.t, vocab)
			}
			next := int64(datasets.IgnoreIndex)
			if (k+1)%in.t != 0 && mask[k+1] != 0 {
				next = labels[k+1]
			}
			if next != datasets.IgnoreIndex && (next < 0 || next >= int64(vocab)) {
				return nil, fmt.Errorf("%s: input.labels has %d, the vocabulary has %d", r.golden.Path(), next, vocab)
			}
			in.IDs, in.Labels, in.at = append(in.IDs, int32(id)), append(in.Labels, int32(next)), append(in.at, k)
		}
		if (k+1)%in.t == 0 {
			in.Offsets = append(in.Offsets, int32(len(in.IDs)))
		}
	}
	return in, nil
}

func (r *run) language(dir, config string) error {
	d, ps, err := vlm.LoadDecoder(dir, config)
	if err != nil {
		return err
	}
	in, err := r.batch(d.Config.VocabSize)
	if err != nil {
		return err
	}
	r.decoder(d, in, d.Embed.Forward(nil, in.IDs))
	if in.Targets() > 0 {
		ps.Train(func(string) bool { return true })
		tape := new(autograd.Tape)
		at, targets := in.targets()
		h := d.ForwardAt(tape, d.Embed.Forward(tape, in.IDs), language.Rows{Offsets: in.Offsets}, at)
		v, sum := d.Head.Loss(tape, h, targets)
		r.losses(sum, len(targets))
		if err := tape.Backward(v, 1/float32(len(targets))); err != nil {
			return err
		}
		if err := r.gradients(ps, "grad.", own); err != nil {
			return err
		}
	}
	ps.Freeze()
	return r.generate(d, func(_ int, ids []int32) (*autograd.Var, error) { return d.Embed.Forward(nil, ids), nil })
}

func (in *batch) targets() (at, ids []int32) {
	for i, l := range in.Labels {
		if l != datasets.IgnoreIndex {
			at, ids = append(at, int32(i)), append(ids, l)
		}
	}
	return at, ids
}

// decoder compares what becomes of embeddings: hidden states, logits and losses of tokens.
func (r *run) decoder(d *language.Decoder, in *batch, x *autograd.Var) {
	r.check("rope.inv_freq", compare.Widen(d.InvFreq()), []int{d.Config.HeadDim / 2})
	rows := func(name string, x *autograd.Var) {
		r.checkAt(name, compare.Widen(x.Floats()), []int{in.b, in.t, x.Cols()}, in.at, x.Cols())
	}
	rows("hidden.0", x)
	last := d.Config.NumHiddenLayers - 1
	h := d.Forward(nil, x, language.Rows{Offsets: in.Offsets}, func(l int, x *autograd.Var) {
		if l == last {
			rows("hidden.last_before_norm", x)
			return
		}
		rows(fmt.Sprintf("hidden.%d", l+1), x)
	})
	rows(fmt.Sprintf("hidden.%d", last+1), h)
	logits := d.Logits(h)
	rows("output.logits", logits)
	r.check("output.token_loss", in.tokenLoss(logits), []int{in.b, in.t - 1})
}

// tokenLoss is the loss of each position's target, [B, T-1], 0 where there is none.
func (in *batch) tokenLoss(logits *autograd.Var) []float64 {
	out := make([]float64, in.b*(in.t-1))
	for i, l := range in.Labels {
		if l == datasets.IgnoreIndex {
			continue
		}
		row := logits.Floats()[i*logits.Cols():][:logits.Cols()]
		b, t := in.at[i]/in.t, in.at[i]%in.t
		out[b*(in.t-1)+t] = logSumExp(row) - float64(row[l])
	}
	return out
}

func logSumExp(row []float32) float64 {
	top := math.Inf(-1)
	for _, v := range row {
		top = max(top, float64(v))
	}
	sum := 0.0
	for _, v := range row {
		sum += math.Exp(float64(v) - top)
	}
	return top + math.Log(sum)
}

// losses compares the sum and the mean over so many targets.
func (r *run) losses(sum float64, count int) {
	for _, bits := range []string{"", "64"} {
		r.check("loss"+bits+".sum", []float64{sum}, []int{1})
		r.check("loss"+bits+".mean", []float64{sum / float64(count)}, []int{1})
	}
	r.checkInts("loss.count", []int64{int64(count)})
}

// generate compares greedy continuations, with the cache, and their margins, without it. embed gives the embeddings of prompt i.
func (r *run) generate(d *language.Decoder, embed func(i int, ids []int32) (*autograd.Var, error)) error {
	for i := range r.numbered("generate.", ".ids") {
		name := fmt.Sprintf("generate.%d.", i)
		shape, err := r.shape(name+"input_ids", 2)
		if err != nil {
			return err
		}
		if shape[0] != 1 || shape[1] == 0 {
			return fmt.Errorf("%s: tensor %q has shape %v, want [1, tokens]", r.golden.Path(), name+"input_ids", shape)
		}
		prompt, err := r.ints(name + "input_ids")
		if err != nil {
			return err
		}
		want, err := r.ints(name + "ids")
		if err != nil {
			return err
		}
		var all []int32
		for _, id := range append(prompt, want...) {
			if id < 0 || id >= int64(d.Config.VocabSize) {
				return fmt.Errorf("%s: tensors %q: id %d, the vocabulary has %d", r.golden.Path(), name+"*", id, d.Config.VocabSize)
			}
			all = append(all, int32(id))
		}
		x, err := embed(i, all[:len(prompt)])
		if err != nil {
			return err
		}
		got, err := continuation(d, x, len(want))
		if err != nil {
			return err
		}
		r.checkInts(name+"ids", got)
		if r.has(name + "margin") {
			if x, err = embed(i, all[:len(all)-1]); err != nil {
				return err
			}
			r.margins(name+"margin", d, x, all[len(prompt):])
		}
	}
	return nil
}

func continuation(d *language.Decoder, x *autograd.Var, n int) ([]int64, error) {
	c := d.NewCache(1, x.Rows()+n)
	h, err := d.Extend(c, []language.Chunk{{X: x}})
	if err != nil {
		return nil, err
	}
	ids, err := d.Generate(context.Background(), c, []int{0}, h, language.Generation{MaxNew: n})
	if err != nil {
		return nil, err
	}
	return widenInts(ids[0]), nil
}

func widenInts(ids []int32) []int64 {
	out := make([]int64, len(ids))
	for i, id := range ids {
		out[i] = int64(id)
	}
	return out
}

// margins compares, for each of the new ids, how far its logit is above the next one. Two logits are off by no more than the
// tolerance allows each.
func (r *run) margins(name string, d *language.Decoder, x *autograd.Var, ids []int32) {
	logits := d.Logits(d.Forward(nil, x, language.Rows{Offsets: []int32{0, int32(x.Rows())}}, nil))
	out := make([]float64, len(ids))
	largest := 0.0
	for i, id := range ids {
		row := logits.Floats()[(logits.Rows()-len(ids)+i)*logits.Cols():][:logits.Cols()]
		next := math.Inf(-1)
		for k, v := range row {
			if largest = max(largest, math.Abs(float64(v))); int32(k) != id {
				next = max(next, float64(v))
			}
		}
		out[i] = float64(row[id]) - next
	}
	r.checkWithin(name, out, []int{len(ids)}, 2*r.tol[forward]*largest, "of two logits")
}
