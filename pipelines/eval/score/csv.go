package score

import (
	"io"
	"slices"
	"strings"

	"moslava/internal/pytext"
	"moslava/internal/spreadsheet"
	"moslava/pipelines/eval/suites"
)

// abbreviations are MMBench's short names of the l2-categories, as VLMEvalKit's MMB_abbrs has them.
var abbreviations = map[string]string{
	"coarse_perception":                       "CP",
	"finegrained_perception (instance-level)": "FP-S",
	"finegrained_perception (cross-instance)": "FP-C",
	"logic_reasoning":                         "LR",
	"relation_reasoning":                      "RR",
	"attribute_reasoning":                     "AR",
}

// writeAccuracyCSV writes VLMEvalKit's *_acc.csv: a row per split; columns split, Overall, l2-categories sorted by full
// name and abbreviated, categories sorted; circular accuracies as fractions, every cell quoted, empty where a split has
// no such question. Splits are sorted, where upstream leaves their order to a hash.
func (r *Result) writeAccuracyCSV(w io.Writer) error {
	cells := []string{"split", "Overall"}
	for _, b := range r.Overall.L2 {
		if short, ok := abbreviations[b.Name]; ok {
			cells = append(cells, short)
		} else {
			cells = append(cells, b.Name)
		}
	}
	for _, b := range r.Overall.Category {
		cells = append(cells, b.Name)
	}
	lines := [][]string{cells}
	for _, s := range r.Splits {
		line := []string{s.Name, s.Circular.python()}
		line = append(line, accuracies(r.Overall.L2, s.L2)...)
		lines = append(lines, append(line, accuracies(r.Overall.Category, s.Category)...))
	}
	return writeQuoted(w, lines)
}

// accuracies looks up part's circular accuracy for each bucket of whole.
func accuracies(whole, part []Bucket) []string {
	out := make([]string, len(whole))
	for i, b := range whole {
		if k := slices.IndexFunc(part, func(p Bucket) bool { return p.Name == b.Name }); k >= 0 {
			out[i] = part[k].Circular.python()
		}
	}
	return out
}

// writeYesNoCSV writes VLMEvalKit's *_score.csv of POPE: columns split, Overall (100 x F1), acc, precision, recall, in
// per cent.
func (r *Result) writeYesNoCSV(w io.Writer) error {
	lines := [][]string{{"split", "Overall", "acc", "precision", "recall"}}
	for _, y := range r.YesNo {
		lines = append(lines, []string{y.Name, pytext.Repr(y.F1 * 100), pytext.Repr(y.Accuracy * 100), pytext.Repr(y.Precision * 100), pytext.Repr(y.Recall * 100)})
	}
	return writeQuoted(w, lines)
}

// WriteCSV writes the table that VLMEvalKit has for the kind of suite: *_acc.csv for options, *_score.csv for POPE; for
// MME, TextVQA and MathVista one line of the sheet's values under their names.
func (r *Result) WriteCSV(w io.Writer) error {
	switch {
	case r.Kind == suites.YesNo:
		return r.writeYesNoCSV(w)
	case r.Sheet == nil || r.Kind == suites.Mixed && len(r.Overall.L2) > 0:
		return r.writeAccuracyCSV(w)
	}
	var names, values []string
	for _, row := range r.Sheet.Rows {
		names, values = append(names, row.Name), append(values, pytext.Repr(row.Value))
	}
	return writeQuoted(w, [][]string{names, values})
}

// writeQuoted writes CSV with every cell in quotes, which encoding/csv does not do; names that a spreadsheet would
// compute are guarded.
func writeQuoted(w io.Writer, lines [][]string) error {
	var b strings.Builder
	for _, cells := range spreadsheet.GuardAll(lines) {
		for i, c := range cells {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(`"` + strings.ReplaceAll(c, `"`, `""`) + `"`)
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}
