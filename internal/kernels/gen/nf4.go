package main

// f16 widens and narrows panels of half-precision numbers. Narrowing rounds to the nearest, ties to even.
func f16() {
	l("// func f16ExpandAVX2(k int, b unsafe.Pointer, dst *float32)")
	l("TEXT ·f16ExpandAVX2(SB), NOSPLIT, $0-24")
	p("MOVQ k+0(FP), CX")
	p("MOVQ b+8(FP), SI")
	p("MOVQ dst+16(FP), DX")
	l("f16e_loop:")
	p("VCVTPH2PS (SI), Y0")
	p("VCVTPH2PS 16(SI), Y1")
	p("VMOVUPS Y0, (DX)")
	p("VMOVUPS Y1, 32(DX)")
	p("ADDQ $32, SI")
	p("ADDQ $64, DX")
	p("DECQ CX")
	p("JNZ f16e_loop")
	p("VZEROUPPER")
	p("RET")
	l("")

	l("// func f16NarrowAVX2(k int, src *float32, b unsafe.Pointer)")
	l("TEXT ·f16NarrowAVX2(SB), NOSPLIT, $0-24")
	p("MOVQ k+0(FP), CX")
	p("MOVQ src+8(FP), SI")
	p("MOVQ b+16(FP), DX")
	l("f16n_loop:")
	p("VMOVUPS (SI), Y0")
	p("VMOVUPS 32(SI), Y1")
	p("VCVTPS2PH $0, Y0, (DX)")
	p("VCVTPS2PH $0, Y1, 16(DX)")
	p("ADDQ $64, SI")
	p("ADDQ $32, DX")
	p("DECQ CX")
	p("JNZ f16n_loop")
	p("VZEROUPPER")
	p("RET")
	l("")
}

// npairs k-pairs of one block
func nf4deqn() {
	l("// func nf4DequantNAVX2(npairs int, q *byte, s *float32, dst *float32)")
	l("TEXT ·nf4DequantNAVX2(SB), NOSPLIT, $0-32")
	p("MOVQ npairs+0(FP), BX")
	p("MOVQ q+8(FP), SI")
	p("MOVQ s+16(FP), DI")
	p("MOVQ dst+24(FP), DX")
	p("VMOVUPS ·nf4tab(SB), Y14")
	p("VMOVUPS ·nf4tab+32(SB), Y15")
	p("VMOVUPS (DI), Y12")
	p("VMOVUPS 32(DI), Y13")
	l("nf4dn_loop:")
	nf4body()
	p("ADDQ $16, SI")
	p("ADDQ $128, DX")
	p("DECQ BX")
	p("JNZ nf4dn_loop")
	p("VZEROUPPER")
	p("RET")
	l("")
}

func nf4body() {
	for h := 0; h < 2; h++ {
		x, lo, hi, s1 := 0+4*h, 1+4*h, 2+4*h, 3+4*h
		sc := 12 + h
		p("VPMOVZXBD %d(SI), Y%d", 8*h, x)
		p("VPSLLD $28, Y%d, Y%d", x, s1)
		p("VPERMPS Y14, Y%d, Y%d", x, lo)
		p("VPERMPS Y15, Y%d, Y%d", x, hi)
		p("VBLENDVPS Y%d, Y%d, Y%d, Y%d", s1, hi, lo, lo)
		p("VMULPS Y%d, Y%d, Y%d", sc, lo, lo)
		p("VMOVUPS Y%d, %d(DX)", lo, 32*h)
		p("VPSLLD $24, Y%d, Y%d", x, s1)
		p("VPSRLD $4, Y%d, Y%d", x, x)
		p("VPERMPS Y14, Y%d, Y%d", x, lo)
		p("VPERMPS Y15, Y%d, Y%d", x, hi)
		p("VBLENDVPS Y%d, Y%d, Y%d, Y%d", s1, hi, lo, lo)
		p("VMULPS Y%d, Y%d, Y%d", sc, lo, lo)
		p("VMOVUPS Y%d, %d(DX)", lo, 64+32*h)
	}
}
