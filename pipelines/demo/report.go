package demo

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"moslava/internal/atomicfile"
	"moslava/pipelines/demo/scenes"
	"moslava/pipelines/engine/answers"
	"moslava/pipelines/eval"
	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/eval/score"
	"moslava/pipelines/eval/suites"
	"moslava/pipelines/metrics"
	"moslava/pipelines/recipe"
	"moslava/pipelines/report"
	"moslava/pipelines/vlm"
)

// report writes report.html and prints the table, three questions about pictures that the model has
// never seen, and what was written.
func (d *demo) report(ctx context.Context, r *recipe.Recipe, took time.Duration) error {
	exported := func(stage string) string {
		_, i := r.Stage(stage)
		return r.ExportDir(i)
	}
	out := report.Run{Title: "moslava demo", Columns: report.Columns()}
	results := map[string]*score.Result{}
	for column, where := range map[string]string{"after align": "after-align/test", "control": "after-control/test",
		"after tune": "after-tune/test", "blank": "after-tune/blank"} {
		stage, suite := filepath.Split(where)
		res, err := score.ReadResult(filepath.Join(r.DirOf(filepath.Clean(stage)), suite, score.ResultFile))
		if err != nil {
			return err
		}
		results[column] = res
	}
	out.Table = table(results)
	for _, stage := range []string{"align", "control", "tune"} {
		c, err := curve(stage, filepath.Join(r.DirOf(stage), metrics.LinesFile))
		if err != nil {
			return err
		}
		out.Curves = append(out.Curves, c)
	}
	model := exported("export-model")
	m, p, err := vlm.Open(vlm.Spec{Dir: model}, vlm.Options{})
	if err != nil {
		return err
	}
	m.Params.Freeze()
	a := answers.New(m, p)
	if out.Gallery, err = d.gallery(filepath.Join(r.DirOf("after-tune"), "test", eval.VerdictsFile)); err != nil {
		return err
	}
	asked, example, err := d.ask(ctx, a)
	if err != nil {
		return err
	}
	out.Summary = d.summary(m, took)
	out.Files = []string{report.HTMLFile, "demo.yaml", "data", "run"}
	out.Notes = []string{"Accuracy is MMBench's circular kind: a question counts when all rotations of its options are answered right.",
		"control: the same tuning data and steps with the projector alone trained; blank: the tuned model shown grey pictures."}
	if err := report.WriteHTML(d.path(report.HTMLFile), out); err != nil {
		return err
	}
	fmt.Fprintf(d.Out, "\n%s\n%s\n", report.Text(report.Run{Columns: out.Columns, Table: out.Table}), asked)
	rel := func(path string) string {
		if s, err := filepath.Rel(d.Dir, path); err == nil {
			path = s
		}
		return filepath.Join(d.Dir, path)
	}
	fmt.Fprintf(d.Out, "report    %s\nmodel     %s\nadapters  %s\nrecipe    %s\n", rel(d.path(report.HTMLFile)), rel(model),
		rel(exported("export-adapters")), rel(d.path("demo.yaml")))
	fmt.Fprintf(d.Out, "ask it:   moslava ask %s %s\n          (so small a model knows such pictures, and questions of the kinds it was tuned on, with options)\n", rel(model), example)
	fmt.Fprintf(d.Out, "finished in %s\n", took.Round(time.Second))
	return nil
}

// table is the accuracy by l2-category in each column.
func table(results map[string]*score.Result) []report.Row {
	first := results["after tune"]
	row := func(name string, n int, chance float64, of func(*score.Result) score.Tally) report.Row {
		r := report.Row{Name: name, N: n, Cells: []report.Cell{report.Value(chance)}}
		for _, c := range report.Columns()[1:] {
			t := of(results[c])
			r.Cells = append(r.Cells, report.Interval(float64(t.Circular), float64(t.Low), float64(t.High)))
		}
		return r
	}
	var rows []report.Row
	for i, b := range first.Overall.L2 {
		rows = append(rows, row(b.Name, b.N, b.ChanceSteady, func(r *score.Result) score.Tally { return r.Overall.L2[i].Tally }))
	}
	all := row("all", first.Overall.N, first.Overall.ChanceSteady, func(r *score.Result) score.Tally { return r.Overall.Tally })
	all.Total = true
	return append(rows, all)
}

func curve(name, path string) (report.Curve, error) {
	lines, err := metrics.Read(path)
	c := report.Curve{Name: name}
	for _, l := range lines {
		c.Steps = append(c.Steps, float64(l.Step))
		c.Values = append(c.Values, l.Loss)
	}
	return c, err
}

// gallery shows a picture of each category with the tuned model's answer.
func (d *demo) gallery(verdicts string) ([]report.QA, error) {
	suite, err := eval.OpenSuite(d.path("data", "test.tsv"), suites.Options{Name: "test"})
	if err != nil {
		return nil, err
	}
	vs, err := eval.ReadVerdicts(verdicts)
	if err != nil {
		return nil, err
	}
	answers := map[int64]protocols.Verdict{}
	for _, v := range vs {
		answers[v.ID] = v
	}
	var out []report.QA
	shown := map[string]int{}
	for _, it := range suite.Items {
		v, ok := answers[it.ID]
		if !ok || it.Pass != 0 || shown[it.L2] == 4 {
			continue
		}
		shown[it.L2]++
		png, err := suite.Picture(it.ImageKey)
		if err != nil {
			return nil, err
		}
		q := report.QA{PNG: png, Question: it.Question, Answer: v.Extracted, Want: it.Answer, Correct: v.Correct}
		for _, c := range it.Choices {
			q.Options = append(q.Options, c.Text)
		}
		out = append(out, q)
	}
	return out, nil
}

// ask puts three questions about test pictures that are in no file to the exported model, and says how to ask the first of them
// again in a shell.
func (d *demo) ask(ctx context.Context, a answers.Model) (asked, example string, err error) {
	var b strings.Builder
	b.WriteString("three pictures it has never seen:\n")
	for i := range 3 {
		s := scenes.New(testSeed+1, scenes.Test, 3, i)
		qs := s.Questions(s.Rand(99))
		q := qs[i%len(qs)]
		png := s.PNG()
		name := d.path(fmt.Sprintf("unseen-%d.png", i+1))
		if err := atomicfile.WriteBytes(name, png); err != nil {
			return "", "", err
		}
		if i == 0 {
			example = name + " $'" + strings.NewReplacer("\n", `\n`, "'", `\'`).Replace(q.Prompt()) + "'"
		}
		got, err := a.Answer(ctx, []eval.Question{{Pictures: [][]byte{png}, Prompt: q.Prompt()}}, eval.AnswerOptions{MaxNewTokens: 5})
		if err != nil {
			return "", "", err
		}
		var options []string
		for k, o := range q.Options {
			options = append(options, fmt.Sprintf("%c. %s", 'A'+k, o))
		}
		fmt.Fprintf(&b, "  %s (%s)\n    %s  %s\n    answer: %s, right: %s\n", name, s.Caption(), q.Text, strings.Join(options, "  "), got[0], q.Reply())
	}
	return b.String(), example, nil
}

func (d *demo) summary(m *vlm.Model, took time.Duration) []report.KV {
	n := map[string]int{}
	for p := range m.Params.All() {
		n[vlm.TowerOf(p.Name)] += p.Size()
	}
	return []report.KV{
		{Key: "vision tower", Value: fmt.Sprintf("%s, %d parameters", m.Config.Vision.ModelType, n["vision"])},
		{Key: "projector", Value: fmt.Sprintf("%s, %d parameters", m.Config.Projector.Type, n["projector"])},
		{Key: "language model", Value: fmt.Sprintf("%s, %d parameters", m.Config.Text.ModelType, n["language"])},
		{Key: "data", Value: fmt.Sprintf("%d pictures to align, %d to tune, %d questions", d.AlignRows, d.TuneRows, d.Questions)},
		{Key: "time", Value: took.Round(time.Second).String()},
	}
}
