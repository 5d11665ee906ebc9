package preflight

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"moslava/internal/machine"
	"moslava/pipelines/models"
	"moslava/pipelines/plan"
	"moslava/pipelines/recipe"
	"moslava/pipelines/vlm"
)

// MemoryCheck compares what a run takes with what the machine has.
type MemoryCheck struct {
	Stage string `json:"stage"`           // the one with the highest peak
	Need  int64  `json:"need"`            // bytes at the peak
	Has   int64  `json:"has,omitempty"`   // bytes; 0: the system does not say
	Limit string `json:"limit,omitempty"` // what sets it

	less string // what would take less
}

func (m *MemoryCheck) String() string {
	text := fmt.Sprintf("memory: needs about %s (stage %s), has ", machine.Text(m.Need), m.Stage)
	if m.Limit == "" {
		return text + "as much as nobody says"
	}
	return text + fmt.Sprintf("%s (%s)", machine.Text(m.Has), m.Limit)
}

// Err is nil if the memory is enough, or nobody says how much there is.
func (m *MemoryCheck) Err() error {
	if m.Limit == "" || m.Need <= m.Has {
		return nil
	}
	return fmt.Errorf("it needs about %s of memory at its peak, and there are %s (%s): %s takes less",
		machine.Text(m.Need), machine.Text(m.Has), m.Limit, m.less)
}

// memory finds the stage that takes the most, of training stages and of those that hold the model.
func (f *checker) memory(training []plan.Stage) *MemoryCheck {
	m := &MemoryCheck{}
	for i, s := range slices.Concat(training, f.held) {
		if n := int64(s.Memory.Peak); n > m.Need {
			m.Need, m.Stage, m.less = n, s.Name, "a smaller batch or max_length, checkpointing: true or model.quantize"
			if i >= len(training) {
				m.less = "model.quantize"
				if stage, _ := f.recipe.Stage(s.Name); models.WritesFull(stage) {
					m.less = "model.quantize with merge_into: rounded"
				}
			}
		}
	}
	if room, err := machine.Memory(); err == nil {
		m.Has, m.Limit = room.Bytes, room.Limit
	}
	return m
}

// holding notes what a stage takes that asks the model, folds adapters in or writes it: prompts and what is computed of
// them come on top.
func (f *checker) holding(_ context.Context, s *recipe.Stage) {
	r := f.recipe
	if models.WritesFull(s) {
		r = models.Unrounded(r)
	}
	q := r.Model.Quantize
	storage, err := vlm.ParseStorage(q.Vision, q.Language, q.Vocabulary)
	if err != nil {
		return // the model is not read, which is said elsewhere
	}
	in := plan.Input{Model: f.model, Part: plan.Part{Storage: storage, Files: fileKinds(r, s)}, Threads: threadsOf(r),
		Share: heapGrowth(), Files: weightFiles(r)}
	memory, err := plan.Holding(in)
	if err != nil {
		f.problem(s, "", err)
		return
	}
	f.held = append(f.held, plan.Stage{Name: f.recipe.Mask(s.Name), Memory: memory})
}

// disk adds up what is written to each file system.
type disk map[string]*written

type written struct {
	free, bytes int64
	dir         string        // the first one on it
	stage       *recipe.Stage // that fills it
}

// write notes so many bytes that a stage writes to a directory. What is there already is replaced.
func (f *checker) write(s *recipe.Stage, dir string, bytes int64) {
	at, err := existingAbove(dir)
	if err != nil {
		return // whoever writes there says so
	}
	free, device, err := machine.Disk(at)
	if err != nil {
		return
	}
	w := f.disk[device]
	if w == nil {
		w = &written{free: free, dir: at}
		f.disk[device] = w
	}
	w.bytes += max(0, bytes-sizeOf(dir))
	if w.stage == nil && w.bytes > w.free {
		w.stage = s
	}
}

// diskHolds reports the file systems that become full.
func (f *checker) diskHolds() {
	for _, w := range f.disk {
		if w.stage != nil {
			f.problem(w.stage, "", fmt.Errorf("the file system of %s has %s free, and about %s are written to it up to the end of this stage", w.dir,
				machine.Text(w.free), machine.Text(w.bytes)))
		}
	}
}

func sizeOf(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error { // what cannot be read counts for nothing
		if err == nil && e.Type().IsRegular() {
			if info, err := e.Info(); err == nil {
				n += info.Size()
			}
		}
		return nil
	})
	return n
}

// statesFit notes what a training stage writes: states of parameters and AdamW's two moments, one more than are kept,
// the result and the best; and what may be kept of features of pictures.
func (f *checker) statesFit(_ context.Context, s *recipe.Stage) {
	if len(f.planned) == 0 || f.planned[len(f.planned)-1].stage != s {
		return // it has another problem
	}
	p, trained := f.planned[len(f.planned)-1], 0
	for _, n := range p.made.Trainable {
		trained += n
	}
	states := 1 // at the end
	if every := s.Train.SaveEvery; every > 0 {
		states = min(s.Train.Keep+1, 1+p.data.steps/every)
	}
	results := 1
	if s.Train.Validation > 0 {
		results = 2
	}
	f.write(s, f.recipe.DirOf(s.Name), int64(trained)*int64(12*states+4*results)+int64(s.Train.FeatureCache.Disk))
}

// exportFits notes the bytes of a whole model; adapters are small.
func (f *checker) exportFits(_ context.Context, s *recipe.Stage) {
	if s.Export.Format != vlm.FormatModel && s.Export.Format != vlm.FormatTowers {
		return
	}
	dir := f.recipe.DirOf(s.Name)
	if s.Export.Path != "" {
		dir = string(s.Export.Path)
	}
	size := int64(4)
	if s.Export.DType != "float32" {
		size = 2
	}
	n := int64(0)
	for p := range f.model.Params.All() {
		n += size * int64(p.Size())
	}
	f.write(s, dir, n)
}
