package study

import (
	"math"
	"slices"
)

// A Choice is the learning rate of a method at a rank, and what it was chosen from.
type Choice struct {
	Method string    `json:"method"`
	Rank   int       `json:"rank"`
	Rate   float64   `json:"learning_rate"` // 0: not all rates have been tried yet
	Rates  []float64 `json:"rates"`
	Losses []float64 `json:"validation_losses"` // mean over the tuning seeds, as many as Rates; NaN: not known yet
	Edge   bool      `json:"edge"`              // the chosen rate is the lowest or the highest that was tried
}

type choices []Choice

// rate is the chosen one.
func (cs choices) rate(method string, rank int) float64 {
	i := slices.IndexFunc(cs, func(c Choice) bool { return c.Method == method && c.Rank == rank })
	return cs[i].Rate
}

// choose takes, for each method and rank, the learning rate with the lowest validation loss, on average over the tuning seeds:
// the lower one of two that are equal. The suites have no part in it.
func (p *plan) choose() (choices, error) {
	var out choices
	for _, m := range p.Methods {
		for _, r := range p.Ranks {
			c := Choice{Method: m.Name, Rank: r, Rates: slices.Sorted(slices.Values(p.LearningRates))}
			if len(c.Rates) == 1 {
				c.Rate, c.Losses = c.Rates[0], []float64{math.NaN()}
				out = append(out, c)
				continue
			}
			best, known := -1, true
			for i, lr := range c.Rates {
				loss := 0.0
				for _, seed := range p.TuningSeeds {
					rec, err := p.record(Cell{m.Name, r, lr, seed, 1})
					if err != nil {
						return nil, err
					}
					if !rec.Trained() {
						loss = math.NaN()
						break
					}
					loss += rec.Validation / float64(len(p.TuningSeeds))
				}
				known = known && !math.IsNaN(loss)
				c.Losses = append(c.Losses, loss)
				if best < 0 || loss < c.Losses[best] {
					best = i
				}
			}
			if known {
				c.Rate, c.Edge = c.Rates[best], best == 0 || best == len(c.Rates)-1
			}
			out = append(out, c)
		}
	}
	return out, nil
}
