package datacheck

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// twice looks for what several rows have: ids, pictures, all of a sample; and for what the training and the held-out share both have.
func (p *pass) twice() {
	for _, list := range [][]mark{p.ids, p.pictures, p.whole} {
		sortMarks(list)
	}
	p.same(SameID, p.ids)
	p.same(SamePicture, p.pictures)
	p.same(SameSample, p.whole)
	p.heldToo(PictureHeld, p.pictures)
	p.heldToo(SampleHeld, p.whole)
}

// same counts the rows that have what an earlier one has.
func (p *pass) same(kind string, list []mark) {
	for g := range groups(list) {
		rows := p.stored(g)
		for k := 1; k < len(rows); k++ {
			named := "" // a group once
			if k == 1 && p.room(Warning, kind) {
				named = p.places(rows)
			}
			p.add(Warning, kind, named)
		}
	}
}

// stored are the rows of a group, without those that are the same stored row as another.
func (p *pass) stored(g []mark) (rows []int32) {
	for _, m := range g {
		if !slices.ContainsFunc(rows[max(0, len(rows)-64):], func(r int32) bool { return p.origins[r] == p.origins[m.row] }) {
			rows = append(rows, m.row)
		}
	}
	return rows
}

// heldToo counts the rows held out that have what a row of the training share has.
func (p *pass) heldToo(kind string, list []mark) {
	if p.Held == 0 {
		return
	}
	counted := map[int32]bool{}
	for g := range groups(list) {
		train := slices.IndexFunc(g, func(m mark) bool { return m.part == 0 })
		if train < 0 {
			continue
		}
		for _, m := range g {
			if m.part == 0 || counted[m.row] {
				continue
			}
			counted[m.row] = true
			named := ""
			if p.room(Warning, kind) {
				named = p.places([]int32{m.row, g[train].row})
			}
			p.add(Warning, kind, named)
		}
	}
}

// inSuites looks for pictures of suites.
func (p *pass) inSuites() {
	leaks := make([]Finding, len(p.names))
	rows := make([]int, len(p.names))
	shown := p.shown
	for g := range groups(p.pictures) {
		for len(shown) > 0 && bytes.Compare(shown[0].sum[:], g[0].sum[:]) < 0 {
			shown = shown[1:]
		}
		var has []mark // a suite once, whose items may share the picture
		for _, m := range shown {
			if m.sum != g[0].sum {
				break
			}
			if !slices.ContainsFunc(has, func(h mark) bool { return h.part == m.part }) {
				has = append(has, m)
			}
		}
		if len(has) == 0 {
			continue
		}
		same := p.stored(g)
		for _, m := range has {
			f := &leaks[m.part]
			f.Count++
			rows[m.part] += len(same)
			if len(f.Named) < mostNamed {
				f.Named = append(f.Named, p.mask(fmt.Sprintf("%s: question %d of suite %s", p.places(same), m.row+1, p.names[m.part])))
			}
		}
	}
	for i, f := range leaks {
		if f.Count > 0 {
			f.Level, f.Kind = Warning, PictureInSuite
			f.What = fmt.Sprintf("%s of suite %s, which %s: its score is of what was trained on", number(f.Count, "picture"), p.names[i], shows(rows[i]))
			p.list = append(p.list, f)
		}
	}
}

// places says where rows stand, the first few of them.
func (p *pass) places(rows []int32) string {
	var out []string
	for k, row := range rows {
		if k == 3 {
			out = append(out, fmt.Sprintf("%d more", len(rows)-k))
			break
		}
		s, err := p.source.At(int(row))
		if err != nil { // it has been read before
			out = append(out, err.Error())
			continue
		}
		out = append(out, place(&s))
	}
	return strings.Join(out, ", ")
}
