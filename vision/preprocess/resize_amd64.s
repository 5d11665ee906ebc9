//go:build amd64 && !purego

#include "textflag.h"

// func mixAVX2(dst *uint8, n int, src *uint8, first, offset *int, weights, padding *int32, colour, half *[4]int32)
//
// A lane each for red, green and blue, and one for nothing: a byte more than a pixel's is read and written.
TEXT ·mixAVX2(SB), NOSPLIT, $0-72
	MOVQ dst+0(FP), DI
	MOVQ n+8(FP), CX
	MOVQ src+16(FP), SI
	MOVQ first+24(FP), R8
	MOVQ offset+32(FP), R9
	MOVQ weights+40(FP), R10
	MOVQ padding+48(FP), R11
	MOVQ colour+56(FP), AX
	VMOVDQU (AX), X6
	MOVQ half+64(FP), AX
	VMOVDQU (AX), X7
	XORQ BX, BX // output

output:
	VPBROADCASTD (R11)(BX*4), X0
	VPMULLD X6, X0, X0
	VPADDD X7, X0, X0
	MOVQ (R8)(BX*8), AX
	LEAQ (AX)(AX*2), AX
	ADDQ SI, AX // first pixel
	MOVQ (R9)(BX*8), DX
	MOVQ 8(R9)(BX*8), R12
	CMPQ DX, R12
	JGE store

tap:
	VPMOVZXBD (AX), X1
	VPBROADCASTD (R10)(DX*4), X2
	VPMULLD X2, X1, X1
	VPADDD X1, X0, X0
	ADDQ $3, AX
	INCQ DX
	CMPQ DX, R12
	JLT tap

store:
	VPSRAD $22, X0, X0
	VPACKSSDW X0, X0, X0
	VPACKUSWB X0, X0, X0
	VMOVD X0, (DI)
	ADDQ $3, DI
	INCQ BX
	CMPQ BX, CX
	JLT output
	RET

// func addRowAVX2(acc *int32, row *uint8, n int, weight int32)
//
// n is a multiple of 16.
TEXT ·addRowAVX2(SB), NOSPLIT, $0-28
	MOVQ acc+0(FP), DI
	MOVQ row+8(FP), SI
	MOVQ n+16(FP), CX
	MOVL weight+24(FP), AX
	VMOVD AX, X7
	VPBROADCASTD X7, Y7

sixteen:
	VPMOVZXBD (SI), Y0
	VPMOVZXBD 8(SI), Y1
	VPMULLD Y7, Y0, Y0
	VPMULLD Y7, Y1, Y1
	VPADDD (DI), Y0, Y0
	VPADDD 32(DI), Y1, Y1
	VMOVDQU Y0, (DI)
	VMOVDQU Y1, 32(DI)
	ADDQ $16, SI
	ADDQ $64, DI
	SUBQ $16, CX
	JNZ sixteen
	VZEROUPPER
	RET

// func storeAVX2(dst *uint8, acc *int32, n int)
//
// n is a multiple of 16.
TEXT ·storeAVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ acc+8(FP), SI
	MOVQ n+16(FP), CX

bytes:
	VMOVDQU (SI), Y0
	VMOVDQU 32(SI), Y1
	VPSRAD $22, Y0, Y0
	VPSRAD $22, Y1, Y1
	VPACKSSDW Y1, Y0, Y0
	VPERMQ $0xd8, Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VPACKUSWB X1, X0, X0
	VMOVDQU X0, (DI)
	ADDQ $64, SI
	ADDQ $16, DI
	SUBQ $16, CX
	JNZ bytes
	VZEROUPPER
	RET
