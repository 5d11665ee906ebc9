package vlm

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"moslava/internal/checkpoint"
	"moslava/internal/nn"
	"moslava/language"
)

// ConfigFile is the name of a model's configuration.
const ConfigFile = "config.json"

// Load opens a LLaVA directory in any of the layouts that checkpoint.LLaVA lists.
func Load(dir string) (*Model, error) { return LoadStored(dir, Storage{}) }

// LoadOutline is Load without weights, which need not be there: see Outline.
func LoadOutline(dir string) (*Model, error) { return LoadOutlineExpanded(dir, 0) }

// LoadOutlineExpanded is LoadExpanded without weights.
func LoadOutlineExpanded(dir string, expand int) (*Model, error) {
	cfg, err := readConfig(dir)
	if err == nil {
		cfg, err = cfg.Expand(expand)
	}
	if err != nil {
		return nil, err
	}
	return Outline(cfg)
}

func readConfig(dir string) (*Config, error) {
	raw, err := os.ReadFile(filepath.Join(dir, ConfigFile))
	if err != nil {
		return nil, err
	}
	cfg, err := ParseConfig(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return cfg, nil
}

// LoadStored is Load for a model whose frozen weights are kept in fewer bits.
func LoadStored(dir string, storage Storage) (*Model, error) { return LoadExpanded(dir, storage, 0) }

// LoadExpanded is LoadStored for a model whose decoder has expand more blocks: see Config.Expand.
func LoadExpanded(dir string, storage Storage, expand int) (*Model, error) {
	cfg, err := readConfig(dir)
	if err == nil {
		cfg, err = cfg.Expand(expand)
	}
	if err != nil {
		return nil, err
	}
	ckpt, err := checkpoint.Open(dir)
	if err != nil {
		return nil, err
	}
	defer ckpt.Close()
	m, err := NewStored(cfg, nn.From(ckpt.Rename(checkpoint.Candidates(checkpoint.LLaVA))), storage)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	known := func(name string) bool {
		return checkpoint.IsBuffer(name) || cfg.Text.TieWordEmbeddings && language.IsHead(name) || cfg.readsPast(name)
	}
	if left := ckpt.Unused(known); len(left) > 0 {
		return nil, fmt.Errorf("%s: %d tensors that the configuration has no place for, such as %s", dir, len(left), left[0])
	}
	return m, nil
}

// readsPast reports whether a tensor in a LLaVA file is one of the tower's that has no effect, see vision.Config.ReadsPast.
func (c *Config) readsPast(name string) bool {
	name = strings.TrimPrefix(name, "model.")
	rest, ok := strings.CutPrefix(name, VisionPrefix)
	return ok && c.Vision.ReadsPast(rest)
}
