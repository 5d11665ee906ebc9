package main

// expSum512 is expSum with sixteen lanes: the same steps and, as two registers of eight make one of
// sixteen, the same sums.
func expSum512() {
	l("// func expSumAVX512(n8 int, src, dst *float32, sub float32) float32")
	l("TEXT ·expSumAVX512(SB), NOSPLIT, $0-36")
	p("MOVQ n8+0(FP), CX")
	p("MOVQ src+8(FP), SI")
	p("MOVQ dst+16(FP), DX")
	p("VBROADCASTSS sub+24(FP), Z12")
	for i, c := range names("clo chi clog2e cln2hi cln2lo cp0 cp1 cp2 cp3 cp4 cp5 cone ci127") {
		p("VBROADCASTSS ·%s(SB), Z%d", c, 16+i)
	}
	p("VPXORD Z11, Z11, Z11")
	p("MOVQ CX, BX")
	p("SHRQ $2, BX")
	p("JZ es512_tail")
	l("es512_loop:")
	p("VMOVUPS (SI), Z0")
	p("VMOVUPS 64(SI), Z3")
	exp512(0, 1, 2)
	exp512(3, 4, 5)
	p("VMOVUPS Z0, (DX)")
	p("VMOVUPS Z3, 64(DX)")
	p("VADDPS Z0, Z11, Z11")
	p("VADDPS Z3, Z11, Z11")
	p("ADDQ $128, SI")
	p("ADDQ $128, DX")
	p("DECQ BX")
	p("JNZ es512_loop")
	l("es512_tail:")
	for n := 2; n >= 1; n-- {
		mask := 1<<(8*n) - 1
		p("TESTQ $%d, CX", n)
		p("JZ es512_no%d", n)
		p("MOVL $%d, AX", mask)
		p("KMOVW AX, K1")
		p("VMOVUPS.Z (SI), K1, Z0")
		exp512(0, 1, 2)
		p("VMOVUPS Z0, K1, (DX)")
		p("VADDPS Z0, Z11, K1, Z11")
		p("ADDQ $%d, SI", 32*n)
		p("ADDQ $%d, DX", 32*n)
		l("es512_no%d:", n)
	}
	p("VEXTRACTF32X8 $1, Z11, Y10")
	p("VADDPS Y10, Y11, Y11")
	p("VEXTRACTF128 $1, Y11, X1")
	p("VADDPS X1, X11, X0")
	p("VHADDPS X0, X0, X0")
	p("VHADDPS X0, X0, X0")
	p("VMOVSS X0, ret+32(FP)")
	p("VZEROUPPER")
	p("RET")
	l("")
}

// exp512 is expv for Zx after Z12 is taken away; the constants stand in Z16 to Z28.
func exp512(x, t1, t2 int) {
	p("VSUBPS Z12, Z%d, Z%d", x, x)
	p("VMAXPS Z%d, Z16, Z%d", x, x) // NaN in x wins
	p("VMINPS Z%d, Z17, Z%d", x, x)
	p("VMULPS Z18, Z%d, Z%d", x, t1)
	p("VRNDSCALEPS $0, Z%d, Z%d", t1, t1)
	p("VFNMADD231PS Z19, Z%d, Z%d", t1, x)
	p("VFNMADD231PS Z20, Z%d, Z%d", t1, x)
	p("VMOVAPS Z21, Z%d", t2)
	for i := range 5 {
		p("VFMADD213PS Z%d, Z%d, Z%d", 22+i, x, t2)
	}
	p("VCVTPS2DQ Z%d, Z%d", t1, t1)
	p("VPADDD Z28, Z%d, Z%d", t1, t1)
	p("VPSLLD $23, Z%d, Z%d", t1, t1)
	p("VMULPS Z%d, Z%d, Z%d", x, t2, t2)
	p("VFMADD213PS Z%d, Z%d, Z%d", x, x, t2)
	p("VADDPS Z27, Z%d, Z%d", t2, t2)
	p("VMULPS Z%d, Z%d, Z%d", t1, t2, x)
}

// max512 leaves what maxAVX2 leaves: eight maxima, and all ones in the second half if there was a NaN.
func max512() {
	l("// func maxAVX512(n16 int, x *float32, out *[16]float32)")
	l("TEXT ·maxAVX512(SB), NOSPLIT, $0-24")
	p("MOVQ n16+0(FP), CX")
	p("MOVQ x+8(FP), SI")
	p("MOVQ out+16(FP), DX")
	p("VMOVUPS (SI), Z0")
	p("KXORW K0, K0, K0")
	l("max512_loop:")
	p("VMOVUPS (SI), Z2")
	p("VCMPPS $3, Z2, Z2, K1")
	p("KORW K1, K0, K0")
	p("VMAXPS Z2, Z0, Z0")
	p("ADDQ $64, SI")
	p("DECQ CX")
	p("JNZ max512_loop")
	p("VEXTRACTF32X8 $1, Z0, Y2")
	p("VMAXPS Y2, Y0, Y0")
	p("VXORPS Y1, Y1, Y1")
	p("KORTESTW K0, K0")
	p("JEQ max512_done")
	p("VPCMPEQD Y1, Y1, Y1")
	l("max512_done:")
	p("VMOVUPS Y0, (DX)")
	p("VMOVUPS Y1, 32(DX)")
	p("VZEROUPPER")
	p("RET")
	l("")
}
