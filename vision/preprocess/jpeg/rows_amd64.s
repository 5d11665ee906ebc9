//go:build amd64 && !purego

#include "textflag.h"

#define EIGHTFOLD(name, v) \
	DATA name<>+0(SB)/8, v; \
	DATA name<>+8(SB)/8, v; \
	DATA name<>+16(SB)/8, v; \
	DATA name<>+24(SB)/8, v; \
	GLOBL name<>(SB), RODATA|NOPTR, $32

EIGHTFOLD(middle, $0x0000008000000080) // 128
EIGHTFOLD(rounding, $0x0000800000008000) // 32768
EIGHTFOLD(redOfCr, $0x000166e9000166e9) // 91881, 1.402 in 16 bits
EIGHTFOLD(blueOfCb, $0x0001c5a20001c5a2) // 116130, 1.772
EIGHTFOLD(greenOfCr, $0xffff492effff492e) // -46802, -0.71414
EIGHTFOLD(greenOfCb, $0xffffa7e6ffffa7e6) // -22554, -0.34414
EIGHTFOLD(most, $0x000000ff000000ff) // 255

// The low three bytes of four words, twice.
DATA three<>+0(SB)/8, $0x0908060504020100
DATA three<>+8(SB)/8, $0xffffffff0e0d0c0a
DATA three<>+16(SB)/8, $0x0908060504020100
DATA three<>+24(SB)/8, $0xffffffff0e0d0c0a
GLOBL three<>(SB), RODATA|NOPTR, $32

// func fromYCbCrAVX2(dst, y, cb, cr *uint8, n int)
//
// n is a multiple of 8; four bytes more than 3*n are written.
TEXT ·fromYCbCrAVX2(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ y+8(FP), AX
	MOVQ cb+16(FP), BX
	MOVQ cr+24(FP), DX
	MOVQ n+32(FP), CX
	VMOVDQU middle<>(SB), Y8
	VMOVDQU rounding<>(SB), Y9
	VMOVDQU most<>(SB), Y10
	VMOVDQU three<>(SB), Y11
	VPXOR Y12, Y12, Y12

pixels:
	VPMOVZXBD (AX), Y0
	VPMOVZXBD (BX), Y1
	VPMOVZXBD (DX), Y2
	VPSUBD Y8, Y1, Y1
	VPSUBD Y8, Y2, Y2
	VPMULLD redOfCr<>(SB), Y2, Y3
	VPADDD Y9, Y3, Y3
	VPSRAD $16, Y3, Y3
	VPADDD Y0, Y3, Y3
	VPMULLD blueOfCb<>(SB), Y1, Y4
	VPADDD Y9, Y4, Y4
	VPSRAD $16, Y4, Y4
	VPADDD Y0, Y4, Y4
	VPMULLD greenOfCr<>(SB), Y2, Y2
	VPMULLD greenOfCb<>(SB), Y1, Y1
	VPADDD Y2, Y1, Y1
	VPADDD Y9, Y1, Y1
	VPSRAD $16, Y1, Y1
	VPADDD Y0, Y1, Y1
	VPMAXSD Y12, Y3, Y3
	VPMINSD Y10, Y3, Y3
	VPMAXSD Y12, Y1, Y1
	VPMINSD Y10, Y1, Y1
	VPMAXSD Y12, Y4, Y4
	VPMINSD Y10, Y4, Y4
	VPSLLD $8, Y1, Y1
	VPSLLD $16, Y4, Y4
	VPOR Y1, Y3, Y3
	VPOR Y4, Y3, Y3
	VPSHUFB Y11, Y3, Y3
	VMOVDQU X3, (DI)
	VEXTRACTI128 $1, Y3, X4
	VMOVDQU X4, 12(DI)
	ADDQ $8, AX
	ADDQ $8, BX
	ADDQ $8, DX
	ADDQ $24, DI
	SUBQ $8, CX
	JNZ pixels
	VZEROUPPER
	RET

// func sumsAVX2(dst *int32, near, far *uint8, n int)
//
// 3*near + far; n is a multiple of 8.
TEXT ·sumsAVX2(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ near+8(FP), AX
	MOVQ far+16(FP), BX
	MOVQ n+24(FP), CX

sums:
	VPMOVZXBD (AX), Y0
	VPMOVZXBD (BX), Y1
	VPADDD Y0, Y1, Y1
	VPSLLD $1, Y0, Y0
	VPADDD Y0, Y1, Y1
	VMOVDQU Y1, (DI)
	ADDQ $8, AX
	ADDQ $8, BX
	ADDQ $32, DI
	SUBQ $8, CX
	JNZ sums
	VZEROUPPER
	RET

// func triangleAVX2(out *uint8, s *int32, n int, shift uint, even, odd int32)
//
// n is a multiple of 8; the sums before s[0] and behind s[n-1] are read. Results have 8 bits.
TEXT ·triangleAVX2(SB), NOSPLIT, $0-40
	MOVQ out+0(FP), DI
	MOVQ s+8(FP), SI
	MOVQ n+16(FP), CX
	MOVQ shift+24(FP), AX
	VMOVQ AX, X6
	MOVL even+32(FP), AX
	VMOVD AX, X4
	VPBROADCASTD X4, Y4
	MOVL odd+36(FP), AX
	VMOVD AX, X5
	VPBROADCASTD X5, Y5

columns:
	VMOVDQU (SI), Y0
	VPSLLD $1, Y0, Y1
	VPADDD Y0, Y1, Y0
	VPADDD -4(SI), Y0, Y1
	VPADDD 4(SI), Y0, Y2
	VPADDD Y4, Y1, Y1
	VPADDD Y5, Y2, Y2
	VPSRLD X6, Y1, Y1
	VPSRLD X6, Y2, Y2
	VPSLLD $8, Y2, Y2
	VPOR Y1, Y2, Y2
	VEXTRACTI128 $1, Y2, X1
	VPACKUSDW X1, X2, X2
	VMOVDQU X2, (DI)
	ADDQ $32, SI
	ADDQ $16, DI
	SUBQ $8, CX
	JNZ columns
	VZEROUPPER
	RET
