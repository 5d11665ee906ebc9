package suites

import (
	"slices"
	"strconv"
)

// picture reads what a row says of its pictures: the cell of the column image, or where there is none the paths in
// image_path.
func (r *suiteRows) picture(row []field, index rowIndex) (field, error) {
	if r.opt.TextOnly {
		return field{}, nil
	}
	if at := r.cols.at("image"); at >= 0 {
		ref := row[at]
		if ref.bad != nil {
			return ref, r.table.errorf(ref.line, at, "row %s: %w", index.text, ref.bad)
		}
		if ref.long {
			r.store.add(index.text, ref)
		}
		return ref, nil
	}
	at := r.cols.at("image_path")
	if at < 0 || row[at].text == "" {
		return field{}, nil
	}
	if err := r.files.add(index.text, row[at].text); err != nil {
		return field{}, r.table.errorf(row[at].line, at, "row %s: %w", index.text, err)
	}
	return row[at], nil
}

// pictures gives items the keys of their pictures. The key of a row is its ID.
func (r *suiteRows) pictures() error {
	keys := make(map[string]string, len(r.items))
	for i, it := range r.items {
		keys[r.index[i].text] = strconv.FormatInt(it.ID, 10)
	}
	key := func(index string) string { return keys[index] }
	imageAt := r.cols.at("image")
	if imageAt < 0 {
		r.files.rename(key)
		for i := range r.items {
			k := keys[r.index[i].text]
			r.items[i].ImageKey, r.items[i].More = r.files.first(k), r.files.more(k)
		}
		return r.missing()
	}
	r.store.rename(key)
	for i, ref := range r.refs {
		it := &r.items[i]
		from := r.index[i].text
		if !ref.long {
			if ref.text == "" {
				continue
			}
			from = ref.text
			if index, err := readIndex(ref.text); err == nil {
				from = index.text
			}
		}
		same, ok := r.store.same[keys[from]]
		if !ok {
			return r.table.errorf(ref.line, imageAt,
				"row %s: found %q, expected base64 of more than %d characters or the index of a row that has a picture",
				r.index[i].text, ref.text, maxReference)
		}
		it.ImageKey, it.More = same, r.store.more(same)
	}
	return r.missing()
}

// missing refuses rows without a picture in a table that has pictures, unless there may be such. VLMEvalKit leaves them
// out.
func (r *suiteRows) missing() error {
	allowed := r.opt.TextOnly || r.opt.TextRows || r.family == ScienceQA || r.family == MMMU
	if allowed || r.cols.at("image") < 0 && r.cols.at("image_path") < 0 {
		return nil
	}
	without := func(it Item) bool { return it.ImageKey == "" }
	first := slices.IndexFunc(r.items, without)
	if first < 0 {
		return nil
	}
	n := 0
	for _, it := range r.items {
		if without(it) {
			n++
		}
	}
	at := r.cols.at("image")
	if at < 0 {
		at = r.cols.at("image_path")
	}
	return r.table.errorf(r.lines[r.items[first].ID], at, "row %s has no picture, and %d of %d rows have none: expected one in "+
		"each; if they are to be asked from their text alone, say text_rows: true in a definition (.yaml)",
		r.index[first].text, n, len(r.items))
}
