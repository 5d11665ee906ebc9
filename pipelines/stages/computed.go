package stages

import (
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"moslava/pipelines/inputs"
	"moslava/pipelines/metrics"
	"moslava/pipelines/recipe"
	"moslava/pipelines/states"
)

// computed says whether a stage's directory holds anything that took time: a saved step, a logged one, an answer. What an export has written half
// is written anew in any case.
func computed(kind, dir string) (bool, error) {
	if kind == recipe.Export || kind == recipe.Merge {
		return false, nil
	}
	found := false
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := e.Name()
		if e.IsDir() {
			if name == states.Name(0) {
				return fs.SkipDir // before the first step
			}
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		idle := strings.HasPrefix(name, ".") || info.Size() == 0 ||
			slices.Contains([]string{"begun.json", metrics.EventsFile, inputs.QuestionsFile}, name)
		found = found || !idle
		return nil
	})
	return found, err
}
