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
	written := p.writtenTokens()
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
			lists[table][i] = written(token)
		}
	}
	if len(lists) == 0 {
		return nil, nil
	}
	value, err := json.Marshal(lists) // which is YAML
	return []string{"stages." + p.Stage + ".adapters.language.trainable_token_indices=" + string(value)}, err
}

// writtenTokens gives a token of the base recipe as it is written there: with its variables, and with what is none escaped.
func (p *plan) writtenTokens() func(string) string {
	r, w := p.base, p.base.Written()
	_, at := r.Stage(p.Stage)
	rows, as := p.tune.Train.Adapters.Language.TrainableTokenIndices, w.Stages[at].Train.Adapters.Language.TrainableTokenIndices
	texts := map[string]string{}
	for _, list := range [][2][]string{{r.Model.AddTokens, w.Model.AddTokens}, {r.Model.AddSpecialTokens, w.Model.AddSpecialTokens}, {rows.Embed, as.Embed}, {rows.Head, as.Head}} {
		for i, token := range list[0] {
			if text := list[1][i]; text != token {
				texts[token] = text
			}
		}
	}
	return func(token string) string {
		if text, ok := texts[token]; ok {
			return text
		}
		return strings.ReplaceAll(token, "${", "$${") // it is no variable
	}
}
