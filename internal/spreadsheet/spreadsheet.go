// Package spreadsheet keeps texts of tables from being computed by the programs that open them. Every table this
// program writes without types, CSV or TSV, passes its cells through Guard.
package spreadsheet

import (
	"strconv"
	"strings"
)

// Guard puts an apostrophe before a text that spreadsheet programs evaluate: one that, after blanks, begins with = + -
// or @ (or their full-width forms, which some locales take the same way) and goes on, and is no number. An apostrophe
// before such a text is doubled, so that Unguard gives back every text.
func Guard(s string) string {
	if formula(strings.TrimLeft(s, "'")) {
		return "'" + s
	}
	return s
}

// Unguard takes Guard's apostrophe away.
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

// GuardAll is Guard of every cell of a table, which stays as it is.
func GuardAll(rows [][]string) [][]string {
	out := make([][]string, len(rows))
	for i, row := range rows {
		out[i] = make([]string, len(row))
		for k, cell := range row {
			out[i][k] = Guard(cell)
		}
	}
	return out
}
