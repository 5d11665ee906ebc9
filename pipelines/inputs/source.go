// Package inputs opens and hashes what the stages of a recipe take from outside their run: stored samples, drawn scenes
// and suites, and the files of the model. What becomes of them is the business of those who take them.
package inputs

import (
	"io"
	"path/filepath"
	"strings"

	"moslava/datasets"
	"moslava/internal/atomicfile"
	"moslava/pipelines/demo/scenes"
	"moslava/pipelines/eval"
	"moslava/pipelines/eval/suites"
	"moslava/pipelines/recipe"
)

// sceneScheme begins the names of data and suites that are drawn as they are read.
const sceneScheme = "scenes:"

// Folders are paths of a recipe as texts.
func Folders(list []recipe.Path) (out []string) {
	for _, p := range list {
		out = append(out, string(p))
	}
	return out
}

// Open opens stored samples, or draws scenes such as "scenes:pretrain?n=1000&seed=1". The options are those of stored rows.
func Open(path string, opt datasets.Options) (datasets.Source, error) {
	if spec, ok := strings.CutPrefix(path, sceneScheme); ok {
		return scenes.Open(spec)
	}
	return datasets.OpenWith(path, opt)
}

// QuestionsFile is the table of a suite of scenes, in the suite's directory.
const QuestionsFile = "questions.tsv"

// OpenSuite opens a table, a definition or a file of commonsense questions, or draws one of scenes, such as
// "scenes:test?n=240&seed=1", into dir. Without a name the suite has that of its file. images are folders in which
// pictures that its rows name are looked for, before the table's own.
func OpenSuite(path, name, dir string, images ...string) (*suites.Suite, error) {
	opt := suites.Options{Name: name, Images: images}
	if spec, ok := strings.CutPrefix(path, sceneScheme); ok {
		if err := atomicfile.MkdirAll(dir); err != nil {
			return nil, err
		}
		opt.Called, path = path, filepath.Join(dir, QuestionsFile)
		var wrong error // of the drawing, which no file is to blame for
		err := atomicfile.WriteFile(path, func(w io.Writer) error {
			wrong = scenes.WriteSuite(w, spec)
			return wrong
		})
		if wrong != nil {
			return nil, wrong
		}
		if err != nil {
			return nil, err
		}
	}
	return eval.OpenSuite(path, opt)
}

// SuitePath is the file of a suite, empty for one that is drawn.
func SuitePath(path string) string {
	if strings.HasPrefix(path, sceneScheme) {
		return ""
	}
	return path
}
