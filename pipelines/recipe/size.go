package recipe

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
)

// Bytes is a size. In a recipe it is a number with KiB, MiB, GiB or TiB behind it, as in 512MiB or 1.5GiB, or 0.
type Bytes int64

var bytesType = reflect.TypeFor[Bytes]()

var units = map[string]float64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}

func parseBytes(text string) (Bytes, error) {
	if text == "0" {
		return 0, nil
	}
	for unit, size := range units {
		number, ok := strings.CutSuffix(text, unit)
		if !ok {
			continue
		}
		x, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || !(x >= 0) || x*size >= math.MaxInt64 {
			break
		}
		return Bytes(x * size), nil
	}
	return 0, fmt.Errorf("%q is no size", text)
}
