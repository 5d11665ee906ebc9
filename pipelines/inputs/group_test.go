package inputs

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"moslava/datasets"
	"moslava/pipelines/recipe"
)

// TestGroup: rows are measured without their pictures, under the limit and the share that is held out.
func TestGroup(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rows.jsonl")
	put(t, path, []byte(`{"image": "none.png", "conversations": [{"from": "human", "value": "<image> a b"}, {"from": "gpt", "value": "x"}]}
{"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "x y z"}]}
{"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "x"}]}
{"conversations": [{"from": "human", "value": "a b c d e f"}, {"from": "gpt", "value": "x"}]}
`))
	c := &recipe.TrainConfig{Sources: []recipe.Source{{Path: recipe.Path(path), Weight: 1}}, Limit: 3, GroupBy: datasets.GroupModality, Batch: 2, Accum: 3}
	g, err := Group(t.Context(), &recipe.Recipe{}, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(g.Lengths, []int32{4, -4, -2}) || g.Rule != datasets.GroupModality || g.Batch != 2 || g.Accum != 3 {
		t.Errorf("%+v", g)
	}
	c.GroupBy = datasets.GroupLength
	n := 0
	g, err = Group(t.Context(), &recipe.Recipe{}, c, func(s datasets.Sample) (int, error) {
		if n++; len(s.Turns) != 2 {
			return 0, errors.New("no turns")
		}
		return 7, nil
	})
	if err != nil || !slices.Equal(g.Lengths, []int32{7, -7, -7}) || n != 3 {
		t.Errorf("%v of %d, %v", g, n, err)
	}
	c.GroupBy = ""
	if g, err := Group(t.Context(), &recipe.Recipe{}, c, nil); g != nil || err != nil {
		t.Errorf("without group_by: %v, %v", g, err)
	}
}
