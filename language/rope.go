package language

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
	"sync"

	"moslava/internal/hfconfig"
	"moslava/internal/kernels"
)

// scaledRopes are the rope types beside default of all that transformers implements with modeling_rope_utils.
var scaledRopes = []string{"linear", "dynamic", "llama3", "yarn"}

// Rope is how rotary angles are scaled (transformers modeling_rope_utils, 5.23).
type Rope struct {
	Type    string   `json:"rope_type"` // default, linear, dynamic, llama3 or yarn
	OldType string   `json:"type"`
	Theta   float64  `json:"rope_theta"`
	Factor  *float64 `json:"factor"`

	// Original is the length that the model was first trained for: llama3 and yarn.
	Original float64 `json:"original_max_position_embeddings"`

	LowFreq  float64 `json:"low_freq_factor"` // llama3
	HighFreq float64 `json:"high_freq_factor"`

	Attention   float64 `json:"attention_factor"` // yarn: what cosines and sines are multiplied with
	BetaFast    float64 `json:"beta_fast"`
	BetaSlow    float64 `json:"beta_slow"`
	MScale      float64 `json:"mscale"`
	MScaleAll   float64 `json:"mscale_all_dim"`
	Truncate    *bool   `json:"truncate"`
	factor, cos float64

	trained int // dynamic: the length up to which nothing is scaled; 0: no such limit
}

// refusedRope are fields of rope_parameters that are not implemented.
var refusedRope = hfconfig.Neutral{"partial_rotary_factor": hfconfig.Unit, "mrope_section": hfconfig.Off, "long_factor": hfconfig.Never,
	"short_factor": hfconfig.Never, fullAttention: hfconfig.Never, slidingAttention: hfconfig.Never}

// parseRope reads rope_scaling, as transformers 4 writes it, or rope_parameters, as 5 does; where both are given, the former
// counts, as in transformers. rope_theta stands beside the former and inside the latter.
func parseRope(given hfconfig.Fields, c *Config) (Rope, error) {
	r, theta, name := Rope{}, cmp.Or(c.kind.theta, 10000), "rope_scaling"
	if given.Has("rope_theta") {
		if err := json.Unmarshal(given["rope_theta"], &theta); err != nil {
			return r, fmt.Errorf("rope_theta: %w", err)
		}
	}
	if !given.Has(name) || string(given[name]) == "{}" {
		name = "rope_parameters"
	}
	if given.Has(name) {
		fields, err := hfconfig.Parse(given[name])
		if err != nil {
			return r, fmt.Errorf("%s: %w", name, err)
		}
		if errs := refusedRope.Check(fields); len(errs) > 0 {
			return r, fmt.Errorf("%s: %w", name, errs[0])
		}
		if err := fields.Into(&r); err != nil {
			return r, fmt.Errorf("%s: %w", name, err)
		}
		if fields.Has("rope_theta") {
			theta = r.Theta
		}
	}
	r.Theta = theta
	if r.Type == "" {
		r.Type = r.OldType
	}
	if r.Type == "" {
		r.Type = "default"
	}
	if given.Has("original_max_position_embeddings") {
		if err := json.Unmarshal(given["original_max_position_embeddings"], &r.Original); err != nil {
			return r, fmt.Errorf("original_max_position_embeddings: %w", err)
		}
	}
	if r.Original == 0 {
		r.Original = float64(c.MaxPositionEmbeddings)
	}
	return r, r.resolve(name, c)
}

// resolve checks the fields that the type has and derives what they imply.
func (r *Rope) resolve(name string, c *Config) error {
	if !(r.Theta > 0) {
		return fmt.Errorf("rope_theta is %g, want a positive number", r.Theta)
	}
	r.factor, r.cos = 1, 1
	if r.Factor != nil {
		r.factor = *r.Factor
	}
	if !(r.factor > 0) || !(r.Original > 0) {
		return fmt.Errorf("%s: factor is %g and original_max_position_embeddings %g, want positive numbers", name, r.factor, r.Original)
	}
	switch {
	case r.Type == "default":
		return nil
	case len(c.kind.ropes) == 0:
		return fmt.Errorf("%s: rope_type is %q, which is not supported for %s", name, r.Type, c.ModelType)
	case !slices.Contains(c.kind.ropes, r.Type):
		return fmt.Errorf("%s: rope_type is %q; implemented for %s are default, %s", name, r.Type, c.ModelType, strings.Join(c.kind.ropes, ", "))
	case r.Type == "yarn":
		return r.yarn(name, c, r.Factor != nil)
	case r.Factor == nil:
		return fmt.Errorf("%s: rope_type %s has no factor", name, r.Type)
	case r.Type == "llama3" && !(r.LowFreq > 0 && r.HighFreq > r.LowFreq):
		return fmt.Errorf("%s: rope_type llama3 has low_freq_factor %g and high_freq_factor %g, want a positive number and a larger one",
			name, r.LowFreq, r.HighFreq)
	case r.Type == "dynamic":
		r.trained = c.MaxPositionEmbeddings
	}
	return nil
}

// Fits returns an error about a sequence of n positions for which the angles would be others. With dynamic scaling they are those of no
// scaling up to max_position_embeddings; beyond, they depend on the longest sequence seen so far (transformers
// modeling_rope_utils.dynamic_frequency_update), which a cache and a batch of several sequences do not go with.
func (c *Config) Fits(n int) error {
	if limit := c.Rope.trained; limit > 0 && n > limit {
		return fmt.Errorf("a sequence has %d positions and the model was trained for %d (max_position_embeddings): "+
			"rope_type dynamic is implemented up to there, where it changes nothing; want shorter sequences", n, limit)
	}
	return nil
}

// yarn derives the factor on cosines and sines.
func (r *Rope) yarn(name string, c *Config, given bool) error {
	if !given {
		r.factor = float64(c.MaxPositionEmbeddings) / r.Original
	}
	if r.BetaFast == 0 {
		r.BetaFast = 32
	}
	if r.BetaSlow == 0 {
		r.BetaSlow = 1
	}
	if r.BetaFast < r.BetaSlow || r.BetaSlow < 0 || r.Theta <= 1 || r.Attention < 0 || r.MScale < 0 || r.MScaleAll < 0 {
		return fmt.Errorf("%s: rope_type yarn has rope_theta %g, beta_fast %g, beta_slow %g, attention_factor %g, mscale %g and mscale_all_dim %g",
			name, r.Theta, r.BetaFast, r.BetaSlow, r.Attention, r.MScale, r.MScaleAll)
	}
	scale := func(m float64) float64 {
		if r.factor <= 1 {
			return 1
		}
		return 0.1*m*math.Log(r.factor) + 1
	}
	switch {
	case r.Attention != 0:
		r.cos = r.Attention
	case r.MScale != 0 && r.MScaleAll != 0:
		r.cos = scale(r.MScale) / scale(r.MScaleAll)
	default:
		r.cos = scale(1)
	}
	return nil
}

// invFreq is the angle per position of each pair of a head, [HeadDim/2].
func (c *Config) invFreq() []float32 {
	r := &c.Rope
	f := make([]float32, c.HeadDim/2)
	low, high := 0.0, 0.0
	if r.Type == "yarn" {
		low, high = r.yarnRange(c.HeadDim)
	}
	for i := range f {
		v := 1 / math.Pow(r.Theta, float64(2*i)/float64(c.HeadDim))
		switch r.Type {
		case "linear":
			v /= r.factor
		case "llama3":
			v = r.llama3(float64(float32(v)))
		case "yarn":
			interpolated := min(max((float64(i)-low)/(high-low), 0), 1)
			v = v/r.factor*interpolated + v*(1-interpolated)
		}
		f[i] = float32(v)
	}
	return f
}

// llama3 divides low frequencies by the factor, leaves high ones, and goes smoothly between
// (transformers modeling_rope_utils._compute_llama3_parameters).
func (r *Rope) llama3(f float64) float64 {
	wave := 2 * math.Pi / f
	switch {
	case wave < r.Original/r.HighFreq:
		return f
	case wave > r.Original/r.LowFreq:
		return f / r.factor
	}
	s := (r.Original/wave - r.LowFreq) / (r.HighFreq - r.LowFreq)
	return (1-s)*f/r.factor + s*f
}

// yarnRange is from which pair to which frequencies go over from those of training to interpolated ones
// (YaRN, arXiv 2309.00071, section 3.2; transformers modeling_rope_utils._compute_yarn_parameters).
func (r *Rope) yarnRange(dim int) (low, high float64) {
	pair := func(rotations float64) float64 {
		return float64(dim) * math.Log(r.Original/(rotations*2*math.Pi)) / (2 * math.Log(r.Theta))
	}
	low, high = pair(r.BetaFast), pair(r.BetaSlow)
	if r.Truncate == nil || *r.Truncate {
		low, high = math.Floor(low), math.Ceil(high)
	}
	low, high = max(low, 0), min(high, float64(dim-1))
	if low == high {
		high += 0.001
	}
	return low, high
}

// ropeCache grows the table of rotary angles as longer sequences come.
type ropeCache struct {
	freq  []float32
	scale float32 // of cosines and sines
	mu    sync.Mutex
	table *kernels.RopeTable
	n     int
}

func (r *ropeCache) upTo(n int) *kernels.RopeTable {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n > r.n {
		r.n = max(256, 1<<bits.Len(uint(n-1)))
		r.table = kernels.NewRope(r.freq, r.n)
		if r.scale != 1 {
			kernels.Scale(r.table.Cos, r.scale)
			kernels.Scale(r.table.Sin, r.scale)
		}
	}
	return r.table
}
