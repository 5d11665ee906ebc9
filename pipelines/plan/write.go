package plan

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// Write shows the plan of a stage to people.
func (s Stage) Write(out io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s (%s): %d steps of %.0f tokens, %.0f of them learnt, and %.0f pictures or tiles of them", s.Name, s.Kind, s.Steps, s.Tokens, s.Targets, s.Images)
	if s.Batches > 0 {
		fmt.Fprintf(&b, " (mean of %d batches)", s.Batches)
	}
	b.WriteString("\n")
	for _, a := range s.Assumed {
		fmt.Fprintf(&b, "  %s\n", a)
	}
	for _, c := range s.Adapters {
		c.write(&b)
	}
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "\tparameters\ttrained\t\n")
	total, trained := 0, 0
	for _, part := range []string{"vision", "projector", "language"} {
		if s.Parameters[part] == 0 {
			continue // a decoder alone
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t\n", part, s.Parameters[part], s.Trainable[part])
		total, trained = total+s.Parameters[part], trained+s.Trainable[part]
	}
	fmt.Fprintf(w, "together\t%d\t%d\t\n\t\t\t\n", total, trained)
	m := s.Memory
	for _, row := range []struct {
		name string
		n    int
	}{{"frozen weights", m.Frozen}, {"trained weights", m.Trained}, {"gradients", m.Gradients}, {"optimiser", m.Optimiser}, {"activations", m.Activations},
		{"other buffers", m.Buffers}, {"scratch", m.Scratch}, {"data", m.Data}, {"not yet collected", m.Garbage}, {"program", m.Program},
		{"a step", m.Step}, {"loading", m.Loading}, {"peak", m.Peak}} {
		fmt.Fprintf(w, "%s\t%.1f\tMiB\t\n", row.name, float64(row.n)/(1<<20))
	}
	f := s.FlopsOf
	fmt.Fprintf(w, "\t\t\t\noperations a step\t%.3f\tTFLOP\t\nof weights, adapters, attention\t%.3f, %.3f, %.3f\tTFLOP\t\n", s.Flops/1e12, f.Products/1e12, f.Skinny/1e12, f.Attention/1e12)
	if s.StepSeconds > 0 {
		fmt.Fprintf(w, "time a step\t%.2f\ts\t\nof the stage\t%s\t\t\n", s.StepSeconds, (time.Duration(s.Seconds) * time.Second).String())
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(out, b.String())
	return err
}
