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
	"regexp"
	"slices"
	"strings"
)

// Mixer says what stands between A and B and how it starts (paper, section 3 and Table 3).
type Mixer string

const (
	Kaiming    Mixer = "kaiming"    // learned, from U(-1/√r, 1/√r): the authors' code
	Orthogonal Mixer = "orthogonal" // learned, from a random orthogonal matrix
	Identity   Mixer = "identity"   // learned, from I: equal to LoRA at the first step
	Butterfly  Mixer = "butterfly"  // fixed [[I,I],[I,I]], the two-subspaces mixing of the paper's section 3
	None       Mixer = "none"       // no mixer: LoRA
)

// Config shapes the adapters of one tower.
type Config struct {
	R       int
	Alpha   float64
	Dropout float64 // probability of dropping an element of an adapter's input
	Mixer   Mixer
	RSLoRA  bool // s = alpha/√r (arXiv 2312.03732)
	// Targets are module names, matched whole or after a dot ("q_proj"), or one regular expression
	// "re:..." matched against the whole path; empty or "all-linear" is every linear.
	Targets []string
}

// maxRank is beyond any use; it bounds the memory that a slip of the pen may ask for.
const maxRank = 1 << 14

// Scale is s.
func (c Config) Scale() float32 {
	if c.RSLoRA {
		return float32(c.Alpha / math.Sqrt(float64(c.R)))
	}
	return float32(c.Alpha / float64(c.R))
}

// Validate reports everything that is wrong with c.
func (c Config) Validate() error {
	var errs []error
	if c.R < 1 || c.R > maxRank {
		errs = append(errs, fmt.Errorf("r is %d, want 1 to %d", c.R, maxRank))
	}
	if c.Alpha == 0 {
		errs = append(errs, errors.New("alpha is 0: the adapter would change nothing"))
	}
	if math.IsNaN(c.Alpha) || math.IsInf(c.Alpha, 0) {
		errs = append(errs, fmt.Errorf("alpha is %g, want a finite number", c.Alpha))
	}
	if !(c.Dropout >= 0 && c.Dropout < 1) {
		errs = append(errs, fmt.Errorf("dropout is %g, want 0 to below 1", c.Dropout))
	}
	switch c.Mixer {
	case Kaiming, Orthogonal, Identity, None:
	case Butterfly:
		if c.R%2 != 0 {
			errs = append(errs, fmt.Errorf("r is %d: the butterfly mixer needs an even rank", c.R))
		}
	case "zeros", "zero":
		errs = append(errs, errors.New("mixer zeros never trains: with M = 0 and B = 0 every gradient is zero"))
	default:
		errs = append(errs, fmt.Errorf("mixer is %q; known are kaiming, orthogonal, identity, butterfly and none", c.Mixer))
	}
	if _, err := c.matcher(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// matcher decides which modules are targets.
func (c Config) matcher() (func(name string) bool, error) {
	if len(c.Targets) == 0 || slices.Equal(c.Targets, []string{"all-linear"}) {
		return func(string) bool { return true }, nil
	}
	for _, t := range c.Targets {
		if len(c.Targets) > 1 && (t == "all-linear" || strings.HasPrefix(t, "re:")) {
			return nil, fmt.Errorf("targets: %q stands alone or not at all, there are %d", t, len(c.Targets))
		}
		if t == "" {
			return nil, errors.New("targets: one is empty")
		}
	}
	if pattern, ok := strings.CutPrefix(c.Targets[0], "re:"); ok {
		re, err := regexp.Compile("^(?:" + pattern + ")$")
		if err != nil {
			return nil, fmt.Errorf("targets: %w", err)
		}
		return re.MatchString, nil
	}
	return func(name string) bool {
		return slices.ContainsFunc(c.Targets, func(t string) bool { return endsIn(name, t) })
	}, nil
}

// endsIn reports whether target is the module's name or the end of it, after a dot.
func endsIn(name, target string) bool { return name == target || strings.HasSuffix(name, "."+target) }

// unmatched are the targets that are names and none of the linears has, while others match.
func (c Config) unmatched(linears []string) (out []string) {
	for _, t := range c.Targets {
		if t != "all-linear" && !strings.HasPrefix(t, "re:") &&
			!slices.ContainsFunc(linears, func(name string) bool { return endsIn(name, t) }) {
			out = append(out, t)
		}
	}
	return out
}
