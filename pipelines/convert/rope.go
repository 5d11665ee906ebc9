package convert

import (
	"fmt"
	"math"
)

// ropeTolerance is how far factors may be from those of the parameters found, relatively: the converter works in float32.
const ropeTolerance = 1e-5

// readRope is transformers' rope_scaling. llama.cpp's converter stores llama3's scaling as one divisor for each frequency
// (rope_freqs.weight), from which its parameters are found again.
func (m *llama) readRope() (map[string]any, error) {
	kind, _, err := m.file.Text(m.key("rope.scaling.type"))
	if err != nil {
		return nil, err
	}
	factor, _, err := m.file.Float(m.key("rope.scaling.factor"))
	if err != nil {
		return nil, err
	}
	var linear map[string]any
	switch {
	case kind == "linear" && factor > 0:
		if factor != 1 {
			linear = map[string]any{"rope_type": "linear", "factor": shortest(factor)}
		}
	case kind == "none" || kind == "" && (factor == 0 || factor == 1):
	default:
		return nil, fmt.Errorf("%s is %q with factor %v; implemented are none and linear", m.key("rope.scaling.type"), kind, factor)
	}
	const name = "rope_freqs.weight"
	info, ok := m.file.Info(name)
	if !ok {
		return linear, nil
	}
	if len(info.Shape) != 1 || info.Shape[0] != m.headDim/2 {
		return nil, fmt.Errorf("tensor %q has shape %v, want [%d]", name, info.Shape, m.headDim/2)
	}
	divisors, err := m.file.Float32(name)
	if err != nil {
		return nil, err
	}
	p, err := llama3(divisors, m.theta)
	switch {
	case err != nil:
		return nil, fmt.Errorf("tensor %q: %w", name, err)
	case p == nil:
		return linear, nil
	case linear != nil:
		return nil, fmt.Errorf("%s is linear with factor %v, and tensor %q scales besides: not implemented", m.key("rope.scaling.type"), factor, name)
	}
	return p.json(), nil
}

// llama3Rope are the parameters of transformers' rope_type llama3.
type llama3Rope struct{ factor, low, high, original float64 }

func (p *llama3Rope) json() map[string]any {
	return map[string]any{"rope_type": "llama3", "factor": p.factor, "low_freq_factor": p.low, "high_freq_factor": p.high,
		"original_max_position_embeddings": int(p.original)}
}

// smooth is how far a frequency, in turns a position, is from the slow ones on its way to the fast ones.
func (p *llama3Rope) smooth(turns float64) float64 {
	return min(max((p.original*turns-p.low)/(p.high-p.low), 0), 1)
}

// gives reports whether p gives the divisors.
func (p *llama3Rope) gives(divisors []float32, turns []float64) bool {
	for i, d := range divisors {
		s := p.smooth(turns[i])
		if want := 1 / ((1-s)/p.factor + s); math.Abs(float64(d)-want) > ropeTolerance*want {
			return false
		}
	}
	return true
}

// llama3 finds the parameters from the divisors of the frequencies, nil if all are 1. Multiples of low, high and original
// together are the same scaling; those of LLaMA 3 are preferred, then low = 1.
func llama3(divisors []float32, theta float64) (*llama3Rope, error) {
	turns := make([]float64, len(divisors))
	factor := 1.0
	for i, d := range divisors {
		if !(d > 0) || math.IsInf(float64(d), 0) {
			return nil, fmt.Errorf("divisor %d is %v", i, d)
		}
		turns[i] = math.Pow(theta, -float64(i)/float64(len(divisors))) / (2 * math.Pi)
		factor = max(factor, float64(d))
	}
	p := &llama3Rope{factor: factor, low: 1, high: 4, original: 8192}
	if factor == 1 {
		for i, d := range divisors {
			if d != 1 {
				return nil, fmt.Errorf("divisor %d is %v: no scaling of the kind llama3", i, d)
			}
		}
		return nil, nil
	}
	if p.gives(divisors, turns) {
		return p, nil
	}
	for _, q := range p.fit(divisors, turns) {
		if q.high > q.low && q.original >= 1 && q.original < 1<<31 && q.gives(divisors, turns) {
			return &q, nil
		}
	}
	return nil, fmt.Errorf("the divisors (%v to %v) are not those of a scaling of the kind llama3", divisors[0], divisors[len(divisors)-1])
}

// fit solves for the parameters: between slow and fast ones smooth is a line over turns, whose ends are low and high.
func (p *llama3Rope) fit(divisors []float32, turns []float64) (found []llama3Rope) {
	var n, sx, sy, sxx, sxy float64
	for i, d := range divisors {
		s := (1/float64(d) - 1/p.factor) / (1 - 1/p.factor)
		if s < 1e-6 || s > 1-1e-6 {
			continue
		}
		n, sx, sy, sxx, sxy = n+1, sx+turns[i], sy+s, sxx+turns[i]*turns[i], sxy+turns[i]*s
	}
	q := *p
	switch n {
	case 0:
	case 1: // lines through the point; the others say which
		for q.high = 2; q.high <= 32; q.high++ {
			q.original = math.Round((sy*(q.high-q.low) + q.low) / sx)
			found = append(found, q)
		}
	default:
		slope := (n*sxy - sx*sy) / (n*sxx - sx*sx)
		start := (slope*sx - sy) / n // low / (high - low)
		q.high = math.Round(1e3*(1+1/start)) / 1e3
		q.original = math.Round(slope * (q.high - q.low))
		found = append(found, q)
	}
	return found
}
