//go:build amd64 && !purego

package kernels

import "testing"

// eachPath runs f with the assembly, where the machine has what it needs, and without it.
func eachPath(t *testing.T, f func(t *testing.T)) {
	have := haveAVX2
	defer func() { haveAVX2 = have }()
	if have {
		t.Run("assembly", f)
	} else {
		t.Log("no AVX2 and FMA here: the assembly is not tested")
	}
	haveAVX2 = false
	t.Run("plain", f)
}

// bothPaths gives the results of f with and without the assembly, the same function twice if there is none.
func bothPaths(f func() []float32) (assembly, plain []float32) {
	have := haveAVX2
	defer func() { haveAVX2 = have }()
	assembly = f()
	haveAVX2 = false
	return assembly, f()
}
