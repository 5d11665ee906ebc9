package recipe_test

import (
	"fmt"

	"moslava/pipelines/recipes"
)

// What a recipe leaves out has defaults.
func Example() {
	r, err := recipes.Parse("mine.yaml", []byte(`
name: mine
model: {vision: models/dinov2-small, language: models/smollm2-135m}
stages:
  - {kind: align, data: data/captions, lr: 1e-3}
  - {kind: tune, data: data/instructions, adapters: {vision: {r: 16}, language: {r: 64, alpha: 128}}}
  - {kind: evaluate, suites: data/mmbench_dev_en.tsv}
  - kind: export
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, stage := range r.Stages {
		fmt.Printf("%s takes the model of %q\n", stage.Name, stage.From)
	}
	tune, _ := r.Stage("tune")
	fmt.Println("mixer", tune.Train.Adapters.Language.Mixer)
	// Output:
	// align takes the model of ""
	// tune takes the model of "align"
	// evaluate takes the model of "tune"
	// export takes the model of "tune"
	// mixer kaiming
}

// All that is wrong comes back at once, with the lines.
func ExampleError() {
	_, err := recipes.Parse("mine.yaml", []byte(`
name: mine
model: {vision: models/dinov2-small, langauge: models/smollm2-135m}
stages:
  - {kind: align, data: data/captions, lr: fast}
`))
	fmt.Println(err)
	// Output:
	// 2 problems in mine.yaml
	// mine.yaml:3: model.langauge: unknown key; did you mean "language"?
	// mine.yaml:5: stages.0.lr: is the text "fast", expected a number
}
