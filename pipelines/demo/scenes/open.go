package scenes

import (
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"

	"moslava/datasets"
)

// makers are the sources that Open knows.
var makers = map[string]func(n int, seed uint64) func(i int) Sample{"read": reading, "scan": scanning, "patches": patching, "whose": whose, "pretrain": pretraining, "align": aligning, "tune": tuning}

// maxSamples keeps row numbers within 31 bits.
const maxSamples = 1 << 30

// Open returns a source that draws its samples as they are read: "STAGE?n=N&seed=S", where STAGE is
// read, scan, patches, whose, pretrain, align or tune. Its rows are those of Reading, Scan, Patches, Whose, Pretrain, Align or Tune.
func Open(spec string) (datasets.Source, error) {
	stage, query, _ := strings.Cut(spec, "?")
	make, ok := makers[stage]
	if !ok {
		return nil, fmt.Errorf("scenes: stage %q, expected read, scan, patches, whose, pretrain, align or tune", stage)
	}
	n, seed, err := parseSize(spec, query)
	if err != nil {
		return nil, err
	}
	return &drawn{n: n, make: make(n, seed)}, nil
}

// WriteSuite writes the questions that "SPLIT?n=N&seed=S" names, where SPLIT is test or validation: those of TestTSV.
func WriteSuite(w io.Writer, spec string) error {
	name, query, _ := strings.Cut(spec, "?")
	split, ok := map[string]Split{Test.String(): Test, Validation.String(): Validation}[name]
	if !ok {
		return fmt.Errorf("scenes: split %q, expected %s or %s", name, Test, Validation)
	}
	n, seed, err := parseSize(spec, query)
	if err != nil {
		return err
	}
	return TestTSV(w, n, split, seed)
}

// parseSize reads the part "n=N&seed=S" of a name.
func parseSize(spec, query string) (n int, seed uint64, err error) {
	q, err := url.ParseQuery(query)
	if err != nil {
		return 0, 0, fmt.Errorf("scenes: %q: %w", spec, err)
	}
	var samples uint64
	for key, values := range q {
		v, err := strconv.ParseUint(values[0], 10, 63)
		if err != nil {
			return 0, 0, fmt.Errorf("scenes: %q: %s is %q, expected a number", spec, key, values[0])
		}
		switch key {
		case "n":
			samples = v
		case "seed":
			seed = v
		default:
			return 0, 0, fmt.Errorf("scenes: %q: key %q, expected n or seed", spec, key)
		}
	}
	if samples < 1 || samples > maxSamples {
		return 0, 0, fmt.Errorf("scenes: %q: n is %d, expected 1 to %d", spec, samples, maxSamples)
	}
	return int(samples), seed, nil
}

type drawn struct {
	n    int
	make func(i int) Sample
}

func (d *drawn) Len() int { return d.n }

func (d *drawn) At(i int) (Sample, error) {
	if i < 0 || i >= d.n {
		return Sample{}, fmt.Errorf("scenes: row %d of %d", i, d.n)
	}
	return d.make(i), nil
}

func (d *drawn) Close() error { return nil }
