//go:build amd64 && !purego

package kernels

import "testing"

// eachPath runs f with every instruction set that the machine has, and in plain Go.
func eachPath(t *testing.T, f func(t *testing.T)) {
	have2, have512 := haveAVX2, haveAVX512
	defer func() { haveAVX2, haveAVX512 = have2, have512 }()
	if have512 {
		t.Run("avx512", f)
	} else {
		t.Log("no AVX-512 here: its assembly is not tested")
	}
	haveAVX512 = false
	if have2 {
		t.Run("avx2", f)
	} else {
		t.Log("no AVX2 and FMA here: the assembly is not tested")
	}
	haveAVX2 = false
	t.Run("plain", f)
}

// bothPaths gives the results of f with the assembly in use and in plain Go, the same if there is none.
func bothPaths(f func() []float32) (assembly, plain []float32) {
	have2, have512 := haveAVX2, haveAVX512
	defer func() { haveAVX2, haveAVX512 = have2, have512 }()
	assembly = f()
	haveAVX2, haveAVX512 = false, false
	return assembly, f()
}
