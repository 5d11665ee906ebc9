// Package plan says what a training stage would take, from configurations alone: parameters, memory by kind, operations, and time.
//
// Memory is counted by going through a step as the tape does, with sizes in place of numbers (tape.go, ops.go, model.go), which a
// test compares with the real tape to the last buffer. Time is operations over what this machine does a second, measured while
// planning, times constants (time.go).
package plan

import (
	"moslava/moslora"
	"moslava/pipelines/vlm"
)

// Stage is the plan of a training stage.
type Stage struct {
	Name        string         `json:"name"`
	Kind        string         `json:"kind"`
	Parameters  map[string]int `json:"parameters"`         // of vision, projector and language, without adapters
	Trainable   map[string]int `json:"trainable"`          // of the same, adapters included
	Adapters    []AdapterCount `json:"adapters,omitempty"` // of vision and language
	Memory      Memory         `json:"memory"`             // bytes
	Steps       int            `json:"steps"`
	Batches     int            `json:"batches_seen"`    // from how many batches lengths were taken; 0: assumed
	Tokens      float64        `json:"tokens_per_step"` // the mean
	Targets     float64        `json:"targets_per_step"`
	Images      float64        `json:"images_per_step"`
	Flops       float64        `json:"flops_per_step"`
	FlopsOf     Work           `json:"flops_by_kind"`
	StepSeconds float64        `json:"seconds_per_step"`
	Seconds     float64        `json:"seconds"`
	Assumed     []string       `json:"assumed,omitempty"`
}

// Input is what a stage is planned from.
type Input struct {
	Model   *vlm.Model // an outline
	Part    Part
	Batches []Batch // of some steps, in order
	Accum   int     // batches to a step
	Threads int
	Share   float64 // by which the heap grows before it is collected: GOGC / 100
	Files   int     // bytes of the weights' files
	Mapped  int     // bytes of data files that are read through the memory
	// Decoding is how many bytes reading the largest picture that is allowed takes, besides its pixels.
	Decoding int
	Loading  float64 // seconds that reading and encoding a batch takes
}

// Make plans a stage; names, steps and assumptions are the caller's.
func Make(in Input, rates Rates) Stage {
	m := newModel(in.Model, in.Part)
	s := Stage{Parameters: map[string]int{}, Trainable: map[string]int{}, Adapters: in.Part.Counts}
	trained := 0
	for p := range m.Params.All() {
		part := vlm.TowerOf(p.Name)
		s.Parameters[part] += p.Size()
		if m.trained(p.Name) {
			s.Trainable[part] += p.Size()
			trained += p.Size()
		}
	}
	for name := range in.Part.Adapters {
		for _, v := range m.weight(name).adapter.leaves() {
			if v.track {
				s.Trainable[vlm.TowerOf(name)] += v.size()
				trained += v.size()
			}
		}
	}
	for table := range in.Part.Rows {
		n := m.rows(table, m.Params.Get(table + ".weight").Shape[1]).size()
		s.Trainable[vlm.TowerOf(table)] += n
		trained += n
	}
	memory := m.weights()
	memory.Loading = m.loading(in.Files, in.Share)
	memory.Data = in.Mapped + in.Decoding + m.pixels(in)
	memory.Scratch = m.scratch(in.Threads, longest(in.Batches))
	var work Work
	s.Memory, work = m.step(memory, in.Batches, in.Share)
	n := float64(len(in.Batches)) / float64(in.Accum)
	for _, b := range in.Batches {
		s.Tokens += float64(b.Tokens()) / n
		s.Targets += float64(b.Targets) / n
		s.Images += float64(len(b.Images)) / n
	}
	s.FlopsOf.add(Work{work.Products / n, work.Skinny / n, work.Attention / n, work.Bytes / n})
	s.Flops = s.FlopsOf.Total()
	s.StepSeconds = rates.seconds(s.FlopsOf, trained) + in.Loading*float64(in.Accum)
	return s
}

func longest(batches []Batch) (out Batch) {
	for _, b := range batches {
		if b.Tokens() > out.Tokens() {
			out = b
		}
	}
	return out
}

// pixels are those of a batch at hand, of the one being filled, and of what workers have encoded ahead.
func (m *model) pixels(in Input) int {
	one, images := 0, 0
	for _, b := range in.Batches {
		images = max(images, len(b.Images))
		for _, p := range b.Images {
			one = max(one, 12*p.H*p.W)
		}
	}
	return one * (2*images + 3*in.Threads)
}

// AttachComposition notes the adapters of a composition.
func (p *Part) AttachComposition(m *vlm.Model, c *moslora.Composition) {
	if p.Adapters == nil {
		p.Adapters = map[string]*AdapterOutline{}
	}
	for l := range m.Params.Linears() {
		if rank, n := c.Shape(l.Name); rank > 0 {
			p.Adapters[l.Name] = &AdapterOutline{Rank: rank, Coefficients: n}
		}
	}
}

// Attach notes the adapters that a stage hangs on a part of the model.
func (p *Part) Attach(m *vlm.Model, part string, cfg moslora.Config) error {
	if p.Adapters == nil {
		p.Adapters = map[string]*AdapterOutline{}
	}
	return p.attach(m, part, cfg)
}
