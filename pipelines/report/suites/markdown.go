package suites

import (
	"fmt"
	"slices"
	"strings"

	"moslava/pipelines/eval/score"
	"moslava/pipelines/report"
)

// Markdown is the page's numbers for a paper or a README: a table a suite, intervals, and the comparison.
func Markdown(p Page) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n", report.EscapeMarkdown(p.Title))
	for _, n := range p.Notes {
		fmt.Fprintf(&b, "\n%s\n", report.EscapeMarkdown(n))
	}
	for _, s := range p.Sections {
		v := newView(p, s)
		fmt.Fprintf(&b, "\n## %s\n\n", report.EscapeMarkdown(s.Name))
		head := []string{"", "n", "accuracy, %", "95 % interval", "chance, %"}
		if s.Against != nil {
			head = append(head, report.EscapeMarkdown(p.Against)+", %", "difference", "only this / other", "p")
		}
		line(&b, head)
		line(&b, append([]string{"---"}, slices.Repeat([]string{"---:"}, len(head)-1)...))
		rows := []row{v.Total}
		if len(v.Tables) > 0 {
			rows = v.Tables[0].Rows
		}
		for _, r := range rows {
			line(&b, r.markdown())
		}
		fmt.Fprintf(&b, "\n%s. Protocol `%s`, suite version `%s`.", upper(v.Measure), s.Result.Protocol, s.Result.Version)
		if j := s.Result.Judge; j != "" {
			fmt.Fprintf(&b, " Judge %s, %d answers read by it.", report.EscapeMarkdown(j), s.Result.Judged)
		}
		if n := s.Result.Unlabelled; n > 0 {
			fmt.Fprintf(&b, " %d questions have no answer in the suite and are in no number.", n)
		}
		if s.Against != nil && s.Against.Judge != s.Result.Judge {
			b.WriteString(" **The other run's judge is another.**")
		}
		if s.Compare != nil {
			fmt.Fprintf(&b, " Against %s: %s points, McNemar's exact test on %d discordant questions, p %s.", report.EscapeMarkdown(p.Against), v.Total.Difference(),
				s.Compare.OnlyA+s.Compare.OnlyB, equals(s.Compare.P))
		}
		b.WriteString(" Intervals are Wilson's; chance is a blind guesser that sticks to an option.\n")
		if len(s.Result.Confused) > 0 {
			b.WriteString("\nMost confused answers:\n\n")
			line(&b, []string{"right", "answered", "questions"})
			line(&b, []string{"---", "---", "---:"})
			for _, c := range s.Result.Confused {
				read := report.EscapeMarkdown(oneLine(c.Read))
				if c.Read == "" {
					read = "(nothing that was read)"
				}
				line(&b, []string{report.EscapeMarkdown(oneLine(c.Want)), read, fmt.Sprint(c.N)})
			}
		}
		for _, n := range s.Notes {
			fmt.Fprintf(&b, "\n* %s", report.EscapeMarkdown(n))
		}
		if len(s.Notes) > 0 {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

func (r row) markdown() []string {
	cells := []string{report.EscapeMarkdown(r.Name), fmt.Sprint(r.Tally.N), accuracy(r.Tally), interval(r.Tally), chance(r.Tally)}
	if r.Other != nil {
		pair := score.Paired{P: 1}
		if r.Pair != nil {
			pair = *r.Pair
		}
		cells = append(cells, accuracy(*r.Other), r.Difference(), fmt.Sprintf("%d / %d", pair.OnlyA, pair.OnlyB), pValue(pair.P))
	}
	return cells
}

func line(b *strings.Builder, cells []string) {
	b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

// oneLine is an answer for a cell of a table, whose lines end with their rows.
func oneLine(text string) string { return short(strings.Join(strings.Fields(text), " ")) }

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func equals(p float64) string {
	if s := pValue(p); s[0] == '<' {
		return s
	}
	return "= " + pValue(p)
}
