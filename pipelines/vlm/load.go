package vlm

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"moslava/internal/checkpoint"
	"moslava/internal/infile"
	"moslava/internal/nn"
	"moslava/language"
	"moslava/pipelines/vlm/families"
	"moslava/vision"
)

// ConfigFile is the name of a model's configuration.
const ConfigFile = "config.json"

// MaxConfig bounds a configuration's file, in bytes.
const MaxConfig = 16 << 20

func configOf(dir string) string { return filepath.Join(dir, ConfigFile) }

// readConfig is the configuration in the file, with so many more blocks.
func readConfig(path string, expand int) (*Config, error) {
	raw, err := infile.Read(path, MaxConfig)
	if err != nil {
		return nil, err
	}
	if err := families.Elsewhere(filepath.Dir(path), raw); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Dir(path), err)
	}
	parse := ParseConfig
	if kind, err := Kind(raw); err == nil && kind == "language" {
		parse = ParseDecoderConfig
	}
	cfg, err := parse(raw)
	if err == nil {
		cfg, err = cfg.Expand(expand)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Dir(path), err)
	}
	return cfg, nil
}

// load reads the weights of a model. Its error may be of type *checkpoint.MismatchError, which names all tensors that
// are missing, misshapen or unexpected.
func load(dir string, cfg *Config, storage Storage) (*Model, error) {
	ckpt, err := checkpoint.Open(dir)
	if err != nil {
		return nil, err
	}
	defer ckpt.Close()
	if err := refuseQuantized(ckpt, nil); err != nil {
		return nil, err
	}
	named, prefix := ckpt.Rename(cfg.Stored), LanguagePrefix
	src := nn.From(named)
	if !cfg.HasVision() {
		named, prefix = ckpt.Rename(families.DecoderStored(&cfg.Text)), ""
		src = nn.Mux{LanguagePrefix: nn.From(named)}
	}
	if err := cfg.compareTables(named, prefix); err != nil {
		return nil, err
	}
	if cfg.Grown() {
		src = grown{src, cfg.fileRows}
	}
	m, err := New(cfg, src, storage)
	if err := checkpoint.Mismatch(dir, err, ckpt.Unused(cfg.ignores)); err != nil {
		return nil, err
	}
	return m, nil
}

// ignores reports whether a tensor of a model's file holds nothing that the model needs.
func (c *Config) ignores(name string) bool {
	return checkpoint.IsBuffer(name) || c.Text.ReadsPast(name) || c.readsPast(name)
}

// readsPast reports whether a tensor in a whole model's file is one of the tower's that has no effect, see vision.Config.ReadsPast.
func (c *Config) readsPast(name string) bool {
	name = strings.TrimPrefix(name, "model.")
	rest, ok := strings.CutPrefix(name, VisionPrefix)
	return ok && c.HasVision() && c.Vision.ReadsPast(rest)
}

// Kind is what a configuration is of: "vision", "language", or a family of whole models by its model_type.
func Kind(raw []byte) (string, error) {
	var f struct {
		ModelType *string `json:"model_type"`
	}
	if err := json.Unmarshal(raw, &f); err != nil {
		return "", err
	}
	if f.ModelType == nil {
		return "", errors.New("no model_type")
	}
	if family, ok := families.Named(*f.ModelType); ok {
		return family.ModelType, nil
	}
	alone, err := json.Marshal(map[string]any{"model_type": f.ModelType, "vision_config": struct{}{}})
	if err != nil {
		return "", err
	}
	_, text := language.ParseConfig(alone)
	if text == nil {
		return "language", nil
	}
	_, image := vision.ParseConfig(alone)
	if image == nil {
		return "vision", nil
	}
	return "", fmt.Errorf("model_type %q is none that is implemented: it is not %s; %w; %w", *f.ModelType, families.Known(), image, text)
}

// LoadTower opens a vision tower alone, or that of a whole CLIP model, with the configuration in the given file.
func LoadTower(dir, config string) (*vision.Tower, *nn.Params, error) {
	raw, err := infile.Read(config, MaxConfig)
	if err != nil {
		return nil, nil, err
	}
	cfg, err := vision.ParseConfig(raw)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", config, err)
	}
	return part(dir, families.TowerStored(&cfg), families.IsBesideTower, func(s *nn.Scope) *vision.Tower { return vision.New(s, cfg) })
}

// LoadDecoder opens a decoder alone, with the configuration in the given file.
func LoadDecoder(dir, config string) (*language.Decoder, *nn.Params, error) {
	raw, err := infile.Read(config, MaxConfig)
	if err != nil {
		return nil, nil, err
	}
	cfg, err := language.ParseConfig(raw)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", config, err)
	}
	if err := untieStored(dir, &cfg); err != nil {
		return nil, nil, err
	}
	return part(dir, families.DecoderStored(&cfg), cfg.ReadsPast, func(s *nn.Scope) *language.Decoder { return language.New(s, cfg) })
}

// untieStored is Config.compareTables for a decoder alone.
func untieStored(dir string, cfg *language.Config) error {
	d, err := checkpoint.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	apart, err := tablesDiffer(cfg, d.Rename(families.DecoderStored(cfg)), "")
	cfg.TieWordEmbeddings = cfg.TieWordEmbeddings && !apart
	return err
}

// part builds what construct declares from a directory that holds nothing else, but for buffers and what is beside it.
func part[M any](dir string, stored func(name string) []string, beside func(name string) bool, construct func(*nn.Scope) M) (m M, ps *nn.Params, err error) {
	ckpt, err := checkpoint.Open(dir)
	if err != nil {
		return m, nil, err
	}
	defer ckpt.Close()
	if err := refuseQuantized(ckpt, beside); err != nil {
		return m, nil, err
	}
	m, ps, err = nn.Build(nn.From(ckpt.Rename(stored)), construct)
	left := ckpt.Unused(func(name string) bool { return checkpoint.IsBuffer(name) || beside(name) })
	return m, ps, checkpoint.Mismatch(dir, err, left)
}
