package study

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"moslava/pipelines/recipe"
)

// TestAddedTokensInCells: a cell takes a model that has the tokens already, and trains their rows as the base recipe
// would.
func TestAddedTokensInCells(t *testing.T) {
	dir := t.TempDir()
	path := small(t, dir, "name: small\nbase: base.yaml\nrun_dir: run\nbaseline: lora\nmethods:\n- {name: lora, adapters: mixer=none}\nseeds: [1]\n")
	base := filepath.Join(dir, "base.yaml")
	b, err := os.ReadFile(base)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(b), "init: random}", "init: random, add_tokens: ['<a>', '<b>'], add_special_tokens: '$${x}'}", 1)
	text = strings.Replace(text, "language: {r: 4,", "language: {trainable_token_indices: [7, '<b>'], targets: q_proj, r: 4,", 1)
	if err := os.WriteFile(base, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	s, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPlan(s, 0)
	if err != nil {
		t.Fatal(err)
	}
	p.model = t.TempDir()
	r, err := p.recipe(Cell{Method: "lora", Rank: 4, Rate: 1e-3, Seed: 1, Fraction: 1})
	if err != nil {
		t.Fatal(err)
	}
	want := recipe.TokenIndices{Embed: []string{"7", "<b>", "<a>", "${x}"}, Head: []string{"<a>", "<b>", "${x}"}}
	if got := r.Stages[0].Train.Adapters.Language.TrainableTokenIndices; len(r.Model.AddTokens)+len(r.Model.AddSpecialTokens) > 0 || !reflect.DeepEqual(got, want) {
		t.Errorf("the cell adds %v and trains %+v, want %+v", r.Model.AddTokens, got, want)
	}
	if out, err := runStudy(context.Background(), t, path, Options{}); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
