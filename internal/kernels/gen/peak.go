package main

// peak is a loop of fused multiply-adds on registers alone: v = v·a + b, with a and b below one, stays finite.
func peak(name, reg string, n int) {
	l("// func %s(n int)", name)
	l("TEXT ·%s(SB), NOSPLIT, $0-8", name)
	p("MOVQ n+0(FP), CX")
	p("MOVL $0x3f000000, AX // 0.5")
	p("MOVQ AX, X0")
	p("VBROADCASTSS X0, %s0", reg)
	for i := range n {
		p("VMOVAPS %s0, %s%d", reg, reg, i+1)
	}
	p("PCALIGN $64")
	l("%s_loop:", name)
	for i := range n {
		p("VFMADD213PS %s0, %s0, %s%d", reg, reg, reg, i+1)
	}
	p("DECQ CX")
	p("JNZ %s_loop", name)
	p("VZEROUPPER")
	p("RET")
	l("")
}
