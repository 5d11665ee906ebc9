package preflight

import (
	"runtime"
	"runtime/metrics"
	"slices"

	"moslava/internal/checkpoint"
	"moslava/internal/kernels"
	"moslava/internal/safetensors"
	"moslava/language/tokenizer"
	"moslava/moslora"
	"moslava/pipelines/models"
	"moslava/pipelines/plan"
	"moslava/pipelines/recipe"
	"moslava/pipelines/vlm"
)

// partOf says what a stage trains.
func partOf(r *recipe.Recipe, s *recipe.Stage) (plan.Part, error) {
	q := r.Model.Quantize
	part := plan.Part{Train: s.Train.Train, TrainAdapters: slices.Contains(s.Train.Train, recipe.PartAdapters),
		Checkpointing: s.Train.Checkpointing}
	if p := s.Train.Preference; p != nil {
		part.Preference = p.Loss
	}
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
func attachOutlines(r *recipe.Recipe, s *recipe.Stage, m *vlm.Model,
	tok *tokenizer.Tokenizer) (counts []plan.AdapterCount, err error) {
	_, err = models.Attach(m, models.AdaptersAfter(r, s), tok, func(part string, cfg moslora.Config) error {
		if err := m.AttachAdapters(part, cfg, r.Seed); err != nil {
			return err
		}
		unread, err := m.UnreadAdapters(part, cfg)
		if err != nil {
			return err
		}
		fresh := m.Adapters.Under(func(module string) bool { return vlm.TowerOf(module) == part })
		counts = append(counts, plan.AdapterCount{Part: part, Trained: plan.CountOf(fresh.All()),
			Unread: plan.CountOf(slices.Values(unread))})
		return nil
	})
	return counts, err
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

// fileKinds says of which parts the weights that stage s finds have no more bits than float16 or bfloat16: those of
// files that hold nothing else, unless a stage before has changed them.
func fileKinds(r *recipe.Recipe, s *recipe.Stage) map[string]kernels.Kind {
	out := map[string]kernels.Kind{}
	if r.Model.Init == "random" || len(r.Model.Adapters) > 0 {
		return out
	}
	if kind := fileKind(string(r.Model.From)); kind != kernels.F32 {
		out[recipe.PartVision], out[recipe.PartProjector], out[recipe.PartLanguage] = kind, kind, kind
	}
	for part, dir := range map[string]recipe.Path{recipe.PartVision: r.Model.Vision,
		recipe.PartLanguage: r.Model.Language} {
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
