package inputs

import (
	"path/filepath"
	"strings"
	"testing"

	"moslava/pipelines/recipe"
)

// TestSourceWithoutRows: a source that has no rows is named, also beside others.
func TestSourceWithoutRows(t *testing.T) {
	dir := t.TempDir()
	full, empty := filepath.Join(dir, "full.csv"), filepath.Join(dir, "empty.csv")
	put(t, full, []byte("question,answer\nq,a\n"))
	put(t, empty, []byte("question,answer\n"))
	for _, paths := range [][]string{{empty}, {full, empty}} {
		c := &recipe.TrainConfig{}
		for _, path := range paths {
			c.Sources = append(c.Sources, recipe.Source{Path: recipe.Path(path), Weight: 1})
		}
		if _, _, err := OpenData(t.Context(), &recipe.Recipe{}, c); err == nil || !strings.Contains(err.Error(), empty+": there are no rows") {
			t.Errorf("%v: error %v", paths, err)
		}
	}
}
