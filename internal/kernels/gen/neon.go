package main

import "fmt"

// Go's assembler has no names for most vector floating-point instructions of arm64: three gives their
// code, with registers d, n, m in the order of the architecture's manual.
var three = map[string]uint32{
	"FADD": 0x4e20d400, "FSUB": 0x4ea0d400, "FMUL": 0x6e20dc00, "FDIV": 0x6e20fc00, "FMAX": 0x4e20f400,
	"FMIN": 0x4ea0f400, "FMLA": 0x4e20cc00, "FMLS": 0x4ea0cc00, "ADD": 0x4ea08400, "AND": 0x4e201c00,
}

var two = map[string]uint32{"FRINTN": 0x4e218800, "FCVTNS": 0x4e21a800}

func word(code uint32, f string, a ...any) {
	p("WORD $0x%08x // "+f, append([]any{code}, a...)...)
}

func v3(op string, d, n, m int) {
	word(three[op]|uint32(m<<16|n<<5|d), "%s V%d.4S, V%d.4S, V%d.4S", op, d, n, m)
}

func v2(op string, d, n int) {
	word(two[op]|uint32(n<<5|d), "%s V%d.4S, V%d.4S", op, d, n)
}

func shl(d, n, by int) {
	word(0x4f005400|uint32((32+by)<<16|n<<5|d), "SHL V%d.4S, V%d.4S, #%d", d, n, by)
}

// fmlaLane adds to d the product of n with lane i of m.
func fmlaLane(d, n, m, i int) {
	word(0x4f801000|uint32(i&1<<21|m<<16|i>>1<<11|n<<5|d), "FMLA V%d.4S, V%d.4S, V%d.S[%d]", d, n, m, i)
}

func neon() {
	l("//go:build arm64 && !purego")
	l("")
	l("#include \"textflag.h\"")
	l("")
	neonMicro(6)
	neonBF16()
	neonF16()
	neonExp()
	neonElementwise()
	neonDot()
	neonMax()
	neonPeak()
}

// neonArgs loads arguments of eight bytes into R0, R1 and on.
func neonArgs(name, args string) {
	for i, a := range names(args) {
		p("MOVD %s+%d(FP), R%d", a, 8*i, i)
	}
}

// neonMicro is the 6x16 tile: V8 to V31 are sums, V0 to V3 a row of B, V4 and V5 a column of A.
func neonMicro(tallest int) {
	l("// func micro16NEON(k, rows int, a *float32, b unsafe.Pointer, c *float32, ldc int, next unsafe.Pointer, acc int)")
	l("TEXT ·micro16NEON(SB), NOSPLIT, $0-64")
	neonArgs("micro16NEON", "k rows a b c ldc next acc")
	p("LSL $2, R5, R5")
	for h := tallest; h > 1; h-- {
		p("CMP $%d, R1", h)
		p("BEQ rows%d", h)
	}
	for h := 1; h <= tallest; h++ {
		neonRows(h)
	}
}

func neonRows(h int) {
	acc := func(i, j int) int { return 8 + 4*i + j }
	l("rows%d:", h)
	for i := range h {
		for j := range 4 {
			p("VEOR V%d.B16, V%d.B16, V%d.B16", acc(i, j), acc(i, j), acc(i, j))
		}
	}
	p("CBZ R0, store%d", h)
	l("loop%d:", h)
	p("VLD1.P 64(R3), [V0.S4, V1.S4, V2.S4, V3.S4]")
	p("PRFM (R6), PLDL1KEEP")
	at := 0
	if h >= 4 {
		p("FMOVQ (R2), F4")
		at = 4
	}
	tail := 4 + at/4
	switch h - at {
	case 1:
		p("FMOVS %d(R2), F%d", 4*at, tail)
	case 2:
		p("FMOVD %d(R2), F%d", 4*at, tail)
	case 3:
		p("FMOVD %d(R2), F%d", 4*at, tail)
		p("FMOVS %d(R2), F6", 4*at+8)
	}
	p("ADD $%d, R2", 4*h)
	p("ADD $64, R6")
	for i := range h {
		reg, lane := 4+i/4, i%4
		if i-at == 2 && i >= at {
			reg, lane = 6, 0
		}
		for j := range 4 {
			fmlaLane(acc(i, j), j, reg, lane)
		}
	}
	p("SUB $1, R0")
	p("CBNZ R0, loop%d", h)
	l("store%d:", h)
	p("CBZ R7, put%d", h)
	p("MOVD R4, R8")
	for i := range h {
		p("VLD1 (R8), [V0.S4, V1.S4, V2.S4, V3.S4]")
		for j := range 4 {
			v3("FADD", acc(i, j), acc(i, j), j)
		}
		p("ADD R5, R8")
	}
	l("put%d:", h)
	for i := range h {
		p("VST1 [V%d.S4, V%d.S4, V%d.S4, V%d.S4], (R4)", acc(i, 0), acc(i, 1), acc(i, 2), acc(i, 3))
		p("ADD R5, R4")
	}
	p("RET")
	l("")
}

func neonBF16() {
	l("// func bf16ExpandNEON(k int, b unsafe.Pointer, dst *float32)")
	l("TEXT ·bf16ExpandNEON(SB), NOSPLIT, $0-24")
	neonArgs("bf16ExpandNEON", "k b dst")
	p("MOVD $0xffff0000, R3")
	p("VDUP R3, V4.S4")
	l("bfe_loop:")
	p("VLD1.P 32(R1), [V0.S4, V1.S4]")
	v3("AND", 2, 0, 4)
	v3("AND", 3, 1, 4)
	shl(0, 0, 16)
	shl(1, 1, 16)
	p("VST1.P [V0.S4, V1.S4, V2.S4, V3.S4], 64(R2)")
	p("SUB $1, R0")
	p("CBNZ R0, bfe_loop")
	p("RET")
	l("")
}

// neonF16 widens with FCVTL and FCVTL2, which Go's assembler does not know.
func neonF16() {
	l("// func f16ExpandNEON(k int, b unsafe.Pointer, dst *float32)")
	l("TEXT ·f16ExpandNEON(SB), NOSPLIT, $0-24")
	neonArgs("f16ExpandNEON", "k b dst")
	l("fe_loop:")
	p("VLD1.P 32(R1), [V0.H8, V1.H8]")
	for i := range 4 {
		name := []string{"FCVTL", "FCVTL2"}[i%2]
		p("WORD $0x%08x // %s V%d, V%d", []int{0x0e217800, 0x4e217800}[i%2]|i/2<<5|2+i, name, i/2, 2+i)
	}
	p("VST1.P [V2.S4, V3.S4, V4.S4, V5.S4], 64(R2)")
	p("SUB $1, R0")
	p("CBNZ R0, fe_loop")
	p("RET")
	l("")
}

// neonExp does two groups of four at a time; constants stand in V16 and on, in the order of the table.
func neonExp() {
	l("// func expSumNEON(n8 int, src, dst *float32, table *[13]float32, sub float32, out *[4]float32)")
	l("TEXT ·expSumNEON(SB), NOSPLIT, $0-48")
	neonArgs("expSumNEON", "n8 src dst table")
	for i := range 13 {
		p("VLD1R.P 4(R3), [V%d.S4]", 16+i)
	}
	p("FMOVS sub+32(FP), F7")
	p("VDUP V7.S[0], V7.S4")
	p("MOVD out+40(FP), R4")
	p("VEOR V30.B16, V30.B16, V30.B16")
	p("VEOR V31.B16, V31.B16, V31.B16")
	l("exp_loop:")
	p("VLD1.P 32(R1), [V0.S4, V1.S4]")
	for h := range 2 {
		x, t, q := h, 2+h, 4+h
		v3("FSUB", x, x, 7)
		v3("FMAX", x, x, 16) // NaN stays
		v3("FMIN", x, x, 17)
		v3("FMUL", t, x, 18)
		v2("FRINTN", t, t)
		v3("FMLS", x, t, 19)
		v3("FMLS", x, t, 20)
		p("VORR V21.B16, V21.B16, V%d.B16", q)
		for i := range 5 {
			p("VORR V%d.B16, V%d.B16, V6.B16", 22+i, 22+i)
			v3("FMLA", 6, q, x)
			p("VORR V6.B16, V6.B16, V%d.B16", q)
		}
		v2("FCVTNS", t, t)
		v3("ADD", t, t, 28)
		shl(t, t, 23)
		v3("FMUL", q, q, x)
		p("VORR V%d.B16, V%d.B16, V6.B16", x, x)
		v3("FMLA", 6, q, x)
		v3("FADD", 6, 6, 27)
		v3("FMUL", x, 6, t)
		v3("FADD", 30+h, 30+h, x)
	}
	p("VST1.P [V0.S4, V1.S4], 32(R2)")
	p("SUB $1, R0")
	p("CBNZ R0, exp_loop")
	v3("FADD", 30, 30, 31)
	p("VST1 [V30.S4], (R4)")
	p("RET")
	l("")
}

// neonVec is an element-wise kernel: array i is loaded to Vi, scalar i stands in V16+i, V20 is one.
func neonVec(name, ptrs, scalars string, loads []int, stores []int, body func()) {
	sig, arrays, numbers := "", names(ptrs), names(scalars)
	for _, a := range arrays {
		sig += fmt.Sprintf(", %s *float32", a)
	}
	for _, a := range numbers {
		sig += fmt.Sprintf(", %s float32", a)
	}
	l("// func %sNEON(n4 int%s)", name, sig)
	l("TEXT ·%sNEON(SB), NOSPLIT, $0-%d", name, 8+8*len(arrays)+4*len(numbers))
	neonArgs(name, "n4 "+ptrs)
	for i, a := range numbers {
		p("FMOVS %s+%d(FP), F%d", a, 8+8*len(arrays)+4*i, 16+i)
		p("VDUP V%d.S[0], V%d.S4", 16+i, 16+i)
	}
	p("FMOVS $1.0, F20")
	p("VDUP V20.S[0], V20.S4")
	stored := map[int]bool{}
	for _, i := range stores {
		stored[i] = true
	}
	l("%s_loop:", name)
	for _, i := range loads {
		if stored[i] {
			p("VLD1 (R%d), [V%d.S4]", i+1, i)
		} else {
			p("VLD1.P 16(R%d), [V%d.S4]", i+1, i)
		}
	}
	body()
	for _, i := range stores {
		p("VST1.P [V%d.S4], 16(R%d)", i, i+1)
	}
	p("SUB $1, R0")
	p("CBNZ R0, %s_loop", name)
	p("RET")
	l("")
}

func neonElementwise() {
	d := []int{0}
	neonVec("add", "dst x y", "", []int{1, 2}, d, func() { v3("FADD", 0, 1, 2) })
	neonVec("mul", "dst x y", "", []int{1, 2}, d, func() { v3("FMUL", 0, 1, 2) })
	neonVec("scale", "dst x", "s", []int{1}, d, func() { v3("FMUL", 0, 16, 1) })
	neonVec("axpy", "dst x", "s", []int{0, 1}, d, func() {
		v3("FMUL", 1, 16, 1)
		v3("FADD", 0, 0, 1)
	})
	neonVec("mulAdd", "dst x y", "", []int{0, 1, 2}, d, func() {
		v3("FMUL", 1, 1, 2)
		v3("FADD", 0, 0, 1)
	})
	neonVec("centreMul", "dst x", "m", []int{0, 1}, d, func() {
		v3("FSUB", 0, 0, 16)
		v3("FMUL", 0, 0, 1)
	})
	neonVec("recip1p", "dst x", "", []int{1}, d, func() {
		v3("FADD", 1, 20, 1)
		v3("FDIV", 0, 20, 1)
	})
	neonVec("rmsRow", "dst x w", "s", []int{1, 2}, d, func() {
		v3("FMUL", 1, 1, 16)
		v3("FMUL", 0, 1, 2)
	})
	neonVec("layerRow", "dst x w b", "m s", []int{1, 2, 3}, d, func() {
		v3("FSUB", 1, 1, 16)
		v3("FMUL", 1, 1, 17)
		v3("FMUL", 1, 1, 2)
		v3("FADD", 0, 1, 3)
	})
	neonVec("rotate", "a b cos sin", "sign", []int{0, 1, 2, 3}, []int{0, 1}, func() {
		v3("FMUL", 3, 16, 3)
		v3("FMUL", 4, 0, 2)
		v3("FMUL", 5, 1, 3)
		v3("FMUL", 6, 1, 2)
		v3("FMUL", 7, 0, 3)
		v3("FSUB", 0, 4, 5)
		v3("FADD", 1, 6, 7)
	})
	neonVec("sigmoidSlope", "dst sig x", "k", []int{1, 2}, d, func() {
		v3("FSUB", 3, 20, 1)
		v3("FMUL", 2, 16, 2)
		v3("FMUL", 2, 2, 3)
		v3("FADD", 2, 2, 20)
		v3("FMUL", 0, 2, 1)
	})
}

func neonDot() {
	l("// func dotNEON(n32 int, x, y *float32, out *[32]float32)")
	l("TEXT ·dotNEON(SB), NOSPLIT, $0-32")
	neonArgs("dotNEON", "n32 x y out")
	for i := range 8 {
		p("VEOR V%d.B16, V%d.B16, V%d.B16", 16+i, 16+i, 16+i)
	}
	l("dot_loop:")
	for h := range 2 {
		p("VLD1.P 64(R1), [V0.S4, V1.S4, V2.S4, V3.S4]")
		p("VLD1.P 64(R2), [V4.S4, V5.S4, V6.S4, V7.S4]")
		for i := range 4 {
			v3("FMUL", i, i, 4+i)
			v3("FADD", 16+4*h+i, 16+4*h+i, i)
		}
	}
	p("SUB $1, R0")
	p("CBNZ R0, dot_loop")
	p("VST1.P [V16.S4, V17.S4, V18.S4, V19.S4], 64(R3)")
	p("VST1 [V20.S4, V21.S4, V22.S4, V23.S4], (R3)")
	p("RET")
	l("")
}

func neonMax() {
	l("// func maxNEON(n4 int, x *float32, out *[4]float32)")
	l("TEXT ·maxNEON(SB), NOSPLIT, $0-24")
	neonArgs("maxNEON", "n4 x out")
	p("VLD1 (R1), [V0.S4]")
	l("max_loop:")
	p("VLD1.P 16(R1), [V1.S4]")
	v3("FMAX", 0, 0, 1) // NaN stays
	p("SUB $1, R0")
	p("CBNZ R0, max_loop")
	p("VST1 [V0.S4], (R2)")
	p("RET")
	l("")
}

func neonPeak() {
	l("// func peakNEON(n int)")
	l("TEXT ·peakNEON(SB), NOSPLIT, $0-8")
	neonArgs("peakNEON", "n")
	p("FMOVS $0.5, F0")
	p("VDUP V0.S[0], V0.S4")
	for i := range 24 {
		p("VEOR V%d.B16, V%d.B16, V%d.B16", 8+i, 8+i, 8+i)
	}
	l("peak_loop:")
	for i := range 24 {
		v3("FMLA", 8+i, 0, 0)
	}
	p("SUB $1, R0")
	p("CBNZ R0, peak_loop")
	p("RET")
	l("")
}
