package checkpoint

import (
	"fmt"
	"math"
)

// A NotFiniteError says that a weight is NaN or infinite.
type NotFiniteError struct {
	Name, File string // the tensor as it is stored, and the path of its file
	At         int    // the first such element, row-major
	Value      float32
}

func (e *NotFiniteError) Error() string {
	return fmt.Sprintf("%s: tensor %q has %g at element %d", e.File, e.Name, e.Value, e.At)
}

// notFinite is the place of the first element that is NaN or infinite, or -1.
func notFinite(data []float32) int {
	const exponent = 0xff << 23
	for i, v := range data {
		if math.Float32bits(v)&exponent == exponent {
			return i
		}
	}
	return -1
}
