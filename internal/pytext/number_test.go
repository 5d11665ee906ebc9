package pytext

import (
	"math"
	"testing"
)

func TestNumbersAsPythonReadsThem(t *testing.T) {
	for in, want := range map[string]float64{" 3.5 ": 3.5, "1_000": 1000, "٣": 3, "１２.５": 12.5, "𝟘𝟙": 1, "1e400": math.Inf(1), "-inf": math.Inf(-1), ".5": 0.5, "5.": 5} {
		if got, ok := ParseFloat(in); !ok || got != want {
			t.Errorf("%q: found %v, %t, expected %v", in, got, ok, want)
		}
	}
	for _, in := range []string{"", "0x10", "1__0", "_1", "1_", "1 0", "x", "1,000"} {
		if got, ok := ParseFloat(in); ok {
			t.Errorf("%q: found %v, expected no number", in, got)
		}
	}
	for in, want := range map[string]string{" 14 ": "14", "+7": "7", "-1_0": "-10", "٣": "3"} {
		if got, ok := ParseInt(in); !ok || got.String() != want {
			t.Errorf("%q: found %v, %t, expected %s", in, got, ok, want)
		}
	}
	for _, in := range []string{"", "1.0", "--1", "0x1", "1__0", "a"} {
		if got, ok := ParseInt(in); ok {
			t.Errorf("%q: found %v, expected no number", in, got)
		}
	}
}

func TestFloatPython(t *testing.T) {
	for f, want := range map[float64]string{0: "0.0", 1: "1.0", 0.25: "0.25", 1.0 / 3: "0.3333333333333333", 0.00005: "5e-05", 100: "100.0"} {
		if got := Repr(f); got != want {
			t.Errorf("found %s, expected %s", got, want)
		}
	}
}
