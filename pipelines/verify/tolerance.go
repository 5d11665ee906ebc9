package verify

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strings"

	"moslava/internal/infile"
)

// DefaultTol is allowed where nothing else is said.
const DefaultTol = 1e-4

// kinds of tensors that have a tolerance each.
const (
	forward = iota
	loss
	gradient
	kinds
)

// tolerances are allowed by kind, of max|got-want| / max|want|.
type tolerances [kinds]float64

// kindOf is the kind of a tensor, or of a group of them in a tolerance.json.
func kindOf(name string) int {
	name = strings.TrimPrefix(name, otherSize)
	switch {
	case strings.HasPrefix(name, "grad"):
		return gradient
	case strings.HasPrefix(name, "loss"), strings.HasPrefix(name, "L."):
		return loss
	}
	return forward
}

func (t tolerances) of(name string) float64 { return t[kindOf(name)] }

// maxTolerances bounds a tolerance.json, in bytes.
const maxTolerances = 1 << 20

// readTolerances is the given tolerance for all, or, if that is zero, what follows from the file: ten times the largest difference
// that was measured between float32 and float64 in tensors of a kind, rounded up to 1, 2 or 5 times a power of ten and at least
// 1e-6, because a measured difference can be zero by chance. A kind that the file does not have, or a file that is not there, is DefaultTol.
func readTolerances(path string, given float64) (tolerances, error) {
	if given < 0 || math.IsNaN(given) || math.IsInf(given, 0) {
		return tolerances{}, fmt.Errorf("tolerance is %g, want a positive number", given)
	}
	if given > 0 {
		return tolerances{given, given, given}, nil
	}
	out := tolerances{DefaultTol, DefaultTol, DefaultTol}
	text, err := infile.Read(path, maxTolerances)
	if errors.Is(err, fs.ErrNotExist) {
		return out, nil
	}
	if err != nil {
		return out, err
	}
	var groups map[string]struct {
		Rel *float64 `json:"max_abs_over_max"`
	}
	if err := json.Unmarshal(text, &groups); err != nil {
		return out, fmt.Errorf("%s: %w", path, err)
	}
	var found [kinds]bool
	for name, g := range groups {
		if g.Rel == nil || *g.Rel < 0 {
			return out, fmt.Errorf("%s: group %q: max_abs_over_max is missing or negative", path, name)
		}
		k := kindOf(name)
		if t := roundUp(10 * *g.Rel); !found[k] || t > out[k] {
			out[k], found[k] = t, true
		}
	}
	return out, nil
}

// roundUp is the least of 1, 2 and 5 times powers of ten that is not below x, and at least 1e-6.
func roundUp(x float64) float64 {
	for e := -6; ; e++ {
		for _, m := range []float64{1, 2, 5} {
			if t := m * math.Pow10(e); x <= t {
				return t
			}
		}
	}
}
