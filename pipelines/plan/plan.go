// Package plan says what a training stage would take, from configurations alone: parameters, memory by kind, operations, and time.
//
// A step is done by the model itself on a device that only counts (internal/device): memory is what its pool would take. Time is operations over what this machine does a second, measured while
// planning, times constants (time.go).
package plan

import (
	"errors"
	"iter"

	"moslava/internal/device"
	"moslava/internal/kernels"
	"moslava/internal/nn"
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
	StepSeconds float64        `json:"seconds_per_step"` // see Time
	Seconds     float64        `json:"seconds"`
	Assumed     []string       `json:"assumed,omitempty"`

	loading float64 // seconds of a step's batches
}

// Input is what a stage is planned from.
type Input struct {
	Model   *vlm.Model // an outline, with the adapters that the stage has
	Part    Part
	Counts  []AdapterCount // of towers with fresh adapters
	Batches []Batch        // of some steps, in order
	Accum   int            // batches to a step
	Threads int
	Share   float64 // by which the heap grows before it is collected: GOGC / 100
	Files   int     // bytes of the weights' files
	Mapped  int     // bytes of data files that are read through the memory
	// Decoding is how many bytes reading the largest picture that is allowed takes, besides its pixels.
	Decoding int
	// Kept is how many bytes of features of pictures stay in memory at most.
	Kept    int
	Loading float64 // seconds that reading and encoding a batch takes
}

// Work is what a step computes.
type Work = device.Work

// Part says what a stage trains and how.
type Part struct {
	Train         []string // parts trained whole: vision, projector, language
	TrainAdapters bool     // with what is trained beside them
	Preference    string   // the loss over pairs of answers (pipelines/preference); empty: that of targets
	Checkpointing bool
	Storage       vlm.Storage
	Files         map[string]kernels.Kind // of vision, projector, language: kernels.F16 or BF16 if all tensors that are read have no more bits
}

// stored is how a frozen weight is packed: one that is not rounded in no more bits than its file has.
func (p *Part) stored(name string) kernels.Kind {
	if kind := p.Storage.Kind(name); kind != kernels.F32 {
		return kind
	}
	return p.Files[vlm.TowerOf(name)] // kernels.F32 if nothing is said
}

// step is a stage's model on a device that counts.
type step struct {
	model    *vlm.Model
	dev      *device.Count
	part     Part
	isLinear map[string]bool // names of the linears' weights
}

// newStep makes an outline the model that a stage has: weights as they are stored, and what is trained.
func newStep(m *vlm.Model, p Part) (*step, error) {
	dev, ok := m.Language.Embed.Weight.Device().(*device.Count)
	if !ok {
		return nil, errors.New("plan: the model has weights, expected an outline")
	}
	s := &step{model: m, dev: dev, part: p, isLinear: map[string]bool{}}
	m.Params.Describe(p.Storage.Kind, func(name string) kernels.Kind { return p.Files[vlm.TowerOf(name)] })
	for l := range m.Params.Linears() {
		s.isLinear[l.Weight.Name] = true
	}
	m.Params.Train(func(name string) bool {
		return vlm.Trains(p.Train, m, name) || p.TrainAdapters && m.Adapters.Saves(name)
	})
	m.Adapters.Train(p.TrainAdapters)
	m.Checkpointing(p.Checkpointing)
	return s, nil
}

// params are those of the model and of its adapters.
func (s *step) params() iter.Seq[*nn.Param] {
	return func(yield func(*nn.Param) bool) {
		for _, all := range []iter.Seq[*nn.Param]{s.model.Params.All(), s.model.Adapters.Params(), s.model.Adapters.Fixed()} {
			for p := range all {
				if !yield(p) {
					return
				}
			}
		}
	}
}

// Make plans a stage but for its time; names, steps and assumptions are the caller's.
func Make(in Input) (Stage, error) {
	p, err := newStep(in.Model, in.Part)
	if err != nil {
		return Stage{}, err
	}
	s := Stage{Parameters: map[string]int{}, Trainable: map[string]int{}, Adapters: in.Counts, loading: in.Loading * float64(in.Accum)}
	for w := range in.Model.Params.All() {
		s.Parameters[vlm.TowerOf(w.Name)] += w.Size()
	}
	for w := range p.params() {
		if w.Trainable() {
			s.Trainable[vlm.TowerOf(w.Name)] += w.Size()
		}
	}
	memory := p.weights()
	memory.Loading = p.loading(in.Files, in.Share)
	memory.Data = in.Mapped + in.Decoding + in.Kept + pixels(in)
	memory.Scratch = p.scratch(in.Threads, longest(in.Batches))
	var work Work
	if s.Memory, work, err = p.run(memory, in.Batches, in.Share); err != nil {
		return s, err
	}
	n := float64(len(in.Batches)) / float64(in.Accum)
	for _, b := range in.Batches {
		s.Tokens += float64(b.Tokens()) / n
		s.Targets += float64(b.Targets) / n
		s.Images += float64(len(b.Images)) / n
	}
	s.FlopsOf = Work{Products: work.Products / n, Skinny: work.Skinny / n, Attention: work.Attention / n, Bytes: work.Bytes / n}
	s.Flops = s.FlopsOf.Total()
	return s, nil
}

// Trained is how many elements the stage trains.
func (s *Stage) Trained() (n int) {
	for _, trained := range s.Trainable {
		n += trained
	}
	return n
}

// Time works out how long the stage's steps take on a machine.
func (s *Stage) Time(rates Rates) {
	s.StepSeconds = rates.seconds(s.FlopsOf, s.Trained()) + s.loading
	s.Seconds = s.StepSeconds * float64(s.Steps)
}

// Holding is the memory of a model that is not trained: its weights, and reading them. Of in, batches and data are left out of account.
func Holding(in Input) (Memory, error) {
	p, err := newStep(in.Model, in.Part)
	if err != nil {
		return Memory{}, err
	}
	memory := p.weights()
	memory.Loading = p.loading(in.Files, in.Share)
	memory.Scratch = p.scratch(in.Threads, Batch{})
	memory, _, err = p.run(memory, nil, in.Share)
	return memory, err
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
func pixels(in Input) int {
	one, images := 0, 0
	for _, b := range in.Batches {
		images = max(images, len(b.Images))
		for _, p := range b.Images {
			one = max(one, 12*p.H*p.W)
		}
	}
	return one * (2*images + 3*in.Threads)
}
