package eval

import (
	"bytes"
	"testing"
)

// opened opens a table of the suites' testdata.
func opened(t *testing.T, file string, opt SuiteOptions) *Suite {
	t.Helper()
	s, err := OpenSuite("testdata/"+file, opt)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func readText(text string, opt SuiteOptions) (*Suite, error) {
	return ReadSuite("some.tsv", bytes.NewReader([]byte(text)), opt)
}
