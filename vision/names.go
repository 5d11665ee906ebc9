package vision

import (
	"slices"
	"strconv"
	"strings"

	"moslava/internal/nn"
)

// Names of a tower's parameters and modules. Published names are those of New, which checkpoints have; all are without the
// prefix that a whole model puts in front.

// MemoryName is the path that transformers 5 has in memory for a published one, which is what PEFT finds adapters by.
func (c *Config) MemoryName(published string) string {
	name := c.Bare(published)
	for _, r := range c.kind.names.renamed {
		name = strings.Replace(name, r.published, r.memory, 1)
	}
	return name
}

// PublishedName is the published path for one that transformers has in memory; a published one stays as it is.
func (c *Config) PublishedName(memory string) string {
	// transformers 4.52 to 4.57 kept the level in memory.
	name := c.kind.names.level + c.Bare(memory)
	for _, r := range c.kind.names.renamed {
		name = strings.Replace(name, r.memory, r.published, 1)
	}
	return name
}

// scope is where the parameters are declared.
func (c *Config) scope(s *nn.Scope) *nn.Scope {
	if level := strings.TrimSuffix(c.kind.names.level, "."); level != "" {
		return s.In(level)
	}
	return s
}

// Bare is a published name without the level that transformers 5 leaves out when it writes a tower. A tower without such a
// level has the name as it is.
func (c *Config) Bare(published string) string {
	return strings.TrimPrefix(published, c.kind.names.level)
}

// FileName is the name that a parameter, given by its published name, has in a file of the tower by itself.
func (c *Config) FileName(published string) string {
	if c.kind.bare {
		return c.Bare(published)
	}
	return published
}

// Stored lists other names under which files of a tower by itself hold a parameter.
func (c *Config) Stored(published string) (list []string) {
	if bare := c.Bare(published); bare != published {
		list = append(list, bare)
	}
	for _, w := range c.kind.names.wraps {
		list = append(list, w+published)
	}
	return list
}

// PositionName is the published name of the position table, [(1 +) patches, D].
func (c *Config) PositionName() string { return c.kind.names.level + c.kind.names.positions }

// Unread reports whether no selected feature depends on a parameter or module, given by its published name: blocks above the
// highest layer, the norm behind the last block, if features have not passed it, and what takes part in nothing.
func (c *Config) Unread(name string, s Selection) bool {
	states, err := c.States(s.Layers)
	if err != nil {
		return false
	}
	top := slices.Max(states)
	n := &c.kind.names
	name = c.Bare(name)
	if begins(name, n.unread) || strings.HasPrefix(name, n.norm) && !s.Normed {
		return true
	}
	rest, ok := strings.CutPrefix(name, n.blocks)
	if !ok {
		return false
	}
	number, _, _ := strings.Cut(rest, ".")
	block, err := strconv.Atoi(number)
	return err == nil && block >= top
}

// ReadsPast reports whether a parameter of published checkpoints has no effect on any hidden state and is not kept: SigLIP's
// pooling head.
func (c *Config) ReadsPast(name string) bool { return begins(c.Bare(name), c.kind.names.past) }

// beside are what files hold beside a tower: the text tower of a whole CLIP or SigLIP model, what both are compared by, the
// head that SigLIP pools with, and a classifier.
var beside = []string{"text_model.", "text_projection.", "visual_projection.", "logit_scale", "logit_bias",
	"vision_model.head.", "head.", "classifier."}

// IsBeside recognises tensors that stand in a file with a tower of any type and take no part in its hidden states.
func IsBeside(name string) bool { return begins(name, beside) }

// begins reports whether name begins with one of prefixes.
func begins(name string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}
