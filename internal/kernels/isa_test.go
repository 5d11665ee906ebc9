package kernels

import (
	"strings"
	"testing"
)

// TestCheckISA: an unknown instruction set is an error that lists those there are.
func TestCheckISA(t *testing.T) {
	for _, ok := range []string{"", ISA()} {
		t.Setenv(isaVariable, ok)
		if err := CheckISA(); err != nil {
			t.Errorf("%q: %v", ok, err)
		}
	}
	for _, bad := range []string{"sse9", "AVX2", "avx2 ", "auto"} {
		t.Setenv(isaVariable, bad)
		err := CheckISA()
		if err == nil || !strings.Contains(err.Error(), "MOSLAVA_ISA") || !strings.Contains(err.Error(), strings.Join(isas, ", ")) {
			t.Errorf("%q: error %v", bad, err)
		}
	}
}
