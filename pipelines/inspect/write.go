package inspect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// writeRows prints how many rows there are, in what form, and of what splits.
func (r *Report) writeRows(b *bytes.Buffer) {
	s := r.Stored
	if s == nil {
		fmt.Fprintf(b, "\n%d rows\n", r.Rows)
		return
	}
	for _, split := range slices.Sorted(maps.Keys(s.Splits)) {
		fmt.Fprintf(b, "\nsplit %s: %d rows", split, s.Splits[split])
	}
	if len(s.Splits) > 0 {
		b.WriteByte('\n')
		return
	}
	fmt.Fprintf(b, "\n%d rows (%s)", r.Rows, s.Form)
	if s.Shape != "" {
		fmt.Fprintf(b, ": %s", s.Shape)
	}
	b.WriteByte('\n')
}

// writeColumns prints the columns, what each is used for, and the first sample.
func (r *Report) writeColumns(b *bytes.Buffer) {
	name, kind := 20, 0
	for _, c := range r.Columns {
		name, kind = max(name, len(c.Name)), max(kind, min(len(c.Type), 60))
	}
	for _, c := range r.Columns {
		line := fmt.Sprintf("  %-*s", name, c.Name)
		if kind > 0 {
			line += fmt.Sprintf(" %-*s", kind, c.Type)
		}
		if c.Use != "" {
			line += "  " + c.Use
		}
		fmt.Fprintln(b, strings.TrimRight(line, " "))
	}
	if r.Stored == nil || r.Stored.First == nil {
		return
	}
	first := r.Stored.First
	fmt.Fprintf(b, "\nthe first sample (%d pictures", len(first.Pictures))
	for _, size := range first.Pictures {
		fmt.Fprintf(b, ", %d bytes", size)
	}
	b.WriteString(")\n")
	for _, t := range first.Turns {
		fmt.Fprintf(b, "  %-6s %q\n", t[0], t[1])
	}
}

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
	if r.Kind == "arrow" || r.Stored != nil {
		r.writeRows(&b)
	}
	if s := r.Samples; s != nil {
		fmt.Fprintf(&b, "%d rows read, %d of them bad: %d turns, %d answers that are learnt, %d that are context, %d texts learnt whole, %d pictures\n",
			s.Rows+s.Bad, s.Bad, s.Turns, s.Answers, s.Context, s.Whole, s.Pictures)
	}
	r.writeColumns(&b)
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
