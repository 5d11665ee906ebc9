package inspect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
)

// Write prints the report for people.
func (r *Report) Write(w io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s: %s\n", r.Path, r.Kind)
	if len(r.Config) > 0 {
		b.WriteString("\nconfiguration\n  ")
		if err := json.Indent(&b, r.Config, "  ", "  "); err != nil {
			return err
		}
		b.WriteByte('\n')
	}
	for _, k := range slices.Sorted(maps.Keys(r.Metadata)) {
		fmt.Fprintf(&b, "metadata  %s: %.200s\n", k, r.Metadata[k])
	}
	if len(r.Files) > 0 {
		b.WriteString("\nfiles\n")
	}
	for _, f := range r.Files {
		fmt.Fprintf(&b, "  %-40s %14d bytes", f.Name, f.Bytes)
		if r.Kind == "arrow" {
			fmt.Fprintf(&b, " %9d rows", f.Rows)
		}
		b.WriteByte('\n')
	}
	if slices.Contains([]string{"arrow", "json", "parquet"}, r.Kind) {
		fmt.Fprintf(&b, "\n%d rows\n", r.Rows)
	}
	if s := r.Samples; s != nil {
		fmt.Fprintf(&b, "%d rows read, %d of them bad: %d turns, %d answers that are learnt, %d that are context, %d texts learnt whole, %d pictures\n",
			s.Rows+s.Bad, s.Bad, s.Turns, s.Answers, s.Context, s.Whole, s.Pictures)
	}
	for _, c := range r.Columns {
		fmt.Fprintf(&b, "  %-20s %s\n", c.Name, c.Type)
	}
	if len(r.Tensors) > 0 {
		width := 0
		for _, t := range r.Tensors {
			width = max(width, len(t.Name))
		}
		b.WriteString("\ntensors\n")
		for _, t := range r.Tensors {
			fmt.Fprintf(&b, "  %-*s  %-4s  %v\n", width, t.Name, t.DType, t.Shape)
		}
		fmt.Fprintf(&b, "\n%d tensors, %d parameters", len(r.Tensors), r.Parameters)
		for _, k := range slices.Sorted(maps.Keys(r.Types)) {
			fmt.Fprintf(&b, "; %d elements in %s", r.Types[k], k)
		}
		b.WriteByte('\n')
	}
	for _, warning := range r.Warnings {
		fmt.Fprintf(&b, "warning: %s\n", warning)
	}
	_, err := w.Write(b.Bytes())
	return err
}
