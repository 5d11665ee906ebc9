package eval

import (
	"bytes"
	"testing"

	"moslava/pipelines/eval/suites"
)

// opened opens a table of the suites' testdata.
func opened(t *testing.T, file string, opt suites.Options) *suites.Suite {
	t.Helper()
	s, err := OpenSuite("suites/testdata/"+file, opt)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func readText(text string, opt suites.Options) (*suites.Suite, error) {
	return suites.Read("some.tsv", bytes.NewReader([]byte(text)), opt)
}
