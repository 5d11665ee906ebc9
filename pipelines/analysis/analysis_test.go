package analysis

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"moslava/moslora"
)

// close says whether two numbers agree to 1e-9 of the larger one, or of 1.
func close(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(1, math.Abs(a), math.Abs(b)) }

// saved is an adapter in testdata/numbers.json.
type saved struct {
	In, Out, R int
	Alpha      float64
	A, M, B    []float32
}

func (s saved) factors() moslora.Factors {
	mixer := moslora.None
	if s.M != nil {
		mixer = moslora.Kaiming
	}
	return moslora.Factors{Config: moslora.Config{R: s.R, Alpha: s.Alpha, Mixer: mixer}, A: s.A, M: s.M, B: s.B, In: s.In, Out: s.Out}
}

// TestNumpy compares all numbers with those that numpy computes from full matrices (testdata/make.py).
func TestNumpy(t *testing.T) {
	raw, err := os.ReadFile("testdata/numbers.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Adapter, Against                     saved
		Weight, Start                        []float32
		Singular                             []float64
		EffectiveRank                        float64 `json:"effective_rank"`
		Update, Relative, Drift, Gram, Polar float64
		Phi                                  [][]float64
	}
	if err := json.Unmarshal(raw, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) != 3 {
		t.Fatalf("%d cases", len(cases))
	}
	for i, c := range cases {
		against := c.Against.factors()
		l, err := Analyze(Input{Module: "m", Factors: c.Adapter.factors(), Start: c.Start, Weight: c.Weight, Against: &against})
		if err != nil {
			t.Fatal(err)
		}
		check := func(what string, got, want float64) {
			if !close(got, want) {
				t.Errorf("case %d: %s is %v, numpy has %v", i, what, got, want)
			}
		}
		for k, v := range l.Singular {
			want := 0.0 // beyond the smaller side of the matrix
			if k < len(c.Singular) {
				want = c.Singular[k]
			}
			check(fmt.Sprint("singular value ", k), v, want)
		}
		check("effective rank", l.EffectiveRank, c.EffectiveRank)
		check("update", l.Update, c.Update)
		check("relative", l.Relative, c.Relative)
		if c.Adapter.M != nil {
			check("drift", l.Drift, c.Drift)
			check("gram", l.Gram, c.Gram)
			check("polar", l.Polar, c.Polar)
		} else if !math.IsNaN(l.Drift) || !math.IsNaN(l.Gram) || !math.IsNaN(l.Polar) {
			t.Errorf("case %d: there is no mixer and drift %v, gram %v, polar %v", i, l.Drift, l.Gram, l.Polar)
		}
		if len(l.Similarity) != len(c.Phi) || len(l.Similarity[0]) != len(c.Phi[0]) {
			t.Fatalf("case %d: φ is %d x %d", i, len(l.Similarity), len(l.Similarity[0]))
		}
		for a := range c.Phi {
			for b := range c.Phi[a] {
				check(fmt.Sprintf("φ(%d,%d)", a+1, b+1), l.Similarity[a][b], c.Phi[a][b])
			}
		}
	}
}

func TestClosedForms(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{{[]float64{3, 3, 3, 3}, 4}, {[]float64{7, 0, 0}, 1}, {[]float64{0, 0}, 0}, {[]float64{2, 1, 1}, math.Pow(2, 1.5)}} {
		if got := EffectiveRank(c.values); !close(got, c.want) {
			t.Errorf("effective rank of %v is %v, want %v", c.values, got, c.want)
		}
	}
	turn := mat.NewDense(2, 2, []float64{math.Cos(1), -math.Sin(1), math.Sin(1), math.Cos(1)})
	for scale, want := range map[float64][2]float64{1: {0, 0}, 3: {8 * math.Sqrt2, 2 * math.Sqrt2}, 0: {math.Sqrt2, math.Sqrt2}} {
		var m mat.Dense
		m.Scale(scale, turn)
		gram, polar, err := Orthogonality(&m)
		if err != nil || math.Abs(gram-want[0]) > 1e-12 || math.Abs(polar-want[1]) > 1e-12 {
			t.Errorf("%v times a rotation: %v, %v, want %v", scale, gram, polar, want)
		}
	}
	// B and A with orthogonal columns and rows: the singular values are the products of their lengths.
	b := mat.NewDense(4, 2, []float64{0, 2, 3, 0, 0, 0, 0, 0})
	a := mat.NewDense(2, 3, []float64{0, 5, 0, 0, 0, 7})
	if got, err := Singular(b, a, -2); err != nil || !close(got[0], 30) || !close(got[1], 28) {
		t.Errorf("%v, %v, want 30 and 28", got, err)
	}
	// Equal spans have φ(r,r) = 1, orthogonal ones 0.
	e := func(rows ...int) *mat.Dense {
		m := mat.NewDense(len(rows), 5, nil)
		for i, k := range rows {
			m.Set(i, k, float64(9-i))
		}
		return m
	}
	for _, c := range []struct {
		other *mat.Dense
		want  [2]float64 // φ(1,1), φ(2,2)
	}{{e(0, 1), [2]float64{1, 1}}, {e(1, 0), [2]float64{0, 1}}, {e(2, 3), [2]float64{0, 0}}, {e(0, 4), [2]float64{1, 0.5}}} {
		phi, err := Similarity(e(0, 1), c.other)
		if err != nil || !close(phi[0][0], c.want[0]) || !close(phi[1][1], c.want[1]) {
			t.Errorf("φ is %v, %v, want %v at the corners", phi, err, c.want)
		}
	}
}

func TestTableAndFiles(t *testing.T) {
	s := saved{In: 2, Out: 2, R: 2, Alpha: 2, A: []float32{1, 0, 0, 1}, B: []float32{1, 0, 0, 1}, M: []float32{0, 1, 1, 0}}
	var layers []Layer
	for _, m := range []struct {
		name, tower string
		depth       int
	}{{"l.1.q", "language", 1}, {"l.0.q", "language", 0}, {"v.0.q", "vision", 0}, {"head", "language", -1}} {
		f := s.factors()
		l, err := Analyze(Input{Module: m.name, Tower: m.tower, Depth: m.depth, Factors: s.factors(), Against: &f})
		if err != nil {
			t.Fatal(err)
		}
		layers = append(layers, l)
	}
	var text bytes.Buffer
	if err := WriteTable(&text, layers); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(text.String()), "\n")
	if len(lines) != 5 || !strings.Contains(lines[1], "vision") || strings.Fields(lines[2])[1] != "0" || strings.Fields(lines[4])[1] != "-" {
		t.Errorf("the table is\n%s", &text)
	}
	if strings.Contains(lines[0], "drift") || !strings.Contains(lines[0], "effective rank") { // no start is known
		t.Errorf("the columns are %s", lines[0])
	}
	dir := t.TempDir()
	if err := WriteFiles(dir, layers); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{LayersFile, SingularFile, SimilarityFile, "effective_rank.svg", "spectrum.png", "similarity-vision.svg"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	b, err := os.ReadFile(filepath.Join(dir, LayersFile))
	if want := "l.1.q,language,1,2,2,2,kaiming,2,1,1.41421356,,,0,0,1,1\n"; err != nil || !strings.Contains(string(b), want) {
		t.Errorf("%v: no %q in\n%s", err, want, b)
	}
}

func TestWrongFactors(t *testing.T) {
	s := saved{In: 2, Out: 2, R: 1, Alpha: 1, A: []float32{1, float32(math.NaN())}, B: []float32{1, 1}}
	if _, err := Analyze(Input{Module: "layer", Factors: s.factors()}); err == nil || !strings.Contains(err.Error(), "layer: A holds NaN") {
		t.Errorf("error %v", err)
	}
	s.A = []float32{1, 2}
	other := saved{In: 3, Out: 2, R: 1, Alpha: 1, A: []float32{1, 2, 3}, B: []float32{1, 1}}.factors()
	if _, err := Analyze(Input{Module: "layer", Factors: s.factors(), Against: &other}); err == nil || !strings.Contains(err.Error(), "3 inputs, this one 2") {
		t.Errorf("error %v", err)
	}
}
