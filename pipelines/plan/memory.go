package plan

import (
	"moslava/internal/autograd"
	"moslava/internal/kernels"
	"moslava/internal/nn"
	"moslava/pipelines/vlm"
)

// Memory is where the bytes of a stage go.
type Memory struct {
	Frozen      int `json:"frozen_weights"`  // as they are packed
	Trained     int `json:"trained_weights"` // projector, adapters, whole towers
	Gradients   int `json:"gradients"`       // of those
	Optimiser   int `json:"optimiser"`       // AdamW's two moments
	Activations int `json:"activations"`     // what the tape keeps from the forward to the backward pass, at the longest batch
	Buffers     int `json:"buffers"`         // what the pool holds beyond that: gradients of results, the parts of blocks computed again, logits
	Scratch     int `json:"scratch"`         // of kernels
	Data        int `json:"data"`            // batches at hand and in preparation, and the pages of mapped files
	Garbage     int `json:"garbage"`         // not yet collected
	Program     int `json:"program"`         // code, runtime, tokenizer
	Peak        int `json:"peak"`            // the largest resident memory of the process: of a step, or of loading
	Step        int `json:"peak_of_a_step"`  // the sum of all above
	Loading     int `json:"peak_of_loading"` // while weights are read and packed
}

// programBytes is what a run takes without a model: code, runtime, tokenizer and templates. Measured; see docs/planning.md.
const programBytes = 32 << 20

// kinds says how a parameter is kept.
func (m *model) kinds(name string) (plain bool, packed []kernels.Kind) {
	if m.trained(name) {
		return true, nil
	}
	switch {
	case m.isLinear[name]:
		return false, []kernels.Kind{m.stored(name)}
	case vlm.IsEmbedding(name) && m.Config.Text.TieWordEmbeddings, vlm.IsHead(name):
		kind := m.stored(name)
		return kind == kernels.F32 && vlm.IsEmbedding(name), []kernels.Kind{kind}
	case vlm.IsEmbedding(name) && m.stored(name) != kernels.F32:
		return false, []kernels.Kind{m.stored(name)}
	}
	return true, nil
}

// stored is how a frozen weight is packed: one that is not rounded in no more bits than its file has.
func (m *model) stored(name string) kernels.Kind {
	if kind := m.part.Storage.Kind(name); kind != kernels.F32 {
		return kind
	}
	return m.part.Files[vlm.TowerOf(name)] // kernels.F32 if nothing is said
}

// weights adds up what the model and its adapters take, and what is trained of them.
func (m *model) weights() (out Memory) {
	for p := range m.Params.All() {
		plain, packed := m.kinds(p.Name)
		n := 0
		if plain {
			n += 4 * p.Size()
		}
		for _, k := range packed {
			n += kernels.PackedBytes(k, p.Shape[0], p.Size()/p.Shape[0])
		}
		if m.trained(p.Name) {
			out.Trained += n
			out.Optimiser += 8 * p.Size()
			out.Gradients += 4 * autograd.BufferSize(p.Size())
		} else {
			out.Frozen += n
		}
	}
	for table := range m.part.Rows {
		v := m.rows(table, m.Params.Get(table + ".weight").Shape[1])
		out.Trained += 4 * v.size()
		out.Optimiser += 8 * v.size()
		out.Gradients += 4 * autograd.BufferSize(v.size())
	}
	for name := range m.part.Adapters {
		a := m.weight(name).adapter
		for _, v := range []*value{a.a, a.m, a.b} {
			switch {
			case v == nil:
			case v.track:
				out.Trained += 4 * v.size()
				out.Optimiser += 8 * v.size()
				out.Gradients += 4 * autograd.BufferSize(v.size())
			default:
				out.Frozen += 4 * v.size()
			}
		}
	}
	return out
}

// loading is the most that is resident while weights are read from files of so many bytes and packed.
func (m *model) loading(files int, share float64) int {
	const collectEvery = 16 << 20 // see internal/nn
	h := newHeap(4<<20, share)
	collect := func() {
		if h.garbage >= collectEvery {
			h.collect()
		}
	}
	packs := func(p *nn.Param) bool { return m.isLinear[p.Name] || isTable(p.Name) }
	for p := range m.Params.All() {
		h.allocate(4 * p.Size())
		if isTable(p.Name) && m.Config.HasVision() && m.part.Storage.Kind(p.Name) == kernels.F32 {
			h.allocate(4 * p.Size()) // rows are added for the image token
			h.drop(4 * p.Size())
		}
		if kind := m.stored(p.Name); kind != kernels.F32 && packs(p) {
			h.allocate(kernels.PackedBytes(kind, p.Shape[0], p.Size()/p.Shape[0]))
			h.drop(4 * p.Size())
		}
		collect()
	}
	peak := h.peak + files
	for p := range m.Params.All() {
		early := packs(p) && m.stored(p.Name) != kernels.F32
		plain, packed := m.kinds(p.Name)
		switch {
		case early && plain: // trained whole
			h.allocate(4 * p.Size())
			h.drop(kernels.PackedBytes(m.stored(p.Name), p.Shape[0], p.Size()/p.Shape[0]))
		case !early && len(packed) > 0:
			h.allocate(kernels.PackedBytes(packed[0], p.Shape[0], p.Size()/p.Shape[0]))
			if !plain {
				h.drop(4 * p.Size())
			}
		}
		collect()
	}
	return max(peak, h.peak) + programBytes
}

func isTable(name string) bool {
	return vlm.IsEmbedding(name) || vlm.IsHead(name)
}

// scratch is what kernels take for themselves on so many workers, for a batch.
func (m *model) scratch(threads int, b Batch) int {
	const packed = 8 << 20 // the most that a product packs of its left side, see internal/kernels
	longest := 0
	for _, n := range b.Lengths {
		longest = max(longest, n)
	}
	c := m.Config.Text
	heads := 0
	if c.NumKeyValueHeads != c.NumAttentionHeads { // gradients of keys and values, apart for each query head
		heads = 8 * b.Tokens() * c.NumAttentionHeads * c.HeadDim
	}
	perHead := 4 * longest * (3*c.HeadDim + 2*56)
	return packed + heads + threads*(perHead+200<<10)
}

// step follows batches through the tape and adds what a step takes to what the weights do. Batches are those of several steps, so
// that the pool has met different lengths.
func (m *model) step(out Memory, batches []Batch, share float64) (Memory, Work) {
	pool := newPool(newHeap(out.Frozen+out.Trained+out.Optimiser+out.Data+out.Scratch, share))
	var work Work
	longest := -1
	for _, b := range batches {
		t := &tape{pool: pool, work: &work}
		loss := m.loss(t, b)
		if b.Tokens() > longest {
			longest, out.Activations = b.Tokens(), t.kept()
		}
		t.settle(0, loss)
		t.backward(loss, pool.take(1))
		m.zeroGrad(pool)
	}
	inPool := pool.heap.live - (out.Frozen + out.Trained + out.Optimiser + out.Data + out.Scratch)
	out.Buffers = max(0, inPool-out.Gradients-out.Activations)
	out.Program = programBytes
	out.Step = pool.heap.peak + out.Program
	out.Garbage = out.Step - out.Program - pool.heap.live
	out.Peak = max(out.Step, out.Loading)
	return out, work
}

// kept is what the records hold, in bytes.
func (t *tape) kept() int {
	seen := map[*buf]bool{}
	n := 0
	for _, r := range t.recs {
		for _, b := range append([]*buf{r.out.data}, r.keeps...) {
			if b != nil && !seen[b] {
				seen[b] = true
				n += 4 * b.taken
			}
		}
	}
	return n
}
