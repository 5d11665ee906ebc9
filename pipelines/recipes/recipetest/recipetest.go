// Package recipetest reads recipes in tests of packages beside pipelines/stages, whose two tiny towers they begin with.
package recipetest

import (
	"fmt"
	"strings"
	"testing"

	"moslava/pipelines/recipe"
	"moslava/pipelines/recipes"
)

// Testdata is the directory with the towers, from that of a test. Paths of recipes are relative to it.
const Testdata = "../stages/testdata"

// Towers is the model of most recipes: two random towers of two layers and width 32.
const Towers = "model: {vision: tiny/vision, language: tiny/language, init: random}\n"

// Parse reads a recipe for a run directory. The text has no name, seed or run_dir.
func Parse(t *testing.T, dir, text string) *recipe.Recipe {
	t.Helper()
	r, err := recipes.Parse(Testdata+"/inline.yaml", []byte(fmt.Sprintf("name: inline\nseed: 3\nrun_dir: %q\n", dir)+text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Names checks that there is an error and that it holds every one of wants.
func Names(t *testing.T, err error, wants ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", wants)
	}
	for _, w := range wants {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the error has no %q:\n%v", w, err)
		}
	}
}
