package vlm

import (
	"fmt"
	"path/filepath"
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
	return m.Adapters.AttachAll(m.Params, []*moslora.Saved{saved}, whole...)
}

// AttachAdapters hangs fresh adapters on a part, "vision" or "language", drawn from the seed. Linears
// whose output nothing reads get none.
func (m *Model) AttachAdapters(part string, cfg moslora.Config, seed uint64) error {
	within := func(name string) bool { return TowerOf(name) == part && !m.Unreachable(name) }
	if err := m.Adapters.Attach(m.Params, within, cfg, nn.Random(seed)); err != nil {
		return fmt.Errorf("%s: %w", part, err)
	}
	return nil
}

// ReadComposition reads adapter directories to be composed.
func (m *Model) ReadComposition(dirs []string) (*moslora.Composition, error) {
	return moslora.ReadComposition(dirs, m.PublishedName)
}

// FitsAdapters says what AttachAdapters would find wrong with cfg; a model without weights is enough.
func (m *Model) FitsAdapters(part string, cfg moslora.Config) error {
	if err := cfg.Fits(m.Params, func(name string) bool { return TowerOf(name) == part && !m.Unreachable(name) }); err != nil {
		return fmt.Errorf("%s: %w", part, err)
	}
	return nil
}

// AdapterLinears are the linears that AttachAdapters would hang adapters on.
func (m *Model) AdapterLinears(part string, cfg moslora.Config) ([]*nn.Linear, error) {
	return cfg.Select(m.Params, func(name string) bool { return TowerOf(name) == part && !m.Unreachable(name) })
}

// UnreadLinears are those that cfg targets and that get no adapter, because nothing reads what they compute.
func (m *Model) UnreadLinears(part string, cfg moslora.Config) ([]*nn.Linear, error) {
	return cfg.Select(m.Params, func(name string) bool { return TowerOf(name) == part && m.Unreachable(name) })
}

// SaveAdapters writes a PEFT directory under the names that transformers 5 has in memory, with the
// projector, if there is one, entire beside the adapters. fold multiplies mixers into A.
func (m *Model) SaveAdapters(dir, base string, fold bool) error {
	opt := moslora.SaveOptions{Name: m.MemoryName, Base: base, Fold: fold}
	for p := range m.Params.All() {
		if strings.HasPrefix(p.Name, ProjectorPrefix) {
			opt.Whole = append(opt.Whole, nn.NewParam(m.MemoryName(p.Name), p.Floats(), p.Shape...))
		}
	}
	if m.Projector != nil {
		opt.Modules = []string{strings.TrimSuffix(m.MemoryName(ProjectorPrefix), ".")}
	}
	return m.Adapters.Save(dir, opt)
}

// DetachAdapters takes all adapters off, without merging them.
func (m *Model) DetachAdapters() {
	m.Adapters.Detach(m.Params)
}
