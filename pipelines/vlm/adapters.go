package vlm

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"moslava/internal/nn"
	"moslava/moslora"
)

// LoadAdapters attaches the adapters of a directory in any layout that moslora.Load reads, under memory or published names or those of the decoder
// alone, or of XTuner's directories, and takes over the parameters it holds entire, also in LLaVA's non_lora_trainables.bin. After an error the
// model is as it was.
func (m *Model) LoadAdapters(dir string) error {
	if isXTuner(dir) {
		return m.loadXTuner(dir)
	}
	saved, err := moslora.Load(dir, m.PublishedName)
	if err != nil {
		return err
	}
	whole, err := m.readBeside(filepath.Join(dir, besideAdapters))
	if err != nil {
		return err
	}
	return m.attachAll([]*moslora.Saved{saved}, whole)
}

// attachAll attaches what directories hold, with parameters from beside them. The projector is no part of the adapters: it is written with
// them in any case.
func (m *Model) attachAll(parts []*moslora.Saved, whole []*nn.Param) error {
	if err := m.Adapters.AttachAll(m.Params, parts, whole...); err != nil {
		return err
	}
	m.Adapters.Forgets(func(name string) bool { return strings.HasPrefix(name, ProjectorPrefix) })
	return m.settle()
}

// AttachAdapters hangs fresh adapters on a part, "vision" or "language", drawn from the seed. Linears
// whose output nothing reads get none. Adapters of an outline are outlines.
func (m *Model) AttachAdapters(part string, cfg moslora.Config, seed uint64) error {
	within := func(name string) bool { return TowerOf(name) == part && !m.Unreachable(name) }
	if err := m.Adapters.Attach(m.Params, within, cfg, nn.Random(seed)); err != nil {
		return fmt.Errorf("%s: %w", part, err)
	}
	return m.settle()
}

// ReadComposition reads adapter directories to be composed.
func (m *Model) ReadComposition(dirs []string) (*moslora.Composition, error) {
	return moslora.ReadComposition(dirs, m.PublishedName)
}

// AdapterLinears are the linears that AttachAdapters would hang adapters on.
func (m *Model) AdapterLinears(part string, cfg moslora.Config) ([]*nn.Linear, error) {
	return cfg.Select(m.Params, func(name string) bool { return TowerOf(name) == part && !m.Unreachable(name) })
}

// UnreadAdapters are those that linears of an outline would have which cfg targets, and which AttachAdapters leaves out
// because nothing reads what they compute.
func (m *Model) UnreadAdapters(part string, cfg moslora.Config) ([]*moslora.Adapter, error) {
	return cfg.Made(m.Params, func(name string) bool { return TowerOf(name) == part && m.Unreachable(name) }, nn.Random(0))
}

// SaveAdapters writes a PEFT directory under the names that transformers 5 has in memory, with the
// projector, if there is one, entire beside the adapters. fold multiplies mixers into A.
func (m *Model) SaveAdapters(dir, base string, fold bool) error {
	return m.Adapters.Save(dir, m.saveOptions(base, fold))
}

// ExportAdapters is SaveAdapters for other programs. Where tokens were added, PEFT's users resize the tables of the
// base for the tokenizer first (AutoPeftModelForCausalLM does it for one beside the adapters), which draws new rows:
// the tokenizer is written, and tables that are adapted, not replaced, are there as they are below the adapters, as
// PEFT writes them.
func (m *Model) ExportAdapters(dir, base string, fold bool, p *Processor) error {
	opt := m.saveOptions(base, fold)
	if len(m.Config.Added) == 0 {
		return m.Adapters.Save(dir, opt)
	}
	for a := range m.Adapters.All() {
		if name := a.Module + ".weight"; IsEmbedding(name) || IsHead(name) {
			w := m.linear(a.Module).Weight
			opt.Whole = append(opt.Whole, nn.NewParam(opt.Name(a.Module)+".base_layer.weight", w.Floats(), w.Shape...))
		}
	}
	if err := m.Adapters.Save(dir, opt); err != nil {
		return err
	}
	return p.saveTokenizer(dir)
}

// saveOptions say what is written with adapters.
func (m *Model) saveOptions(base string, fold bool) moslora.SaveOptions {
	opt := moslora.SaveOptions{Name: m.MemoryName, Base: base, Fold: fold}
	for p := range m.Params.All() {
		if strings.HasPrefix(p.Name, ProjectorPrefix) {
			opt.Whole = append(opt.Whole, nn.NewParam(m.MemoryName(p.Name), p.Floats(), p.Shape...))
		}
	}
	if m.Projector != nil {
		opt.Modules = []string{strings.TrimSuffix(m.MemoryName(ProjectorPrefix), ".")}
	}
	m.saveBeside(&opt, m.Adapters)
	return opt
}

// saveBeside adds the parameters of the model that are trained with adapters. A head that shares its table is written with it, as PEFT does.
func (m *Model) saveBeside(opt *moslora.SaveOptions, set *moslora.Set) {
	adapted := map[string]bool{}
	for a := range set.All() {
		adapted[a.Module] = true
	}
	add := func(p *nn.Param, name string) {
		module, field := name[:strings.LastIndexByte(name, '.')], name[strings.LastIndexByte(name, '.'):]
		switch {
		case field == ".bias" && !set.Saves(module+".weight"):
			if adapted[module] {
				field = ".base_layer.bias"
			}
		case !slices.Contains(opt.Modules, opt.Name(module)):
			opt.Modules = append(opt.Modules, opt.Name(module))
		}
		opt.Whole = append(opt.Whole, nn.NewParam(opt.Name(module)+field, p.Floats(), p.Shape...))
	}
	for p := range m.Params.All() {
		if set.Saves(p.Name) {
			add(p, p.Name)
			if h := m.Language.Head; h.Tied() != nil && h.Weight == p {
				add(p, h.Name+".weight")
			}
		}
	}
}

// MergeAdapters folds all adapters into the model for good. A bias of an adapter needs a layer with one: those of LLaMA get them, zero where
// there was none, and the configuration says so.
func (m *Model) MergeAdapters() error {
	for a := range m.Adapters.All() {
		if l := m.linear(a.Module); a.Bias != nil && l.Bias == nil {
			if err := m.addBiases(a.Module); err != nil {
				return err
			}
		}
	}
	m.Adapters.Merge(m.Params)
	return m.settle()
}

func (m *Model) linear(name string) *nn.Linear {
	for _, l := range append(slices.Collect(m.Params.Linears()), m.Params.Tables()...) {
		if l.Name == name {
			return l
		}
	}
	return nil
}

// addBiases gives all layers of a layer's kind a bias of zeros.
func (m *Model) addBiases(module string) error {
	field, part, ok := "", "", false
	if TowerOf(module) == "language" {
		field, part, ok = m.Config.Text.GiveBias(module)
	}
	if !ok {
		return noBias(module)
	}
	for l := range m.Params.Linears() {
		if strings.HasPrefix(l.Name, LanguagePrefix) && strings.Contains(l.Name, part) {
			m.Params.AddBias(l)
		}
	}
	return m.Config.setText(field, true)
}

// CheckMerge says why adapters that are attached to a part so could not be merged. The model needs no weights.
func (m *Model) CheckMerge(part string, cfg moslora.Config) error {
	if !cfg.LoRABias {
		return nil
	}
	linears, err := m.AdapterLinears(part, cfg)
	if err != nil {
		return err
	}
	for _, l := range linears {
		text := m.Config.Text // a copy, to be written to
		if _, _, ok := text.GiveBias(l.Name); l.Bias == nil && !(ok && part == "language") {
			return noBias(l.Name)
		}
	}
	return nil
}

// noBias is the error about an adapter whose bias has no place in the merged model.
func noBias(module string) error {
	return fmt.Errorf("%s: its adapter has a bias (lora_bias), and no configuration of the model gives the layer one to merge it into, "+
		"which PEFT refuses, too: use the adapters unmerged, with --adapters", module)
}

// DetachAdapters takes all adapters off, without merging them.
func (m *Model) DetachAdapters() {
	m.Adapters.Detach(m.Params)
}
