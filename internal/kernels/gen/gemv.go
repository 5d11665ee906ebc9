package main

// A row times two panels of B, 32 columns: two panels give four independent chains of additions,
// enough to hide their latency while each column is still summed in one chain, as kern does.

// gemvHead loads the arguments that all forms share and clears the sums, Y6 to Y9.
func gemvHead(name string) {
	p("MOVQ b+16(FP), DI")
	p("MOVQ stride+24(FP), R9")
	p("ADDQ DI, R9 // the second panel")
	for i := 6; i < 10; i++ {
		p("VXORPS Y%d, Y%d, Y%d", i, i, i)
	}
}

// gemvStore adds the old y if acc says so, and stores.
func gemvStore(name, acc string) {
	p("CMPQ %s, $0", acc)
	p("JEQ %s_store", name)
	for i := range 4 {
		p("VADDPS %d(DX), Y%d, Y%d", 32*i, 6+i, 6+i)
	}
	l("%s_store:", name)
	for i := range 4 {
		p("VMOVUPS Y%d, %d(DX)", 6+i, 32*i)
	}
	p("VZEROUPPER")
	p("RET")
	l("")
}

func gemv(name string) {
	l("// func %sAVX2(k int, x *float32, b unsafe.Pointer, stride int, y *float32, acc int)", name)
	l("TEXT ·%sAVX2(SB), NOSPLIT, $0-48", name)
	p("MOVQ k+0(FP), CX")
	p("MOVQ x+8(FP), SI")
	p("MOVQ y+32(FP), DX")
	gemvHead(name)
	row := 32
	switch name {
	case "gemvF32":
		row = 64
	case "gemvBF16":
		p("VMOVDQU ·himask(SB), Y5")
	}
	step := func(u int) {
		p("VBROADCASTSS %d(SI), Y0", u*4)
		for i, panel := range []string{"DI", "R9"} {
			switch name {
			case "gemvF32":
				p("VFMADD231PS %d(%s), Y0, Y%d", u*row, panel, 6+2*i)
				p("VFMADD231PS %d(%s), Y0, Y%d", u*row+32, panel, 7+2*i)
				continue
			case "gemvF16":
				for h := range 2 {
					p("VCVTPH2PS %d(%s), Y%d", u*row+16*h, panel, 1+2*i+h)
					p("VFMADD231PS Y%d, Y0, Y%d", 1+2*i+h, 6+2*i+h)
				}
				continue
			}
			p("VMOVDQU %d(%s), Y%d", u*row, panel, 1+2*i)
			p("VPSLLD $16, Y%d, Y%d", 1+2*i, 2+2*i)
			p("VPAND Y5, Y%d, Y%d", 1+2*i, 1+2*i)
			p("VFMADD231PS Y%d, Y0, Y%d", 2+2*i, 6+2*i)
			p("VFMADD231PS Y%d, Y0, Y%d", 1+2*i, 7+2*i)
		}
	}
	p("MOVQ CX, BX")
	p("SHRQ $2, BX")
	p("JZ %s_tail", name)
	l("%s_loop4:", name)
	for off := 0; off < 4*row; off += 64 {
		p("PREFETCHT0 %d(DI)", 2048+off)
		p("PREFETCHT0 %d(R9)", 2048+off)
	}
	for u := range 4 {
		step(u)
	}
	p("ADDQ $16, SI")
	p("ADDQ $%d, DI", 4*row)
	p("ADDQ $%d, R9", 4*row)
	p("DECQ BX")
	p("JNZ %s_loop4", name)
	l("%s_tail:", name)
	p("ANDQ $3, CX")
	p("JZ %s_done", name)
	l("%s_loop1:", name)
	step(0)
	p("ADDQ $4, SI")
	p("ADDQ $%d, DI", row)
	p("ADDQ $%d, R9", row)
	p("DECQ CX")
	p("JNZ %s_loop1", name)
	l("%s_done:", name)
	gemvStore(name, "acc+40(FP)")
}

// gemvNF4 takes whole blocks of 64 rows. Each weight is rounded to float32 before it is used, as
// dequantisation rounds it.
func gemvNF4() {
	l("// func gemvNF4AVX2(nblk int, x *float32, b unsafe.Pointer, stride int, s *float32, sstride int, y *float32, acc int)")
	l("TEXT ·gemvNF4AVX2(SB), NOSPLIT, $0-64")
	p("MOVQ nblk+0(FP), CX")
	p("MOVQ x+8(FP), SI")
	p("MOVQ s+32(FP), R8")
	p("MOVQ sstride+40(FP), R10")
	p("ADDQ R8, R10 // scales of the second panel")
	p("MOVQ y+48(FP), DX")
	gemvHead("gemvNF4")
	p("VMOVUPS ·nf4tab(SB), Y14")
	p("VMOVUPS ·nf4tab+32(SB), Y15")
	l("nf4g_blk:")
	for i, scales := range []string{"R8", "R10"} {
		p("VMOVUPS (%s), Y%d", scales, 10+2*i)
		p("VMOVUPS 32(%s), Y%d", scales, 11+2*i)
	}
	p("MOVQ $32, BX")
	l("nf4g_loop:")
	p("PREFETCHT0 1024(DI)")
	p("PREFETCHT0 1024(R9)")
	p("VBROADCASTSS (SI), Y4")
	p("VBROADCASTSS 4(SI), Y5")
	for h := range 4 {
		p("VPMOVZXBD %d(%s), Y0", 8*(h%2), []string{"DI", "R9"}[h/2])
		for nibble := range 2 {
			if nibble == 0 {
				p("VPSLLD $28, Y0, Y3")
			} else {
				p("VPSLLD $24, Y0, Y3")
				p("VPSRLD $4, Y0, Y0")
			}
			p("VPERMPS Y14, Y0, Y1")
			p("VPERMPS Y15, Y0, Y2")
			p("VBLENDVPS Y3, Y2, Y1, Y1")
			p("VMULPS Y%d, Y1, Y1", 10+h)
			p("VFMADD231PS Y1, Y%d, Y%d", 4+nibble, 6+h)
		}
	}
	p("ADDQ $16, DI")
	p("ADDQ $16, R9")
	p("ADDQ $8, SI")
	p("DECQ BX")
	p("JNZ nf4g_loop")
	p("ADDQ $64, R8")
	p("ADDQ $64, R10")
	p("DECQ CX")
	p("JNZ nf4g_blk")
	gemvStore("gemvNF4", "acc+56(FP)")
}
