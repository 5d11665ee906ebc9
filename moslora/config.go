// Package moslora adds trainable low-rank terms to frozen linear layers:
//
//	y = Wx + b + s·B·M·A·x,  s = alpha/r (rank-stabilised: alpha/√r)
//
// A is [r, in], B [out, r], and M [r, r] the mixer of MoSLoRA (arXiv 2406.11909). Without a mixer
// it is LoRA. Adapters are attached to the linears of any model from outside; the package names no tower.
package moslora

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Config shapes the adapters of one tower.
type Config struct {
	R       int
	Alpha   float64
	Dropout float64 // probability of dropping an element of an adapter's input
	Mixer   Mixer
	RSLoRA  bool  // s = alpha/√r (arXiv 2312.03732)
	Start   Start // of A, M and B
	DoRA    bool  // rows of the weight have lengths of their own that are trained
	FreezeA bool  // A stays where it starts (LoRA-FA, arXiv 2308.03303)
	// LoRABias adds a bias to B, which the scale acts on as well and which starts at zero (PEFT's lora_bias).
	LoRABias bool
	// Targets are module names, matched whole or after a dot ("q_proj"), or one regular expression of Python's
	// "re:..." matched against the whole path; empty or "all-linear" is every linear but the output layer. Names and expressions
	// find embeddings and output layers, too.
	Targets []string
	// Exclude are targets that get none, in the same forms but for all-linear.
	Exclude []string
	Beside
	// Rank, alpha and mixer of single modules, in place of those above.
	RankPattern  Patterns[int]
	AlphaPattern Patterns[float64]
	MixerPattern Patterns[Mixer]
}

// Start says how the factors of an adapter start.
type Start string

const (
	// LoRAStart: A as torch's linear layers, B zero, M as Mixer says.
	LoRAStart Start = ""
	// MoSLoRAInit multiplies the mixer into A before training, A <- M·A, and leaves it out from then on: LoRA from
	// MoSLoRA's start, which tells what training the mixer brings from what its start brings.
	MoSLoRAInit Start = "moslora_init"
	// PiSSA starts A and B at the r largest singular values of the weight, which keeps the rest (arXiv 2404.02948); there is no mixer.
	PiSSA Start = "pissa"
)

// Starts are the names of starts; the first is LoRAStart's.
func Starts() []string { return []string{"lora", string(MoSLoRAInit), string(PiSSA)} }

// ChangesWeights reports whether the weight below an adapter is another while the adapter is attached.
func (s Start) ChangesWeights() bool { return s == PiSSA }

// For is the configuration of one module, without patterns.
func (c Config) For(module string) Config {
	c.R = c.RankPattern.get(module, c.R)
	c.Alpha = c.AlphaPattern.get(module, c.Alpha)
	c.Mixer = c.MixerPattern.get(module, c.Mixer)
	c.RankPattern, c.AlphaPattern, c.MixerPattern = Patterns[int]{}, Patterns[float64]{}, Patterns[Mixer]{}
	return c
}

// Scale is s.
func (c Config) Scale() float32 { return float32(c.Alpha / c.denominator(c.R)) }

// denominator is what alpha is divided by at that rank.
func (c Config) denominator(r int) float64 {
	if c.RSLoRA {
		return math.Sqrt(float64(r))
	}
	return float64(r)
}

// endsIn reports whether target is the module's name or the end of it, after a dot.
func endsIn(name, target string) bool { return name == target || strings.HasSuffix(name, "."+target) }

// unmatched says which targets none of the linears has, while others match, and which patterns none of the modules that match.
func (c Config) unmatched(linears, modules []string) error {
	var errs []error
	for _, target := range c.unmatchedTargets(linears) {
		errs = append(errs, fmt.Errorf("moslora: target %q matches none of the %d linears (such as %s)", target, len(linears), sample(linears)))
	}
	for _, p := range []struct {
		field string
		keys  []string
	}{{"rank_pattern", c.RankPattern.unmatched(modules)}, {"alpha_pattern", c.AlphaPattern.unmatched(modules)}, {"mixer_pattern", c.MixerPattern.unmatched(modules)}} {
		for _, key := range p.keys {
			errs = append(errs, fmt.Errorf("moslora: %s %q matches none of the %d modules with an adapter (such as %s)", p.field, key, len(modules), sample(modules)))
		}
	}
	return errors.Join(errs...)
}

// unmatchedTargets are those that are names.
func (c Config) unmatchedTargets(names []string) (out []string) {
	for _, t := range append(slices.Clone(c.Targets), c.Exclude...) {
		if t != allLinear && !strings.HasPrefix(t, patternPrefix) &&
			!slices.ContainsFunc(names, func(name string) bool { return endsIn(name, t) }) {
			out = append(out, t)
		}
	}
	return out
}
