package suites

import (
	"fmt"
	"math"
)

// passes sets Group and Pass of a circular suite's items, or generates the rotated rows when the file has none.
func (r *suiteRows) passes() (notes []string, err error) {
	if r.rotated() == 0 {
		return r.generate()
	}
	have := map[int64]int{}
	for i := range r.items {
		it := &r.items[i]
		it.Group, it.Pass = it.ID%PassDistance, int(it.ID/PassDistance)
		if _, ok := r.lines[it.Group]; !ok {
			return nil, r.table.errorf(r.lines[it.ID], r.cols.at("index"), "found row %d, which is pass %d of question %d, expected row %d in the file, too", it.ID, it.Pass, it.Group, it.Group)
		}
		have[it.Group]++
	}
	short, first := 0, int64(0)
	for _, it := range r.items {
		if it.Pass == 0 && have[it.Group] < len(it.Choices) && rotatable(it) == nil {
			if short++; short == 1 {
				first = it.Group
			}
		}
	}
	if short > 0 {
		notes = append(notes, fmt.Sprintf("%d questions have fewer rows than options (the first is %d), so they are easier than the others", short, first))
	}
	return notes, nil
}

// generate adds passes 1..n-1 of every base row that may be rotated. As upstream, the distance between passes is 1e6, or the
// next power of ten when an index is larger.
func (r *suiteRows) generate() (notes []string, err error) {
	offset, top := int64(PassDistance), int64(0)
	for _, it := range r.items {
		top = max(top, it.ID)
	}
	for top >= offset {
		if offset > math.MaxInt64/1000 { // room for 26 passes
			return nil, r.table.errorf(r.lines[top], r.cols.at("index"), "found %d, expected an index that leaves room for its rotations", top)
		}
		offset *= 10
	}
	base := len(r.items)
	kept := 0
	for _, it := range r.items[:base] {
		if rotatable(it) != nil {
			kept++
			continue
		}
		for k := 1; k < len(it.Choices); k++ {
			r.items = append(r.items, rotate(it, k, it.ID+int64(k)*offset))
		}
	}
	if len(r.items) > maxRows {
		return nil, fmt.Errorf("%s: found %d rows with their rotations, expected at most %d", r.table.name, len(r.items), maxRows)
	}
	notes = append(notes, fmt.Sprintf("the file has no rotated rows: %d were generated from %d", len(r.items)-base, base))
	if kept > 0 {
		notes = append(notes, fmt.Sprintf("%d questions are asked once, unrotated, because an option reads as an option letter or letters have gaps", kept))
	}
	return notes, nil
}
