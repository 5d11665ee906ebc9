package models

import (
	"strings"
	"testing"
)

func TestImageSizeIsAMultipleOfThePatch(t *testing.T) {
	for _, c := range []struct {
		size, patch, own int
		want             string
	}{{112, 14, 518, ""}, {14, 14, 518, ""}, {100, 14, 518, "98 or 112"}, {224, 32, 384, ""}, {223, 32, 224, "192 or 224"}, {10, 14, 518, "want 14"}, {384, 14, 384, ""}} {
		err := wholePatches(c.size, c.patch, c.own)
		if (err == nil) != (c.want == "") || err != nil && !strings.HasSuffix(err.Error(), c.want) {
			t.Errorf("%d pixels in patches of %d: %v, want %q", c.size, c.patch, err, c.want)
		}
	}
}
