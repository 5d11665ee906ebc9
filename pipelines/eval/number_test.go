package eval

import (
	"math"
	"testing"
)

func TestNumbersAsPythonReadsThem(t *testing.T) {
	for in, want := range map[string]float64{" 3.5 ": 3.5, "1_000": 1000, "٣": 3, "１２.５": 12.5, "𝟘𝟙": 1, "1e400": math.Inf(1), "-inf": math.Inf(-1), ".5": 0.5, "5.": 5} {
		if got, ok := parseFloatPython(in); !ok || got != want {
			t.Errorf("%q: found %v, %t, expected %v", in, got, ok, want)
		}
	}
	for _, in := range []string{"", "0x10", "1__0", "_1", "1_", "1 0", "x", "1,000"} {
		if got, ok := parseFloatPython(in); ok {
			t.Errorf("%q: found %v, expected no number", in, got)
		}
	}
	for in, want := range map[string]string{" 14 ": "14", "+7": "7", "-1_0": "-10", "٣": "3"} {
		if got, ok := parseIntPython(in); !ok || got.String() != want {
			t.Errorf("%q: found %v, %t, expected %s", in, got, ok, want)
		}
	}
	for _, in := range []string{"", "1.0", "--1", "0x1", "1__0", "a"} {
		if got, ok := parseIntPython(in); ok {
			t.Errorf("%q: found %v, expected no number", in, got)
		}
	}
}
