package records

import (
	"bufio"
	"io"
	"strconv"
	"strings"

	"moslava/internal/atomicfile"
)

// WriteTSV writes the table tab-separated with every cell in quotes, as VLMEvalKit's dump_tsv does, whole or not at all.
//
// A tab-separated file has no types: a spreadsheet program that opens it takes "=cmd|..." for a formula, quotes or not. Such
// cells get an apostrophe before them (see guard), which pandas reads as part of the text; guarded names them. All other
// texts are read back by pandas as they are. The apostrophe is no letter, no word and no option text, so VLMEvalKit's rules read the
// same answers out of a guarded prediction; who needs every byte takes the verdicts or the .xlsx.
func (t *Table) WriteTSV(path string) (guarded []string, err error) {
	err = atomicfile.WriteFile(path, func(w io.Writer) error {
		b := bufio.NewWriter(w)
		line(b, t.Columns)
		cells := make([]string, len(t.Columns))
		for _, r := range t.Rows {
			cells[0] = strconv.FormatInt(r.Index, 10)
			for i, s := range r.Texts {
				if cells[i+1] = guard(s); cells[i+1] != s {
					guarded = append(guarded, t.where(r, i+1))
				}
			}
			line(b, cells)
		}
		return b.Flush()
	})
	return guarded, err
}

func line(b *bufio.Writer, cells []string) {
	for i, c := range cells {
		if i > 0 {
			b.WriteByte('\t')
		}
		b.WriteString(`"` + strings.ReplaceAll(c, `"`, `""`) + `"`)
	}
	b.WriteByte('\n')
}

// guard puts an apostrophe before a text that spreadsheet programs evaluate: one that, after blanks, begins with = + - or @ (or
// their full-width forms, which some locales take the same way) and goes on, and is no number. An apostrophe before such a text is doubled,
// so that Unguard gives back every text.
func guard(s string) string {
	if formula(strings.TrimLeft(s, "'")) {
		return "'" + s
	}
	return s
}

// Unguard takes guard's apostrophe away.
func Unguard(s string) string {
	if strings.HasPrefix(s, "'") && formula(strings.TrimLeft(s, "'")) {
		return s[1:]
	}
	return s
}

func formula(s string) bool {
	s = strings.TrimSpace(s)
	for _, sign := range []string{"=", "+", "-", "@", "＝", "＋", "－", "＠"} {
		rest, ok := strings.CutPrefix(s, sign)
		if !ok {
			continue
		}
		_, err := strconv.ParseFloat(s, 64)
		number := err == nil && !strings.ContainsAny(s, "nNxXpP_") // not inf, nan, 0x1p2
		return strings.TrimSpace(rest) != "" && !number
	}
	return false
}
