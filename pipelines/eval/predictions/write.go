package predictions

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"moslava/pipelines/eval/score"
	"moslava/pipelines/eval/suites"
)

// Write writes the result for a reader at a terminal.
func (s *Scored) Write(w io.Writer) error {
	r := s.Result
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "suite\t%s (%s)\nprotocol\t%s\nquestions\t%d\n", r.Suite, r.Kind, r.Protocol, r.Overall.N)
	if r.Unlabelled > 0 {
		fmt.Fprintf(t, "left out\t%d, to which the suite has no answer\n", r.Unlabelled)
	}
	if r.Overall.N == 0 {
		fmt.Fprint(t, "accuracy\t-\n")
		return s.finish(w, t, &b)
	}
	if r.Kind == suites.Circular {
		fmt.Fprintf(t, "circular accuracy\t%s\nvanilla accuracy\t%d/%d = %.5f\n", share(r.Overall.Hits, r.Overall.N), r.Overall.RowHits, r.Overall.Rows, r.Overall.Vanilla)
	} else {
		fmt.Fprintf(t, "right\t%s\n", share(r.Overall.Hits, r.Overall.N))
	}
	fmt.Fprintf(t, "95 %% interval\t%.5f to %.5f\nunresolved\t%d\n", r.Overall.Low, r.Overall.High, r.Overall.Unresolved)
	if r.Drawn > 0 {
		fmt.Fprintf(t, "drawn at random\t%d, of which %d right; without them %s\n", r.Drawn, r.DrawnHits, share(r.Overall.Hits-r.DrawnHits, r.Overall.N))
	}
	if r.Sheet != nil {
		fmt.Fprintf(t, "\n%s\tn\t\n", r.Sheet.Metric)
		for _, row := range r.Sheet.Rows {
			fmt.Fprintf(t, "%s\t%d\t%.5f\n", row.Name, row.N, row.Value)
		}
	} else {
		buckets(t, "l2-category", r.Overall.L2)
		buckets(t, "category", r.Overall.Category)
	}
	if len(r.YesNo) > 0 && r.Sheet == nil {
		fmt.Fprint(t, "\n\tn\taccuracy\tprecision\trecall\tF1\tyes\n")
		for _, y := range r.YesNo {
			fmt.Fprintf(t, "%s\t%d\t%.5f\t%.5f\t%.5f\t%.5f\t%.5f\n", y.Name, y.N, y.Accuracy, y.Precision, y.Recall, y.F1, y.YesRatio)
		}
	}
	return s.finish(w, t, &b)
}

// finish writes the notes, and with them everything.
func (s *Scored) finish(w io.Writer, t *tabwriter.Writer, b *strings.Builder) error {
	for _, n := range s.Result.Notes {
		fmt.Fprintf(t, "\nnote: %s\n", n)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func share(hits, n int) string {
	if n == 0 {
		return "no question with an answer"
	}
	return fmt.Sprintf("%d/%d = %.5f", hits, n, float64(hits)/float64(n))
}

func buckets(w io.Writer, what string, bs []score.Bucket) {
	if len(bs) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\tn\t\n", what)
	for _, b := range bs {
		if b.N == 0 {
			fmt.Fprintf(w, "%s\t0\t-\n", b.Name)
			continue
		}
		fmt.Fprintf(w, "%s\t%d\t%.5f\n", b.Name, b.N, b.Circular)
	}
}
