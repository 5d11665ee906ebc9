package study

import (
	"encoding/json"
	"slices"
	"strings"
)

// tokens are the overrides with which a cell goes on to train the rows of tokens that the base recipe adds: the model
// that the cells share has got them, so that its own recipe adds none. Tables that are trained otherwise need none.
func (p *plan) tokens() ([]string, error) {
	m, a := p.base.Model, p.tune.Train.Adapters.Language
	added := slices.Concat(m.AddTokens, m.AddSpecialTokens)
	if p.model == "" || len(added) == 0 || a == nil {
		return nil, nil
	}
	lists := map[string][]string{}
	rows := a.TrainableTokenIndices
	for table, own := range map[string][]string{"embed_tokens": rows.Embed, "lm_head": rows.Head} {
		if slices.Contains(a.Targets, table) || slices.Contains(a.ModulesToSave, table) {
			continue
		}
		lists[table] = slices.Clone(own)
		for _, token := range added {
			if !slices.Contains(own, token) {
				lists[table] = append(lists[table], token)
			}
		}
		for i, token := range lists[table] {
			lists[table][i] = strings.ReplaceAll(token, "${", "$${") // it is no variable
		}
	}
	if len(lists) == 0 {
		return nil, nil
	}
	value, err := json.Marshal(lists) // which is YAML
	return []string{"stages." + p.Stage + ".adapters.language.trainable_token_indices=" + string(value)}, err
}
