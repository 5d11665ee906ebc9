package main

// micro is a micro-kernel: a packed panel of A [k, rows] times panels of B [k, 16] into C [rows, 16·panels].
// There is one loop for each number of rows from 1 to tallest, so that no row of A is padded.
type micro struct {
	name    string
	reg     string // Y or Z
	bytes   int    // of a register
	panels  int
	tallest int
	masked  bool // C has as many columns as mask has bits
}

func (m micro) vecs() int { return 64 / m.bytes * m.panels }

// acc is the register that holds row i, vector j.
func (m micro) acc(i, j int) int { return i*m.vecs() + j }

func (m micro) print() {
	if m.masked {
		l("// func %s(k, rows int, a *float32, b, b2 unsafe.Pointer, c *float32, ldc int, next unsafe.Pointer, acc, mask int)", m.name)
		l("TEXT ·%s(SB), NOSPLIT, $0-80", m.name)
	} else {
		l("// func %s(k, rows int, a *float32, b unsafe.Pointer, c *float32, ldc int, next unsafe.Pointer, acc int)", m.name)
		l("TEXT ·%s(SB), NOSPLIT, $0-64", m.name)
	}
	args := names("k rows a b c ldc next acc")
	if m.masked {
		args = names("k rows a b b2 c ldc next acc mask")
	}
	regs := map[string]string{"k": "CX", "rows": "AX", "a": "SI", "b": "DI", "b2": "R11", "c": "DX", "ldc": "R8", "next": "R9", "acc": "R12", "mask": "R13"}
	for i, a := range args {
		p("MOVQ %s+%d(FP), %s", a, 8*i, regs[a])
	}
	p("SHLQ $2, R8")
	if m.masked {
		p("KMOVW R13, K1")
		p("SHRQ $16, R13")
		p("KMOVW R13, K2")
	}
	p("MOVQ DX, R10")
	p("MOVQ AX, BX")
	l("%s_ahead:", m.name)
	for v := 0; v < m.panels; v++ {
		p("PREFETCHT0 %d(R10)", 64*v)
	}
	p("PREFETCHT0 %d(R10)", 64*m.panels-4)
	p("ADDQ R8, R10")
	p("DECQ BX")
	p("JNZ %s_ahead", m.name)
	p("MOVQ CX, BX")
	p("SHRQ $1, BX")
	for h := m.tallest; h > 1; h-- {
		p("CMPQ AX, $%d", h)
		p("JEQ %s_%d", m.name, h)
	}
	for h := 1; h <= m.tallest; h++ {
		m.rows(h)
	}
}

// rows is the loop over k, two steps at a time, and the store for h rows.
func (m micro) rows(h int) {
	l("%s_%d:", m.name, h)
	for i := range h {
		for j := range m.vecs() {
			r := m.acc(i, j)
			if m.reg == "Z" {
				p("VPXORD Z%d, Z%d, Z%d", r, r, r)
			} else {
				p("VXORPS Y%d, Y%d, Y%d", r, r, r)
			}
		}
	}
	p("TESTQ BX, BX")
	p("JZ %s_%d_last", m.name, h)
	p("PCALIGN $32")
	l("%s_%d_loop:", m.name, h)
	p("PREFETCHT0 (R9)")
	m.step(h, 0)
	if m.panels == 2 {
		p("PREFETCHT0 64(R9)")
	}
	m.step(h, 1)
	p("ADDQ $%d, R9", 64*m.panels)
	m.advance(h, 2)
	p("DECQ BX")
	p("JNZ %s_%d_loop", m.name, h)
	l("%s_%d_last:", m.name, h)
	p("ANDQ $1, CX")
	p("JZ %s_%d_store", m.name, h)
	m.step(h, 0)
	l("%s_%d_store:", m.name, h)
	m.store(h)
}

func (m micro) advance(h, steps int) {
	p("ADDQ $%d, SI", 4*h*steps)
	p("ADDQ $%d, DI", 64*steps)
	if m.panels == 2 {
		p("ADDQ $%d, R11", 64*steps)
	}
}

// step adds row u of the panels. The registers after the sums hold B, then broadcasts of A.
func (m micro) step(h, u int) {
	first := m.vecs() * m.tallest
	perPanel := 64 / m.bytes
	for j := range m.vecs() {
		p("VMOVUPS %d(%s), %s%d", 64*u+m.bytes*(j%perPanel), []string{"DI", "R11"}[j/perPanel], m.reg, first+j)
	}
	for i := range h {
		b := first + m.vecs() + i%2
		p("VBROADCASTSS %d(SI), %s%d", 4*(u*h+i), m.reg, b)
		for j := range m.vecs() {
			p("VFMADD231PS %s%d, %s%d, %s%d", m.reg, first+j, m.reg, b, m.reg, m.acc(i, j))
		}
	}
}

func (m micro) store(h int) {
	mask := func(j int) string {
		if m.masked {
			return []string{"K1, ", "K2, "}[j]
		}
		return ""
	}
	p("TESTQ R12, R12")
	p("JEQ %s_%d_st", m.name, h)
	p("MOVQ DX, R10")
	for i := range h {
		for j := range m.vecs() {
			r := m.acc(i, j)
			p("VADDPS %d(R10), %s%d, %s%s%d", m.bytes*j, m.reg, r, mask(j), m.reg, r)
		}
		if i < h-1 {
			p("ADDQ R8, R10")
		}
	}
	l("%s_%d_st:", m.name, h)
	for i := range h {
		for j := range m.vecs() {
			p("VMOVUPS %s%d, %s%d(DX)", m.reg, m.acc(i, j), mask(j), m.bytes*j)
		}
		if i < h-1 {
			p("ADDQ R8, DX")
		}
	}
	p("VZEROUPPER")
	p("RET")
	l("")
}
