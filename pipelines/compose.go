package pipelines

import (
	"fmt"
	"strconv"
	"strings"

	"moslava/internal/atomicfile"
	"moslava/moslora"
)

// Compose writes the weighted sum of adapter directories to dir. Each part is DIR=WEIGHT.
func Compose(dir string, parts []string) error {
	var list []moslora.Weighted
	for _, p := range parts {
		at := strings.LastIndexByte(p, '=')
		if at < 1 {
			return fmt.Errorf("compose: %q, want DIR=WEIGHT", p)
		}
		w, err := strconv.ParseFloat(p[at+1:], 64)
		if err != nil {
			return fmt.Errorf("compose: %q: the weight is %q, want a number", p, p[at+1:])
		}
		list = append(list, moslora.Weighted{Dir: p[:at], Weight: w})
	}
	if err := atomicfile.MkdirAll(dir); err != nil {
		return err
	}
	return moslora.Compose(dir, list)
}
