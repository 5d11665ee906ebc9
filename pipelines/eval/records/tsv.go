package records

import (
	"bufio"
	"io"
	"strings"

	"moslava/internal/atomicfile"
	"moslava/internal/spreadsheet"
)

// WriteTSV writes the table tab-separated with every cell in quotes, as VLMEvalKit's dump_tsv does, whole or not at all.
//
// A tab-separated file has no types: a spreadsheet program that opens it takes "=cmd|..." for a formula, quotes or not.
// Such cells get an apostrophe before them (see spreadsheet.Guard), which pandas reads as part of the text; guarded
// names them. All other texts are read back by pandas as they are. The apostrophe is no letter, no word and no option
// text, so VLMEvalKit's rules read the same answers out of a guarded prediction; who needs every byte takes the
// verdicts or the .xlsx.
func (t *Table) WriteTSV(path string) (guarded []string, err error) {
	err = atomicfile.WriteFile(path, func(w io.Writer) error {
		b := bufio.NewWriter(w)
		line(b, t.Columns)
		cells := make([]string, len(t.Columns))
		for _, r := range t.Rows {
			if cells[0] = spreadsheet.Guard(r.index()); cells[0] != r.index() {
				guarded = append(guarded, t.where(r, 0))
			}
			for i, s := range r.Texts {
				if cells[i+1] = spreadsheet.Guard(s); cells[i+1] != s {
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
