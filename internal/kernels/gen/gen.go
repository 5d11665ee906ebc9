// gen prints kern_amd64.s: AVX2+FMA micro-kernels for packed panels.
package main

import (
	"fmt"
	"os"
)

var o = os.Stdout

func p(f string, a ...any) { fmt.Fprintf(o, "\t"+f+"\n", a...) }
func l(f string, a ...any) { fmt.Fprintf(o, f+"\n", a...) }

const (
	F32 = iota
	BF16
)

// kernel: C[6x16] (+)= Apanel[k][6] * Bpanel[k][16]
func kern(name string, typ int) {
	l("// func %sAVX2(k int, a *float32, b unsafe.Pointer, c *float32, ldc int, bnext unsafe.Pointer, acc int)", name)
	l("TEXT ·%sAVX2(SB), NOSPLIT, $0-56", name)
	p("MOVQ k+0(FP), CX")
	p("MOVQ a+8(FP), SI")
	p("MOVQ b+16(FP), DI")
	p("MOVQ c+24(FP), DX")
	p("MOVQ ldc+32(FP), R8")
	p("SHLQ $2, R8")
	p("MOVQ bnext+40(FP), R9")
	bstep := 64
	if typ == BF16 {
		bstep = 32
	}
	for i := 4; i < 16; i++ {
		p("VXORPS Y%d, Y%d, Y%d", i, i, i)
	}
	if typ == BF16 {
		// mask in Y3? keep a memory operand for VPAND instead (register budget)
		p("VMOVDQU ·himask(SB), Y3")
	}
	// prefetch C
	p("MOVQ DX, R10")
	for i := 0; i < 6; i++ {
		p("PREFETCHT0 (R10)")
		p("PREFETCHT0 60(R10)")
		p("ADDQ R8, R10")
	}
	p("MOVQ CX, BX")
	p("SHRQ $2, BX")
	p("JZ %s_tail", name)
	p("PCALIGN $32")
	l("%s_loop4:", name)
	step := func(u int) {
		if typ == F32 {
			p("VMOVUPS %d(DI), Y0", u*bstep)
			p("VMOVUPS %d(DI), Y1", u*bstep+32)
			for i := 0; i < 6; i++ {
				r := 2 + i%2
				p("VBROADCASTSS %d(SI), Y%d", u*24+i*4, r)
				p("VFMADD231PS Y0, Y%d, Y%d", r, 4+2*i)
				p("VFMADD231PS Y1, Y%d, Y%d", r, 5+2*i)
			}
		} else {
			p("VMOVDQU %d(DI), Y1", u*bstep)
			p("VPSLLD $16, Y1, Y0")
			p("VPAND Y3, Y1, Y1")
			for i := 0; i < 6; i++ {
				p("VBROADCASTSS %d(SI), Y2", u*24+i*4)
				p("VFMADD231PS Y0, Y2, Y%d", 4+2*i)
				p("VFMADD231PS Y1, Y2, Y%d", 5+2*i)
			}
		}
	}
	p("PREFETCHT0 (R9)")
	p("PREFETCHT0 %d(SI)", 24*4*8)
	for u := 0; u < 4; u++ {
		step(u)
	}
	p("ADDQ $64, R9")
	p("ADDQ $%d, SI", 24*4)
	p("ADDQ $%d, DI", bstep*4)
	p("DECQ BX")
	p("JNZ %s_loop4", name)
	l("%s_tail:", name)
	p("ANDQ $3, CX")
	p("JZ %s_store", name)
	l("%s_loop1:", name)
	step(0)
	p("ADDQ $24, SI")
	p("ADDQ $%d, DI", bstep)
	p("DECQ CX")
	p("JNZ %s_loop1", name)
	l("%s_store:", name)
	p("CMPQ acc+48(FP), $0")
	p("JEQ %s_st", name)
	p("MOVQ DX, R10")
	for i := 0; i < 6; i++ {
		p("VADDPS (R10), Y%d, Y%d", 4+2*i, 4+2*i)
		p("VADDPS 32(R10), Y%d, Y%d", 5+2*i, 5+2*i)
		if i < 5 {
			p("ADDQ R8, R10")
		}
	}
	l("%s_st:", name)
	for i := 0; i < 6; i++ {
		p("VMOVUPS Y%d, (DX)", 4+2*i)
		p("VMOVUPS Y%d, 32(DX)", 5+2*i)
		if i < 5 {
			p("ADDQ R8, DX")
		}
	}
	p("VZEROUPPER")
	p("RET")
	l("")
}

// gemv on one 16-col panel: y[16] (+)= sum_k x[k]*B[k][16]; k multiple of 4 required (tail handled 1 by 1)
func gemv(name string, typ int) {
	l("// func %sAVX2(k int, x *float32, b unsafe.Pointer, y *float32)", name)
	l("TEXT ·%sAVX2(SB), NOSPLIT, $0-32", name)
	p("MOVQ k+0(FP), CX")
	p("MOVQ x+8(FP), SI")
	p("MOVQ b+16(FP), DI")
	p("MOVQ y+24(FP), DX")
	for i := 4; i < 12; i++ {
		p("VXORPS Y%d, Y%d, Y%d", i, i, i)
	}
	bstep := 64
	if typ == BF16 {
		bstep = 32
		p("VMOVDQU ·himask(SB), Y3")
	}
	p("MOVQ CX, BX")
	p("SHRQ $2, BX")
	p("JZ %s_tail", name)
	l("%s_loop:", name)
	step := func(u, acc int) {
		p("VBROADCASTSS %d(SI), Y2", u*4)
		if typ == F32 {
			p("VFMADD231PS %d(DI), Y2, Y%d", u*bstep, acc)
			p("VFMADD231PS %d(DI), Y2, Y%d", u*bstep+32, acc+1)
		} else {
			p("VMOVDQU %d(DI), Y1", u*bstep)
			p("VPSLLD $16, Y1, Y0")
			p("VPAND Y3, Y1, Y1")
			p("VFMADD231PS Y0, Y2, Y%d", acc)
			p("VFMADD231PS Y1, Y2, Y%d", acc+1)
		}
	}
	p("PREFETCHT0 2048(DI)")
	if typ == F32 {
		p("PREFETCHT0 2112(DI)")
		p("PREFETCHT0 2176(DI)")
		p("PREFETCHT0 2240(DI)")
	} else {
		p("PREFETCHT0 2112(DI)")
	}
	for u := 0; u < 4; u++ {
		step(u, 4+2*u)
	}
	p("ADDQ $16, SI")
	p("ADDQ $%d, DI", 4*bstep)
	p("DECQ BX")
	p("JNZ %s_loop", name)
	l("%s_tail:", name)
	p("ANDQ $3, CX")
	p("JZ %s_done", name)
	l("%s_l1:", name)
	step(0, 4)
	p("ADDQ $4, SI")
	p("ADDQ $%d, DI", bstep)
	p("DECQ CX")
	p("JNZ %s_l1", name)
	l("%s_done:", name)
	p("VADDPS Y6, Y4, Y4")
	p("VADDPS Y7, Y5, Y5")
	p("VADDPS Y8, Y4, Y4")
	p("VADDPS Y9, Y5, Y5")
	p("VADDPS Y10, Y4, Y4")
	p("VADDPS Y11, Y5, Y5")
	p("VMOVUPS Y4, (DX)")
	p("VMOVUPS Y5, 32(DX)")
	p("VZEROUPPER")
	p("RET")
	l("")
}

// nf4dequant: one block of 64 k x 16 n. q: 32 k-pairs x 16 bytes (lo nibble even k, hi nibble odd k); scales[16]; dst [64][16] f32
func nf4deq() {
	l("// func nf4DequantAVX2(nblk int, q *byte, s *float32, dst *float32)")
	l("TEXT ·nf4DequantAVX2(SB), NOSPLIT, $0-32")
	p("MOVQ nblk+0(FP), CX")
	p("MOVQ q+8(FP), SI")
	p("MOVQ s+16(FP), DI")
	p("MOVQ dst+24(FP), DX")
	p("VMOVUPS ·nf4tab(SB), Y14")
	p("VMOVUPS ·nf4tab+32(SB), Y15")
	l("nf4d_blk:")
	p("VMOVUPS (DI), Y12")
	p("VMOVUPS 32(DI), Y13")
	p("MOVQ $32, BX")
	l("nf4d_loop:")
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
	p("ADDQ $16, SI")
	p("ADDQ $128, DX")
	p("DECQ BX")
	p("JNZ nf4d_loop")
	p("ADDQ $64, DI")
	p("DECQ CX")
	p("JNZ nf4d_blk")
	p("VZEROUPPER")
	p("RET")
	l("")
}

func nf4gemv() {
	l("// func gemvNF4AVX2(nblk int, x *float32, q *byte, s *float32, y *float32)")
	l("TEXT ·gemvNF4AVX2(SB), NOSPLIT, $0-40")
	p("MOVQ nblk+0(FP), CX")
	p("MOVQ x+8(FP), R8")
	p("MOVQ q+16(FP), SI")
	p("MOVQ s+24(FP), DI")
	p("MOVQ y+32(FP), DX")
	p("VMOVUPS ·nf4tab(SB), Y14")
	p("VMOVUPS ·nf4tab+32(SB), Y15")
	p("VXORPS Y12, Y12, Y12")
	p("VXORPS Y13, Y13, Y13")
	l("nf4g_blk:")
	for i := 8; i < 12; i++ {
		p("VXORPS Y%d, Y%d, Y%d", i, i, i)
	}
	p("MOVQ $32, BX")
	l("nf4g_loop:")
	p("PREFETCHT0 1024(SI)")
	for h := 0; h < 2; h++ {
		x, lo, hi, s1 := 0+4*h, 1+4*h, 2+4*h, 3+4*h
		p("VPMOVZXBD %d(SI), Y%d", 8*h, x)
		p("VPSLLD $28, Y%d, Y%d", x, s1)
		p("VPERMPS Y14, Y%d, Y%d", x, lo)
		p("VPERMPS Y15, Y%d, Y%d", x, hi)
		p("VBLENDVPS Y%d, Y%d, Y%d, Y%d", s1, hi, lo, lo)
		p("VBROADCASTSS (R8), Y%d", hi)
		p("VFMADD231PS Y%d, Y%d, Y%d", hi, lo, 8+h)
		p("VPSLLD $24, Y%d, Y%d", x, s1)
		p("VPSRLD $4, Y%d, Y%d", x, x)
		p("VPERMPS Y14, Y%d, Y%d", x, lo)
		p("VPERMPS Y15, Y%d, Y%d", x, hi)
		p("VBLENDVPS Y%d, Y%d, Y%d, Y%d", s1, hi, lo, lo)
		p("VBROADCASTSS 4(R8), Y%d", hi)
		p("VFMADD231PS Y%d, Y%d, Y%d", hi, lo, 10+h)
	}
	p("ADDQ $16, SI")
	p("ADDQ $8, R8")
	p("DECQ BX")
	p("JNZ nf4g_loop")
	p("VADDPS Y10, Y8, Y8")
	p("VADDPS Y11, Y9, Y9")
	p("VFMADD231PS (DI), Y8, Y12")
	p("VFMADD231PS 32(DI), Y9, Y13")
	p("ADDQ $64, DI")
	p("DECQ CX")
	p("JNZ nf4g_blk")
	p("VMOVUPS Y12, (DX)")
	p("VMOVUPS Y13, 32(DX)")
	p("VZEROUPPER")
	p("RET")
	l("")
}

// bf16 panel -> f32 panel
func bf16deq() {
	l("// func bf16ExpandAVX2(k int, b unsafe.Pointer, dst *float32)")
	l("TEXT ·bf16ExpandAVX2(SB), NOSPLIT, $0-24")
	p("MOVQ k+0(FP), CX")
	p("MOVQ b+8(FP), SI")
	p("MOVQ dst+16(FP), DX")
	p("VMOVDQU ·himask(SB), Y3")
	l("bfe_loop:")
	p("VMOVDQU (SI), Y1")
	p("VPSLLD $16, Y1, Y0")
	p("VPAND Y3, Y1, Y1")
	p("VMOVUPS Y0, (DX)")
	p("VMOVUPS Y1, 32(DX)")
	p("ADDQ $32, SI")
	p("ADDQ $64, DX")
	p("DECQ CX")
	p("JNZ bfe_loop")
	p("VZEROUPPER")
	p("RET")
	l("")
}

// transpose8: dst[kk*ldd + j] = src[j*lds + kk] for an 8 (j) x 8 (kk) blocks, nb blocks along kk
func packT8() {
	l("// func packT8AVX2(nb int, src unsafe.Pointer, lds int, dst *float32, ldd int)  // lds, ldd in bytes; nb blocks of 8 kk")
	l("TEXT ·packT8AVX2(SB), NOSPLIT, $0-40")
	p("MOVQ nb+0(FP), CX")
	p("MOVQ src+8(FP), SI")
	p("MOVQ lds+16(FP), R8")
	p("MOVQ dst+24(FP), DX")
	p("MOVQ ldd+32(FP), R9")
	p("LEAQ (R8)(R8*2), R10 // 3*lds")
	p("LEAQ (R9)(R9*2), R11 // 3*ldd")
	l("pt8_loop:")
	p("LEAQ (SI)(R8*4), DI")
	p("VMOVUPS (SI), Y0")
	p("VMOVUPS (SI)(R8*1), Y1")
	p("VMOVUPS (SI)(R8*2), Y2")
	p("VMOVUPS (SI)(R10*1), Y3")
	p("VMOVUPS (DI), Y4")
	p("VMOVUPS (DI)(R8*1), Y5")
	p("VMOVUPS (DI)(R8*2), Y6")
	p("VMOVUPS (DI)(R10*1), Y7")
	p("PREFETCHT0 512(SI)")
	// unpack: Intel vunpcklps d,a,b -> Go VUNPCKLPS b,a,d
	for i := 0; i < 8; i += 2 {
		p("VUNPCKLPS Y%d, Y%d, Y%d", i+1, i, 8+i)
		p("VUNPCKHPS Y%d, Y%d, Y%d", i+1, i, 9+i)
	}
	// shuffle: t0=(8,10) 0x44, 0xEE
	p("VSHUFPS $0x44, Y10, Y8, Y0")
	p("VSHUFPS $0xEE, Y10, Y8, Y1")
	p("VSHUFPS $0x44, Y11, Y9, Y2")
	p("VSHUFPS $0xEE, Y11, Y9, Y3")
	p("VSHUFPS $0x44, Y14, Y12, Y4")
	p("VSHUFPS $0xEE, Y14, Y12, Y5")
	p("VSHUFPS $0x44, Y15, Y13, Y6")
	p("VSHUFPS $0xEE, Y15, Y13, Y7")
	for i := 0; i < 4; i++ {
		p("VPERM2F128 $0x20, Y%d, Y%d, Y%d", 4+i, i, 8+i)
		p("VPERM2F128 $0x31, Y%d, Y%d, Y%d", 4+i, i, 12+i)
	}
	p("LEAQ (DX)(R9*4), DI")
	p("VMOVUPS Y8, (DX)")
	p("VMOVUPS Y9, (DX)(R9*1)")
	p("VMOVUPS Y10, (DX)(R9*2)")
	p("VMOVUPS Y11, (DX)(R11*1)")
	p("VMOVUPS Y12, (DI)")
	p("VMOVUPS Y13, (DI)(R9*1)")
	p("VMOVUPS Y14, (DI)(R9*2)")
	p("VMOVUPS Y15, (DI)(R11*1)")
	p("ADDQ $32, SI")
	p("LEAQ (DX)(R9*8), DX")
	p("DECQ CX")
	p("JNZ pt8_loop")
	p("VZEROUPPER")
	p("RET")
	l("")
}

func main() {
	l("// Code generated by gen/gen.go. DO NOT EDIT.")
	l("//go:build amd64 && !purego")
	l("")
	l("#include \"textflag.h\"")
	l("")
	for i := 0; i < 4; i++ {
		l("DATA ·himask+%d(SB)/8, $0xffff0000ffff0000", i*8)
	}
	l("GLOBL ·himask(SB), RODATA|NOPTR, $32")
	l("")
	kern("kern6x16F32", F32)
	gemv("gemvF32", F32)
	gemv("gemvBF16", BF16)
	nf4deq()
	nf4gemv()
	bf16deq()
	packT8()
	extra()
	nf4deqn()
}
