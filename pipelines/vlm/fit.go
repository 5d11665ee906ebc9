package vlm

import (
	"path/filepath"
	"slices"

	"moslava/internal/checkpoint"
	"moslava/internal/infile"
	"moslava/internal/nn"
	"moslava/language"
	"moslava/pipelines/vlm/families"
	"moslava/vision"
)

// Fit is how the tensors of a directory compare with what its configuration asks for. No number is read.
type Fit struct {
	checkpoint.MismatchError
	Ignored  []string // tensors that are known and have no effect
	TiedHead bool     // an output layer is among them, because the decoder's embeddings are tied
}

// Compare finds the fit of a directory of any kind that Kind knows.
func Compare(dir string) (*Fit, error) {
	raw, err := infile.Read(filepath.Join(dir, ConfigFile), MaxConfig)
	if err != nil {
		return nil, err
	}
	kind, err := Kind(raw)
	if err != nil {
		return nil, err
	}
	var ps *nn.Params
	var stored func(name string) []string
	var ignored func(name string) bool
	var text *language.Config
	switch kind {
	case "vision":
		cfg, err := vision.ParseConfig(raw)
		if err != nil {
			return nil, err
		}
		stored, ignored = families.TowerStored(&cfg), families.IsBesideTower
		if _, ps, err = nn.Outline(func(s *nn.Scope) *vision.Tower { return vision.New(s, cfg) }); err != nil {
			return nil, err
		}
	case "language":
		cfg, err := language.ParseConfig(raw)
		if err != nil {
			return nil, err
		}
		if err := untieStored(dir, &cfg); err != nil {
			return nil, err
		}
		text, stored, ignored = &cfg, families.DecoderStored(&cfg), cfg.ReadsPast
		if _, ps, err = nn.Outline(func(s *nn.Scope) *language.Decoder { return language.New(s, cfg) }); err != nil {
			return nil, err
		}
	default:
		m, err := OpenModel(dir, Options{Outline: true})
		if err != nil {
			return nil, err
		}
		ps, text, stored, ignored = m.Params, &m.Config.Text, m.Config.Stored, m.Config.ignores
	}
	d, err := checkpoint.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	if err := refuseQuantized(d, nil); err != nil {
		return nil, err
	}
	f := fit(ps, d.Rename(stored), ignored)
	f.TiedHead = text != nil && slices.ContainsFunc(d.Names(), text.ReadsPast)
	return f, nil
}

func fit(ps *nn.Params, d *checkpoint.Dir, ignored func(name string) bool) *Fit {
	f := &Fit{MismatchError: checkpoint.MismatchError{Path: d.Path()}}
	found := map[string]bool{}
	for p := range ps.All() {
		info, ok := d.Info(p.Name)
		switch {
		case !ok:
			f.Missing = append(f.Missing, &checkpoint.MissingError{Name: p.Name, Path: d.Path()})
		case !slices.Equal(info.Shape, p.Shape):
			f.Misshapen = append(f.Misshapen, &checkpoint.ShapeError{Name: p.Name, Stored: info.Name, File: d.Path(), Got: info.Shape, Want: p.Shape})
		}
		found[info.Name] = true
	}
	for _, name := range d.Names() {
		switch {
		case found[name]:
		case checkpoint.IsBuffer(name) || ignored(name):
			f.Ignored = append(f.Ignored, name)
		default:
			f.Unexpected = append(f.Unexpected, name)
		}
	}
	return f
}
