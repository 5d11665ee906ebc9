package datasets

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// openData writes a file of that name and opens it.
func openData(t testing.TB, name, text string, opt Options) (Source, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	put(t, path, text)
	put(t, filepath.Join(filepath.Dir(path), "a.png"), "A")
	s, err := OpenWith(path, opt)
	if err == nil {
		t.Cleanup(func() { s.Close() })
	}
	return s, err
}

// said is all turns of a source, one string a row.
func said(t testing.TB, s Source) (out []string) {
	t.Helper()
	for i := range s.Len() {
		x, err := s.At(i)
		if err != nil {
			t.Fatal(err)
		}
		row := x.ID
		for _, p := range x.Pictures {
			row += "[" + string(p.Bytes) + "]"
		}
		for _, turn := range x.Turns {
			row += "|" + turn.Value
		}
		out = append(out, row)
	}
	return out
}

func TestCSV(t *testing.T) {
	for name, c := range map[string]struct {
		file, text string
		opt        Options
		want       []string
	}{
		"plain":   {"rows.csv", "id,question,answer\n1,q,a\n2,r,b\n", Options{}, []string{"1|q|a", "2|r|b"}},
		"quoted":  {"rows.csv", "question,answer\n\"q, \"\"q\"\"\r\nr\",\"a\n\"\n\"r\"s,5\" wide\n", Options{}, []string{"|q, \"q\"\r\nr|a\n", `|rs|5" wide`}},
		"marked":  {"rows.csv", "\ufeffquestion,answer\r\n\r\nq,a\r\rr,b", Options{}, []string{"|q|a", "|r|b"}},
		"tabs":    {"rows.tsv", "question\tanswer\nq,\ta\n", Options{}, []string{"|q,|a"}},
		"picture": {"rows.csv", ",image,caption\n0,a.png,NA\n", Options{}, []string{"[A]|<image>|NA"}},
		"columns": {"rows.csv", "photo,alt\na.png,x\n", Options{Columns: map[string]string{"image": "photo", "caption": "alt"}, Prompt: "?"}, []string{"[A]|<image>\n?|x"}},
		"nested": {"rows.csv", `id,images,conversations` + "\n" + `7,"[""a.png""]","[{""from"": ""human"", ""value"": ""<image>q""}, {""from"": ""gpt"", ""value"": ""a""}]"` + "\n",
			Options{Values: true}, []string{"7[A]|<image>q|a"}},
		"answers": {"rows.csv", "question,answers\nq,\"[\"\"a\"\", \"\"b\"\", \"\"b\"\"]\"\nr,c\n", Options{Values: true}, []string{"|q|b", "|r|c"}},
		"empty":   {"rows.csv", "question,answer,other\nq,a,\n", Options{}, []string{"|q|a"}},
		"none":    {"rows.csv", "question,answer\n", Options{}, nil},
	} {
		for _, pack := range []string{"", ".gz", ".zst"} {
			s, err := openData(t, c.file+pack, packedAs(t, pack, c.text), c.opt)
			if err != nil {
				t.Errorf("%s%s: %v", name, pack, err)
				continue
			}
			if got := said(t, s); !reflect.DeepEqual(got, c.want) {
				t.Errorf("%s%s: %q, want %q", name, pack, got, c.want)
			}
		}
	}
}

// packedAs compresses a text as the ending says.
func packedAs(t testing.TB, ending, text string) string {
	t.Helper()
	var b bytes.Buffer
	var err error
	switch ending {
	case "":
		return text
	case ".gz":
		w := gzip.NewWriter(&b)
		if _, err = w.Write([]byte(text)); err == nil {
			err = w.Close()
		}
	case ".zst":
		w, _ := zstd.NewWriter(&b, zstd.WithEncoderCRC(true))
		if _, err = w.Write([]byte(text)); err == nil {
			err = w.Close()
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestCSVRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                                  "rows.csv: no line with the names of columns",
		"question,question\n":               `rows.csv: line 1: columns 1 and 2 are both called "question"`,
		"question;answer\nq;a\n":            "rows.csv: no column with turns (conversations, messages, instruction, query, prompt, question, texts, caption or text) among question;answer: columns says",
		"question,answer\n\nq,a\nr\n":       "rows.csv:1: 1 cells, and line 1 names 2 columns: a cell with the separator or a line break in it stands in quotes (line 4)",
		"question,answer\n\"q\nr\",a,b\n":   "rows.csv:0: 3 cells, and line 1 names 2 columns",
		"question,answer\nq,\"a\n":          "rows.csv:0: the file ends inside a cell that began with a quote",
		"question,answer\nq,\xff\n":         `rows.csv:0: invalid UTF-8: "\xff" (line 2)`,
		"question,answer,hint\nq,a,\nr,b,h": `rows.csv:1: key "hint" is not known`,
		"conversations\n\"[{\"\"form\"\": \"\"human\"\"}]\"\n": `rows.csv:0: conversations 0: key "form" is not known: did you mean "from"?`,
		"conversations\nhello\n":                               `rows.csv:0: conversations is the text "hello", and cells are read as JSON here, expected a list or an object`,
		"conversations\n[}\n":                                  "rows.csv:0: conversations: no JSON: ",
		"conversations\n\"[] []\"\n":                           "rows.csv:0: conversations: no JSON: data after the JSON value",
	} {
		_, err := openData(t, "rows.csv", text, Options{Values: true})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
	s, err := openData(t, "rows.csv", "question,answer\nq,a\nr,b\n", Options{})
	if err != nil {
		t.Fatal(err)
	}
	path := s.(*csvSource).path
	put(t, path, "question,answer\nq,a\n")
	if _, err := s.At(1); err == nil || !strings.Contains(err.Error(), "rows.csv:1: the file has become shorter") {
		t.Errorf("error %v", err)
	}
	if _, err := s.At(2); err == nil {
		t.Error("row 2 of 2")
	}
}

// TestPackedRefuses: compressed files that are none, or not whole.
func TestPackedRefuses(t *testing.T) {
	for name, c := range map[string][2]string{
		"rows.jsonl.gz":  {"", "not a whole .gz file: the file is empty"},
		"rows.json.gz":   {"{}", "not a whole .gz file"},
		"rows.csv.gz":    {packedAs(t, ".gz", "question,answer\nq,a\n")[:30], "the .gz file is cut off"},
		"rows.csv.zst":   {packedAs(t, ".zst", "question,answer\nq,a\n")[:20], "the .zst file is cut off"},
		"rows.tsv.zst":   {"question", "damaged .zst file, after 0 bytes of what it holds"},
		"rows.jsonl.zst": {"", "no rows"},
	} {
		if _, err := openData(t, name, c[0], Options{}); err == nil || !strings.Contains(err.Error(), c[1]) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v, want %q", name, err, c[1])
		}
	}
}

// TestUnpackedIsGone: nothing stays of an unpacked file.
func TestUnpackedIsGone(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("HOME", cache)
	s, err := openData(t, "rows.csv.gz", packedAs(t, ".gz", "question,answer\nq,a\n"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	left := 0
	if err := filepath.WalkDir(cache, func(_ string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			left++
		}
		return err
	}); err != nil || left > 0 {
		t.Errorf("%d files are left, %v", left, err)
	}
}

// TestManyRowsOfCSV: rows are found again wherever they lie.
func TestManyRowsOfCSV(t *testing.T) {
	var b strings.Builder
	b.WriteString("question,answer\n")
	for i := range 5000 {
		fmt.Fprintf(&b, "\"q\n%d\",%s\n\n", i, strings.Repeat("a", i%97))
	}
	s, err := openData(t, "rows.csv", b.String(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if s.Len() != 5000 {
		t.Fatal(s.Len())
	}
	for _, i := range []int{4999, 0, 2500, 96} {
		if x := at(t, s, i); x.Turns[0].Value != fmt.Sprintf("q\n%d", i) || len(x.Turns[1].Value) != i%97 {
			t.Errorf("row %d: %v", i, x.Turns)
		}
	}
}
