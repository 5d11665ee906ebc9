// Package runreport writes reports on runs, and compares two: on the suites that a run has evaluated, or on the curves
// of its training as long as it has evaluated none. Other packages know how a page looks.
package runreport

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"moslava/internal/atomicfile"
	"moslava/internal/output"
	"moslava/pipelines/eval/score"
	"moslava/pipelines/eval/suites"
	"moslava/pipelines/recipe"
	"moslava/pipelines/report"
	reported "moslava/pipelines/report/suites"
	"moslava/pipelines/run"
	"moslava/pipelines/suitedir"
)

// Options say what a report is made of.
type Options struct {
	Against  string // another run to compare with; empty: none
	Out      string // the file to write; empty: report.html, or report.md, in the run's directory
	Markdown bool   // Markdown in place of HTML
	Cards    int    // questions shown of a suite at most
	Force    bool   // set aside the file that Out names, if it is there; without it that is an error
}

// Write writes a report on a run: a run directory, an evaluate stage's, or that of one suite. Of a run that has
// evaluated nothing it shows the curves of its training stages. It returns the file's name. Suites that only one of two
// runs has are named; two runs without a suite in common are an error, and so are two that were not asked the same.
func Write(dir string, opt Options) (string, error) {
	ours, err := suiteDirs(dir)
	if err != nil {
		return "", err
	}
	if len(ours) == 0 {
		return curvesReport(dir, opt)
	}
	page := reported.Page{Title: "Evaluation of " + run.Label(dir), Run: run.Label(dir)}
	var theirs map[string]string
	if opt.Against != "" {
		if theirs, err = comparable(opt.Against, ours); err != nil {
			return "", err
		}
		if page.Against = run.Label(opt.Against); page.Against == page.Run {
			page.Run, page.Against = filepath.Clean(dir), filepath.Clean(opt.Against)
		}
	}
	page.Notes = onlyIn(opt.Against, ours, theirs, "suite")
	for _, name := range sortedKeys(ours) {
		s, err := section(name, ours[name], theirs[name], opt.Cards)
		if err != nil {
			return "", err
		}
		page.Sections = append(page.Sections, s)
	}
	if opt.Markdown {
		return writeReport(dir, opt, report.MarkdownFile, func(path string) error {
			return atomicfile.WriteBytes(path, []byte(reported.Markdown(page)))
		})
	}
	return writeReport(dir, opt, report.HTMLFile, func(path string) error { return reported.WriteHTML(path, page) })
}

// comparable finds the suites of another run, of which one at least must be among ours. Two directories of one suite
// each are compared whatever they are called.
func comparable(against string, ours map[string]string) (map[string]string, error) {
	theirs, err := suiteDirs(against)
	if err != nil {
		return nil, err
	}
	if len(ours) == 1 && len(theirs) == 1 {
		return map[string]string{sortedKeys(ours)[0]: theirs[sortedKeys(theirs)[0]]}, nil
	}
	for name := range ours {
		if _, ok := theirs[name]; ok {
			return theirs, nil
		}
	}
	return nil, fmt.Errorf("%s has none of the suites %v; it has %v", against, sortedKeys(ours), sortedKeys(theirs))
}

// writeReport writes a report where it goes, while no other process writes the same file, and returns its name. One in
// the run's directory is replaced by a newer one.
func writeReport(dir string, opt Options, name string, write func(path string) error) (path string, err error) {
	path = opt.Out
	if path == "" {
		path = filepath.Join(dir, name)
	}
	release, err := output.File(path, output.Options{Replace: opt.Out == "", Force: opt.Force})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, release()) }()
	return path, write(path)
}

func sortedKeys(m map[string]string) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// suiteDirs finds the directories with a result, in dir and up to two levels below, by their names from there; what
// --force set aside is left out. There may be none.
func suiteDirs(dir string) (map[string]string, error) {
	if _, err := os.Stat(dir); err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, pattern := range []string{"", "*", "*/*"} {
		files, err := filepath.Glob(filepath.Join(escapeGlob(dir), pattern, score.ResultFile))
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			at := filepath.Dir(f)
			rel, err := filepath.Rel(dir, at)
			if err != nil {
				return nil, err
			}
			if rel == "." {
				rel = run.Label(dir)
			}
			if !setAside.MatchString(filepath.ToSlash(rel)) {
				found[shownName(f, rel)] = at
			}
		}
	}
	return found, nil
}

// shownName is a suite's directory, rel, by the names that the records of the run and the result have.
func shownName(result, rel string) string {
	parts, at := strings.Split(filepath.ToSlash(rel), "/"), filepath.Dir(result)
	if res, err := score.ReadResult(result); err == nil && recipe.HasVariables(res.Suite) { // who reads it next says what is wrong
		parts[len(parts)-1] = res.Suite
	}
	for i := len(parts) - 2; i >= 0; i-- {
		at = filepath.Dir(at)
		parts[i] = run.Label(at)
	}
	return strings.Join(parts, "/")
}

// setAside are directories that --force has renamed.
var setAside = regexp.MustCompile(`~[0-9]+(/|$)`)

// escapeGlob makes a pattern that a name alone matches. A backslash is a separator on Windows, and no escape.
func escapeGlob(name string) string {
	if filepath.Separator == '\\' {
		return name
	}
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(name)
}

func section(name, dir, against string, cards int) (reported.Section, error) {
	res, err := suitedir.Read(dir)
	if err != nil {
		return reported.Section{}, err
	}
	var other *score.Result
	if against != "" {
		if other, err = suitedir.Read(against); err != nil {
			return reported.Section{}, err
		}
	}
	suite, err := tableOf(res)
	if err != nil {
		return reported.Section{}, err
	}
	if suite != nil {
		defer func() { _ = suite.Close() }() // only read from
	}
	return reported.NewSection(name, res, other, suite, cards)
}

// tableOf opens the table that a result is on; nil if it is not there any more or has changed since.
func tableOf(res *score.Result) (*suites.Suite, error) {
	if res.Table == "" && res.Data == nil {
		return nil, nil
	}
	if res.Table != "" {
		if err := run.Intact(context.Background(), run.Expanded(res.Table)); err != nil { // one that a stage has drawn
			return nil, err
		}
	}
	s, err := suitedir.OpenTable(context.Background(), res)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if s.Version != res.Version {
		return nil, s.Close()
	}
	return s, nil
}
