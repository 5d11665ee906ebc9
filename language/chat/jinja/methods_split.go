package jinja

import (
	"slices"
	"strings"
)

func replaceMethod(r *run, self any, a args) any {
	p := a.bind(r, "replace", 2, "old", "new", "count")
	s, safe := r.soft(self)
	to, _ := plain(p[1])
	if m, ok := p[1].(string); safe && ok {
		to = r.escape(m)
	} else {
		to = r.text(p[1], "replace")
	}
	return like(r.replace(s, r.text(p[0], "replace"), to, r.intOr(p[2], "replace", -1)), safe)
}

func splitMethod(r *run, self any, a args) any { return r.split(self, a, false) }

// split is split, or rsplit from the right.
func (r *run) split(self any, a args, right bool) any {
	p := a.bind(r, "split", 0, "sep", "maxsplit")
	s, safe := r.soft(self)
	most := r.intOr(p[1], "split", -1)
	r.scan(len(s))
	var parts []string
	if isAbsent(p[0]) || p[0] == nil {
		parts = r.fields(s, most, right)
	} else {
		sep := r.text(p[0], "split")
		if sep == "" {
			r.fail("split: an empty separator")
		}
		n := strings.Count(s, sep)
		if most >= 0 {
			n = min(n, most)
		}
		r.take(product(n+1, sizeOfString))
		if right {
			parts = splitRight(s, sep, n)
		} else {
			parts = strings.SplitN(s, sep, n+1)
		}
	}
	return r.parts(parts, safe)
}

// parts is a list of the parts of a text.
func (r *run) parts(parts []string, safe bool) *list {
	r.take(len(parts) * sizeOfElement)
	items := make([]any, len(parts))
	for i, p := range parts {
		items[i] = like(p, safe)
	}
	return r.listOf(items)
}

func splitRight(s, sep string, n int) []string {
	var parts []string
	for range n {
		i := strings.LastIndex(s, sep)
		parts = append(parts, s[i+len(sep):])
		s = s[:i]
	}
	parts = append(parts, s)
	slices.Reverse(parts)
	return parts
}

// fields splits at white space.
func (r *run) fields(s string, most int, right bool) []string {
	var parts []string
	trim, index := strings.TrimLeftFunc, strings.IndexFunc
	if right {
		trim, index = strings.TrimRightFunc, strings.LastIndexFunc
	}
	for s = trim(s, isSpace); s != ""; s = trim(s, isSpace) {
		r.take(sizeOfString)
		i := index(s, isSpace)
		switch {
		case most == len(parts) || i < 0:
			parts, s = append(parts, s), ""
		case right:
			cut := s[i:]
			_, rest := firstRune(cut)
			parts, s = append(parts, rest), s[:i]
		default:
			parts, s = append(parts, s[:i]), s[i:]
		}
	}
	if right {
		slices.Reverse(parts)
	}
	return parts
}

// firstRune cuts s behind its first character.
func firstRune(s string) (first, rest string) {
	n := offset(s, 1)
	return s[:n], s[n:]
}

func splitlinesMethod(r *run, self any, a args) any {
	keep := a.bind(r, "splitlines", 0, "keepends")[0]
	s, safe := r.soft(self)
	return r.parts(r.splitLines(s, r.flag(keep)), safe)
}

// splitLines is str.splitlines.
func (r *run) splitLines(s string, keepEnds bool) []string {
	var lines []string
	r.scan(product(len(s), 4))
	for s != "" {
		i := strings.IndexAny(s, "\n\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029")
		if i < 0 {
			return append(lines, s)
		}
		r.take(2 * sizeOfString)
		first, _ := firstRune(s[i:])
		if strings.HasPrefix(s[i:], "\r\n") {
			first = "\r\n"
		}
		end := i
		if keepEnds {
			end += len(first)
		}
		lines = append(lines, s[:end])
		s = s[i+len(first):]
	}
	return lines
}

func joinMethod(r *run, self any, a args) any {
	s, safe := r.soft(self)
	var b buffer
	for i, item := range r.iterate(a.bind(r, "join", 1, "iterable")[0]) {
		if i > 0 {
			b.write(r, s)
		}
		if part, plain := item.(string); !safe {
			b.write(r, r.text(item, "join"))
		} else if plain {
			b.write(r, r.escape(part))
		} else {
			b.write(r, r.str(item))
		}
		r.step(1)
	}
	return like(b.text(r), safe)
}

func partitionMethod(r *run, self any, a args) any { return r.partition(self, a, false) }

func (r *run) partition(self any, a args, right bool) any {
	s, safe := r.soft(self)
	sep := r.text(a.bind(r, "partition", 1, "sep")[0], "partition")
	if sep == "" {
		r.fail("partition: an empty separator")
	}
	r.scan(len(s))
	r.take(3*sizeOfElement + sizeOfObject)
	i := strings.Index(s, sep)
	if right {
		i = strings.LastIndex(s, sep)
	}
	three := [3]string{s, "", ""}
	switch {
	case i >= 0:
		three = [3]string{s[:i], sep, s[i+len(sep):]}
	case right:
		three = [3]string{"", "", s}
	}
	return &tuple{[]any{like(three[0], safe), like(three[1], safe), like(three[2], safe)}}
}
