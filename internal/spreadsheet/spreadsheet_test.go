package spreadsheet

import (
	"slices"
	"testing"
)

// hostile are texts that programs which open a table may take for something else.
var hostile = []string{
	"=cmd|' /C calc'!A0", "=1+1", "+1+cmd|' /C calc'!A0", "-2+3+cmd|' /C calc'!A0", "@SUM(1+1)*cmd|' /C calc'!A0", "\t=1+1", "\r=1+1", "\n=1+1",
	" =1+1", "=HYPERLINK(\"http://127.0.0.1/?x=\"&A1,\"see\")", "＝1+1", "- a list", "'=1+1", "''=1+1", "-inf",
}

// harmless are texts that stay as they are in every file.
var harmless = []string{
	"A", "", "'", "'a'", "-5", "+3.5", "-1e-3", "=", "-", "+", "say \"A\"", "a\tb", "a\nb", "a\r\nb", "<b>x</b>", "_x0041_ & co", "是的", "🙂 A", "1", "007", "1.0", "None", "NA", "a=b", "x@y",
}

func TestGuard(t *testing.T) {
	for _, s := range hostile {
		if g := Guard(s); g != "'"+s || Unguard(g) != s {
			t.Errorf("%q is guarded as %q, which gives back %q", s, g, Unguard(g))
		}
	}
	for _, s := range harmless {
		if g := Guard(s); g != s || Unguard(s) != s {
			t.Errorf("%q is guarded as %q, and %q is taken from it", s, g, Unguard(s))
		}
	}
	rows := [][]string{{"=a", "-1.5"}}
	if g := GuardAll(rows); !slices.Equal(g[0], []string{"'=a", "-1.5"}) || rows[0][0] != "=a" {
		t.Errorf("found %q of %q", g, rows)
	}
}

func FuzzGuard(f *testing.F) {
	for _, s := range append(hostile, harmless...) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		g := Guard(s)
		if Unguard(g) != s {
			t.Errorf("%q is guarded as %q, which gives back %q", s, g, Unguard(g))
		}
		if formula(g) {
			t.Errorf("%q is guarded as %q, which is a formula still", s, g)
		}
	})
}
