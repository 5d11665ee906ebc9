//go:build arm64 && !purego

package kernels

import "testing"

// eachPath runs f with NEON and in plain Go.
func eachPath(t *testing.T, f func(t *testing.T)) {
	have := haveNEON
	defer func() { haveNEON = have }()
	haveNEON = true
	t.Run("neon", f)
	haveNEON = false
	t.Run("plain", f)
}

// bothPaths gives the results of f with the assembly in use and in plain Go, the same if there is none.
func bothPaths(f func() []float32) (assembly, plain []float32) {
	have := haveNEON
	defer func() { haveNEON = have }()
	assembly = f()
	haveNEON = false
	return assembly, f()
}
