package runreport

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"moslava/internal/atomicfile"
	"moslava/pipelines/eval/score"
	"moslava/pipelines/metrics"
	"moslava/pipelines/report"
	"moslava/pipelines/run"
)

// curvesReport writes a report of a run that has evaluated nothing yet: what its training stages have measured, beside
// another run's where that has a stage of the same name.
func curvesReport(dir string, opt Options) (string, error) {
	stages, err := trainingDirs(dir)
	if err != nil {
		return "", err
	}
	page := report.Run{Title: "Training of " + run.Label(dir),
		Notes: []string{"Nothing has been evaluated yet: there is no " + score.ResultFile + "."}}
	var others map[string]string
	if opt.Against != "" {
		if others, err = trainingDirs(opt.Against); err != nil {
			return "", err
		}
		page.Title += " beside " + run.Label(opt.Against)
	}
	for _, name := range sortedKeys(stages) {
		own, err := stageCurves(name, run.Label(dir), stages[name])
		if err != nil {
			return "", err
		}
		page.Curves = append(page.Curves, own.curves...)
		page.Summary = append(page.Summary, report.KV{Key: name, Value: own.summary})
		cards, err := stageSamples(name, stages[name])
		if err != nil {
			return "", err
		}
		page.Gallery = append(page.Gallery, cards...)
		if other, ok := others[name]; ok {
			its, err := stageCurves(name, run.Label(opt.Against), other)
			if err != nil {
				return "", err
			}
			page.Curves = append(page.Curves, its.curves...)
			kv := report.KV{Key: name + " of " + run.Label(opt.Against), Value: its.summary}
			page.Summary = append(page.Summary, kv)
		}
	}
	page.Notes = append(page.Notes, onlyIn(opt.Against, stages, others, "stage")...)
	if opt.Markdown {
		return writeReport(dir, opt, report.MarkdownFile, func(path string) error {
			return atomicfile.WriteBytes(path, []byte(curvesMarkdown(page)))
		})
	}
	return writeReport(dir, opt, report.HTMLFile, func(path string) error { return report.WriteHTML(path, page) })
}

// trainingDirs finds the directories with steps of training, in dir and one level below, by their names.
func trainingDirs(dir string) (map[string]string, error) {
	found := map[string]string{}
	for _, pattern := range []string{"", "*"} {
		files, err := filepath.Glob(filepath.Join(escapeGlob(dir), pattern, metrics.LinesFile))
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			if at := filepath.Dir(f); !setAside.MatchString(run.Label(at)) {
				found[run.Label(at)] = at
			}
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s: found neither %s in it or up to two directories below, nor %s in it or one below, expected a run that has trained or evaluated something",
			dir, score.ResultFile, metrics.LinesFile)
	}
	return found, nil
}

// curvesOf is what a training stage has measured.
type curvesOf struct {
	curves  []report.Curve
	summary string
}

func stageCurves(name, whose, dir string) (out curvesOf, err error) {
	path := filepath.Join(dir, metrics.LinesFile)
	if err := run.Intact(context.Background(), path); err != nil {
		return out, err
	}
	lines, err := metrics.Read(path)
	if err != nil {
		return out, err
	}
	loss := report.Curve{Chart: name, Name: whose}
	validation := report.Curve{Chart: name, Name: whose + ", validation"}
	rate := report.Curve{Chart: name + ": learning rate", Name: whose, Y: "learning rate"}
	for _, l := range lines {
		step := float64(l.Step)
		loss.Steps, loss.Values = append(loss.Steps, step), append(loss.Values, l.Loss)
		rate.Steps, rate.Values = append(rate.Steps, step), append(rate.Values, l.LR)
		if l.Validation != nil {
			validation.Steps, validation.Values = append(validation.Steps, step), append(validation.Values, *l.Validation)
		}
	}
	out.curves = append(out.curves, loss)
	if len(validation.Steps) > 0 {
		out.curves = append(out.curves, validation)
	}
	out.curves = append(out.curves, rate)
	if len(lines) == 0 {
		out.summary = "no step yet"
		return out, nil
	}
	last := lines[len(lines)-1]
	out.summary = fmt.Sprintf("%d steps, loss %.4f at the first and %.4f at the last",
		last.Step, lines[0].Loss, last.Loss)
	if n := len(validation.Values); n > 0 {
		best := 0
		for i, v := range validation.Values {
			if v < validation.Values[best] {
				best = i
			}
		}
		out.summary += fmt.Sprintf("; lowest validation loss %.4f, at step %.0f",
			validation.Values[best], validation.Steps[best])
	}
	return out, nil
}

// curvesMarkdown is the summary of the stages as a list.
func curvesMarkdown(page report.Run) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n", report.EscapeMarkdown(page.Title))
	for _, s := range page.Summary {
		fmt.Fprintf(&b, "* %s: %s\n", report.EscapeMarkdown(s.Key), report.EscapeMarkdown(s.Value))
	}
	for _, n := range page.Notes {
		fmt.Fprintf(&b, "\n%s\n", report.EscapeMarkdown(n))
	}
	return b.String()
}

// onlyIn says what one of two runs has and the other has not; nothing without another run.
func onlyIn(against string, ours, theirs map[string]string, what string) (notes []string) {
	if against == "" {
		return nil
	}
	for _, name := range sortedKeys(ours) {
		if _, ok := theirs[name]; !ok {
			notes = append(notes, fmt.Sprintf("%s has no %s %s: nothing to compare it with",
				run.Label(against), what, name))
		}
	}
	for _, name := range sortedKeys(theirs) {
		if _, ok := ours[name]; !ok {
			notes = append(notes, fmt.Sprintf("%s %s is in %s alone and left out", what, name, run.Label(against)))
		}
	}
	return notes
}
