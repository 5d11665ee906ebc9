package suites

import (
	"fmt"
	"strings"
)

// notes say what a reader of the scores should know of the rows.
func (r *suiteRows) notes() (notes []string) {
	if how := r.table.separated(); how != "" {
		notes = append(notes, "the table is separated by "+how+", as its header shows")
	}
	pictures := 0
	for _, it := range r.items {
		if it.ImageKey != "" {
			pictures++
		}
	}
	n := len(r.items)
	switch {
	case r.opt.TextOnly || pictures == n:
	case pictures == 0:
		notes = append(notes, "the table has no pictures: questions are asked from their text alone")
	default:
		notes = append(notes, fmt.Sprintf("%d of %d rows have no picture: they are asked from their text alone", n-pictures, n))
	}
	var unread []string
	for _, c := range r.table.names {
		if !r.knownColumn(r.opt.renamed(c)) {
			unread = append(unread, fmt.Sprintf("%q", c))
		}
	}
	if len(unread) == 1 {
		notes = append(notes, "column "+unread[0]+" is not read")
	} else if len(unread) > 1 {
		notes = append(notes, "columns "+strings.Join(unread, ", ")+" are not read")
	}
	return notes
}
