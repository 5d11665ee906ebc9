package datasets

import (
	"slices"
	"strings"
)

// A Description says how stored samples were understood.
type Description struct {
	Form    string // in which they lie, such as JSON
	Shape   string // the keys of rows that say what is asked and what is learnt
	Columns []Use
	Rows    int
	First   *Sample // nil without rows, or if the first cannot be read
	Bad     error   // why it cannot
}

// A Use is a column of the data, or a key of its rows, and what it is used for.
type Use struct{ Name, For string }

// Describe opens what is at path and says what it is. Of JSON the columns are those of all rows.
func Describe(path string, opt Options) (*Description, error) {
	opt.watch = true
	src, err := opt.opened(path)
	if err != nil {
		return nil, err
	}
	d := &Description{Form: strings.Join(opt.columns.forms, ", "), Rows: src.Len()}
	var shape []string
	for _, name := range opt.columns.seen {
		use := opt.use(name)
		d.Columns = append(d.Columns, Use{name, use})
		if along(use) && !slices.Contains(shape, use) {
			shape = append(shape, use)
		}
	}
	for _, name := range slices.Concat(opt.Ignore, opt.MayIgnore) {
		d.Columns = append(d.Columns, Use{name, "ignored"})
	}
	d.Shape = strings.Join(shape, ", ")
	if src.Len() > 0 {
		x, err := src.At(0)
		if d.Bad = err; err == nil {
			x = x.apart()
			d.First = &x
		}
	}
	return d, src.Close()
}

// apart is a sample whose pictures do not alias the source.
func (s Sample) apart() Sample {
	s.Pictures = slices.Clone(s.Pictures)
	for i := range s.Pictures {
		s.Pictures[i].Bytes = slices.Clone(s.Pictures[i].Bytes)
	}
	return s
}

// use is what a column is used for.
func (o *Options) use(column string) string {
	key := o.key(column)
	switch k := o.rows().keys[key]; {
	case o.prompts(key) && !along(key):
		return "prompt"
	case k.passed, k.refused != "":
		return "passed over"
	case slices.ContainsFunc(RowKeys(), func(known string) bool { return known == key }):
		return key
	case key == "label":
		return "passed over"
	}
	if f, err := o.tarField(column); err == nil && f.kind == memberJSON {
		return "a row's keys"
	} else if err == nil && f.key != "" {
		return f.key
	}
	return "nothing in it"
}

// along says whether a key says what is asked or what is learnt.
func along(key string) bool {
	return slices.Contains(pairKeys, key) || slices.ContainsFunc(shapes, func(s shape) bool { return s.key == key || key != "system" && slices.Contains(s.along, key) })
}
