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
	if c.R < 1 {
		errs = append(errs, fmt.Errorf("r is %d, want at least 1", c.R))
	}
	if c.Alpha == 0 || math.IsNaN(c.Alpha) || math.IsInf(c.Alpha, 0) {
		errs = append(errs, fmt.Errorf("alpha is %g: the adapter would change nothing", c.Alpha))
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
	if pattern, ok := strings.CutPrefix(c.Targets[0], "re:"); ok && len(c.Targets) == 1 {
		re, err := regexp.Compile("^(?:" + pattern + ")$")
		if err != nil {
			return nil, fmt.Errorf("targets: %w", err)
		}
		return re.MatchString, nil
	}
	return func(name string) bool {
		return slices.ContainsFunc(c.Targets, func(t string) bool { return name == t || strings.HasSuffix(name, "."+t) })
	}, nil
}

// patternExpr is the expression that PEFT makes of a key of rank_pattern: it stands for the end of
// a module path, after a dot or whole.
func patternExpr(key string) (*regexp.Regexp, error) {
	re, err := regexp.Compile(`^(?:.*\.)?(?:` + key + `)$`)
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", key, err)
	}
	return re, nil
}
