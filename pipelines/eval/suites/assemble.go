package suites

import "fmt"

// suite resolves pictures and passes once all rows are known.
func (r *suiteRows) suite() (*Suite, error) {
	if len(r.items) == 0 {
		return nil, fmt.Errorf("%s: found no rows after the header, expected at least one", r.table.name)
	}
	if err := r.number(); err != nil {
		return nil, err
	}
	if err := r.pictures(); err != nil {
		return nil, err
	}
	for i, it := range r.items {
		if r.early != YesNoPairs || it.Pair != "" {
			continue
		}
		if it.ImageKey == "" {
			return nil, r.table.errorf(r.lines[it.ID], -1, "row %s: found neither image_path nor a picture, expected what says which two questions belong together", it.NameOrID())
		}
		r.items[i].Pair = it.ImageKey
	}
	name := r.opt.Name
	if name == "" {
		name = r.table.name
	}
	kind := r.kind(name)
	var notes []string
	if kind == Circular {
		var err error
		if notes, err = r.passes(); err != nil {
			return nil, err
		}
	}
	notes = append(notes, r.notes()...)
	var from Pictures = r.store
	if r.cols.at("image") < 0 && r.cols.at("image_path") >= 0 {
		from = r.files
	}
	s, err := New(name, kind, r.items, from)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.table.name, err)
	}
	if s.Family = r.opt.Family; s.Family == "" {
		s.Family = familyOf(name, kind)
	}
	s.Notes = append(notes, s.Notes...)
	return s, nil
}
