package jinja

func mapFilter(r *run, v any, a args) any {
	return r.generate(func() []any {
		if !r.truth(v) {
			return nil
		}
		f := r.mapper(a)
		items := r.iterate(v)
		r.take(len(items) * sizeOfElement)
		out := make([]any, len(items))
		for i, item := range items {
			r.step(1)
			out[i] = f(item)
		}
		return out
	})
}

// mapper is the function that map applies.
func (r *run) mapper(a args) func(any) any {
	if attribute, ok := a.named("attribute"); ok && len(a.pos) == 0 {
		otherwise := a.bind(r, "map", 0, "attribute", "default")[1]
		if isAbsent(otherwise) || otherwise == nil {
			return r.getter(attribute)
		}
		get := r.getter(attribute)
		return func(item any) any {
			got := get(item)
			if _, missing := got.(*undefined); missing {
				return otherwise
			}
			return got
		}
	}
	if len(a.pos) == 0 {
		r.fail("map expects a filter or attribute=")
	}
	name := r.text(a.pos[0], "map")
	rest := args{a.pos[1:], a.names, a.values}
	return func(item any) any { return r.filter(name, item, rest) }
}

// selectFilter is select, reject, selectattr and rejectattr.
func selectFilter(keep, byAttribute bool) filter {
	return func(r *run, v any, a args) any {
		return r.generate(func() []any {
			if !r.truth(v) {
				return nil
			}
			get := func(item any) any { return item }
			if byAttribute {
				if len(a.pos) == 0 {
					r.fail("selectattr and rejectattr expect the name of an attribute")
				}
				get = r.getter(a.pos[0])
				a.pos = a.pos[1:]
			}
			holds := r.truth
			if len(a.pos) > 0 {
				name := r.text(a.pos[0], "select")
				rest := args{a.pos[1:], a.names, a.values}
				holds = func(item any) bool { return r.test(name, item, rest) }
			}
			var out []any
			for _, item := range r.iterate(v) {
				r.step(1)
				if holds(get(item)) == keep {
					r.take(sizeOfElement)
					out = append(out, item)
				}
			}
			return out
		})
	}
}
