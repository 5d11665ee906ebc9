// Package preference trains a model on pairs of answers, of which one is chosen: DPO and IPO, whose reference is the model without its adapters, and
// ORPO, which has none. A batch holds the chosen and the rejected sequence of each pair, one behind the other.
package preference

import (
	"fmt"
	"math"

	"moslava/datasets"
	"moslava/internal/autograd"
	"moslava/pipelines/vlm"
)

// Kinds of loss, as recipes name them. P and R are the sums of the log-probabilities of an answer's tokens under the model and under the
// reference, n the number of the tokens.
const (
	// DPO is -ln σ(β·((P-R)chosen - (P-R)rejected)): Rafailov et al. 2023 (arXiv 2305.18290), equation 7; TRL 1.16's loss_type sigmoid.
	DPO = "dpo"
	// IPO is ((P-R)chosen/n - (P-R)rejected/n - 1/2β)²: Azar et al. 2023 (arXiv 2310.12036), equation 17, with means over tokens as in TRL's ipo.
	IPO = "ipo"
	// ORPO is the cross-entropy of the chosen sequence less β·ln σ(ln odds(chosen) - ln odds(rejected)), odds = p/(1-p), ln p = P/n: Hong et al. 2024
	// (arXiv 2403.07691), equations 6 and 7. As in TRL 1.16's ORPOTrainer the cross-entropy is the mean over all tokens, the prompt's included; those of pictures
	// are left out.
	ORPO = "orpo"
)

// Kinds lists them.
func Kinds() []string { return []string{DPO, IPO, ORPO} }

// DefaultBeta is TRL's, of all kinds.
const DefaultBeta = 0.1

// HasReference reports whether a kind compares with the model without adapters.
func HasReference(kind string) bool { return kind != ORPO }

// Model is a model whose loss is that of pairs.
type Model struct {
	*vlm.Model
	Kind string
	Beta float64

	seen Rewards
}

// Rewards are sums over pairs.
type Rewards struct {
	Pairs            int
	Chosen, Rejected float64 // β times the log-probability over the reference's
	Preferred        int     // pairs whose chosen answer has the higher reward
}

// Take are the rewards of the pairs that were learnt from since the last call.
func (m *Model) Take() Rewards {
	r := m.seen
	m.seen = Rewards{}
	return r
}

// Over is the number of pairs of a batch: the loss is a mean over them.
func (m *Model) Over(b *datasets.Batch) int { return b.Len() / 2 }

// Loss returns the sum of the losses of the batch's pairs, on the tape and in float64.
func (m *Model) Loss(t *autograd.Tape, b *datasets.Batch) (*autograd.Var, float64, error) {
	if b.Len() == 0 || b.Len()%2 != 0 {
		return nil, 0, fmt.Errorf("a batch of %d sequences is not one of pairs", b.Len())
	}
	sets, err := m.sets(b)
	if err != nil {
		return nil, 0, err
	}
	reference := make([]float64, len(sets))
	if HasReference(m.Kind) {
		if reference, err = m.reference(t, b, sets); err != nil {
			return nil, 0, err
		}
	}
	vs, sums, err := m.Model.Losses(t, b, sets...)
	if err != nil {
		return nil, 0, err
	}
	value, slopes, seen := m.pairs(b.Len(), sets, sums, reference)
	if t != nil && !t.Values {
		m.seen.add(seen)
	}
	return t.Combine(value, vs, slopes), value, nil
}

// reference are the sums of the cross-entropies without adapters.
func (m *Model) reference(t *autograd.Tape, b *datasets.Batch, sets []vlm.Targets) ([]float64, error) {
	on := m.Adapters.Off(m.Params)
	defer on()
	values := &autograd.Tape{Values: true}
	if t != nil {
		values.Context, values.Finite = t.Context, t.Finite
	}
	defer values.Release()
	_, sums, err := m.Model.Losses(values, b, sets...)
	return sums, err
}

// sets are the positions whose losses are needed: of each sequence its answers, and for ORPO behind all of them the rest of each chosen
// sequence.
func (m *Model) sets(b *datasets.Batch) ([]vlm.Targets, error) {
	picture := map[int]bool{}
	for _, im := range b.Images {
		for p := range im.Places() {
			for i := range p.N {
				picture[p.At+i] = true
			}
		}
	}
	var answers, rest []vlm.Targets
	for i := range b.Len() {
		var a, r vlm.Targets
		for at := int(b.Offsets[i]); at < int(b.Offsets[i+1]); at++ {
			switch next := at + 1; {
			case b.Labels[at] != datasets.IgnoreIndex:
				a.At, a.IDs = append(a.At, int32(at)), append(a.IDs, b.Labels[at])
			case next < int(b.Offsets[i+1]) && !picture[next]:
				r.At, r.IDs = append(r.At, int32(at)), append(r.IDs, b.IDs[next])
			}
		}
		if len(a.At) == 0 {
			return nil, fmt.Errorf("sequence %d of a batch of pairs has no target", i)
		}
		answers = append(answers, a)
		if i%2 == 0 && m.Kind == ORPO && len(r.At) > 0 {
			rest = append(rest, r)
		}
	}
	return append(answers, rest...), nil
}

// pairs is the sum of the losses of n sequences, and its derivative by the cross-entropy of each set, of which sums are the values.
func (m *Model) pairs(n int, sets []vlm.Targets, sums, reference []float64) (value float64, slopes []float64, seen Rewards) {
	slopes = make([]float64, len(sets))
	tokens := func(i int) float64 { return float64(len(sets[i].At)) }
	for c := 0; c < n; c += 2 {
		r := c + 1
		gain := func(i int) float64 { return reference[i] - sums[i] } // P - R
		seen.note(m.Beta*m.per(gain(c), tokens(c)), m.Beta*m.per(gain(r), tokens(r)))
		switch m.Kind {
		case DPO:
			z := m.Beta * (gain(c) - gain(r))
			value -= logSigmoid(z)
			slopes[c], slopes[r] = m.Beta*sigmoid(-z), -m.Beta*sigmoid(-z)
		case IPO:
			d := gain(c)/tokens(c) - gain(r)/tokens(r) - 1/(2*m.Beta)
			value += d * d
			slopes[c], slopes[r] = -2*d/tokens(c), 2*d/tokens(r)
		case ORPO:
			pc, pr := min(gain(c)/tokens(c), -1e-9), min(gain(r)/tokens(r), -1e-9) // of an answer that is certain the odds are infinite
			z := pc - pr - log1mExp(pc) + log1mExp(pr)
			value -= m.Beta * logSigmoid(z)
			g := m.Beta * sigmoid(-z) // d (ln p - ln(1-p)) / d ln p = 1/(1-p)
			slopes[c], slopes[r] = g/-math.Expm1(pc)/tokens(c), -g/-math.Expm1(pr)/tokens(r)
		}
	}
	if m.Kind != ORPO {
		return value, slopes, seen
	}
	// The mean over all tokens of the chosen sequences, times the pairs over which the step's mean is taken.
	sum, count := 0.0, 0.0
	in := func(i int) bool { return i >= n || i%2 == 0 }
	for i := range sets {
		if in(i) {
			sum, count = sum+sums[i], count+tokens(i)
		}
	}
	scale := float64(n/2) / count
	for i := range sets {
		if in(i) {
			slopes[i] += scale
		}
	}
	return value + scale*sum, slopes, seen
}

// per is a log-probability as rewards have it: ORPO's are means over tokens.
func (m *Model) per(sum, tokens float64) float64 {
	if m.Kind == ORPO {
		return sum / tokens
	}
	return sum
}

func (r *Rewards) add(o Rewards) {
	r.Pairs, r.Preferred = r.Pairs+o.Pairs, r.Preferred+o.Preferred
	r.Chosen, r.Rejected = r.Chosen+o.Chosen, r.Rejected+o.Rejected
}

func (r *Rewards) note(chosen, rejected float64) {
	r.Pairs++
	r.Chosen, r.Rejected = r.Chosen+chosen, r.Rejected+rejected
	if chosen > rejected {
		r.Preferred++
	}
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func logSigmoid(x float64) float64 { return min(x, 0) - math.Log1p(math.Exp(-math.Abs(x))) }

// log1mExp is ln(1 - eˣ) for x < 0.
func log1mExp(x float64) float64 {
	if x > -math.Ln2 {
		return math.Log(-math.Expm1(x))
	}
	return math.Log1p(-math.Exp(x))
}
