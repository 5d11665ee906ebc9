package pipelines

import (
	"path/filepath"
	"strings"
	"testing"
)

// tilesRecipe is of a model whose pictures become tiles.
const tilesRecipe = "model: {from: smolvlm%s}\nstages:\n- {kind: tune, data: \"scenes:tune?n=4&seed=1\", batch: 2, steps: 2, adapters: {language: {r: 2}}}\n"

// TestTilesOfARecipe: fewer tiles are fewer tokens, and choices that a family does not have are errors.
func TestTilesOfARecipe(t *testing.T) {
	length := func(tiles string) int {
		t.Helper()
		r := parse(t, t.TempDir(), strings.Replace(strings.Replace(tilesRecipe, "%s", tiles, 1), "from: smolvlm", "from: "+mustAbs(t, "vlm/testdata/smolvlm"), 1))
		_, p, err := baseModel(r)
		if err != nil {
			t.Fatal(err)
		}
		_, layout, err := p.Cutter.Layout(p.Pixels, 96, 72)
		if err != nil {
			t.Fatal(err)
		}
		return layout.Len()
	}
	whole, small, all := length(", tiles: {split: no}"), length(", tiles: {longest_edge: 48}"), length("")
	if whole >= small || small >= all {
		t.Errorf("a picture takes %d tokens whole, %d smaller and %d as the files say", whole, small, all)
	}
	r := parse(t, t.TempDir(), "model: {vision: tiny/vision, language: tiny/language, init: random, tiles: {split: no}}\n"+
		"stages:\n- {kind: align, data: \"scenes:align?n=4&seed=1\", steps: 1}\n")
	if _, _, err := baseModel(r); err == nil || !strings.Contains(err.Error(), "model.tiles: pictures of LLaVA are not cut into tiles") {
		t.Errorf("error %v", err)
	}
}

func mustAbs(t *testing.T, path string) string {
	t.Helper()
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}
