// gen prints an assembly file of package kernels: its argument says which, AVX2+FMA (kern_amd64.s)
// without one.
package main

import (
	"fmt"
	"os"
)

var o = os.Stdout

func p(f string, a ...any) { fmt.Fprintf(o, "\t"+f+"\n", a...) }
func l(f string, a ...any) { fmt.Fprintf(o, f+"\n", a...) }

// kern multiplies a panel of A [k, 6] with a panel of B [k, 16] into C [6, 16].
func kern(name string) {
	l("// func %sAVX2(k int, a *float32, b unsafe.Pointer, c *float32, ldc int, bnext unsafe.Pointer, acc int)", name)
	l("TEXT ·%sAVX2(SB), NOSPLIT, $0-56", name)
	p("MOVQ k+0(FP), CX")
	p("MOVQ a+8(FP), SI")
	p("MOVQ b+16(FP), DI")
	p("MOVQ c+24(FP), DX")
	p("MOVQ ldc+32(FP), R8")
	p("SHLQ $2, R8")
	p("MOVQ bnext+40(FP), R9")
	for i := 4; i < 16; i++ {
		p("VXORPS Y%d, Y%d, Y%d", i, i, i)
	}
	p("MOVQ DX, R10")
	for range 6 {
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
		p("VMOVUPS %d(DI), Y0", u*64)
		p("VMOVUPS %d(DI), Y1", u*64+32)
		for i := range 6 {
			r := 2 + i%2
			p("VBROADCASTSS %d(SI), Y%d", u*24+i*4, r)
			p("VFMADD231PS Y0, Y%d, Y%d", r, 4+2*i)
			p("VFMADD231PS Y1, Y%d, Y%d", r, 5+2*i)
		}
	}
	p("PREFETCHT0 (R9)")
	p("PREFETCHT0 %d(SI)", 24*4*8)
	for u := range 4 {
		step(u)
	}
	p("ADDQ $64, R9")
	p("ADDQ $%d, SI", 24*4)
	p("ADDQ $%d, DI", 64*4)
	p("DECQ BX")
	p("JNZ %s_loop4", name)
	l("%s_tail:", name)
	p("ANDQ $3, CX")
	p("JZ %s_store", name)
	l("%s_loop1:", name)
	step(0)
	p("ADDQ $24, SI")
	p("ADDQ $64, DI")
	p("DECQ CX")
	p("JNZ %s_loop1", name)
	l("%s_store:", name)
	p("CMPQ acc+48(FP), $0")
	p("JEQ %s_st", name)
	p("MOVQ DX, R10")
	for i := range 6 {
		p("VADDPS (R10), Y%d, Y%d", 4+2*i, 4+2*i)
		p("VADDPS 32(R10), Y%d, Y%d", 5+2*i, 5+2*i)
		if i < 5 {
			p("ADDQ R8, R10")
		}
	}
	l("%s_st:", name)
	for i := range 6 {
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
	nf4body()
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
	if len(os.Args) > 1 && os.Args[1] == "avx512" {
		avx512()
		return
	}
	avx2()
}

func avx2() {
	l("//go:build amd64 && !purego")
	l("")
	l("#include \"textflag.h\"")
	l("")
	for i := 0; i < 4; i++ {
		l("DATA ·himask+%d(SB)/8, $0xffff0000ffff0000", i*8)
	}
	l("GLOBL ·himask(SB), RODATA|NOPTR, $32")
	l("")
	kern("kern6x16F32")
	gemv("gemvF32", false)
	gemv("gemvBF16", true)
	gemvNF4()
	nf4deq()
	nf4deqn()
	bf16deq()
	packT8()
	consts()
	expSum()
	elementwise()
	reductions()
	peak("peakAVX2", "Y", 12)
}
