package adapters

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"moslava/internal/atomicfile"
	"moslava/internal/output"
	"moslava/moslora"
	"moslava/pipelines/run"
)

// Compose writes the weighted sum of adapter directories to dir. Each part is DIR=WEIGHT. What is in dir already is an error, or by force is
// set aside.
func Compose(ctx context.Context, dir string, parts []string, force bool) (err error) {
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
	reads := make([]string, len(list))
	for i, part := range list {
		reads[i] = part.Dir
	}
	release, err := output.Dir(dir, output.Options{Reads: reads, Force: force})
	if err != nil {
		return fmt.Errorf("compose: %w", err)
	}
	defer func() { err = errors.Join(err, release()) }()
	if err := run.Intact(ctx, reads...); err != nil {
		return fmt.Errorf("compose: %w", err)
	}
	return atomicfile.WriteDir(dir, func(tmp string) error { return moslora.Compose(tmp, list) })
}
