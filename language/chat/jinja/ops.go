package jinja

import (
	"math"
	"math/bits"
	"slices"
	"strings"
)

// number is v as a float64, if it is a number; whole tells whether it is an integer, which is n then.
func number(v any) (f float64, n int, whole, ok bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return 1, 1, true, true
		}
		return 0, 0, true, true
	case int:
		return float64(v), v, true, true
	case float64:
		return v, 0, false, true
	}
	return 0, 0, false, false
}

func (r *run) unary(op string, v any) any {
	f, n, whole, ok := number(v)
	switch {
	case !ok:
		r.mustBeDefined(v)
		r.fail("%s of a value of type %s", op, typeName(v))
	case op == "+" && whole:
		return n
	case op == "+":
		return f
	case !whole:
		return -f
	case n == math.MinInt:
		r.overflow(op)
	}
	return -n
}

func (r *run) overflow(op string) {
	r.fail("the result of %s does not fit into 64 bits", op)
}

func (r *run) mustBeDefined(values ...any) {
	for _, v := range values {
		if u, ok := v.(*undefined); ok {
			r.fail("%s", u.message())
		}
	}
}

func (r *run) binary(op string, a, b any) any {
	if _, ok := a.(string); ok && op == "%" {
		return r.percent(a.(string), b)
	}
	x, m, whole1, ok1 := number(a)
	y, n, whole2, ok2 := number(b)
	switch {
	case ok1 && ok2 && whole1 && whole2:
		return r.integers(op, m, n)
	case ok1 && ok2:
		return r.floats(op, x, y)
	case op == "+":
		if v, ok := r.concatenate(a, b); ok {
			return v
		}
	case op == "*" && ok2 && whole2:
		if v, ok := r.repeat(a, n); ok {
			return v
		}
	case op == "*" && ok1 && whole1:
		if v, ok := r.repeat(b, m); ok {
			return v
		}
	}
	if m, ok := a.(markup); ok && op == "%" {
		r.fail("%% of %.40q, which is marked safe, is not supported", string(m))
	}
	r.mustBeDefined(a, b)
	r.fail("%s of values of type %s and %s", op, typeName(a), typeName(b))
	return nil
}

func (r *run) integers(op string, a, b int) any {
	switch op {
	case "+":
		if c := a + b; (c > a) == (b > 0) {
			return c
		}
	case "-":
		if c := a - b; (c < a) == (b > 0) {
			return c
		}
	case "*":
		if a == 0 || b == 0 {
			return 0
		}
		hi, lo := bits.Mul64(magnitude(a), magnitude(b))
		if hi == 0 && lo <= math.MaxInt64 {
			return a * b
		}
	case "**":
		return r.power(a, b)
	default:
		if b == 0 {
			r.fail("division by zero")
		}
		if a == math.MinInt && b == -1 {
			break
		}
		switch op {
		case "/":
			return float64(a) / float64(b)
		case "//":
			return (a - floorMod(a, b)) / b
		case "%":
			return floorMod(a, b)
		}
	}
	r.overflow(op)
	return nil
}

func magnitude(a int) uint64 {
	if a < 0 {
		return -uint64(a)
	}
	return uint64(a)
}

// floorMod has the sign of b.
func floorMod(a, b int) int {
	m := a % b
	if m != 0 && (m < 0) != (b < 0) {
		m += b
	}
	return m
}

func (r *run) power(a, b int) any {
	if b < 0 {
		return r.floats("**", float64(a), float64(b))
	}
	out := 1
	for range min(b, 64) {
		out = r.integers("*", out, a).(int)
	}
	if b > 64 && (a > 1 || a < -1) {
		r.overflow("**")
	}
	if a == -1 && b%2 == 1 {
		return -1
	}
	return out
}

func (r *run) floats(op string, a, b float64) any {
	switch op {
	case "+":
		return a + b
	case "-":
		return a - b
	case "*":
		return a * b
	case "**":
		if a == 0 && b < 0 {
			r.fail("division by zero")
		}
		c := math.Pow(a, b)
		if math.IsInf(c, 0) && !math.IsInf(a, 0) && !math.IsInf(b, 0) || math.IsNaN(c) && !math.IsNaN(a) && !math.IsNaN(b) {
			r.fail("%v ** %v is no number of 64 bits", a, b)
		}
		return c
	}
	if b == 0 {
		r.fail("division by zero")
	}
	m := math.Mod(a, b)
	if m == 0 {
		m = math.Copysign(0, b)
	} else if (m < 0) != (b < 0) {
		m += b
	}
	switch op {
	case "/":
		return a / b
	case "//":
		return math.Round((a - m) / b)
	}
	return m
}

func (r *run) concatenate(a, b any) (any, bool) {
	switch x := a.(type) {
	case string:
		switch y := b.(type) {
		case string:
			return r.join("", x, y), true
		case markup:
			return markup(r.join("", r.escape(x), string(y))), true
		}
	case markup:
		switch y := b.(type) {
		case string:
			return markup(r.join("", string(x), r.escape(y))), true
		case markup:
			return markup(r.join("", string(x), string(y))), true
		}
	case *list:
		if y, ok := b.(*list); ok {
			return &list{r.both(x.items, y.items)}, true
		}
	case *tuple:
		if y, ok := b.(*tuple); ok {
			return &tuple{r.both(x.items, y.items)}, true
		}
	}
	return nil, false
}

func (r *run) both(a, b []any) []any {
	r.take((len(a) + len(b)) * sizeOfElement)
	return slices.Concat(a, b)
}

// join counts what it makes.
func (r *run) join(sep string, parts ...string) string {
	n := product(len(sep), len(parts)) + sizeOfString
	for _, p := range parts {
		n += len(p)
	}
	r.take(n)
	return strings.Join(parts, sep)
}

func (r *run) repeat(v any, n int) (any, bool) {
	n = max(n, 0)
	switch v := v.(type) {
	case string:
		return r.repeatText(v, n), true
	case markup:
		return markup(r.repeatText(string(v), n)), true
	case *list:
		r.take(product(product(len(v.items), n), sizeOfElement))
		return &list{slices.Repeat(v.items, n)}, true
	case *tuple:
		r.take(product(product(len(v.items), n), sizeOfElement))
		return &tuple{slices.Repeat(v.items, n)}, true
	}
	return nil, false
}

func (r *run) repeatText(s string, n int) string {
	r.take(product(len(s), n))
	if s == "" {
		return ""
	}
	return strings.Repeat(s, max(n, 0))
}
