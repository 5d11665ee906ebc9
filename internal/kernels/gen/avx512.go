package main

// avx512 prints the kernels that need AVX-512 F, BW, DQ and VL.
func avx512() {
	l("//go:build amd64 && !purego")
	l("")
	l("#include \"textflag.h\"")
	l("")
	micro{"micro32AVX512", "Z", 64, 2, 14, true}.print()
	micro{"micro16AVX512", "Z", 64, 1, 14, true}.print()
	expand512()
	copy512("copyRowsAVX512", false)
	copy512("fillRowsAVX512", true)
	expSum512()
	max512()
	zmm = true
	elementwise()
	zmm = false
	peak("peakAVX512", "Z", 24)
}

// expand512 prints the expansions of stored panels.
func expand512() {
	l("// func bf16ExpandAVX512(k int, b unsafe.Pointer, dst *float32)")
	l("TEXT ·bf16ExpandAVX512(SB), NOSPLIT, $0-24")
	p("MOVQ k+0(FP), CX")
	p("MOVQ b+8(FP), SI")
	p("MOVQ dst+16(FP), DX")
	p("MOVL $0xffff0000, AX")
	p("VPBROADCASTD AX, Z3")
	p("MOVL $16, AX")
	p("VPBROADCASTD AX, Y4 // shifts: 16 in the low half, which is columns 0 to 7, none in the high one")
	l("bfe512_loop:")
	p("VBROADCASTI32X8 (SI), Z0")
	p("VPSLLVD Z4, Z0, Z0")
	p("VPANDD Z3, Z0, Z0")
	p("VMOVUPS Z0, (DX)")
	p("ADDQ $32, SI")
	p("ADDQ $64, DX")
	p("DECQ CX")
	p("JNZ bfe512_loop")
	p("VZEROUPPER")
	p("RET")
	l("")

	// Pairs of rows, as many to a set of scales as pairs says.
	l("// func nf4ExpandAVX512(nblk, pairs int, q *byte, s, dst *float32)")
	l("TEXT ·nf4ExpandAVX512(SB), NOSPLIT, $0-40")
	p("MOVQ nblk+0(FP), CX")
	p("MOVQ pairs+8(FP), AX")
	p("MOVQ q+16(FP), SI")
	p("MOVQ s+24(FP), DI")
	p("MOVQ dst+32(FP), DX")
	p("VMOVUPS ·nf4tab(SB), Z4")
	l("nf4e512_blk:")
	p("VMOVUPS (DI), Z5")
	p("MOVQ AX, BX")
	l("nf4e512_loop:")
	p("VPMOVZXBD (SI), Z0")
	p("VPERMPS Z4, Z0, Z1")
	p("VPSRLD $4, Z0, Z0")
	p("VPERMPS Z4, Z0, Z2")
	p("VMULPS Z5, Z1, Z1")
	p("VMULPS Z5, Z2, Z2")
	p("VMOVUPS Z1, (DX)")
	p("VMOVUPS Z2, 64(DX)")
	p("ADDQ $16, SI")
	p("ADDQ $128, DX")
	p("DECQ BX")
	p("JNZ nf4e512_loop")
	p("ADDQ $64, DI")
	p("DECQ CX")
	p("JNZ nf4e512_blk")
	p("VZEROUPPER")
	p("RET")
	l("")
}

// copy512 copies rows of up to 16 numbers, as many as mask has bits. fill writes all 16, zeros after them.
func copy512(name string, fill bool) {
	l("// func %s(rows int, src *float32, lds int, dst *float32, ldd, mask int)", name)
	l("TEXT ·%s(SB), NOSPLIT, $0-48", name)
	p("MOVQ rows+0(FP), CX")
	p("MOVQ src+8(FP), SI")
	p("MOVQ lds+16(FP), R8")
	p("MOVQ dst+24(FP), DX")
	p("MOVQ ldd+32(FP), R9")
	p("MOVQ mask+40(FP), AX")
	p("KMOVW AX, K1")
	p("SHLQ $2, R8")
	p("SHLQ $2, R9")
	p("LEAQ (R8)(R8*2), R10")
	p("LEAQ (R9)(R9*2), R11")
	mask := "K1, "
	if fill {
		mask = ""
	}
	ats := []string{"(SI)", "(SI)(R8*1)", "(SI)(R8*2)", "(SI)(R10*1)"}
	to := []string{"(DX)", "(DX)(R9*1)", "(DX)(R9*2)", "(DX)(R11*1)"}
	p("SUBQ $4, CX")
	p("JLT %s_tail", name)
	l("%s_loop:", name)
	for i := range 4 {
		p("VMOVUPS.Z %s, K1, Z%d", ats[i], i)
	}
	for i := range 4 {
		p("VMOVUPS Z%d, %s%s", i, mask, to[i])
	}
	p("LEAQ (SI)(R8*4), SI")
	p("LEAQ (DX)(R9*4), DX")
	p("SUBQ $4, CX")
	p("JGE %s_loop", name)
	l("%s_tail:", name)
	p("ADDQ $4, CX")
	p("JEQ %s_done", name)
	l("%s_one:", name)
	p("VMOVUPS.Z (SI), K1, Z0")
	p("VMOVUPS Z0, %s(DX)", mask)
	p("ADDQ R8, SI")
	p("ADDQ R9, DX")
	p("DECQ CX")
	p("JNZ %s_one", name)
	l("%s_done:", name)
	p("VZEROUPPER")
	p("RET")
	l("")
}
