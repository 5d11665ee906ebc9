package answering_test

import (
	"bytes"
	"testing"

	"moslava/pipelines/recipe"
	"moslava/pipelines/stages"
)

// mustRun runs a recipe to its end.
func mustRun(t *testing.T, r *recipe.Recipe) {
	t.Helper()
	var out bytes.Buffer
	if err := stages.Run(t.Context(), r, stages.Options{Out: &out}); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
}
