package stages

import (
	"fmt"

	"moslava/pipelines/eval/score"
	"moslava/pipelines/recipe"
)

// noteBlank warns of suites on which the model does no better with its pictures than with grey ones: where the stage asks the same table in the same
// way with both, and the accuracy lies within the interval of that of grey pictures.
func (s *stage) noteBlank(suites []recipe.Suite, results []*score.Result) {
	for i, seen := range suites {
		if seen.Blank {
			continue
		}
		for j, grey := range suites {
			if !grey.Blank || grey.TSV != seen.TSV || grey.Protocol != seen.Protocol || grey.Limit != seen.Limit || grey.Shard != seen.Shard {
				continue
			}
			a, b := results[i].Overall.Tally, results[j].Overall.Tally
			if a.N == 0 || b.N == 0 || a.Circular == score.NotKnown || b.High == score.NotKnown || a.Circular > b.High {
				continue
			}
			fmt.Fprintf(s.out, "%s: warning: %s has %.1f %%, and %s, the same with grey pictures, %.1f %% [%.1f-%.1f]: the answers do not show that the pictures are seen\n",
				s.Name, seen.Name, 100*float64(a.Circular), grey.Name, 100*float64(b.Circular), 100*float64(b.Low), 100*float64(b.High))
		}
	}
}
