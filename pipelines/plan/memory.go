package plan

import (
	"moslava/datasets"
	"moslava/internal/autograd"
	"moslava/internal/device"
	"moslava/internal/kernels"
	"moslava/internal/nn"
	"moslava/pipelines/preference"
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

// weights adds up what the model and its adapters take, and what is trained of them.
func (s *step) weights() (out Memory) {
	for p := range s.params() {
		if n := p.Bytes(); p.Trainable() {
			out.Trained += n
			out.Optimiser += 8 * p.Size()
			out.Gradients += 4 * device.BufferSize(p.Size())
		} else {
			out.Frozen += n
		}
	}
	return out
}

// loading is the most that is resident while weights are read from files of so many bytes and packed.
func (s *step) loading(files int, share float64) int {
	const collectEvery = 16 << 20 // see internal/nn
	h := newHeap(4<<20, share)
	collect := func() {
		if h.garbage >= collectEvery {
			h.Collect()
		}
	}
	early := func(p *nn.Param) int { // bytes that a parameter is packed into as it is read; 0: it is packed later or not at all
		if kind := s.part.stored(p.Name); kind != kernels.F32 && (s.isLinear[p.Name] || isTable(p.Name)) {
			return kernels.PackedBytes(kind, p.Shape[0], p.Size()/p.Shape[0])
		}
		return 0
	}
	for p := range s.model.Params.All() {
		h.Allocate(4 * p.Size())
		c := s.model.Config
		if isTable(p.Name) && (c.HasVision() || c.Grown()) && s.part.Storage.Kind(p.Name) == kernels.F32 {
			h.Allocate(4 * p.Size()) // rows are added for new tokens
			h.Drop(4 * p.Size())
		}
		if n := early(p); n > 0 {
			h.Allocate(n)
			h.Drop(4 * p.Size())
		}
		collect()
	}
	peak := h.peak + files
	for p := range s.model.Params.All() {
		plain, packed := p.Var() != nil, p.PackedBytes()
		switch n := early(p); {
		case n > 0 && plain: // trained whole
			h.Allocate(4 * p.Size())
			h.Drop(n)
		case n == 0 && packed > 0:
			h.Allocate(packed)
			if !plain {
				h.Drop(4 * p.Size())
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
func (s *step) scratch(threads int, b Batch) int {
	const packed = 8 << 20 // the most that a product packs of its left side, see internal/kernels
	longest := 0
	for _, n := range b.Lengths {
		longest = max(longest, n)
	}
	c := s.model.Config.Text
	heads := 0
	if c.NumKeyValueHeads != c.NumAttentionHeads { // gradients of keys and values, apart for each query head
		heads = 8 * b.Tokens() * c.NumAttentionHeads * c.HeadDim
	}
	perHead := 4 * longest * (3*c.HeadDim + 2*56)
	return packed + heads + threads*(perHead+200<<10)
}

// run does steps of batches on a device that counts, and adds what a step takes to what the weights do. Batches are those of several
// steps, so that the pool has met different lengths.
func (s *step) run(out Memory, batches []Batch, share float64) (Memory, Work, error) {
	base := out.Frozen + out.Trained + out.Optimiser + out.Data + out.Scratch
	h := newHeap(base, share)
	s.dev.Begin(h)
	longest := -1
	var m interface {
		Loss(*autograd.Tape, *datasets.Batch) (*autograd.Var, float64, error)
	} = s.model
	if kind := s.part.Preference; kind != "" {
		m = &preference.Model{Model: s.model, Kind: kind, Beta: preference.DefaultBeta}
	}
	for i, b := range batches {
		t := &autograd.Tape{Seed: uint64(i)}
		loss, _, err := m.Loss(t, b.sample(s.model))
		if err != nil {
			return out, Work{}, err
		}
		if b.Tokens() > longest {
			longest, out.Activations = b.Tokens(), 4*s.dev.Usage().Out
		}
		if err := t.Backward(loss, 1); err != nil {
			return out, Work{}, err
		}
		t.Release()
		for p := range s.params() {
			if p.Var() != nil {
				p.Var().ZeroGrad()
			}
		}
	}
	out.Buffers = max(0, h.live-base-out.Gradients-out.Activations)
	out.Program = programBytes
	out.Step = h.peak + out.Program
	out.Garbage = out.Step - out.Program - h.live
	out.Peak = max(out.Step, out.Loading)
	return out, s.dev.Work, nil
}
