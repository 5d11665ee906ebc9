package main

import (
	"fmt"
	"strings"
)

// Kernels over arrays of n8*8 elements, or of n16*16 where zmm turns each register Y into Z. They use no fused multiply-add, so that they round as the
// plain Go ones do and results are the same to the bit.

var pointers = []string{"SI", "DI", "DX", "R8", "R9", "R10", "R11"}

// vec is an element-wise kernel. ptrs name its arrays in the order of arguments, scalars the numbers
// that follow, broadcast to Y15, Y14, ... body computes eight elements; at(i) is array i's operand.
func vec(name string, ptrs, scalars []string, setup, body func(at func(i int) string)) {
	sig := ""
	for i, a := range ptrs {
		sig += ", " + a
		if i == len(ptrs)-1 {
			sig += " *float32"
		}
	}
	for i, a := range scalars {
		sig += ", " + a
		if i == len(scalars)-1 {
			sig += " float32"
		}
	}
	isa, width := "AVX2", 8
	if zmm {
		isa, width = "AVX512", 16
	}
	name += isa
	l("// func %s(n%d int%s)", name, width, sig)
	l("TEXT ·%s(SB), NOSPLIT, $0-%d", name, 8+8*len(ptrs)+4*len(scalars))
	p("MOVQ n%d+0(FP), CX", width)
	p("IMULQ $%d, CX", 4*width)
	for i, a := range ptrs {
		p("MOVQ %s+%d(FP), %s", a, 8+8*i, pointers[i])
	}
	for i, a := range scalars {
		p("VBROADCASTSS %s+%d(FP), Y%d", a, 8+8*len(ptrs)+4*i, 15-i)
	}
	at := func(i int) string { return fmt.Sprintf("(%s)(AX*1)", pointers[i]) }
	if setup != nil {
		setup(at)
	}
	p("XORQ AX, AX")
	l("%s_loop:", name)
	body(at)
	p("ADDQ $%d, AX", 4*width)
	p("CMPQ AX, CX")
	p("JLT %s_loop", name)
	p("VZEROUPPER")
	p("RET")
	l("")
}

// names splits a list such as "dst x y".
func names(s string) []string { return strings.Fields(s) }
func elementwise() {
	one := func(func(int) string) { p("VBROADCASTSS ·cone(SB), Y13") }
	vec("add", names("dst x y"), nil, nil, func(at func(int) string) {
		p("VMOVUPS %s, Y0", at(1))
		p("VADDPS %s, Y0, Y0", at(2))
		p("VMOVUPS Y0, %s", at(0))
	})
	vec("mul", names("dst x y"), nil, nil, func(at func(int) string) {
		p("VMOVUPS %s, Y0", at(1))
		p("VMULPS %s, Y0, Y0", at(2))
		p("VMOVUPS Y0, %s", at(0))
	})
	vec("scale", names("dst x"), names("s"), nil, func(at func(int) string) {
		p("VMULPS %s, Y15, Y0", at(1))
		p("VMOVUPS Y0, %s", at(0))
	})
	vec("axpy", names("dst x"), names("s"), nil, func(at func(int) string) {
		p("VMULPS %s, Y15, Y0", at(1))
		p("VADDPS %s, Y0, Y0", at(0))
		p("VMOVUPS Y0, %s", at(0))
	})
	vec("mulAdd", names("dst x y"), nil, nil, func(at func(int) string) {
		p("VMOVUPS %s, Y0", at(1))
		p("VMULPS %s, Y0, Y0", at(2))
		p("VADDPS %s, Y0, Y0", at(0))
		p("VMOVUPS Y0, %s", at(0))
	})
	vec("centreMul", names("dst x"), names("m"), nil, func(at func(int) string) {
		p("VMOVUPS %s, Y0", at(0))
		p("VSUBPS Y15, Y0, Y0")
		p("VMULPS %s, Y0, Y0", at(1))
		p("VMOVUPS Y0, %s", at(0))
	})
	vec("recip1p", names("dst x"), nil, one, func(at func(int) string) {
		p("VADDPS %s, Y13, Y0", at(1))
		p("VDIVPS Y0, Y13, Y0")
		p("VMOVUPS Y0, %s", at(0))
	})
	vec("rmsRow", names("dst x w"), names("s"), nil, func(at func(int) string) {
		p("VMULPS %s, Y15, Y0", at(1))
		p("VMULPS %s, Y0, Y0", at(2))
		p("VMOVUPS Y0, %s", at(0))
	})
	vec("layerRow", names("dst x w b"), names("m s"), nil, func(at func(int) string) {
		p("VMOVUPS %s, Y0", at(1))
		p("VSUBPS Y15, Y0, Y0")
		p("VMULPS Y14, Y0, Y0")
		p("VMULPS %s, Y0, Y0", at(2))
		p("VADDPS %s, Y0, Y0", at(3))
		p("VMOVUPS Y0, %s", at(0))
	})
	vec("rotate", names("a b cos sin"), names("sign"), nil, func(at func(int) string) {
		p("VMOVUPS %s, Y0", at(0))
		p("VMOVUPS %s, Y1", at(1))
		p("VMOVUPS %s, Y2", at(2))
		p("VMULPS %s, Y15, Y3", at(3))
		p("VMULPS Y2, Y0, Y4")
		p("VMULPS Y3, Y1, Y5")
		p("VSUBPS Y5, Y4, Y4")
		p("VMOVUPS Y4, %s", at(0))
		p("VMULPS Y2, Y1, Y4")
		p("VMULPS Y3, Y0, Y5")
		p("VADDPS Y5, Y4, Y4")
		p("VMOVUPS Y4, %s", at(1))
	})
	vec("sigmoidSlope", names("dst sig x"), names("k"), one, func(at func(int) string) {
		p("VMOVUPS %s, Y0", at(1))
		p("VSUBPS Y0, Y13, Y1")
		p("VMULPS %s, Y15, Y2", at(2))
		p("VMULPS Y1, Y2, Y2")
		p("VADDPS Y13, Y2, Y2")
		p("VMULPS Y0, Y2, Y2")
		p("VMOVUPS Y2, %s", at(0))
	})
	vec("adamW", names("value grad mean square"), names("shrink w1 beta2 w2 correction eps minusStep"), nil, func(at func(int) string) {
		p("VMOVUPS %s, Y0", at(1))
		p("VMOVUPS %s, Y1", at(2))
		p("VSUBPS Y1, Y0, Y2")
		p("VMULPS Y2, Y14, Y2")
		p("VADDPS Y2, Y1, Y1 // mean")
		p("VMULPS %s, Y13, Y2", at(3))
		p("VMULPS Y0, Y12, Y3")
		p("VMULPS Y0, Y3, Y3")
		p("VADDPS Y3, Y2, Y2 // square")
		p("VMOVUPS Y1, %s", at(2))
		p("VMOVUPS Y2, %s", at(3))
		p("VSQRTPS Y2, Y2")
		p("VDIVPS Y11, Y2, Y2")
		p("VADDPS Y10, Y2, Y2")
		p("VMULPS Y1, Y9, Y1")
		p("VDIVPS Y2, Y1, Y1")
		p("VMULPS %s, Y15, Y0", at(0))
		p("VADDPS Y1, Y0, Y0")
		p("VMOVUPS Y0, %s", at(0))
	})
	normalCDF()
}

// normalCDF computes Φ(x) from e = exp(-x²/2): Φ(-|x|) = e·t·P(t) with t = 1/(1+c|x|).
func normalCDF() {
	setup := func(func(int) string) {
		p("VBROADCASTSS ·cone(SB), Y13")
		p("VBROADCASTSS ·notSign(SB), Y12")
		p("VBROADCASTSS ·cdfSlope(SB), Y11")
	}
	vec("normalCDF", names("dst e x"), nil, setup, func(at func(int) string) {
		p("VMOVUPS %s, Y0", at(2))
		p("VANDPS Y12, Y0, Y1")
		p("VMULPS Y11, Y1, Y1")
		p("VADDPS Y13, Y1, Y1")
		p("VDIVPS Y1, Y13, Y1")
		p("VBROADCASTSS ·cdfPoly+28(SB), Y2")
		for i := 6; i >= 0; i-- {
			p("VBROADCASTSS ·cdfPoly+%d(SB), Y3", 4*i)
			p("VMULPS Y1, Y2, Y2")
			p("VADDPS Y3, Y2, Y2")
		}
		p("VMULPS Y1, Y2, Y2")
		p("VMULPS %s, Y2, Y2", at(1))
		p("VSUBPS Y2, Y13, Y3")
		if zmm {
			p("VPMOVD2M Z0, K1")
			p("VMOVAPS Z2, K1, Z3")
		} else {
			p("VBLENDVPS Y0, Y2, Y3, Y3")
		}
		p("VMOVUPS Y3, %s", at(0))
	})
}

// reductions write their lanes to out; Go adds those up.
func reductions() {
	l("// func dotAVX2(n32 int, x, y *float32, out *[32]float32)")
	l("TEXT ·dotAVX2(SB), NOSPLIT, $0-32")
	p("MOVQ n32+0(FP), CX")
	p("MOVQ x+8(FP), SI")
	p("MOVQ y+16(FP), DI")
	p("MOVQ out+24(FP), DX")
	for i := range 4 {
		p("VXORPS Y%d, Y%d, Y%d", i, i, i)
	}
	l("dot_loop:")
	for i := range 4 {
		p("VMOVUPS %d(SI), Y%d", 32*i, 4+i)
		p("VMULPS %d(DI), Y%d, Y%d", 32*i, 4+i, 4+i)
		p("VADDPS Y%d, Y%d, Y%d", 4+i, i, i)
	}
	p("ADDQ $128, SI")
	p("ADDQ $128, DI")
	p("DECQ CX")
	p("JNZ dot_loop")
	for i := range 4 {
		p("VMOVUPS Y%d, %d(DX)", i, 32*i)
	}
	p("VZEROUPPER")
	p("RET")
	l("")

	l("// func momentsAVX2(n8 int, x *float32, m float32, out *[16]float64)")
	l("TEXT ·momentsAVX2(SB), NOSPLIT, $0-32")
	p("MOVQ n8+0(FP), CX")
	p("MOVQ x+8(FP), SI")
	p("VBROADCASTSS m+16(FP), Y15")
	p("MOVQ out+24(FP), DX")
	for i := range 4 {
		p("VXORPS Y%d, Y%d, Y%d", i, i, i)
	}
	l("moments_loop:")
	p("VMOVUPS (SI), Y4")
	p("VSUBPS Y15, Y4, Y4")
	p("VMULPS Y4, Y4, Y5")
	for i, src := range []int{4, 5} {
		p("VEXTRACTF128 $1, Y%d, X6", src)
		p("VCVTPS2PD X%d, Y7", src)
		p("VCVTPS2PD X6, Y6")
		p("VADDPD Y7, Y%d, Y%d", 2*i, 2*i)
		p("VADDPD Y6, Y%d, Y%d", 2*i+1, 2*i+1)
	}
	p("ADDQ $32, SI")
	p("DECQ CX")
	p("JNZ moments_loop")
	for i := range 4 {
		p("VMOVUPD Y%d, %d(DX)", i, 32*i)
	}
	p("VZEROUPPER")
	p("RET")
	l("")

	// Maximum of each lane, and all ones in the second half of out where a lane met a NaN.
	l("// func maxAVX2(n8 int, x *float32, out *[16]float32)")
	l("TEXT ·maxAVX2(SB), NOSPLIT, $0-24")
	p("MOVQ n8+0(FP), CX")
	p("MOVQ x+8(FP), SI")
	p("MOVQ out+16(FP), DX")
	p("VMOVUPS (SI), Y0")
	p("VXORPS Y1, Y1, Y1")
	l("max_loop:")
	p("VMOVUPS (SI), Y2")
	p("VCMPPS $3, Y2, Y2, Y3")
	p("VORPS Y3, Y1, Y1")
	p("VMAXPS Y2, Y0, Y0")
	p("ADDQ $32, SI")
	p("DECQ CX")
	p("JNZ max_loop")
	p("VMOVUPS Y0, (DX)")
	p("VMOVUPS Y1, 32(DX)")
	p("VZEROUPPER")
	p("RET")
	l("")
}
