package pytext

import (
	"slices"
	"testing"
)

func TestPythonLists(t *testing.T) {
	for in, want := range map[string][]string{
		`['a', "b's", 3]`: {"a", "b's", "3"}, `[]`: {}, ` ['x',] `: {"x"}, `['\'\n\u00e9\q']`: {"'\né\\q"},
	} {
		if got, ok := ParseList(in); !ok || !slices.Equal(got, want) {
			t.Errorf("%s: found %q, %t, expected %q", in, got, ok, want)
		}
	}
	for _, in := range []string{"", "x", "['a'", "['a]", "['a' 'b']", "[a]", "[['a']]", `['\x1']`} {
		if got, ok := ParseList(in); ok {
			t.Errorf("%s: found %q, expected no list", in, got)
		}
	}
}
