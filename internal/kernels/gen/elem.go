package main

import "math"

// consts writes the constants of exp. Above chi and below clo the exponent of the result is all ones
// or zero, so that it is infinite or zero without further instructions.
func consts() {
	c := []struct {
		n string
		v float32
	}{
		{"clo", -88}, {"chi", 89}, {"clog2e", 1.44269504088896341},
		{"cln2hi", 0.693359375}, {"cln2lo", -2.12194440e-4},
		{"cp0", 1.9875691500e-4}, {"cp1", 1.3981999507e-3}, {"cp2", 8.3334519073e-3}, {"cp3", 4.1665795894e-2}, {"cp4", 1.6666665459e-1}, {"cp5", 5.0000001201e-1}, {"cone", 1},
	}
	for _, k := range c {
		b := math.Float32bits(k.v)
		for i := 0; i < 4; i++ {
			l("DATA ·%s+%d(SB)/8, $0x%08x%08x", k.n, i*8, b, b)
		}
		l("GLOBL ·%s(SB), RODATA|NOPTR, $32", k.n)
	}
	for i := 0; i < 4; i++ {
		l("DATA ·ci127+%d(SB)/8, $0x%08x%08x", i*8, 127, 127)
	}
	l("GLOBL ·ci127(SB), RODATA|NOPTR, $32")
	l("DATA ·notSign+0(SB)/4, $0x7fffffff")
	l("GLOBL ·notSign(SB), RODATA|NOPTR, $4")
}

// expv sets Yx = exp(Yx) and clobbers Yt1 and Yt2. Y15 is log2(e), Y14 one, Y13 the last coefficient.
func expv(x, t1, t2 int) {
	p("VMOVUPS ·clo(SB), Y%d", t1)
	p("VMAXPS Y%d, Y%d, Y%d", x, t1, x) // NaN in x wins
	p("VMOVUPS ·chi(SB), Y%d", t2)
	p("VMINPS Y%d, Y%d, Y%d", x, t2, x)
	p("VMULPS Y15, Y%d, Y%d", x, t1)
	p("VROUNDPS $0, Y%d, Y%d", t1, t1)
	p("VFNMADD231PS ·cln2hi(SB), Y%d, Y%d", t1, x)
	p("VFNMADD231PS ·cln2lo(SB), Y%d, Y%d", t1, x)
	p("VMOVUPS ·cp0(SB), Y%d", t2)
	p("VFMADD213PS ·cp1(SB), Y%d, Y%d", x, t2)
	p("VFMADD213PS ·cp2(SB), Y%d, Y%d", x, t2)
	p("VFMADD213PS ·cp3(SB), Y%d, Y%d", x, t2)
	p("VFMADD213PS ·cp4(SB), Y%d, Y%d", x, t2)
	p("VFMADD213PS Y13, Y%d, Y%d", x, t2)
	p("VCVTPS2DQ Y%d, Y%d", t1, t1)
	p("VPADDD ·ci127(SB), Y%d, Y%d", t1, t1)
	p("VPSLLD $23, Y%d, Y%d", t1, t1)
	p("VMULPS Y%d, Y%d, Y%d", x, t2, t2)     // p*r
	p("VFMADD213PS Y%d, Y%d, Y%d", x, x, t2) // p*r*r + r
	p("VADDPS Y14, Y%d, Y%d", t2, t2)        // +1
	p("VMULPS Y%d, Y%d, Y%d", t1, t2, x)
}

func expSum() {
	l("// func expSumAVX2(n8 int, src, dst *float32, sub float32) float32   // dst = exp(src-sub), returns the sum")
	l("TEXT ·expSumAVX2(SB), NOSPLIT, $0-36")
	p("MOVQ n8+0(FP), CX")
	p("MOVQ src+8(FP), SI")
	p("MOVQ dst+16(FP), DX")
	p("VBROADCASTSS sub+24(FP), Y12")
	p("VMOVUPS ·clog2e(SB), Y15")
	p("VMOVUPS ·cone(SB), Y14")
	p("VMOVUPS ·cp5(SB), Y13")
	p("VXORPS Y11, Y11, Y11")
	p("VXORPS Y10, Y10, Y10")
	p("MOVQ CX, BX")
	p("SHRQ $1, BX")
	p("JZ es_tail")
	l("es_loop:")
	p("VMOVUPS (SI), Y0")
	p("VMOVUPS 32(SI), Y3")
	p("VSUBPS Y12, Y0, Y0")
	p("VSUBPS Y12, Y3, Y3")
	expv(0, 1, 2)
	expv(3, 4, 5)
	p("VMOVUPS Y0, (DX)")
	p("VMOVUPS Y3, 32(DX)")
	p("VADDPS Y0, Y11, Y11")
	p("VADDPS Y3, Y10, Y10")
	p("ADDQ $64, SI")
	p("ADDQ $64, DX")
	p("DECQ BX")
	p("JNZ es_loop")
	l("es_tail:")
	p("ANDQ $1, CX")
	p("JZ es_done")
	p("VMOVUPS (SI), Y0")
	p("VSUBPS Y12, Y0, Y0")
	expv(0, 1, 2)
	p("VMOVUPS Y0, (DX)")
	p("VADDPS Y0, Y11, Y11")
	l("es_done:")
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
