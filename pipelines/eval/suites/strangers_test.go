package suites

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// dot is a PNG of one pixel, longer than a reference to a row.
const dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="

// Tables as people bring them: what is read, or what is said.
func TestTablesOfStrangers(t *testing.T) {
	const head = "index\tquestion\tA\tB\tanswer\timage\n"
	for _, c := range []struct {
		name, table string
		opt         Options
		want        string // in the error, or empty
		note        string // in the notes
		check       func(*Suite) bool
	}{
		{name: "a float for an index", table: head + "1.0\tq\tx\ty\tA\t" + dot + "\n2.00\tq\tx\ty\tB\t1\n", check: func(s *Suite) bool { return s.Items[0].ID == 1 && s.Items[1].ImageKey == "1" }},
		{name: "1 and 1.0", table: head + "1.0\tq\tx\ty\tA\t" + dot + "\n1\tq\tx\ty\tB\t1\n", want: "found index 1 again, it is on line 2 already"},
		{name: "a name for an index", table: head + "q-17\tq\tx\ty\tA\t" + dot + "\nq#2\tq\tx\ty\tB\tq-17\n3\tq\tx\ty\tA\tq#2\n", want: `row 3: found "q#2"`},
		{name: "names and references", table: head + "q-17\tq\tx\ty\tA\t" + dot + "\nq#2\tq\tx\ty\tB\tq-17\n3\tq\tx\ty\tA\tq-17\n",
			check: func(s *Suite) bool {
				return s.Items[0].Name == "q-17" && s.Items[2].Index == "3" && s.Items[2].ID == 3 && s.Items[1].ImageKey == "1"
			}},
		{name: "a name twice", table: head + "a\tq\tx\ty\tA\t" + dot + "\na\tq\tx\ty\tB\t" + dot + "\n", want: "found index a again, it is on line 2 already"},
		{name: "a name in a circular suite", table: head + "a\tq\tx\ty\tA\t" + dot + "\n", opt: Options{Name: "mmbench_mine"}, want: "kind: vanilla"},
		{name: "half an index", table: head + "1.5\tq\tx\ty\tA\t" + dot + "\n", want: `column "index": found "1.5"`},
		{name: "a small letter", table: head + "1\tq\tx\ty\tb \t" + dot + "\n", check: func(s *Suite) bool { return s.Items[0].Answer == "B" }},
		{name: "a small letter that names nothing", table: head + "1\tq\tx\ty\tc\t" + dot + "\n", want: `found answer "c", expected one of the options AB`},
		{name: "an option's text for an answer", table: head + "1\tq\tred\ty\tRed\t" + dot + "\n", want: "it is the text of option A"},
		{name: "options called None", table: head + "1\tq\tNone\tNA\tA\t" + dot + "\n", check: func(s *Suite) bool { return len(s.Items[0].Choices) == 2 }},
		{name: "a data: URI", table: head + "1\tq\tx\ty\tA\tdata:image/png;base64," + dot + "\n2\tq\tx\ty\tA\t['data:image/png;base64," + dot + "', '" + dot + "']\n", check: func(s *Suite) bool {
			for _, key := range append(s.Items[0].Pictures(), s.Items[1].Pictures()...) {
				if b, err := s.Picture(key); err != nil || string(b[1:4]) != "PNG" {
					return false
				}
			}
			return len(s.Items[1].More) == 1
		}},
		{name: "a data: URI without base64", table: head + "1\tq\tx\ty\tA\tdata:image/png," + strings.Repeat("%00", 30) + "\n", want: "picture 1 is no base64"},
		{name: "broken base64", table: head + "1\tq\tx\ty\tA\t" + dot + "!\n", want: `some.tsv:2: column "image": row 1: picture 1 is no base64`},
		{name: "commas", table: strings.ReplaceAll(head+"1\tq\t\"x, or so\"\ty\tA\t"+dot+"\n", "\t", ","), note: "separated by commas", check: func(s *Suite) bool { return s.Items[0].Choices[0].Text == "x, or so" }},
		{name: "semicolons", table: strings.ReplaceAll(head+"1\tq, or so\tx\ty\tA\t"+dot+"\n", "\t", ";"), note: "separated by semicolons"},
		{name: "bars", table: strings.ReplaceAll(head+"1\tq\tx\ty\tA\t"+dot+"\n", "\t", "|"), want: "expected a column \"index\" and tabs, commas or semicolons"},
		{name: "a spreadsheet", table: "PK\x03\x04...", want: "found a spreadsheet"},
		{name: "UTF-16", table: "\xff\xfei\x00n\x00", want: "found text in UTF-16"},
		{name: "Parquet", table: "PAR1\x15\x04", want: "found Parquet"},
		{name: "no answers", table: "index\tquestion\tA\tB\timage\n1\tq\tx\ty\t" + dot + "\n", note: noAnswers},
		{name: "an answer missing", table: head + "1\tq\tx\ty\tA\t" + dot + "\n2\tq\tx\ty\t\t1\n", note: "1 of 2 questions have no answer"},
		{name: "Answer", table: "index\tquestion\tA\tB\tAnswer\n1\tq\tx\ty\tA\n", want: `columns: {answer: "Answer"}`},
		{name: "a misspelt answer", table: "index\tquestion\tA\tB\tanwser\n1\tq\tx\ty\tA\n", want: `columns: {answer: "anwser"}`},
		{name: "a misspelt image", table: "index\tquestion\tA\tB\tanswer\timages\n1\tq\tx\ty\tA\t" + dot + "\n", want: `columns: {image: "images"}`},
		{name: "a column near one that is there", table: head[:len(head)-1] + "\tanswers\timages\n1\tq\tx\ty\tA\t" + dot + "\tx\ty\n"},
		{name: "small options", table: "index\tquestion\ta\tb\tanswer\n1\tq\tx\ty\tA\n", want: `expected it to be called "A"`},
		{name: "a picture missing", table: head + "1\tq\tx\ty\tA\t" + dot + "\n2\tq\tx\ty\tA\t\n", want: `some.tsv:3: column "image": row 2 has no picture, and 1 of 2 rows have none`},
		{name: "a picture missing as it may", table: head + "1\tq\tx\ty\tA\t" + dot + "\n2\tq\tx\ty\tA\t\n", opt: Options{TextRows: true}, note: "1 of 2 rows have no picture"},
		{name: "ScienceQA", table: head + "1\tq\tx\ty\tA\t" + dot + "\n2\tq\tx\ty\tA\t\n", opt: Options{Name: "ScienceQA_TEST"}, note: "1 of 2 rows have no picture"},
		{name: "no pictures at all", table: "index\tquestion\tA\tB\tanswer\n1\tq\tx\ty\tA\n", note: "no pictures"},
		{name: "an empty question", table: head + "1\t \tx\ty\tA\t" + dot + "\n", want: "expected a question"},
		{name: "no rows", table: head, want: "found no rows"},
	} {
		s, err := read(c.table, c.opt)
		switch {
		case c.want != "":
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: found %v, expected %q", c.name, err, c.want)
			}
		case err != nil:
			t.Errorf("%s: %v", c.name, err)
		case !strings.Contains(strings.Join(s.Notes, "; "), c.note):
			t.Errorf("%s: found notes %q, expected %q", c.name, s.Notes, c.note)
		case c.check != nil && !c.check(s):
			t.Errorf("%s: found %+v", c.name, s.Items)
		}
	}
}

// Pictures named by path lie below the table's directory or those that are named, and nowhere else.
func TestPicturesByPath(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	png, err := base64.StdEncoding.DecodeString(dot)
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string]string{
		filepath.Join(dir, "pics", "a.png"): string(png), filepath.Join(dir, "pics", "same.png"): string(png), filepath.Join(dir, "b.png"): "b", filepath.Join(dir, "empty.png"): "",
		filepath.Join(other, "o.png"): "other", filepath.Join(dir, "d.png", "x"): "x",
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"out.png": filepath.Join(other, "o.png"), "in.png": "b.png"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Skip("needs symbolic links: ", err)
		}
	}
	table := filepath.Join(dir, "t.tsv")
	for _, c := range []struct {
		cell   string
		images []string
		want   string // content of the pictures, or an error
		wrong  bool
	}{
		{cell: "pics/a.png", want: string(png)},
		{cell: filepath.Join(dir, "b.png"), want: "b"},
		{cell: "['b.png', 'pics/a.png']", want: "b" + string(png)},
		{cell: "in.png", want: "b"},
		{cell: "o.png", images: []string{dir, other}, want: "other"},
		{cell: "o.png", want: "is not there; looked for under", wrong: true},
		{cell: "../x.png", want: "is not there", wrong: true},
		{cell: filepath.Join(other, "o.png"), want: "outside", wrong: true},
		{cell: "out.png", want: "lies outside", wrong: true},
		{cell: "out.png", images: []string{dir, other}, want: "other"},
		{cell: "o.png", images: []string{other}, want: "other"},
		{cell: "b.png", images: []string{other}, want: "b"}, // the table's own folder comes after those that are named, as with convert
		{cell: "file://" + filepath.ToSlash(filepath.Join(dir, "b.png")), want: "b"},
		{cell: "data:image/png;base64," + dot, want: string(png)},
		{cell: "o.png", images: []string{filepath.Join(dir, "none")}, want: "images: there is no folder", wrong: true},
		{cell: "https://example.org/a.png", want: "not fetched", wrong: true},
		{cell: "empty.png", want: "is empty", wrong: true},
		{cell: "d.png", want: "want a regular file", wrong: true},
		{cell: "[]", want: "expected a path or a list", wrong: true},
		{cell: "", want: "has no picture", wrong: true},
	} {
		text := "index\tquestion\tA\tB\tanswer\timage_path\n1\tq\tx\ty\tA\t" + c.cell + "\n"
		if err := os.WriteFile(table, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		s, err := OpenFile(table, Options{Images: c.images})
		if c.wrong {
			at := `t.tsv:2: column "image_path": row 1`
			if strings.HasPrefix(c.want, "images:") {
				at = "t.tsv: "
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), at) {
				t.Errorf("%s: found %v, expected %q", c.cell, err, c.want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.cell, err)
			continue
		}
		got := ""
		for _, key := range s.Items[0].Pictures() {
			b, err := s.Picture(key)
			if err != nil {
				t.Error(err)
			}
			got += string(b)
		}
		if got != c.want {
			t.Errorf("%s: found %q, expected %q", c.cell, got, c.want)
		}
	}
	text := "index\tquestion\tA\tB\tanswer\timage_path\n1\tq\tx\ty\tA\tpics/a.png\n2\tq\tx\ty\tA\tpics/same.png\n3\tq\tx\ty\tA\tb.png\n"
	if err := os.WriteFile(table, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	s, err := OpenFile(table, Options{})
	if err != nil || s.Items[1].ImageKey != "1" || s.Items[2].ImageKey != "3" {
		t.Fatalf("found %+v, %v: equal pictures are one", s, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "b.png"), []byte("c"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Picture("3"); err == nil || !strings.Contains(err.Error(), "has changed") {
		t.Errorf("found %v", err)
	}
	if again, err := OpenFile(table, Options{}); err != nil || again.Version == s.Version {
		t.Errorf("found version %s of other pictures, too, %v", again.Version, err)
	}
}

// Tables rebuilt from public reports: every cell is read, and options called None or NA are options.
func TestSuiteCells(t *testing.T) {
	for name, want := range map[string]string{
		"SEEDBench_IMG.tsv": "1 A None,Two,One,Three; 2 B Two,None,One,Three; 3 A NA,nan,null,n/a",
		"datauri.tsv":       "1 A red,green,blue,teal",
		"floatidx.tsv":      "1 A red,green,blue,teal",
		"imgpath.tsv":       "1 A red,green",
		"lower.tsv":         "1 A red,green,blue,teal",
		"stridx.tsv":        "q-17 A red,green,blue,teal",
	} {
		s, err := OpenFile(filepath.Join("testdata", "strangers", name), Options{})
		if err != nil {
			t.Error(err)
			continue
		}
		var rows []string
		for _, it := range s.Items {
			index := it.Name
			if index == "" {
				index = strconv.FormatInt(it.ID, 10)
			}
			var options []string
			for _, c := range it.Choices {
				options = append(options, c.Text)
			}
			rows = append(rows, index+" "+it.Answer+" "+strings.Join(options, ","))
			if b, err := s.Picture(it.ImageKey); err != nil || len(b) != 74 || string(b[1:4]) != "PNG" {
				t.Errorf("%s: row %s has a picture of %d bytes, %v", name, index, len(b), err)
			}
		}
		if got := strings.Join(rows, "; "); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
