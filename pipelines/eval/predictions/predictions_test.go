package predictions

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
)

// write makes a file of the test's directory.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// unpack writes what is in a packed file of testdata.
func unpack(t *testing.T, packed, name string) string {
	t.Helper()
	f, err := os.Open(packed)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, name, string(b))
}

// xlsx writes a sheet.
func xlsx(t *testing.T, rows [][]any) string {
	t.Helper()
	f := excelize.NewFile()
	for i, r := range rows {
		if err := f.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &r); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "p.xlsx")
	if err := f.SaveAs(path); err != nil {
		t.Fatal(err)
	}
	return path
}

func scored(t *testing.T, opt Options) *Scored {
	t.Helper()
	s, err := Score(context.Background(), opt)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The published answers of LLaVA-1.5-13B score as MMMU's main_parse_and_eval.py says, and its parsed ones as
// main_eval_only.py.
func TestMMMU(t *testing.T) {
	s := scored(t, Options{Suite: "mmmu", Protocol: "mmmu-official", Predictions: unpack(t, "../protocols/testdata/mmmu_outputs.json.gz", "output.json")})
	r := s.Result
	if r.Overall.N != 900 || r.Overall.Hits != 330 || r.Drawn != 2 || r.DrawnHits != 1 {
		t.Errorf("found %d of %d right, %d drawn, %d of them right; expected 330 of 900, 2 and 1", r.Overall.Hits, r.Overall.N, r.Drawn, r.DrawnHits)
	}
	path := unpack(t, "../protocols/testdata/mmmu_official.json.gz", "golden.json")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var golden []struct {
		ID      string
		Parsed  *string
		Random  bool `json:"random_fallback"`
		Correct *bool
	}
	if err := json.Unmarshal(b, &golden); err != nil {
		t.Fatal(err)
	}
	for i, want := range golden {
		l := s.Lines[i]
		if l.ID != want.ID || (l.Rule == "random") != want.Random || want.Correct != nil && l.Correct != *want.Correct || want.Parsed != nil && l.Extracted != *want.Parsed {
			t.Errorf("found %+v, expected %+v", l, want)
		}
	}
	parsed := scored(t, Options{Suite: unpack(t, "testdata/mmmu_answers.json.gz", "answers.json"), Protocol: "mmmu-official", Predictions: unpack(t, "testdata/mmmu_val.json.gz", "val.json")})
	if h := parsed.Result.Overall.Hits; h != 324 {
		t.Errorf("found %d right, expected 324", h)
	}
	for name, want := range map[string]string{"Overall": "0.360", "Overall-Art and Design": "0.517", "Overall-Business": "0.233", "Overall-Science": "0.287",
		"Overall-Health and Medicine": "0.387", "Overall-Humanities and Social Science": "0.517", "Overall-Tech and Engineering": "0.305"} {
		if v, ok := parsed.Result.Sheet.Value(name); !ok || fmt.Sprintf("%.3f", v) != want {
			t.Errorf("%s: found %v, expected %s", name, v, want)
		}
	}
}

// A circular suite of 2 questions, whose predictions come in every form.
var circular = [][]any{
	{"index", "question", "A", "B", "answer", "category", "prediction"},
	{1, "which?", "cat", "dog", "A", "x", "A. cat"},
	{1000001, "which?", "dog", "cat", "B", "x", "B"},
	{2, "what?", "red", "=1+1", "B", "y", "B"},
	{1000002, "what?", "=1+1", "red", "A", "y", "red"},
}

func asTSV(rows [][]any, without string) string {
	var b strings.Builder
	skip := -1
	for _, r := range rows {
		var cells []string
		for i, c := range r {
			if c == without {
				skip = i
			}
			if i != skip {
				cells = append(cells, fmt.Sprint(c))
			}
		}
		b.WriteString(strings.Join(cells, "\t") + "\n")
	}
	return b.String()
}

func TestForms(t *testing.T) {
	suite := write(t, "mmbench_x.tsv", asTSV(circular, "prediction"))
	var verdicts, llava, rounds strings.Builder
	var list []map[string]any
	for i, r := range circular[1:] {
		fmt.Fprintf(&verdicts, `{"id":%d,"raw":%q,"extracted":"?","want":"A"}`+"\n", r[0], r[6])
		fmt.Fprintf(&llava, `{"question_id":"%d","prompt":"p","text":%q,"model_id":"m"}`+"\n", r[0], r[6])
		fmt.Fprintf(&rounds, `{"question_id":%d,"round_id":%d,"text":%q}`+"\n", r[0].(int)%1000000, i%2, r[6])
		o := map[string]any{}
		for k, c := range circular[0] {
			o[c.(string)] = r[k]
		}
		list = append(list, o)
	}
	asJSON, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	for name, opt := range map[string]Options{
		"xlsx, its questions":   {Suite: "mmbench", Predictions: xlsx(t, circular)},
		"xlsx":                  {Suite: suite, Predictions: xlsx(t, circular)},
		"tsv, its questions":    {Suite: "mmbench", Predictions: write(t, "p.tsv", asTSV(circular, ""))},
		"json, its questions":   {Suite: "mmbench", Predictions: write(t, "p.json", string(asJSON))},
		"verdicts":              {Suite: suite, Predictions: write(t, "v.jsonl", verdicts.String())},
		"LLaVA":                 {Suite: suite, Predictions: write(t, "a.jsonl", llava.String())},
		"LLaVA with all rounds": {Suite: suite, Predictions: write(t, "r.jsonl", rounds.String())},
	} {
		s := scored(t, opt)
		all := s.Result.Overall
		if all.N != 2 || all.Hits != 1 || all.Rows != 4 || all.RowHits != 3 || s.Result.Protocol != "vlmevalkit-2024.06" {
			t.Errorf("%s: found %+v", name, all.Tally)
		}
		if len(s.Lines) != 4 || s.Lines[3].Rule != "text" || s.Lines[3].Correct || s.Lines[3].Extracted != "B" {
			t.Errorf("%s: found %+v", name, s.Lines)
		}
		out := filepath.Join(t.TempDir(), "lines.jsonl")
		if err := s.WriteLines(out); err != nil {
			t.Fatal(err)
		}
		if again := scored(t, Options{Suite: suite, Predictions: out}); again.Result.Overall.Hits != 1 { // what score writes, it reads
			t.Errorf("%s: found %+v from its own lines", name, again.Result.Overall.Tally)
		}
	}
}

func TestMissingPasses(t *testing.T) {
	// Upstream counts what is there: the wrong pass of question 2 is missing, so it is right; then its base row, so it
	// is none.
	for _, c := range []struct {
		rows    [][]any
		n, hits int
		note    string
	}{
		{circular[:4], 2, 2, "1 of 4 rows have no answer"},
		{[][]any{circular[0], circular[1], circular[2], circular[4]}, 1, 1, "1 answers are to passes of questions whose first pass has no answer"},
	} {
		s := scored(t, Options{Suite: write(t, "mmbench_x.tsv", asTSV(circular, "prediction")), Predictions: xlsx(t, c.rows)})
		if all := s.Result.Overall; all.N != c.n || all.Hits != c.hits || !strings.Contains(strings.Join(s.Result.Notes, "; "), c.note) {
			t.Errorf("found %+v with notes %q, expected %d of %d and %q", all.Tally, s.Result.Notes, c.hits, c.n, c.note)
		}
	}
}

func TestEmptyPredictionIsNaN(t *testing.T) {
	// pandas reads an empty cell as NaN, and VLMEvalKit makes the text nan of it.
	rows := [][]any{{"index", "question", "A", "B", "answer", "prediction"}, {1, "q", "banana split", "nan", "B", ""}, {2, "q", "x", "y", "A", "None"}}
	s := scored(t, Options{Suite: "choice", Predictions: xlsx(t, rows)})
	if s.Lines[0].Answer != "nan" || s.Lines[0].Want != "B" || s.Lines[1].Answer != "nan" || s.Lines[1].Rule != "unresolved" {
		t.Errorf("found %+v", s.Lines)
	}
}

func TestOpenSuites(t *testing.T) {
	vqa := "index\tquestion\tanswer\tprediction\n1\tbrand?\t['nokia', 'nokia', 'nokia', 'samsung', \"samsung's\", 'x', 'x', 'x', 'x', 'x']\tthe Nokia.\n2\tnumber?\t['2', '2', '2', '2', '2', '2', '2', '2', '2', '2']\tTwo\n"
	s := scored(t, Options{Suite: "textvqa", Predictions: write(t, "p.tsv", vqa)})
	if v, _ := s.Result.Sheet.Value("Overall"); v != (0.9+1)/2 || s.Lines[0].Extracted != "nokia" || s.Lines[0].Correct || s.Lines[0].Credit != 0.9 || !s.Lines[1].Correct {
		t.Errorf("found %v, %+v", v, s.Lines)
	}
	math := "index\tquestion\tanswer\tchoices\tquestion_type\tanswer_type\tanswer_option\ttask\tskills\tprediction\n" +
		"1\tq\t14\t\tfree_form\tinteger\t\tFQA\t['arithmetic', 'algebra']\t 14 \n2\tq\t1.5\t\tfree_form\tfloat\t\tFQA\t['algebra']\t1.50\n" +
		"3\tq\tno\t['yes', 'no']\tmulti_choice\ttext\tB\tVQA\t['logic']\t(B) no\n4\tq\t[1, 2]\t\tfree_form\tlist\t\tVQA\t['logic']\t[1, 2]\n" +
		"5\tq\t14\t\tfree_form\tinteger\t\tFQA\t['algebra']\tThe answer is 14\n"
	s = scored(t, Options{Suite: "mathvista", Predictions: write(t, "m.tsv", math)})
	for name, want := range map[string]float64{"Overall": 0.6, "FQA": 2.0 / 3, "VQA": 0.5, "algebra": 2.0 / 3, "arithmetic": 1, "logic": 0.5} {
		if v, ok := s.Result.Sheet.Value(name); !ok || v != want {
			t.Errorf("%s: found %v, expected %v", name, v, want)
		}
	}
	mmmu := "index\tid\tquestion\tA\tB\tanswer\tcategory\tl2-category\tsplit\tprediction\n" +
		"1\tvalidation_Art_1\tq\tx\ty\tB\tArt\tArt & Design\tvalidation\tB\n2\tvalidation_Math_2\tq\t\t\t['24/7', '3.429']\tMath\tScience\tvalidation\t24/7\n"
	s = scored(t, Options{Suite: "mmmu", Predictions: write(t, "u.tsv", mmmu)})
	if s.Result.Overall.Hits != 1 || s.Lines[1].Rule != "unresolved" { // VLMEvalKit compares with the whole cell
		t.Errorf("found %+v", s.Lines)
	}
	s = scored(t, Options{Suite: "mmmu", Protocol: "mmmu-official", Predictions: write(t, "u.tsv", mmmu)})
	if s.Result.Overall.Hits != 2 {
		t.Errorf("found %+v", s.Lines)
	}
	s = scored(t, Options{Suite: "mmmu", Protocol: "lmms-eval", Predictions: write(t, "u.tsv", mmmu)})
	if s.Result.Overall.Hits != 1 { // lmms-eval never counts an open answer
		t.Errorf("found %+v", s.Lines)
	}
}

func TestMME(t *testing.T) {
	mme := "index\tquestion\tanswer\tcategory\timage_path\tprediction\n" +
		"1\tq\tYes\tcount\ta.jpg\tYes\n2\tq\tNo\tcount\ta.jpg\tno.\n3\tq\tYes\tcount\tb.jpg\tYes\n4\tq\tNo\tcount\tb.jpg\tYes\n" +
		"5\tq\tYes\tcode_reasoning\tc.jpg\tunsure\n6\tq\tNo\tcode_reasoning\tc.jpg\tNo\n"
	s := scored(t, Options{Suite: "mme", Predictions: write(t, "p.tsv", mme)})
	for name, want := range map[string]float64{"perception": 75 + 50, "cognition": 50, "count": 125, "code_reasoning": 50} {
		if v, ok := s.Result.Sheet.Value(name); !ok || v != want {
			t.Errorf("%s: found %v, expected %v", name, v, want)
		}
	}
	_, err := Score(context.Background(), Options{Suite: "mme", Predictions: write(t, "p.tsv", mme[:strings.Index(mme, "6\tq")])})
	if err == nil || !strings.Contains(err.Error(), `about picture "c.jpg"`) {
		t.Errorf("found %v, expected an error that names the picture", err)
	}
}

func TestCommonsense(t *testing.T) {
	out := `[{"instruction":"i\n\nAnswer format: true/false","input":"","output":"the correct answer is true","answer":"true","output_pred":"the correct answer is true","pred":"true","flag":true},
		{"instruction":"j\n\nAnswer format: true/false","input":"","output":"the correct answer is false","answer":"false","output_pred":"True","pred":"","flag":false}]`
	s := scored(t, Options{Suite: "boolq", Predictions: write(t, "boolq.json", out)})
	if s.Result.Overall.Hits != 1 || s.Result.Protocol != "llm-adapters" || s.Lines[1].Rule != "unresolved" || s.Result.Overall.Chance != 0.5 {
		t.Errorf("found %+v", s.Result.Overall.Tally)
	}
}

func TestHostile(t *testing.T) {
	suite := write(t, "mmbench_x.tsv", asTSV(circular, "prediction"))
	for _, c := range []struct{ name, text, suite, protocol, want string }{
		{"p.txt", "x", suite, "", `ending in ".txt"`},
		{"p.tsv", "", suite, "", "found an empty file"},
		{"p.tsv", "index\tquestion\n1\tq\n", suite, "", "p.tsv: found columns index, question, expected index and prediction"},
		{"p.tsv", "index\tprediction\n\tA\n", suite, "", "p.tsv: row 2: found no index"},
		{"p.tsv", "index\tprediction\n1\tA\tB\n", suite, "", "p.tsv:2: found more than 2 fields"},
		{"p.tsv", "index\tprediction\n1\tA\n1\tB\n", suite, "", "p.tsv: row 3: found a second answer to item 1, the first is at"},
		{"p.tsv", "index\tprediction\n7\tA\n", suite, "", "row 2: found an answer to item 7, which suite mmbench_x does not have"},
		{"p.tsv", "index\tprediction\n1\t\"A\n", suite, "", "inside a quoted field"},
		{"p.tsv", "index\tprediction\n1\t\xff\n", suite, "", "not UTF-8"},
		{"p.jsonl", "{\"id\":1}\n", suite, "", "p.jsonl:1: found no answer"},
		{"p.jsonl", "{\"text\":\"A\"}\n", suite, "", "p.jsonl:1: found no item"},
		{"p.jsonl", "\n[1]\n", suite, "", "p.jsonl:2: found no JSON object"},
		{"p.jsonl", "{\"question_id\":1,\"round_id\":99,\"text\":\"A\"}\n", suite, "", "round_id 99"},
		{"p.json", "3", suite, "", "neither a list nor a dictionary"},
		{"p.json", "[]", suite, "", "found no answers"},
		{"p.json", `{"1":"A","1":"B"}`, suite, "", "again"},
		{"p.json", `{"1":"A"}`, "mmbench", "", "answers without their questions"},
		{"p.json", `{"1":"A"}`, "nosuch", "", `found suite "nosuch", expected a file or one of mmbench`},
		{"p.json", `{"1":"A"}`, suite, "x", `found protocol "x", expected one of`},
		{"p.json", `{"1":"A"}`, suite, "mmmu-official", "no rules for, expected one of mmmu"},
		{"p.json", `[{"id":"v","question_type":"multiple-choice","response":"A","answer":"A"}]`, "mmmu", "", `record 1: found id "v"`},
		{"p.json", `[{"id":"v_Art_1","question_type":"essay","response":"A","answer":"A"}]`, "mmmu", "", `question_type "essay"`},
		{"p.json", `[{"id":"v_Art_1","question_type":"multiple-choice","all_choices":["A"],"index2ans":{},"response":"A","answer":"A"}]`, "mmmu", "", `choice "A" without a text`},
		{"p.xlsx", "no zip", suite, "", "p.xlsx: "},
	} {
		_, err := Score(context.Background(), Options{Suite: c.suite, Predictions: write(t, c.name, c.text), Protocol: c.protocol})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %.40q: found %v, expected %q", c.name, c.text, err, c.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("index\tquestion\tA\tB\tanswer\tprediction\n1\tq\tx\ty\tA\tA\n"), 0)
	f.Add([]byte(`[{"id":"validation_Art_1","question_type":"multiple-choice","all_choices":["A","B"],"index2ans":{"A":"x","B":"y"},"response":"A","answer":["A"]}]`), 1)
	f.Add([]byte(`{"validation_Art_1":"A"}`), 1)
	f.Add([]byte("{\"id\":1,\"raw\":\"A\"}\n{\"question_id\":\"2\",\"round_id\":1,\"text\":\"B\"}\n"), 2)
	f.Fuzz(func(t *testing.T, b []byte, form int) {
		name := []string{"p.tsv", "p.json", "p.jsonl", "p.xlsx"}[uint(form)%4]
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		for suite, protocol := range map[string]string{"mmbench": "lmms-eval", "mmmu": "mmmu-official", "textvqa": "", "boolq": "", "mathvista": "", "mme": ""} {
			s, err := Score(context.Background(), Options{Suite: suite, Predictions: path, Protocol: protocol})
			if err == nil && s.Result.Overall.Hits > s.Result.Overall.N {
				t.Errorf("found %d right of %d", s.Result.Overall.Hits, s.Result.Overall.N)
			}
		}
	})
}
