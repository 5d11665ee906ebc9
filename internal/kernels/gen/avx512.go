package main

// avx512 prints the kernels that need AVX-512 F, BW, DQ and VL.
func avx512() {
	l("//go:build amd64 && !purego")
	l("")
	l("#include \"textflag.h\"")
	l("")
	peak("peakAVX512", "Z", 24)
}
