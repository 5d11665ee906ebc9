package records

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/eval/suites"
)

// hostile are texts that programs which open a table may take for something else.
var hostile = []string{
	"=cmd|' /C calc'!A0", "=1+1", "+1+cmd|' /C calc'!A0", "-2+3+cmd|' /C calc'!A0", "@SUM(1+1)*cmd|' /C calc'!A0", "\t=1+1", "\r=1+1", "\n=1+1",
	" =1+1", "=HYPERLINK(\"http://127.0.0.1/?x=\"&A1,\"see\")", "＝1+1", "- a list", "'=1+1", "''=1+1", "-inf",
}

// harmless are texts that must stay as they are in every file.
var harmless = []string{
	"A", "", "'", "'a'", "-5", "+3.5", "-1e-3", "=", "-", "+", "say \"A\"", "a\tb", "a\nb", "a\r\nb", "<b>x</b>", "_x0041_ & co", "是的", "🙂 A", "1", "007", "1.0", "None", "NA", "a=b", "x@y",
}

// tableOf has a row for each answer.
func tableOf(t *testing.T, answers []string) *Table {
	t.Helper()
	var items []suites.Item
	var vs []protocols.Verdict
	for i, a := range answers {
		id := int64(len(answers) - i)
		items = append(items, suites.Item{ID: id, Question: a + "?", Choices: []suites.Choice{{Letter: 'A', Text: "x"}, {Letter: 'B', Text: a}}, Answer: "A"})
		vs = append(vs, protocols.Verdict{ID: id, Raw: a})
	}
	tab, err := NewTable("", items, vs)
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

func TestTable(t *testing.T) {
	s, err := suites.OpenFile("../suites/testdata/emoji_en.tsv", suites.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var vs []protocols.Verdict
	for _, it := range s.Items {
		vs = append(vs, protocols.Verdict{ID: it.ID, Raw: "answer " + it.Answer})
	}
	vs[1].Rule = protocols.RuleNotAsked
	tab, err := NewTable(s.Family, s.Items, vs[:20])
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"index", "question", "hint", "A", "B", "C", "D", "answer", "category", "source", "l2-category", "comment", "split", "prediction"}
	if !reflect.DeepEqual(tab.Columns, want) {
		t.Errorf("found columns %q, expected %q", tab.Columns, want)
	}
	if len(tab.Rows) != 19 || tab.Rows[0].Index != 1 || tab.Rows[18].Index < tab.Rows[17].Index {
		t.Errorf("found %d rows, the first is %d", len(tab.Rows), tab.Rows[0].Index)
	}
	r := tab.Rows[0]
	if r.Texts[0] != s.Items[0].Question || r.Texts[12] != "answer "+s.Items[0].Answer || r.Texts[2] != s.Items[0].Choices[0].Text {
		t.Errorf("found %q", r.Texts)
	}
	if _, err := NewTable(s.Family, s.Items[:4], vs); err == nil || !strings.Contains(err.Error(), "a verdict on item 2, which is not among the 4 items") {
		t.Errorf("found %v", err)
	}
	logits, err := NewTable(s.Family, s.Items[:1], []protocols.Verdict{{ID: 1, Extracted: "C", LogProbs: map[string]float64{"C": -1}}})
	if err != nil || logits.Rows[0].Texts[12] != "C" {
		t.Errorf("found %v, %v, expected the letter in place of a text", logits, err)
	}
}

// TestUpstreamColumns: prediction files of MME and MathVista have what VLMEvalKit scores them by, and are read back as
// the suite they are of.
func TestUpstreamColumns(t *testing.T) {
	for _, c := range []struct {
		name, table, columns string
	}{
		{"MME", "index\tquestion\tanswer\tcategory\timage_path\n1\tis it?\tYes\tOCR\tOCR/a.jpg\n2\tis it not?\tNo\tOCR\tOCR/a.jpg\n",
			"index question answer category image_path prediction"},
		{"MathVista_MINI", "index\tquestion\tquestion_type\tanswer_type\tchoices\tanswer\tanswer_option\ttask\tskills\n" +
			"1\tq\tmulti_choice\ttext\t['it''s', 'a\\\\b', \"c'd\"]\tc'd\tC\tfigure question answering\t['numeric commonsense', 'x']\n" +
			"2\tq\tfree_form\tinteger\t[]\t7\t\tmath word problem\t['y']\n3\tq\tfree_form\tfloat\t[]\t1.5\t\tmath word problem\t[]\n4\tq\tfree_form\ttext\t[]\tred\t\tmath word problem\t['y']\n",
			"index question question_type answer_type choices answer answer_option task skills prediction"},
	} {
		s, err := suites.Read(c.name, strings.NewReader(strings.ReplaceAll(c.table, "it''s", "it s")), suites.Options{TextOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		var vs []protocols.Verdict
		for _, it := range s.Items {
			vs = append(vs, protocols.Verdict{ID: it.ID, Raw: "said"})
		}
		tab, err := NewTable(s.Family, s.Items, vs)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(tab.Columns, " "); got != c.columns {
			t.Errorf("%s: found columns %s, expected %s", c.name, got, c.columns)
		}
		path := filepath.Join(t.TempDir(), TSVFile)
		if guarded, err := tab.WriteTSV(path); err != nil || guarded != nil {
			t.Fatal(guarded, err)
		}
		back, err := suites.OpenFile(path, suites.Options{Name: c.name, TextOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(back.Items, s.Items) {
			t.Errorf("%s: found %+v, expected %+v", c.name, back.Items, s.Items)
		}
	}
}

// sheet reads an .xlsx file back with its cells' types.
func sheet(t *testing.T, path string) (rows [][]string, f *excelize.File) {
	t.Helper()
	f, err := excelize.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if rows, err = f.GetRows("Sheet1"); err != nil {
		t.Fatal(err)
	}
	return rows, f
}

// TestXLSXHoldsNoFormula: hostile texts are read back as they are, in cells of type text and format text, without formulas.
func TestXLSXHoldsNoFormula(t *testing.T) {
	texts := append(append([]string{}, hostile...), harmless...)
	tab := tableOf(t, texts)
	path := filepath.Join(t.TempDir(), XLSXFile)
	changed, err := tab.WriteXLSX(path)
	if err != nil || changed != nil {
		t.Fatal(changed, err)
	}
	rows, f := sheet(t, path)
	if !reflect.DeepEqual(rows[0], []string{"index", "question", "A", "B", "answer", "prediction"}) {
		t.Errorf("found columns %q", rows[0])
	}
	for i, r := range tab.Rows {
		row := append(rows[i+1], "", "", "")
		if row[3] != r.Texts[2] || row[5] != r.Texts[4] {
			t.Errorf("row %d: found %q and %q, expected %q", r.Index, row[3], row[5], r.Texts[4])
		}
		cell, _ := excelize.CoordinatesToCellName(6, i+2)
		formula, err := f.GetCellFormula("Sheet1", cell)
		if err != nil || formula != "" {
			t.Errorf("%s: found formula %q, %v", cell, formula, err)
		}
		if r.Texts[4] == "" {
			continue
		}
		kind, err := f.GetCellType("Sheet1", cell)
		if err != nil || kind != excelize.CellTypeInlineString {
			t.Errorf("%s: found type %d, %v, expected an inline string for %q", cell, kind, err, r.Texts[4])
		}
		id, err := f.GetCellStyle("Sheet1", cell)
		if err != nil {
			t.Fatal(err)
		}
		if style, err := f.GetStyle(id); err != nil || style.NumFmt != 49 {
			t.Errorf("%s: found style %+v, %v, expected the format of texts", cell, style, err)
		}
	}
}

func TestXLSXFlagsWhatItCannotHold(t *testing.T) {
	long := strings.Repeat("x", maxCell-2) + "🙂" // 2 units: exactly full
	tab := tableOf(t, []string{"fine", "a\x00b\uFFFE", long, long + "y", strings.Repeat("x", maxCell-1) + "🙂"})
	path := filepath.Join(t.TempDir(), XLSXFile)
	changed, err := tab.WriteXLSX(path)
	if err != nil {
		t.Fatal(err)
	}
	rows, _ := sheet(t, path)
	if n := len(rows[0]); rows[0][n-1] != ChangedColumn {
		t.Fatalf("found columns %q", rows[0])
	}
	for i, want := range []struct{ text, mark string }{ // rows are sorted by index, so backwards
		{strings.Repeat("x", maxCell-1), "prediction was cut after 32766 of 32770 bytes"},
		{long, "prediction was cut after 32769 of 32770 bytes"},
		{long, "question was cut"}, // the question has a mark more
		{"a\uFFFDb\uFFFD", "prediction has characters that the format cannot hold"},
		{"fine", ""},
	} {
		r := append(rows[i+1], "")
		if r[5] != want.text || !strings.Contains(r[6], want.mark) || (want.mark == "") != (r[6] == "") {
			t.Errorf("row %d: found %d units and %q, expected %d units and %q", i, len(r[5]), r[6], len(want.text), want.mark)
		}
	}
	if len(changed) != 1+3+3+3 || !strings.HasPrefix(changed[0], `row 1, column "question": was cut after`) {
		t.Errorf("found %q", changed)
	}
}

func TestTSV(t *testing.T) {
	tab := tableOf(t, append(append([]string{}, hostile...), harmless...))
	path := filepath.Join(t.TempDir(), TSVFile)
	guarded, err := tab.WriteTSV(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := 3 * len(hostile); len(guarded) < n {
		t.Errorf("found %d guarded cells, expected %d or more", len(guarded), n)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(b), "\"index\"\t\"question\"\t\"A\"\t\"B\"\t\"answer\"\t\"prediction\"\n") {
		t.Errorf("found %.80q", b)
	}
	for _, cell := range strings.Split(strings.ReplaceAll(string(b), "\"\n", "\"\t"), "\"\t\"") {
		if text := strings.TrimSpace(cell); len(text) > 1 && strings.ContainsRune("=@", rune(text[0])) {
			t.Errorf("found the cell %q", cell)
		}
	}
}

// TestTSVIsReadBack: the suite reader, which reads as pandas does, finds the texts of a written table.
func TestTSVIsReadBack(t *testing.T) {
	tab := tableOf(t, []string{"a\tb", "say \"x\"", "two\nlines", "c\r\nd", "'quoted'", "x = y"})
	path := filepath.Join(t.TempDir(), TSVFile)
	if guarded, err := tab.WriteTSV(path); err != nil || guarded != nil {
		t.Fatal(guarded, err)
	}
	s, err := suites.OpenFile(path, suites.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range tab.Rows {
		if s.Items[i].Question != r.Texts[0] || s.Items[i].Choices[1].Text != r.Texts[2] {
			t.Errorf("found %+v, expected %q", s.Items[i], r.Texts)
		}
	}
}

func TestWritingFails(t *testing.T) {
	tab := tableOf(t, []string{"A"})
	none := filepath.Join(t.TempDir(), "none", "x")
	if _, err := tab.WriteXLSX(none); err == nil || !strings.Contains(err.Error(), "none") {
		t.Errorf("found %v", err)
	}
	if _, err := tab.WriteTSV(none); err == nil || !strings.Contains(err.Error(), "none") {
		t.Errorf("found %v", err)
	}
	tab.Rows = make([]Row, maxSheetRows)
	if _, err := tab.WriteXLSX(none); err == nil || !strings.Contains(err.Error(), "found 1048576 rows, expected fewer") {
		t.Errorf("found %v", err)
	}
}

// A name for an index comes back as it was, from both files.
func TestNamesForAnIndex(t *testing.T) {
	s, err := suites.Read("plain", strings.NewReader("index\tquestion\tA\tB\tanswer\n=q-17\tfirst\tx\ty\tA\n7\tsecond\tx\ty\tB\n"), suites.Options{TextOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	tab, err := NewTable(s.Family, s.Items, []protocols.Verdict{{ID: 1, Raw: "A"}, {ID: 2, Raw: "B"}})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	guarded, err := tab.WriteTSV(filepath.Join(dir, TSVFile))
	if err != nil || len(guarded) != 1 || guarded[0] != `row =q-17, column "index"` {
		t.Errorf("found %q, %v", guarded, err)
	}
	if _, err := tab.WriteXLSX(filepath.Join(dir, XLSXFile)); err != nil {
		t.Fatal(err)
	}
	rows, _ := sheet(t, filepath.Join(dir, XLSXFile))
	if rows[1][0] != "=q-17" || rows[2][0] != "7" {
		t.Errorf("found %q", rows)
	}
}
