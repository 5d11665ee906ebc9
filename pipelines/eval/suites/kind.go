package suites

import "strings"

func (r *suiteRows) kind(name string) Kind {
	if r.opt.Kind != "" {
		return r.opt.Kind
	}
	if r.early != "" {
		return r.early
	}
	if r.yesNo() {
		return YesNo
	}
	name = strings.ToLower(name)
	for _, part := range []string{"mmbench", "ccbench", "circular", "mmcr"} {
		if strings.Contains(name, part) {
			return Circular
		}
	}
	if r.rotated() > 0 {
		return Circular
	}
	return Vanilla
}

// rotated counts the rows that are pass 1 or later of a base row in the file.
func (r *suiteRows) rotated() int {
	n := 0
	for _, it := range r.items {
		if it.ID < PassDistance {
			continue
		}
		if _, ok := r.lines[it.ID%PassDistance]; ok {
			n++
		}
	}
	return n
}

// yesNo says whether the suite is of that kind, which is known from the header and the options.
func (r *suiteRows) yesNo() bool {
	return r.opt.Kind == YesNo || r.early == YesNoPairs || (r.opt.Kind == "" && r.early == "" && len(r.cols.options) == 0)
}

// suiteName is that of the options, or the table's.
func (r *suiteRows) suiteName() string {
	if r.opt.Name != "" {
		return r.opt.Name
	}
	return r.table.name
}
