package report

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"image"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func picture(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 3, 2))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const attack = `<script>alert("1")</script>' onload=x & </style> ]]>`

func sample(t *testing.T) Run {
	t.Helper()
	long := Curve{Chart: "tune", Name: "train", Steps: make([]float64, 1000), Values: make([]float64, 1000)}
	for i := range long.Steps {
		long.Steps[i], long.Values[i] = float64(i), 3*math.Exp(-float64(i)/300)
	}
	long.Values[500] = math.NaN()
	return Run{
		Title:   "tiny default",
		Summary: []KV{{"decoder", "6 layers, D 192"}, {"adapters", "MoSLoRA, r 16 " + attack}},
		Columns: Columns(),
		Table: []Row{
			{Name: "Overall", N: 600, Total: true, Cells: []Cell{Value(0.25), Interval(0.31, 0.27, 0.35), Value(0.422), Interval(0.7349, 0.697, 0.769), Value(0.2)}},
			{Name: "coarse_perception", N: 100, Cells: []Cell{Value(0.25), Value(0), Value(1), Value(0.5), {}}},
			{Name: "属性 (cjk)", Cells: []Cell{{}, {}, {}, {}, {}}},
		},
		Curves:  []Curve{long, {Chart: "tune", Name: "validation " + attack, Steps: []float64{0, 500, 999}, Values: []float64{3, 1, 0.2}}, {Name: "flat", Steps: []float64{5}, Values: []float64{2}}, {Name: "none"}},
		Gallery: []QA{{PNG: picture(t), Question: "Which shape? " + attack, Options: []string{"circle", attack}, Answer: "B", Want: "A"}, {Question: "Is it red?", Answer: "Yes", Want: "Yes", Correct: true}},
		Files:   []string{"result.json", "a b/#1?.txt", "../up.txt", "javascript:alert(1)"},
		Notes:   []string{"the \x1b[31mfirst* note", attack},
	}
}

func TestText(t *testing.T) {
	r := sample(t)
	r.Notes = r.Notes[:1]
	want := `tiny default

                     n  chance   after align  control    after tune  blank
--------------------------------------------------------------------------
Overall            600    25.0  31.0 [27–35]     42.2  73.5 [70–77]   20.0
--------------------------------------------------------------------------
coarse_perception  100    25.0   0.0            100.0  50.0              –
属性 (cjk)                   –     –                –     –              –

* the  [31mfirst* note
`
	if got := Text(r); got != want {
		t.Errorf("found\n%s\nexpected\n%s", got, want)
	}
}

func TestMarkdown(t *testing.T) {
	got := Markdown(sample(t))
	for _, want := range []string{
		"# tiny default\n\n* decoder: 6 layers, D 192\n",
		"|  | n | chance | after align | control | after tune | blank |\n|---|---:|---:|---:|---:|---:|---:|\n| **Overall** | **600** | **25.0** |",
		"| coarse\\_perception | 100 | 25.0 |",
		"* \\<script\\>alert",
		"Files:\n\n* result.json\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("found\n%s\nexpected %q in it", got, want)
		}
	}
}

func write(t *testing.T, r Run) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "report.html")
	if err := WriteHTML(path, r); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The page is read with a tag-matching parser, so an unescaped text would show as an element or an attribute.
func TestHTMLIsWellFormedAndEscaped(t *testing.T) {
	r := sample(t)
	html := write(t, r)
	dec := xml.NewDecoder(strings.NewReader(html))
	dec.Strict, dec.AutoClose, dec.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	count := map[string]int{}
	var text strings.Builder
	var open []string
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e := tok.(type) {
		case xml.StartElement:
			count[e.Name.Local]++
			open = append(open, e.Name.Local)
			checkAttributes(t, e, r.Gallery[0].PNG)
		case xml.EndElement:
			if open[len(open)-1] != e.Name.Local {
				t.Fatalf("found </%s> inside <%s>", e.Name.Local, open[len(open)-1])
			}
			open = open[:len(open)-1]
		case xml.CharData:
			text.Write(e)
		}
	}
	for tag, want := range map[string]int{"script": 0, "style": 1, "img": 1, "svg": 2, "tr": 4, "table": 1, "figure": 2, "a": 3, "html": 1, "dt": 2} {
		if count[tag] != want {
			t.Errorf("found %d <%s>, expected %d", count[tag], tag, want)
		}
	}
	if n := strings.Count(text.String(), attack); n < 5 {
		t.Errorf("found the hostile text %d times as text, expected 5 or more", n)
	}
	for _, want := range []string{"1 values are not finite", "1 of these 2 are right", "the \uFFFD[31mfirst* note"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("expected %q in the page", want)
		}
	}
	for _, bad := range []string{"ZgotmplZ", "NaN", "<nil>", "http:", "https:"} {
		if strings.Contains(html, bad) {
			t.Errorf("found %q in the page", bad)
		}
	}
}

func checkAttributes(t *testing.T, e xml.StartElement, shown []byte) {
	t.Helper()
	for _, a := range e.Attr {
		name := strings.ToLower(a.Name.Local)
		if strings.HasPrefix(name, "on") {
			t.Errorf("<%s>: found attribute %s", e.Name.Local, name)
		}
		if name == "src" && a.Value != "data:image/png;base64,"+base64.StdEncoding.EncodeToString(shown) {
			t.Errorf("<%s>: found source %.40s", e.Name.Local, a.Value)
		}
		if name == "href" && a.Value != "./result.json" && a.Value != "./a%20b/%231%3F.txt" && a.Value != "./javascript:alert%281%29" && a.Value != "./javascript:alert(1)" {
			t.Errorf("<%s>: found link %s", e.Name.Local, a.Value)
		}
	}
}

func TestEmptyRun(t *testing.T) {
	html := write(t, Run{Title: "nothing yet"})
	if strings.Contains(html, "<h2>") || strings.Contains(html, "<table") {
		t.Errorf("found sections in an empty report:\n%s", html)
	}
	if got := Text(Run{}); got != "" {
		t.Errorf("found %q", got)
	}
}

func TestWriteHTMLRefuses(t *testing.T) {
	for _, c := range []struct {
		change func(*Run)
		want   string
	}{
		{func(r *Run) { r.Table[1].Cells = r.Table[1].Cells[:2] }, "table row 1 (coarse_perception): found 2 cells, expected 5"},
		{func(r *Run) { r.Table[0].Cells[3] = Value(73.5) }, "column after tune: found 73.5"},
		{func(r *Run) { r.Table[0].Cells[0] = Value(math.NaN()) }, "column chance: found NaN"},
		{func(r *Run) { r.Curves[1].Values = nil }, "found 3 steps and 0 values"},
		{func(r *Run) { r.Curves[1].Steps[2] = 1 }, "found step 1 at place 2"},
		{func(r *Run) { r.Gallery[0].PNG = []byte("<svg onload=x>") }, "gallery picture 0"},
		{func(r *Run) { r.Gallery[0].Options = make([]string, 27) }, "found 27 options"},
	} {
		r := sample(t)
		c.change(&r)
		path := filepath.Join(t.TempDir(), "r.html")
		if err := WriteHTML(path, r); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("found %v, expected %q", err, c.want)
		}
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Error("found a file, expected none")
		}
	}
}

func TestCharts(t *testing.T) {
	for _, c := range []struct{ low, high float64 }{{0, 1}, {-3, 7}, {1e-9, 2e-9}, {0, 1e149}, {0.1, 0.1000001}, {123456, 123457}} {
		ticks := niceTicks(c.low, c.high, 5)
		if len(ticks) < 3 || len(ticks) > 12 || ticks[0] > c.low+1e-9*math.Abs(c.low) || ticks[len(ticks)-1] < c.high-1e-9*math.Abs(c.high) {
			t.Errorf("%v to %v: found ticks %v", c.low, c.high, ticks)
		}
	}
	spiky := make([]float64, 5000)
	spiky[1234], spiky[4000] = 9, math.Inf(1)
	at := thin(spiky)
	if len(at) > 3*maxPoints/2 {
		t.Errorf("found %d points", len(at))
	}
	has := map[int]bool{}
	for _, i := range at {
		has[i] = true
	}
	if !has[1234] || !has[4000] {
		t.Error("expected the spike and the gap to be kept")
	}
	mean := runningMean([]float64{1, 2, 3, math.NaN(), 5})
	if mean[0] != 1 || mean[1] != 2 || mean[2] != 11.0/4 || !math.IsNaN(mean[3]) || mean[4] != 5 {
		t.Errorf("found %v", mean)
	}
}
