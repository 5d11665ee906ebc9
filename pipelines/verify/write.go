package verify

import (
	"fmt"
	"io"
	"strings"
)

// Write prints a table of the report and a last line that counts.
func (r *Report) Write(w io.Writer) error {
	width := len("result")
	for _, row := range r.Rows {
		width = max(width, len(row.Name))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%-*s  %9s  %9s  %9s\n", width, "result", "max abs", "max rel", "bound")
	for _, row := range r.Rows {
		verdict := "pass"
		if !row.OK {
			verdict = "FAIL"
		}
		fmt.Fprintf(&b, "%-*s  %9.3g  %9.3g  %9s  %s", width, row.Name, row.MaxAbs, row.MaxRel, row.bound(), verdict)
		if row.Note != "" {
			fmt.Fprintf(&b, "  (%s)", row.Note)
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "%d of %d results pass\n", len(r.Rows)-r.Failed(), len(r.Rows))
	_, err := io.WriteString(w, b.String())
	return err
}

func (r Row) bound() string {
	switch {
	case r.Bound == 0:
		return "equal"
	case r.Absolute:
		return fmt.Sprintf("abs %.2g", r.Bound)
	}
	return fmt.Sprintf("%.3g", r.Bound)
}
