package eval

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"moslava/internal/atomicfile"
	"moslava/internal/infile"
	"moslava/internal/pytext"
	"moslava/internal/sealed"
	"moslava/internal/spreadsheet"
)

// Abbreviations are MMBench's short names of the l2-categories, as VLMEvalKit's MMB_abbrs has them.
var Abbreviations = map[string]string{
	"coarse_perception":                       "CP",
	"finegrained_perception (instance-level)": "FP-S",
	"finegrained_perception (cross-instance)": "FP-C",
	"logic_reasoning":                         "LR",
	"relation_reasoning":                      "RR",
	"attribute_reasoning":                     "AR",
}

// WriteAccuracyCSV writes VLMEvalKit's *_acc.csv: a row per split; columns split, Overall, l2-categories sorted by full name and
// abbreviated, categories sorted; circular accuracies as fractions, every cell quoted, empty where a split has no such
// question. Splits are sorted, where upstream leaves their order to a hash.
func (r *Result) WriteAccuracyCSV(w io.Writer) error {
	cells := []string{"split", "Overall"}
	for _, b := range r.Overall.L2 {
		if short, ok := Abbreviations[b.Name]; ok {
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

// WriteYesNoCSV writes VLMEvalKit's *_score.csv of POPE: columns split, Overall (100 x F1), acc, precision, recall, in per cent.
func (r *Result) WriteYesNoCSV(w io.Writer) error {
	lines := [][]string{{"split", "Overall", "acc", "precision", "recall"}}
	for _, y := range r.YesNo {
		lines = append(lines, []string{y.Name, pytext.Repr(y.F1 * 100), pytext.Repr(y.Accuracy * 100), pytext.Repr(y.Precision * 100), pytext.Repr(y.Recall * 100)})
	}
	return writeQuoted(w, lines)
}

// WriteCSV writes the table that VLMEvalKit has for the kind of suite: *_acc.csv for options, *_score.csv for POPE; for MME, TextVQA
// and MathVista one line of the sheet's values under their names.
func (r *Result) WriteCSV(w io.Writer) error {
	switch {
	case r.Kind == YesNo:
		return r.WriteYesNoCSV(w)
	case r.Sheet == nil || r.Kind == Mixed && len(r.Overall.L2) > 0:
		return r.WriteAccuracyCSV(w)
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

// python is the share as Python writes it, empty if it is not known.
func (s Share) python() string {
	if s == NotKnown {
		return ""
	}
	return pytext.Repr(float64(s))
}

// Percent is the share in per cent with one digit, "-" if it is not known.
func (s Share) Percent() string {
	if s == NotKnown {
		return "-"
	}
	return strconv.FormatFloat(100*float64(s), 'f', 1, 64)
}

// Line is the result in a line for people.
func (r *Result) Line() string {
	t := r.Overall.Tally
	if t.N == 0 {
		return fmt.Sprintf("%s: no answers in the suite: predictions only, of %d questions, %s", r.Suite, r.Unlabelled, r.Protocol)
	}
	what := "accuracy"
	if r.Kind == Circular {
		what = "circular"
	}
	line := fmt.Sprintf("%s: %s %.1f %% (%d of %d, 95 %% interval %.1f to %.1f), %s", r.Suite, what, 100*t.Circular, t.Hits, t.N, 100*t.Low, 100*t.High, r.Protocol)
	if t.Unresolved > 0 {
		line += fmt.Sprintf(", %d answers not read", t.Unresolved)
	}
	if r.Unlabelled > 0 {
		line += fmt.Sprintf(", left out: %d of %d questions, to which the suite has no answer", r.Unlabelled, r.Unlabelled+t.N)
	}
	return line
}

// WriteJSON writes the result as indented JSON, whole or not at all.
func (r *Result) WriteJSON(path string) error {
	b, err := sealed.Encode(r, resultIndent, r.seal)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return atomicfile.WriteBytes(path, b)
}

const resultIndent = "  "

func (r *Result) seal(sum string) { r.Sum = sum }

// ReadResult reads what WriteJSON wrote. Unknown fields are errors.
func ReadResult(path string) (*Result, error) {
	text, err := infile.Read(path, 64<<20)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	var r Result
	if err := dec.Decode(&r); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := sealed.Check(text, &r, resultIndent, r.Sum, r.seal); err != nil && !errors.Is(err, sealed.ErrNone) {
		return nil, fmt.Errorf("%s %w", path, err)
	}
	return &r, nil
}
