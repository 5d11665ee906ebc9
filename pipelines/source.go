package pipelines

import (
	"strings"

	"moslava/datasets"
	"moslava/datasets/scenes"
)

// sceneScheme begins the names of sources that are drawn as they are read.
const sceneScheme = "scenes:"

// openSource opens stored samples, or scenes such as "scenes:pretrain?n=1000&seed=1".
func openSource(path string) (datasets.Source, error) {
	if spec, ok := strings.CutPrefix(path, sceneScheme); ok {
		return scenes.Open(spec)
	}
	return datasets.Open(path)
}
