package recipe

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestExportOverWhatIsRead: an export that would replace what the recipe reads is refused when the recipe is read.
func TestExportOverWhatIsRead(t *testing.T) {
	root := t.TempDir()
	var err error
	for _, dir := range []string{"base", "other", "adapter", "data/sub", "old", "suites", "runs/mine/00-tune", "real"} {
		err = errors.Join(err, os.MkdirAll(filepath.Join(root, dir), 0o777))
	}
	err = errors.Join(err, os.WriteFile(filepath.Join(root, "template.jinja"), nil, 0o666), os.WriteFile(filepath.Join(root, "suites", "x.tsv"), nil, 0o666))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Symlink("base", filepath.Join(root, "link")), os.Symlink(root, filepath.Join(root, "real", "up"))); err != nil {
		t.Skipf("needs symbolic links: %v", err)
	}
	const text = `name: mine
run_dir: runs/mine
model: {from: base, adapters: [old], chat_template: ./template.jinja}
stages:
- {kind: tune, data: data, adapters: {language: {r: 4}}}
- {kind: evaluate, suites: suites/x.tsv}
- {kind: export, path: %q}
- {kind: export, name: again, path: out/second}
`
	for path, want := range map[string]string{
		"base":                  "stages.2.path: the export",
		"./other/../base/":      "is the same as what model.from names",
		"link":                  "is the same as what model.from names",
		"base/hf":               "lies inside what model.from names",
		"link/a/b":              "lies inside what model.from names",
		"real/up/base":          "is the same as what model.from names",
		".":                     "contains what model.from names",
		"old":                   "what model.adapters.0 names",
		"data/sub":              "lies inside what stages.0.data.0.path names",
		"suites":                "contains what stages.1.suites.0.tsv names",
		"template.jinja":        "what model.chat_template names",
		"runs":                  "contains what run_dir names",
		"runs/mine":             "is the same as what run_dir names",
		"runs/mine/00-tune/x":   "lies inside a stage's directory",
		"runs/mine/02-export":   "lies inside a stage's directory", // beside its records
		"runs/mine/02-export/x": "",
		"runs/mine/exported":    "",
		"base2":                 "",
		"out":                   "stages.3.path: the export",
		"out/second":            "is the same as what stages.2.path names",
	} {
		_, err := words.Parse(filepath.Join(root, "r.yaml"), fmt.Appendf(nil, text, path))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("path %s: %v, want %q", path, err, want)
		}
	}
}

// TestRunOverWhatIsRead: neither may a stage's own directory be what the run starts from.
func TestRunOverWhatIsRead(t *testing.T) {
	root := t.TempDir()
	const text = `name: mine
run_dir: runs/mine
model: {from: %q}
stages:
- {kind: tune, data: d, adapters: {language: {r: 4}}}
- {kind: tune, name: sum, data: d, from: model, adapters: {compose: [runs/mine/00-tune/adapters]}}
- {kind: export}
`
	for from, want := range map[string]string{
		"runs/mine/02-export/hf":  "run_dir: the directory of stage export, ",
		"runs/other/02-export/hf": "",
	} {
		_, err := words.Parse(filepath.Join(root, "r.yaml"), fmt.Appendf(nil, text, from))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("from %s: %v, want %q", from, err, want)
		}
	}
}
