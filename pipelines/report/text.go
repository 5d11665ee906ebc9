package report

import (
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/width"

	"moslava/internal/terminal"
)

// Text is the title, the table and the notes as aligned plain text for a terminal. Accuracies are in per cent, with their
// confidence interval where there is one; control characters become spaces.
func Text(r Run) string {
	var b strings.Builder
	if r.Title != "" {
		b.WriteString(terminal.Line(r.Title) + "\n")
	}
	if len(r.Table) > 0 {
		b.WriteString("\n" + textTable(r))
	}
	if len(r.Notes) > 0 {
		b.WriteByte('\n')
	}
	for _, n := range r.Notes {
		b.WriteString("* " + terminal.Line(n) + "\n")
	}
	return b.String()
}

func textTable(r Run) string {
	grid := tableCells(r)
	alignIntervals(grid)
	widths := make([]int, len(grid[0]))
	for _, line := range grid {
		for i := range line {
			line[i] = terminal.Line(line[i])
			widths[i] = max(widths[i], columnsOf(line[i]))
		}
	}
	var b strings.Builder
	rule := func() {
		total := 2 * (len(widths) - 1)
		for _, w := range widths {
			total += w
		}
		b.WriteString(strings.Repeat("-", total) + "\n")
	}
	for n, line := range grid {
		var row strings.Builder
		for i, cell := range line {
			pad := strings.Repeat(" ", widths[i]-columnsOf(cell))
			if i == 0 {
				row.WriteString(cell + pad)
			} else {
				row.WriteString("  " + pad + cell)
			}
		}
		b.WriteString(strings.TrimRight(row.String(), " ") + "\n")
		if n == 0 || (r.Table[n-1].Total && n < len(r.Table)) {
			rule()
		}
	}
	return b.String()
}

// alignIntervals pads cells without an interval, so that the numbers of a column stand below each other.
func alignIntervals(grid [][]string) {
	for i := range grid[0] {
		widest := 0
		for _, line := range grid[1:] {
			if k := strings.IndexByte(line[i], '['); i > 0 && k > 0 {
				widest = max(widest, columnsOf(line[i][k-1:]))
			}
		}
		for _, line := range grid[1:] {
			if k := strings.IndexByte(line[i], '['); i == 0 || k < 0 {
				line[i] += strings.Repeat(" ", widest)
			} else {
				line[i] += strings.Repeat(" ", widest-columnsOf(line[i][k-1:]))
			}
		}
	}
}

// tableCells is the table with its header as texts: name, n if any row has one, then the columns.
func tableCells(r Run) [][]string {
	counted := false
	for _, row := range r.Table {
		counted = counted || row.N > 0
	}
	head := []string{""}
	if counted {
		head = append(head, "n")
	}
	grid := [][]string{append(head, r.Columns...)}
	for _, row := range r.Table {
		line := []string{row.Name}
		if counted {
			n := ""
			if row.N > 0 {
				n = strconv.Itoa(row.N)
			}
			line = append(line, n)
		}
		for _, c := range row.Cells {
			cell := c.text()
			if iv := c.interval(); iv != "" {
				cell += " [" + iv + "]"
			}
			line = append(line, cell)
		}
		for len(line) < len(grid[0]) { // a row that WriteHTML would refuse still lines up
			line = append(line, "")
		}
		grid = append(grid, line[:len(grid[0])])
	}
	return grid
}

// columnsOf is how many terminal columns a text takes.
func columnsOf(s string) int {
	n := 0
	for _, r := range s {
		switch k := width.LookupRune(r).Kind(); {
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		case k == width.EastAsianWide || k == width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}

// Markdown is the report without curves and gallery, for a README or an issue.
func Markdown(r Run) string {
	var b strings.Builder
	if r.Title != "" {
		b.WriteString("# " + EscapeMarkdown(r.Title) + "\n\n")
	}
	for _, kv := range r.Summary {
		b.WriteString("* " + EscapeMarkdown(kv.Key) + ": " + EscapeMarkdown(kv.Value) + "\n")
	}
	if len(r.Summary) > 0 {
		b.WriteByte('\n')
	}
	if len(r.Table) > 0 {
		grid := tableCells(r)
		for n, line := range grid {
			for i := range line {
				line[i] = EscapeMarkdown(line[i])
				if n > 0 && r.Table[n-1].Total && line[i] != "" {
					line[i] = "**" + line[i] + "**"
				}
			}
			b.WriteString("| " + strings.Join(line, " | ") + " |\n")
			if n == 0 {
				b.WriteString("|---|" + strings.Repeat("---:|", len(line)-1) + "\n")
			}
		}
		b.WriteByte('\n')
	}
	for _, n := range r.Notes {
		b.WriteString("* " + EscapeMarkdown(n) + "\n")
	}
	if len(r.Files) > 0 {
		if len(r.Notes) > 0 {
			b.WriteByte('\n')
		}
		b.WriteString("Files:\n\n")
	}
	for _, f := range r.Files {
		b.WriteString("* " + EscapeMarkdown(f) + "\n")
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// EscapeMarkdown makes a text one line and escapes what CommonMark, tables included, would read as markup.
func EscapeMarkdown(s string) string {
	var b strings.Builder
	for _, r := range terminal.Line(s) {
		if strings.ContainsRune("\\`*_{}[]<>#|~!&$", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
