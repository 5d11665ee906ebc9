package jpeg

// The four kinds of progressive scans (annex G).

func (c *component) block(bx, by int) *[64]int16 {
	return (*[64]int16)(c.coef[64*(by*c.stride+bx):])
}

// dcFirst reads the upper bits of DC coefficients.
func (s *scan) dcFirst(p *part, bx, by int) error {
	t := s.r.symbol(p.dc)
	if t < 0 {
		return errCode
	}
	p.last += s.r.value(uint(t))
	p.c.block(bx, by)[0] = int16(p.last << s.low)
	return nil
}

// dcRefine reads one more bit of them.
func (s *scan) dcRefine(p *part, bx, by int) error {
	if s.r.bit() {
		p.c.block(bx, by)[0] |= 1 << s.low
	}
	return nil
}

// acFirst reads the upper bits of a band.
func (s *scan) acFirst(p *part, bx, by int) error {
	if s.eobRun > 0 {
		s.eobRun--
		return nil
	}
	b := p.c.block(bx, by)
	for k := s.from; k <= s.to; k++ {
		rs := s.r.symbol(p.ac)
		if rs < 0 {
			return errCode
		}
		run, size := rs>>4, uint(rs&15)
		if size == 0 {
			if run != 15 {
				s.eobRun = s.endOfBand(run) - 1
				return nil
			}
			k += 15
			continue
		}
		if k += run; k > s.to {
			return errIndex
		}
		b[zigzag[k]] = int16(s.r.value(size) << s.low)
	}
	return nil
}

// endOfBand is the number of blocks that EOBn means (table G.1).
func (s *scan) endOfBand(n int) int { return 1<<n + int(s.r.take(uint(n))) }

// acRefine reads one more bit of the coefficients of a band that are not zero, and those that become so.
func (s *scan) acRefine(p *part, bx, by int) error {
	b := p.c.block(bx, by)
	k := s.from
	for s.eobRun == 0 && k <= s.to {
		rs := s.r.symbol(p.ac)
		if rs < 0 {
			return errCode
		}
		run, size := rs>>4, rs&15
		var v int16
		switch {
		case size > 0: // a coefficient of one bit: its sign follows. Other sizes count as 1, as in libjpeg.
			v = -1 << s.low
			if s.r.bit() {
				v = 1 << s.low
			}
		case run != 15:
			s.eobRun = s.endOfBand(run)
			continue
		}
		k = s.refine(b, k, run)
		if v != 0 {
			if k > s.to {
				return errIndex
			}
			b[zigzag[k]] = v
		}
		k++
	}
	if s.eobRun > 0 {
		s.refine(b, k, -1)
		s.eobRun--
	}
	return nil
}

// refine goes on from k over zeros coefficients that are still zero and returns where the next such one is, or the end of the band and one;
// with -1 it goes to the end. Those that are not zero get their next bit.
func (s *scan) refine(b *[64]int16, k, zeros int) int {
	for ; k <= s.to; k++ {
		v := &b[zigzag[k]]
		if *v == 0 {
			if zeros == 0 {
				return k
			}
			zeros--
			continue
		}
		if !s.r.bit() || *v&(1<<s.low) != 0 {
			continue
		}
		if *v > 0 {
			*v += 1 << s.low
		} else {
			*v -= 1 << s.low
		}
	}
	return k
}
