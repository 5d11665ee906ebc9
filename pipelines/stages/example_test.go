package stages_test

import (
	"context"
	"fmt"
	"os"

	"moslava/pipelines/recipe"
	"moslava/pipelines/recipes"
	"moslava/pipelines/stages"
)

// A recipe is run. Run again, it skips what is finished. The towers here are random and tiny, and the data is drawn.
func Example() {
	dir, err := os.MkdirTemp("", "moslava-example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	// Load reads a file. The name stands for it here: paths are relative to its directory.
	r, err := recipes.Parse("testdata/mine.yaml", []byte(`
name: mine
model: {vision: tiny/vision, language: tiny/language, init: random}
stages:
  - {kind: align, data: "scenes:align?n=4", steps: 1, batch: 1}
  - {kind: tune, data: "scenes:tune?n=4", steps: 1, batch: 1, adapters: {language: {r: 4}}}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	r.RunDir = recipe.Path(dir)
	tell := func(e stages.Event) {
		if e.Event == stages.StageFinished || e.Event == stages.StageSkipped {
			fmt.Println(e.Stage, e.Event)
		}
	}
	for range 2 { // to the end, and again
		if err := stages.Run(context.Background(), r, stages.Options{Events: tell}); err != nil {
			fmt.Println(err)
			return
		}
	}
	// Output:
	// align finished
	// tune finished
	// align skipped
	// tune skipped
}
