package main

import "fmt"

// rowKernels prints the products of a row with stored panels: with AVX-512 two or four panels at a time,
// and what 8-bit blocks need. Each column is summed in one chain, as in the tiles; four chains hide most
// of the latency of an addition.
func rowKernels() {
	l("//go:build amd64 && !purego")
	l("")
	l("#include \"textflag.h\"")
	l("")
	for _, np := range []int{2, 4} {
		row512("F32", np, 4, 64)
		row512("BF16", np, 4, 32)
		row512("F16", np, 4, 32)
		blocks512("NF4", np, 16)
		blocks512("Q8", np, 32)
	}
	q8Row()
	q8Expand("Y", 8)
	q8Expand("Z", 16)
}

// panels512 loads the addresses of np panels, stride apart, and clears their sums.
func panels512(np int) []string {
	regs := []string{"DI", "R9", "R11", "R12"}[:np]
	p("MOVQ b+16(FP), DI")
	p("MOVQ stride+24(FP), AX")
	for i := range np {
		if i > 0 {
			p("LEAQ (%s)(AX*1), %s", regs[i-1], regs[i])
		}
		p("VPXORD Z%d, Z%d, Z%d", 6+i, 6+i, 6+i)
	}
	return regs
}

// store512 adds the old y if acc says so, and stores.
func store512(name string, np int) {
	p("JEQ %s_store", name)
	for i := range np {
		p("VADDPS %d(DX), Z%d, Z%d", 64*i, 6+i, 6+i)
	}
	l("%s_store:", name)
	for i := range np {
		p("VMOVUPS Z%d, %d(DX)", 6+i, 64*i)
	}
	p("VZEROUPPER")
	p("RET")
	l("")
}

// advance moves the panels, of which rows rows of so many bytes have been read, and x.
func advance(regs []string, rows, bytes int) {
	for _, r := range regs {
		p("ADDQ $%d, %s", rows*bytes, r)
	}
	p("ADDQ $%d, SI", 4*rows)
}

// fetch asks for what will be needed: so many bytes further on in each panel, or where the panels end, as far into
// the next ones.
func fetch(regs []string, bytes int) {
	for _, r := range regs {
		for at := 0; at < bytes; at += 64 {
			p("PREFETCHT0 %d(%s)(R15*1)", at, r)
		}
	}
}

// turn goes on to the next panels with what is fetched when as many loops are left as the caller says.
func turn(name, left string, ahead int) {
	p("CMPQ %s, turn+%d(FP)", left, ahead+8)
	p("JNE %s_on", name)
	p("ADDQ jump+%d(FP), R15", ahead+16)
	l("%s_on:", name)
}

// row512 reads float32, bfloat16 or float16, unroll rows at a time.
func row512(kind string, np, unroll, bytes int) {
	name := fmt.Sprintf("gemv%s%dAVX512", kind, np)
	l("// func %s(k int, x *float32, b unsafe.Pointer, stride int, y *float32, acc, ahead, turn, jump int)", name)
	l("TEXT ·%s(SB), NOSPLIT, $0-72", name)
	p("MOVQ ahead+48(FP), R15")
	p("MOVQ k+0(FP), CX")
	p("MOVQ x+8(FP), SI")
	p("MOVQ y+32(FP), DX")
	regs := panels512(np)
	if kind == "BF16" {
		p("MOVL $0xffff0000, AX")
		p("VPBROADCASTD AX, Z3")
		p("MOVL $16, AX")
		p("VPBROADCASTD AX, Y4 // shifts: 16 in the low half, which is columns 0 to 7, none in the high one")
	}
	step := func(u int) {
		p("VBROADCASTSS %d(SI), Z0", 4*u)
		for i, r := range regs {
			if kind == "F32" {
				p("VFMADD231PS %d(%s), Z0, Z%d", bytes*u, r, 6+i)
				continue
			}
			if kind == "F16" {
				p("VCVTPH2PS %d(%s), Z%d", bytes*u, r, 10+i)
				p("VFMADD231PS Z%d, Z0, Z%d", 10+i, 6+i)
				continue
			}
			p("VBROADCASTI32X8 %d(%s), Z%d", bytes*u, r, 10+i)
			p("VPSLLVD Z4, Z%d, Z%d", 10+i, 10+i)
			p("VPANDD Z3, Z%d, Z%d", 10+i, 10+i)
			p("VFMADD231PS Z%d, Z0, Z%d", 10+i, 6+i)
		}
	}
	p("MOVQ CX, BX")
	p("SHRQ $%d, BX", map[int]int{4: 2}[unroll])
	p("JZ %s_tail", name)
	l("%s_loop:", name)
	turn(name, "BX", 48)
	fetch(regs, unroll*bytes)
	for u := range unroll {
		step(u)
	}
	advance(regs, unroll, bytes)
	p("DECQ BX")
	p("JNZ %s_loop", name)
	l("%s_tail:", name)
	p("ANDQ $%d, CX", unroll-1)
	p("JZ %s_done", name)
	l("%s_one:", name)
	step(0)
	advance(regs, 1, bytes)
	p("DECQ CX")
	p("JNZ %s_one", name)
	l("%s_done:", name)
	p("CMPQ acc+40(FP), $0")
	store512(name, np)
}

// blocks512 reads blocks of 64 rows with a scale for each column; a pair of rows of a panel has so many bytes. Every weight is rounded to float32
// before it is used, as expanding it does.
func blocks512(kind string, np, bytes int) {
	name := fmt.Sprintf("gemv%s%dAVX512", kind, np)
	l("// func %s(nblk int, x *float32, b unsafe.Pointer, stride int, s *float32, sstride int, y *float32, acc, ahead, turn, jump int)", name)
	l("TEXT ·%s(SB), NOSPLIT, $0-88", name)
	p("MOVQ ahead+64(FP), R15")
	p("MOVQ nblk+0(FP), CX")
	p("MOVQ x+8(FP), SI")
	p("MOVQ s+32(FP), R8")
	p("MOVQ sstride+40(FP), R10")
	p("LEAQ (R10)(R10*2), R13")
	regs := panels512(np)
	if kind == "NF4" {
		p("VMOVUPS ·nf4tab(SB), Z5")
	}
	l("%s_blk:", name)
	turn(name, "CX", 64)
	p("LEAQ (R8)(R10*%d), DX // scales of the next panels", np)
	for i, at := range []string{"(%s)", "(%s)(R10*1)", "(%s)(R10*2)", "(%s)(R13*1)"}[:np] {
		p("VMOVUPS "+at+", Z%d", "R8", 10+i)
		p("PREFETCHT0 "+at, "DX")
	}
	// A loop takes a line of each panel, which is asked for once.
	pairs := 64 / bytes
	p("MOVQ $%d, BX", 32/pairs)
	l("%s_loop:", name)
	fetch(regs, 64)
	for u := range pairs {
		p("VBROADCASTSS %d(SI), Z0", 8*u)
		p("VBROADCASTSS %d(SI), Z1", 8*u+4)
		for i, r := range regs {
			even, odd := 14+2*i, 15+2*i
			if kind == "NF4" {
				p("VPMOVZXBD %d(%s), Z%d", u*bytes, r, 22+i)
				p("VPERMPS Z5, Z%d, Z%d", 22+i, even)
				p("VPSRLD $4, Z%d, Z%d", 22+i, 22+i)
				p("VPERMPS Z5, Z%d, Z%d", 22+i, odd)
			} else {
				p("VPMOVSXBD %d(%s), Z%d", u*bytes, r, even)
				p("VPMOVSXBD %d(%s), Z%d", u*bytes+16, r, odd)
				p("VCVTDQ2PS Z%d, Z%d", even, even)
				p("VCVTDQ2PS Z%d, Z%d", odd, odd)
			}
			p("VMULPS Z%d, Z%d, Z%d", 10+i, even, even)
			p("VMULPS Z%d, Z%d, Z%d", 10+i, odd, odd)
			p("VFMADD231PS Z%d, Z0, Z%d", even, 6+i)
			p("VFMADD231PS Z%d, Z1, Z%d", odd, 6+i)
		}
	}
	for _, r := range regs {
		p("ADDQ $64, %s", r)
	}
	p("ADDQ $%d, SI", 8*pairs)
	p("DECQ BX")
	p("JNZ %s_loop", name)
	p("ADDQ $64, R8")
	p("DECQ CX")
	p("JNZ %s_blk", name)
	p("MOVQ y+48(FP), DX")
	p("CMPQ acc+56(FP), $0")
	store512(name, np)
}

// q8Row is blocks512 of 8-bit blocks for two panels with AVX2.
func q8Row() {
	l("// func gemvQ8AVX2(nblk int, x *float32, b unsafe.Pointer, stride int, s *float32, sstride int, y *float32, acc int)")
	l("TEXT ·gemvQ8AVX2(SB), NOSPLIT, $0-64")
	p("MOVQ nblk+0(FP), CX")
	p("MOVQ x+8(FP), SI")
	p("MOVQ s+32(FP), R8")
	p("MOVQ sstride+40(FP), R10")
	p("ADDQ R8, R10 // scales of the second panel")
	p("MOVQ y+48(FP), DX")
	gemvHead("gemvQ8")
	l("q8g_blk:")
	for i, scales := range []string{"R8", "R10"} {
		p("VMOVUPS (%s), Y%d", scales, 10+2*i)
		p("VMOVUPS 32(%s), Y%d", scales, 11+2*i)
	}
	p("MOVQ $64, BX")
	l("q8g_loop:")
	p("PREFETCHT0 1024(DI)")
	p("PREFETCHT0 1024(R9)")
	p("VBROADCASTSS (SI), Y4")
	for h := range 4 {
		p("VPMOVSXBD %d(%s), Y%d", 8*(h%2), []string{"DI", "R9"}[h/2], h)
		p("VCVTDQ2PS Y%d, Y%d", h, h)
		p("VMULPS Y%d, Y%d, Y%d", 10+h, h, h)
		p("VFMADD231PS Y%d, Y4, Y%d", h, 6+h)
	}
	p("ADDQ $16, DI")
	p("ADDQ $16, R9")
	p("ADDQ $4, SI")
	p("DECQ BX")
	p("JNZ q8g_loop")
	p("ADDQ $64, R8")
	p("ADDQ $64, R10")
	p("DECQ CX")
	p("JNZ q8g_blk")
	gemvStore("gemvQ8", "acc+56(FP)")
}

// q8Expand writes blocks of 8-bit weights as floats, as many rows to a set of scales as rows says.
func q8Expand(reg string, width int) {
	isa := map[string]string{"Y": "AVX2", "Z": "AVX512"}[reg]
	name := "q8Expand" + isa
	l("// func %s(nblk, rows int, q *byte, s, dst *float32)", name)
	l("TEXT ·%s(SB), NOSPLIT, $0-40", name)
	p("MOVQ nblk+0(FP), CX")
	p("MOVQ rows+8(FP), AX")
	p("MOVQ q+16(FP), SI")
	p("MOVQ s+24(FP), DI")
	p("MOVQ dst+32(FP), DX")
	l("%s_blk:", name)
	n := 16 / width
	for i := range n {
		p("VMOVUPS %d(DI), %s%d", 4*width*i, reg, 4+i)
	}
	p("MOVQ AX, BX")
	l("%s_loop:", name)
	for i := range n {
		p("VPMOVSXBD %d(SI), %s%d", width*i, reg, i)
		p("VCVTDQ2PS %s%d, %s%d", reg, i, reg, i)
		p("VMULPS %s%d, %s%d, %s%d", reg, 4+i, reg, i, reg, i)
		p("VMOVUPS %s%d, %d(DX)", reg, i, 4*width*i)
	}
	p("ADDQ $16, SI")
	p("ADDQ $64, DX")
	p("DECQ BX")
	p("JNZ %s_loop", name)
	p("ADDQ $64, DI")
	p("DECQ CX")
	p("JNZ %s_blk", name)
	p("VZEROUPPER")
	p("RET")
	l("")
}
