package stages

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"moslava/internal/checkpoint"
	"moslava/pipelines/models"
	"moslava/pipelines/vlm"
)

// roundingFile says how far the weights of an export that was merged into rounded weights are from those merged into the full ones.
const roundingFile = "rounding.json"

// Rounding is the difference between weights of linears.
type Rounding struct {
	Linears int     `json:"linears"` // that are kept in fewer bits
	Max     float64 `json:"max"`     // the largest difference
	RMS     float64 `json:"rms"`     // in root mean square
	Scale   float64 `json:"scale"`   // root mean square of the full, merged weights
}

// mergeRounded merges the adapters of m into what rounding left of its weights, and reports by tower what merging into the full weights makes otherwise.
func (s *stage) mergeRounded(m *vlm.Model, from int) error {
	var linears []string
	for l := range m.Params.Linears() {
		if l.Weight.Rounded() {
			linears = append(linears, l.Weight.Name)
		}
	}
	m.Params.Dequantize()
	if err := m.MergeAdapters(); err != nil {
		return err
	}
	full, _, err := models.After(models.Unrounded(s.recipe), s.dir, from)
	if err != nil {
		return err
	}
	if err := full.MergeAdapters(); err != nil {
		return err
	}
	out := map[string]*Rounding{}
	elements := map[string]int{}
	for _, name := range linears {
		part := vlm.TowerOf(name)
		r := out[part]
		if r == nil {
			r = new(Rounding)
			out[part] = r
		}
		r.Linears++
		got, want := m.Params.Get(name).Floats(), full.Params.Get(name).Floats()
		elements[part] += len(want)
		for i, w := range want {
			d := float64(got[i]) - float64(w)
			r.Max = max(r.Max, math.Abs(d))
			r.RMS += d * d
			r.Scale += float64(w) * float64(w)
		}
	}
	for _, part := range slices.Sorted(maps.Keys(out)) {
		r := out[part]
		n := float64(elements[part])
		r.RMS, r.Scale = math.Sqrt(r.RMS/n), math.Sqrt(r.Scale/n)
		fmt.Fprintf(s.out, "%s: merged into the rounded weights of %d linears of the %s: from those merged into the full ones they differ by %.3g in root mean square (of %.3g) and %.3g at most\n",
			s.Name, r.Linears, part, r.RMS, r.Scale, r.Max)
	}
	return checkpoint.WriteJSON(s.path, roundingFile, out)
}
