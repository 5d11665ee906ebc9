package eval

import (
	"fmt"
	"path/filepath"
	"strings"

	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/eval/suites"
)

// OpenSuite opens the file of a suite: a table, questions in JSON, or a definition (.yaml), whose protocol must have
// rules for it. The file must stay where it is: pictures are read from it when they are needed.
func OpenSuite(path string, opt suites.Options) (*suites.Suite, error) {
	if ext := strings.ToLower(filepath.Ext(path)); ext != ".yaml" && ext != ".yml" {
		return suites.OpenFile(path, opt)
	}
	d, err := suites.ReadDefinition(path)
	if err != nil {
		return nil, err
	}
	if d.Protocol != "" {
		if _, err := protocols.For(d.Protocol, d.Benchmark()); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	s, err := d.Open(opt)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}
