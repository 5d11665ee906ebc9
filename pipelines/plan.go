package pipelines

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"time"

	"moslava/datasets"
	"moslava/internal/checkpoint"
	"moslava/internal/kernels"
	"moslava/internal/machine"
	"moslava/internal/safetensors"
	"moslava/language/tokenizer"
	"moslava/moslora"
	"moslava/pipelines/inputs"
	"moslava/pipelines/models"
	"moslava/pipelines/plan"
	"moslava/pipelines/recipe"
	"moslava/pipelines/vlm"
	"moslava/vision/preprocess"
)

// PlanOptions say what a plan assumes where it cannot look.
type PlanOptions struct {
	Text    int // text tokens of a sample, if the data is not there; 0: then that is a problem
	Targets int // how many of them are learnt
	// Batches is how many are read to learn lengths.
	Batches int
}

// Plan is what the training stages of a recipe would take.
type Plan struct {
	Recipe  string       `json:"recipe"`
	Machine plan.Rates   `json:"machine"`
	Stages  []plan.Stage `json:"stages"`
	Memory  *MemoryCheck `json:"memory_check,omitempty"`
	// Problems are what a run would end with before its first step.
	Problems []Problem `json:"problems,omitempty"`
	// Unmeasured is why there are no rates and times; empty if there are.
	Unmeasured string `json:"unmeasured,omitempty"`
}

// MakePlan plans the training stages of r, and says what would stop a run. The memory check looks at the others, too. Of the model only configurations and the tokenizer are read; data is
// sampled if it is there.
func MakePlan(ctx context.Context, r *recipe.Recipe, opt PlanOptions) (_ *Plan, err error) {
	defer func() { err = r.MaskError(err) }()
	f, err := lookAhead(ctx, r, everyStage(r), opt)
	if err != nil {
		return nil, err
	}
	f.occupied()
	out := &Plan{Recipe: r.Mask(r.Name), Stages: []plan.Stage{}, Problems: f.problems}
	if n := len(f.planned); n > 0 {
		last := f.planned[n-1].in
		product := plan.ProductOf(f.model, last.Part.Storage, last.Batches)
		if err := machine.Take(plan.MeasureBytes(product)); err != nil {
			out.Unmeasured = err.Error()
		} else {
			out.Machine = plan.Measure(threadsOf(r), product)
		}
	}
	for _, p := range f.planned {
		st := p.made
		st.Name, st.Kind, st.Steps, st.Batches = r.Mask(p.stage.Name), p.stage.Kind, p.data.steps, p.data.seen
		for _, text := range p.data.assumed {
			st.Assumed = append(st.Assumed, r.Mask(text))
		}
		if out.Unmeasured == "" { // nor is what loading takes a time of its own
			st.Time(out.Machine)
		}
		out.Stages = append(out.Stages, st)
	}
	if len(out.Stages)+len(f.held) > 0 {
		out.Memory = f.memory(out.Stages)
	}
	return out, nil
}

// Err is what would stop a run, nil if nothing is known to.
func (p *Plan) Err() error {
	problems := slices.Clone(p.Problems)
	if p.Memory != nil {
		if err := p.Memory.Err(); err != nil {
			problems = append(problems, Problem{Stage: p.Memory.Stage, Err: err})
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return &PreflightError{problems}
}

// partOf says what a stage trains.
func partOf(r *recipe.Recipe, s *recipe.Stage) (plan.Part, error) {
	q := r.Model.Quantize
	part := plan.Part{Train: s.Train.Train, TrainAdapters: slices.Contains(s.Train.Train, recipe.PartAdapters), Checkpointing: s.Train.Checkpointing}
	var err error
	if part.Storage, err = vlm.ParseStorage(q.Vision, q.Language, q.Vocabulary); err != nil {
		return part, err
	}
	part.Files = fileKinds(r, s)
	for _, t := range models.Parts(models.AdaptersAfter(r, s)) {
		if moslora.Start(t.Config.Start).ChangesWeights() {
			delete(part.Files, t.Part) // the rest of a weight has more bits
		}
	}
	return part, nil
}

// attachOutlines attaches to an outline the adapters that a stage makes or finds, and counts those it makes.
func attachOutlines(r *recipe.Recipe, s *recipe.Stage, m *vlm.Model, tok *tokenizer.Tokenizer) (counts []plan.AdapterCount, err error) {
	_, err = models.Attach(m, models.AdaptersAfter(r, s), tok, func(part string, cfg moslora.Config) error {
		if err := m.AttachAdapters(part, cfg, r.Seed); err != nil {
			return err
		}
		unread, err := m.UnreadAdapters(part, cfg)
		if err != nil {
			return err
		}
		fresh := m.Adapters.Under(func(module string) bool { return vlm.TowerOf(module) == part })
		counts = append(counts, plan.AdapterCount{Part: part, Trained: plan.CountOf(fresh.All()), Unread: plan.CountOf(slices.Values(unread))})
		return nil
	})
	return counts, err
}

// sampled is what was found out about a stage's data.
type sampled struct {
	steps, seen int
	met         map[string]bool // keys to ignore that rows have; nil: the data was not there
	assumed     []string
}

// sampleData reads some batches as the stage would, or makes them up.
func sampleData(ctx context.Context, r *recipe.Recipe, c *recipe.TrainConfig, p *vlm.Processor, opt PlanOptions, in *plan.Input) (out sampled, err error) {
	if p.Tokenizer == nil {
		return assume(c, p, opt, in, fmt.Errorf("%s has no tokenizer.json", r.Model.Language))
	}
	src, met, err := inputs.OpenData(r, c)
	if opt.Text > 0 && errors.Is(err, fs.ErrNotExist) {
		return assume(c, p, opt, in, err)
	}
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	out.met = met
	rows := datasets.Source(src)
	share := 1.0
	if c.Limit > 0 && c.Limit < rows.Len() {
		share = float64(c.Limit) / float64(rows.Len())
		rows = datasets.Head(rows, c.Limit)
	}
	train, _, err := datasets.Split(rows, c.Validation, r.Seed)
	if err != nil {
		return out, err
	}
	in.Mapped = int(share * float64(mappedBytes(c.Sources)))
	want := max(opt.Batches, c.Accum)
	if opt.Text == 0 {
		want = opt.Batches
	}
	lo := inputs.LoadOptions(r, c, p.Config.Text.MaxPositionEmbeddings)
	start, first := time.Now(), time.Time{}
	p = p.WithMaxPixels(c.MaxPixels)
	for b, err := range datasets.Load(ctx, train, p, lo, datasets.Position{}) {
		if err != nil {
			return out, err
		}
		if first.IsZero() {
			first = time.Now()
		}
		in.Batches = append(in.Batches, plan.ShapeOf(b))
		if n := len(in.Batches); n >= want || n >= 2*c.Accum && time.Since(start) > 5*time.Second {
			break
		}
	}
	if n := len(in.Batches); n > 1 {
		in.Loading = time.Since(first).Seconds() / float64(n-1)
	}
	out.seen = len(in.Batches)
	out.steps = c.Steps
	if out.steps == 0 {
		perBatch := 0
		for _, b := range in.Batches {
			perBatch += len(b.Lengths)
		}
		batches := (train.Len()*out.seen + perBatch - 1) / perBatch
		out.steps = max(1, c.Epochs*batches/max(1, c.Accum))
	}
	return out, nil
}

// assume makes up batches for data that is not there.
func assume(c *recipe.TrainConfig, p *vlm.Processor, opt PlanOptions, in *plan.Input, why error) (sampled, error) {
	var pictures []plan.Picture // of a sample
	length, what := opt.Text, ""
	if p.Config.HasVision() {
		h, w, fixed := p.Pixels.Size()
		if !fixed {
			h, w = p.Config.Vision.ImageSize, p.Config.Vision.ImageSize
		}
		tiles, layout, err := p.Cutter.Layout(p.Pixels, h, w)
		if err != nil {
			return sampled{}, err
		}
		for _, t := range tiles {
			pictures = append(pictures, plan.Picture{H: t.H, W: t.W})
		}
		length += layout.Len()
		what = fmt.Sprintf("one picture of %dx%d pixels and ", w, h)
		if len(tiles) > 1 {
			what = fmt.Sprintf("one picture in %d tiles of %dx%d pixels and ", len(tiles), w, h)
		}
	}
	n := c.Batch
	if c.Tokens > 0 {
		n = max(1, c.Tokens/length)
	}
	b := plan.Batch{Lengths: slices.Repeat([]int{length}, n), Images: slices.Repeat(pictures, n), Targets: n * opt.Targets,
		Asking: slices.Repeat([]int{min(length, opt.Targets)}, n)}
	in.Batches = slices.Repeat([]plan.Batch{b}, max(2, c.Accum))
	out := sampled{steps: c.Steps, assumed: []string{fmt.Sprintf("%v: assumed are samples of %s%d text tokens, %d of them learnt",
		why, what, opt.Text, opt.Targets)}}
	if out.steps == 0 {
		out.assumed = append(out.assumed, "the number of steps depends on the data: time is that of one step")
		out.steps = 1
	}
	return out, nil
}

// decoding is what reading one picture takes that is larger than the default allows; below that it is little beside a step.
func decoding(c *recipe.TrainConfig) int {
	if c.MaxPixels <= preprocess.DefaultMaxPixels {
		return 0
	}
	return preprocess.DecodeBytes * c.MaxPixels
}

// mappedBytes is the size of the Arrow files that sources are read from.
func mappedBytes(list []recipe.Source) int {
	n := 0
	for _, s := range list {
		n += bytesOf(string(s.Path), ".arrow")
	}
	return n
}

// weightFiles is how many bytes of weights are mapped while the model is read.
func weightFiles(r *recipe.Recipe) int {
	n := 0
	if r.Model.Init == "random" {
		return 0
	}
	for _, dir := range []recipe.Path{r.Model.From, r.Model.Vision, r.Model.Language, r.Model.Projector.From} {
		if dir != "" {
			n += bytesOf(string(dir), ".safetensors")
		}
	}
	return n
}

// fileKinds says of which parts the weights that stage s finds have no more bits than float16 or bfloat16: those of files that
// hold nothing else, unless a stage before has changed them.
func fileKinds(r *recipe.Recipe, s *recipe.Stage) map[string]kernels.Kind {
	out := map[string]kernels.Kind{}
	if r.Model.Init == "random" || len(r.Model.Adapters) > 0 {
		return out
	}
	if kind := fileKind(string(r.Model.From)); kind != kernels.F32 {
		out[recipe.PartVision], out[recipe.PartProjector], out[recipe.PartLanguage] = kind, kind, kind
	}
	for part, dir := range map[string]recipe.Path{recipe.PartVision: r.Model.Vision, recipe.PartLanguage: r.Model.Language} {
		if kind := fileKind(string(dir)); kind != kernels.F32 {
			out[part] = kind
		}
	}
	for s, _ = r.Stage(s.From); s != nil; s, _ = r.Stage(s.From) {
		if s.Kind == recipe.Merge {
			return nil
		}
		if s.Train != nil {
			for _, part := range s.Train.Train {
				delete(out, part)
			}
		}
	}
	return out
}

// fileKind is kernels.F16 or BF16 if all tensors in a directory have that type, else F32.
func fileKind(dir string) (kind kernels.Kind) {
	d, err := checkpoint.Open(dir)
	if err != nil {
		return kernels.F32 // whoever reads the weights says what is wrong
	}
	defer d.Close()
	for i, name := range d.Names() {
		found := kernels.F32
		switch t, _ := d.DType(name); t {
		case safetensors.F16:
			found = kernels.F16
		case safetensors.BF16:
			found = kernels.BF16
		}
		if i > 0 && found != kind {
			return kernels.F32
		}
		kind = found
	}
	return kind
}

// bytesOf adds up the files of that ending in a directory, or is the size of the file itself.
func bytesOf(path, ending string) int {
	n := 0
	for _, pattern := range []string{path, filepath.Join(path, "*")} {
		files, _ := filepath.Glob(pattern)
		for _, f := range files {
			if info, err := os.Stat(f); err == nil && !info.IsDir() && strings.HasSuffix(f, ending) {
				n += int(info.Size())
			}
		}
	}
	return n
}

// heapGrowth is the share by which the heap may grow before it is collected.
func heapGrowth() float64 {
	s := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(s)
	if s[0].Value.Kind() != metrics.KindUint64 || s[0].Value.Uint64() > 1<<20 {
		return 1 << 20
	}
	return float64(s[0].Value.Uint64()) / 100
}

func threadsOf(r *recipe.Recipe) int {
	if r.Threads > 0 {
		return r.Threads
	}
	return runtime.GOMAXPROCS(0)
}

// Write shows the plan to people.
func (p *Plan) Write(out io.Writer) error {
	m := p.Machine
	if len(p.Stages) == 0 {
		if p.Memory == nil {
			return nil
		}
		_, err := fmt.Fprintf(out, "%s trains nothing\n%s\n", p.Recipe, p.Memory)
		return err
	}
	var err error
	if p.Unmeasured != "" {
		_, err = fmt.Fprintf(out, "%s: how fast this machine is was not measured: %s\n", p.Recipe, p.Unmeasured)
	} else {
		_, err = fmt.Fprintf(out, "%s on %d threads (%s): products %.0f GFLOP/s, memory %.1f GB/s, optimiser %.0f million parameters/s, measured just now\n",
			p.Recipe, m.Threads, m.ISA, m.Products/1e9, m.Bytes/1e9, m.Updates/1e6)
	}
	for _, s := range p.Stages {
		if err == nil {
			err = s.Write(out)
		}
	}
	if err == nil && p.Memory != nil {
		_, err = fmt.Fprintf(out, "\n%s\n", p.Memory)
	}
	for _, s := range p.Stages {
		if err == nil && len(s.Assumed) > 0 {
			_, err = fmt.Fprintf(out, "warning: a run would stop at stage %s, of which something is not there and assumed: %s\n", s.Name, s.Assumed[0])
		}
	}
	return err
}
