package jinja

import (
	"slices"
	"strconv"
	"strings"
)

// generate is a generator whose elements f makes when they are asked for.
func (r *run) generate(f func() []any) *generator {
	r.take(sizeOfObject)
	return &generator{f}
}

// getter reads the attribute that a filter is told: names and numbers with dots between them.
func (r *run) getter(attribute any) func(item any) any {
	if attribute == nil || isAbsent(attribute) {
		return func(item any) any { return item }
	}
	path := []any{attribute}
	if s, ok := plain(attribute); ok {
		r.take(product(strings.Count(s, ".")+1, sizeOfElement))
		path = nil
		for part := range strings.SplitSeq(s, ".") {
			if n, err := strconv.Atoi(part); err == nil && !strings.ContainsAny(part, "+-") {
				path = append(path, n)
			} else {
				path = append(path, part)
			}
		}
	}
	return func(item any) any {
		for _, part := range path {
			r.step(1)
			item = r.item(item, part)
		}
		return item
	}
}

// folded is getter without regard to case.
func (r *run) folded(attribute, caseSensitive any) func(item any) any {
	get := r.getter(attribute)
	if r.flag(caseSensitive) {
		return get
	}
	return func(item any) any { return r.fold(get(item)) }
}

func (r *run) fold(v any) any {
	if s, ok := plain(v); ok {
		r.take(2 * len(s))
		return lower(s)
	}
	return v
}

func batchFilter(r *run, v any, a args) any {
	p := a.bind(r, "batch", 1, "linecount", "fill_with")
	size := r.int(p[0], "batch")
	return r.generate(func() []any {
		var out []any
		items := r.iterate(v)
		for len(items) > 0 {
			n := len(items)
			if size > 0 {
				n = min(size, n)
			}
			part := r.copyOf(items[:n])
			items = items[n:]
			if n < size && !isAbsent(p[1]) && p[1] != nil {
				r.take(product(size-n, sizeOfElement))
				part = append(part, slices.Repeat([]any{p[1]}, size-n)...)
			}
			out = append(out, r.listOf(part))
		}
		return out
	})
}

func sliceFilter(r *run, v any, a args) any {
	p := a.bind(r, "slice", 1, "slices", "fill_with")
	n := r.int(p[0], "slice")
	if n == 0 {
		r.fail("slice: 0 slices")
	}
	return r.generate(func() []any {
		items := r.iterate(v)
		r.take(product(max(n, 0), sizeOfElement+sizeOfObject))
		var out []any
		for i, at := 0, 0; i < n; i++ {
			size := len(items) / n
			if i < len(items)%n {
				size++
			}
			part := r.copyOf(items[at : at+size])
			if i >= len(items)%n && !isAbsent(p[1]) && p[1] != nil {
				part = append(part, p[1])
			}
			at += size
			out = append(out, &list{part})
		}
		return out
	})
}

func dictsortFilter(r *run, v any, a args) any {
	p := a.bind(r, "dictsort", 0, "case_sensitive", "by", "reverse")
	d := asDict(v)
	if d == nil {
		r.mustBeDefined(v)
		r.fail("dictsort of a value of type %s", typeName(v))
	}
	by := 0
	if !isAbsent(p[1]) {
		by = slices.Index([]string{"key", "value"}, r.text(p[1], "dictsort"))
		if by < 0 {
			r.fail("dictsort: by key or value")
		}
	}
	return &list{r.sorted((&view{d, "items"}).items(r), r.folded(by, p[0]), r.flag(p[2]))}
}

// sorted is a sorted copy, stable also in reverse.
func (r *run) sorted(items []any, key func(any) any, reverse bool) []any {
	r.take(2 * len(items) * sizeOfElement)
	type keyed struct{ key, item any }
	all := make([]keyed, len(items))
	for i, item := range items {
		all[i] = keyed{key(item), item}
	}
	slices.SortStableFunc(all, func(a, b keyed) int {
		r.step(1)
		c := r.order(a.key, b.key)
		if reverse {
			return -c
		}
		return c
	})
	out := make([]any, len(all))
	for i, k := range all {
		out[i] = k.item
	}
	return out
}

func sortFilter(r *run, v any, a args) any {
	p := a.bind(r, "sort", 0, "reverse", "case_sensitive", "attribute")
	var all []func(any) any
	if s, ok := plain(p[2]); ok {
		for part := range strings.SplitSeq(s, ",") {
			r.take(sizeOfElement)
			all = append(all, r.folded(part, p[1]))
		}
	} else {
		all = append(all, r.folded(p[2], p[1]))
	}
	key := func(item any) any {
		r.take(len(all)*sizeOfElement + sizeOfObject)
		values := make([]any, len(all))
		for i, one := range all {
			values[i] = one(item)
		}
		return &tuple{values}
	}
	return r.listOf(r.sorted(r.iterate(v), key, r.flag(p[0])))
}

func groupbyFilter(r *run, v any, a args) any {
	p := a.bind(r, "groupby", 1, "attribute", "default", "case_sensitive")
	get := r.getter(p[0])
	real := func(item any) any {
		got := get(item)
		if _, missing := got.(*undefined); missing && !isAbsent(p[1]) && p[1] != nil {
			return p[1]
		}
		return got
	}
	key := real
	if !r.flag(p[2]) {
		key = func(item any) any { return r.fold(real(item)) }
	}
	var out []any
	var group *list
	var last any
	for _, item := range r.sorted(r.iterate(v), key, false) {
		k := key(item)
		if group == nil || !r.equal(k, last) {
			r.take(sizeOfElement + 2*sizeOfObject)
			group, last = &list{}, k
			out = append(out, &tuple{[]any{real(item), group}})
		}
		r.take(sizeOfElement)
		group.items = append(group.items, item)
	}
	return r.listOf(out)
}

func firstFilter(r *run, v any, a args) any {
	a.bind(r, "first", 0)
	if d, ok := v.(*pyRange); ok && d.n > 0 {
		return d.start
	}
	if s, ok := plain(v); ok && s != "" {
		return r.charAt(s, 0)
	}
	items := r.iterate(v)
	if len(items) == 0 {
		return r.undefined("there is no first item in an empty sequence")
	}
	return items[0]
}

func lastFilter(r *run, v any, a args) any {
	a.bind(r, "last", 0)
	if _, once := v.(*generator); once {
		r.fail("last of a generator: |list comes before it")
	}
	n, _ := r.length(v)
	if last, ok := r.at(v, n-1); ok {
		return last
	}
	items := r.iterate(v)
	if len(items) == 0 {
		return r.undefined("there is no last item in an empty sequence")
	}
	return items[len(items)-1]
}

func itemsFilter(r *run, v any, a args) any {
	a.bind(r, "items", 0)
	return r.generate(func() []any {
		if _, missing := v.(*undefined); missing {
			return nil
		}
		d := asDict(v)
		if d == nil {
			r.fail("items of a value of type %s", typeName(v))
		}
		return (&view{d, "items"}).items(r)
	})
}

func joinFilter(r *run, v any, a args) any {
	p := a.bind(r, "join", 0, "d", "attribute")
	sep := ""
	if !isAbsent(p[0]) {
		sep = r.str(p[0])
	}
	get := r.getter(p[1])
	var b buffer
	for i, item := range r.iterate(v) {
		if i > 0 {
			b.write(r, sep)
		}
		b.write(r, r.str(get(item)))
		r.step(1)
	}
	return b.text(r)
}

func listFilter(r *run, v any, a args) any {
	a.bind(r, "list", 0)
	return r.listOf(r.copyOf(r.iterate(v)))
}

func reverseFilter(r *run, v any, a args) any {
	a.bind(r, "reverse", 0)
	if s, ok := plain(v); ok {
		return like(r.str(r.slice(s, [3]any{nil, nil, -1})), false)
	}
	items := r.copyOf(r.iterate(v))
	slices.Reverse(items)
	if _, once := v.(*generator); once {
		return r.listOf(items)
	}
	return r.generate(func() []any { return items })
}

func sumFilter(r *run, v any, a args) any {
	p := a.bind(r, "sum", 0, "attribute", "start")
	get := r.getter(p[0])
	var total any = 0
	if !isAbsent(p[1]) {
		total = p[1]
	}
	if _, isText := plain(total); isText {
		r.fail("sum of strings: join does that")
	}
	for _, item := range r.iterate(v) {
		total = r.binary("+", total, get(item))
	}
	return total
}

func uniqueFilter(r *run, v any, a args) any {
	p := a.bind(r, "unique", 0, "case_sensitive", "attribute")
	key := r.folded(p[1], p[0])
	return r.generate(func() []any {
		seen := r.newDict()
		var out []any
		for _, item := range r.iterate(v) {
			k := key(item)
			if _, again := seen.get(r, k); !again {
				seen.set(r, k, nil)
				out = append(out, item)
			}
		}
		return out
	})
}

// extremeFilter is max (sign 1) or min (-1).
func extremeFilter(sign int) filter {
	return func(r *run, v any, a args) any {
		p := a.bind(r, "min/max", 0, "case_sensitive", "attribute")
		items := r.iterate(v)
		if len(items) == 0 {
			return r.undefined("there is no smallest or largest item in an empty sequence")
		}
		key := r.folded(p[1], p[0])
		best, bestKey := items[0], key(items[0])
		for _, item := range items[1:] {
			if k := key(item); r.order(k, bestKey)*sign > 0 {
				best, bestKey = item, k
			}
			r.step(1)
		}
		return best
	}
}
