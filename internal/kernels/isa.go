package kernels

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// isaVariable is the environment variable that lowers the instruction set of the kernels, to compare them.
const isaVariable = "MOSLAVA_ISA"

// CheckISA says what is wrong with the environment variable MOSLAVA_ISA: a value that names no instruction set here, or one that this
// processor does not have. It is read when the program starts, where nothing can be said; whoever starts computing asks here first.
func CheckISA() error {
	want := os.Getenv(isaVariable)
	if want == "" || want == ISA() {
		return nil
	}
	if !slices.Contains(isas, want) {
		return fmt.Errorf("the environment variable %s is %q, expected %s; unset it for the best that this processor has, %s",
			isaVariable, want, strings.Join(isas, ", "), ISA())
	}
	return fmt.Errorf("the environment variable %s is %q, and the best that this processor has is %s: unset it", isaVariable, want, ISA())
}
