package golden

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"moslava/internal/safetensors"
)

// recorder stands in for the test a check reports to.
type recorder struct {
	testing.TB
	errors []string
	fatal  bool
}

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}
func (r *recorder) Error(args ...any) { r.errors = append(r.errors, fmt.Sprint(args...)) }
func (r *recorder) Fatal(args ...any) { r.Error(args...); r.fatal = true; panic(r) }
func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	r.fatal = true
	panic(r)
}

// run calls check and catches the panic that stands for the end of the test.
func run(check func(t testing.TB)) (r *recorder) {
	r = &recorder{}
	defer func() {
		if p := recover(); p != nil && p != any(r) {
			panic(p)
		}
	}()
	check(r)
	return r
}

func sample(t *testing.T) *Golden {
	t.Helper()
	path := filepath.Join(t.TempDir(), "golden.safetensors")
	f64 := []byte{0, 0, 0, 0, 0, 0, 0xf8, 0x3f} // 1.5
	i64 := []byte{7, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	err := safetensors.Write(path, []safetensors.Tensor{
		{Name: "out", Shape: []int{2, 3}, Data: []float32{0, 1, -2, 3, -4, 0.5}},
		{Name: "grad.a", Shape: []int{2}, Data: []float32{10, -20}},
		{Name: "grad.noise", Shape: []int{2}, Data: []float32{1e-6, -2e-6}},
		{Name: "zero", Shape: []int{1}, Data: []float32{0}},
		{Name: "half", DType: safetensors.F16, Shape: []int{1}, Data: []float32{0.25}},
		{Name: "loss", DType: safetensors.F64, Shape: []int{1}, Raw: f64},
		{Name: "ids", DType: safetensors.I64, Shape: []int{1, 2}, Raw: i64},
		{Name: "count", DType: safetensors.I64, Shape: []int{1}, Raw: i64[:8]},
	}, map[string]string{"seed": "4100", "spec": `{"layers": [1, -2]}`})
	if err != nil {
		t.Fatal(err)
	}
	return Open(t, path)
}

func TestChecks(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	g := sample(t)
	shape := []int{2, 3}
	tests := []struct {
		name  string
		check func(t testing.TB) bool
		want  []string // in the message; none: the check passes
	}{
		{"equal", func(t testing.TB) bool { return g.Check(t, "out", []float32{0, 1, -2, 3, -4, 0.5}, shape, 0) }, nil},
		{"within", func(t testing.TB) bool { return g.Check(t, "out", []float32{0.0039, 1, -2, 3, -4, 0.5}, shape, 1e-3) }, nil},
		{"beyond", func(t testing.TB) bool { return g.Check(t, "out", []float32{0, 1, -2, 3, -4.5, 1.5}, shape, 1e-3) },
			[]string{"out: 2 of 6", "[1 2]", "got 1.5", "want 0.5", "0.25 of max"}},
		{"NaN", func(t testing.TB) bool { return g.Check(t, "out", []float32{0, 1, nan, 3, -4, 0.5}, shape, 1) }, []string{"[0 2]", "NaN"}},
		{"infinity", func(t testing.TB) bool { return g.Check(t, "out", []float32{0, 1, -2, 3, inf, 0.5}, shape, 1) }, []string{"[1 1]", "Inf"}},
		{"shape", func(t testing.TB) bool { return g.Check(t, "out", make([]float32, 6), []int{3, 2}, 1) }, []string{"[3 2]", "[2 3]"}},
		{"length", func(t testing.TB) bool { return g.Check(t, "out", make([]float32, 5), shape, 1) }, []string{"5 elements, want 6"}},
		{"missing", func(t testing.TB) bool { return g.Check(t, "none", nil, nil, 1) }, []string{`no tensor named "none"`}},
		{"integers", func(t testing.TB) bool { return g.Check(t, "ids", []float32{7, -1}, []int{1, 2}, 1) }, []string{"I64"}},
		{"zero is exact", func(t testing.TB) bool { return g.Check(t, "zero", []float32{1e-30}, []int{1}, 1) }, []string{"zero: 1 of 1"}},
		{"zero", func(t testing.TB) bool { return g.Check(t, "zero", []float32{0}, []int{1}, 0) }, nil},
		{"float64", func(t testing.TB) bool { return g.CheckScalar(t, "loss", 1.5+1e-10, 1e-9) }, nil},
		{"float64 beyond", func(t testing.TB) bool { return g.CheckScalar(t, "loss", 1.5+1e-8, 1e-9) }, []string{"loss"}},
		{"noise", func(t testing.TB) bool {
			return g.CheckZero(t, "grad.noise", []float32{-1e-5, 0}, g.MaxAbs(t, "grad."))
		}, nil},
		{"too much noise", func(t testing.TB) bool { return g.CheckZero(t, "grad.noise", []float32{0, 1e-4}, g.MaxAbs(t, "grad.")) }, []string{"[1]", "0.0001"}},
		{"noise NaN", func(t testing.TB) bool { return g.CheckZero(t, "grad.noise", []float32{0, nan}, 20) }, []string{"NaN"}},
		{"not noise", func(t testing.TB) bool { return g.CheckZero(t, "grad.a", []float32{0, 0}, 20) }, []string{"the reference is not zero"}},
		{"noise missing", func(t testing.TB) bool { return g.CheckZero(t, "none", nil, 20) }, []string{`no tensor named "none"`}},
		{"ids", func(t testing.TB) bool { return g.CheckInts(t, "ids", []int{7, -1}) }, nil},
		{"wrong id", func(t testing.TB) bool { return g.CheckInts(t, "ids", []int{7, 1}) }, []string{"[0 1] got 1, want -1"}},
		{"id count", func(t testing.TB) bool { return g.CheckInts(t, "ids", []int{7}) }, []string{"1 elements, want 2"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var ok bool
			r := run(func(t testing.TB) { ok = tt.check(t) })
			if ok != (tt.want == nil) || ok != (len(r.errors) == 0) {
				t.Errorf("result %v with errors %q", ok, r.errors)
			}
			for _, w := range tt.want {
				if !strings.Contains(strings.Join(r.errors, "\n"), w) {
					t.Errorf("errors %q do not mention %q", r.errors, w)
				}
			}
		})
	}
}

func TestAccess(t *testing.T) {
	g := sample(t)
	if got := g.Names("grad."); !slices.Equal(got, []string{"grad.a", "grad.noise"}) {
		t.Errorf("Names = %q", got)
	}
	if !g.Has("out") || g.Has("none") {
		t.Error("Has is wrong")
	}
	if got := g.Shape(t, "ids"); !slices.Equal(got, []int{1, 2}) {
		t.Errorf("Shape = %v", got)
	}
	if got := g.Float32(t, "half"); !slices.Equal(got, []float32{0.25}) {
		t.Errorf("Float32 = %v", got)
	}
	if got := g.Ints(t, "ids"); !slices.Equal(got, []int{7, -1}) {
		t.Errorf("Ints = %v", got)
	}
	if loss, count := g.Scalar(t, "loss"), g.Scalar(t, "count"); loss != 1.5 || count != 7 {
		t.Errorf("Scalar = %v, %v", loss, count)
	}
	if got := g.MaxAbs(t, "grad."); got != 20 {
		t.Errorf("MaxAbs = %v", got)
	}
	if got := g.Metadata(t, "seed"); got != "4100" {
		t.Errorf("Metadata = %q", got)
	}
	var spec struct{ Layers []int }
	if g.MetadataJSON(t, "spec", &spec); !slices.Equal(spec.Layers, []int{1, -2}) {
		t.Errorf("MetadataJSON = %v", spec)
	}
	g.Check(t, "grad.a", []float32{10, -20}, []int{2}, 0)
	if got := g.Unchecked("grad."); !slices.Equal(got, []string{"grad.noise"}) {
		t.Errorf("Unchecked = %q", got)
	}
}

func TestAbsenceEndsTheTest(t *testing.T) {
	g := sample(t)
	for name, check := range map[string]func(t testing.TB){
		"file":         func(t testing.TB) { Open(t, "testdata/none.safetensors") },
		"shape":        func(t testing.TB) { g.Shape(t, "none") },
		"float32":      func(t testing.TB) { g.Float32(t, "none") },
		"float64":      func(t testing.TB) { g.Float64(t, "ids") },
		"ints":         func(t testing.TB) { g.Ints(t, "out") },
		"scalar":       func(t testing.TB) { g.Scalar(t, "out") },
		"no scalar":    func(t testing.TB) { g.Scalar(t, "none") },
		"max":          func(t testing.TB) { g.MaxAbs(t, "ids") },
		"metadata":     func(t testing.TB) { g.Metadata(t, "none") },
		"not metadata": func(t testing.TB) { var n int; g.MetadataJSON(t, "spec", &n) },
		"check ints":   func(t testing.TB) { g.CheckInts(t, "out", nil) },
	} {
		if r := run(check); !r.fatal {
			t.Errorf("%s: the test went on", name)
		}
	}
}
