package datasets

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRows: a row means the same in JSON, Arrow and Parquet. testdata/make_rows.py has the table.
func TestRows(t *testing.T) {
	b, err := os.ReadFile("testdata/rows/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		Cases []struct {
			Name, Error string
			Pictures    int
			Turns       [][]string
		}
	}
	if err := json.Unmarshal(b, &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Cases) < 60 {
		t.Fatalf("%d cases", len(list.Cases))
	}
	for _, c := range list.Cases {
		for _, ext := range []string{".jsonl", ".arrow", ".parquet"} {
			path := filepath.Join("testdata", "rows", c.Name+ext)
			x, err := firstRow(path, Options{})
			if _, early := firstRow(path, Options{Values: true}); (early == nil) != (err == nil) {
				t.Errorf("%s: error %v, and %v when values are looked at beforehand", path, err, early)
			}
			if c.Error != "" {
				// An Arrow schema says where a key stands, a row of JSON also in which turn: @ stands for that and for a text at the beginning.
				before, after, _ := strings.Cut(c.Error, "@")
				if err == nil || !strings.Contains(err.Error(), path+":0: ") || !strings.Contains(err.Error(), strings.TrimSuffix(before, ": content")) || !strings.Contains(err.Error(), after) {
					t.Errorf("%s: error %v, want %q", path, err, c.Error)
				}
				continue
			}
			if err != nil {
				t.Error(err)
				continue
			}
			if len(x.Pictures) != c.Pictures || len(x.Turns) != len(c.Turns) {
				t.Errorf("%s: %d pictures and the turns %v, want %d and %v", path, len(x.Pictures), x.Turns, c.Pictures, c.Turns)
				continue
			}
			for i, p := range x.Pictures {
				if want := []string{"a.png", "b.png"}[i]; string(p.Bytes) != want || p.Path != want {
					t.Errorf("%s: picture %d is %q from %q", path, i, p.Bytes, p.Path)
				}
			}
			for i, w := range c.Turns {
				if got := x.Turns[i]; got.From != w[0] || got.Value != w[1] || got.Context != (len(w) == 3) {
					t.Errorf("%s: turn %d is %v, want %q", path, i, got, w)
				}
			}
			if id := map[string]string{"plain": "a", "metadata": "7", "float_id": "7"}[c.Name]; x.ID != id {
				t.Errorf("%s: id %q, want %q", path, x.ID, id)
			}
		}
	}
}

func firstRow(path string, opt Options) (Sample, error) {
	s, err := OpenWith(path, opt)
	if err != nil {
		return Sample{}, err
	}
	defer s.Close()
	return s.At(0)
}

// TestRowOptions: what a source's keys make of rows that are errors without them.
func TestRowOptions(t *testing.T) {
	for name, c := range map[string]struct {
		opt  Options
		want string
	}{
		"tools":         {Options{Ignore: []string{"tools"}}, "human hello|gpt hi"},
		"misspelt":      {Options{Ignore: []string{"imgae"}}, "human hello|gpt hi"},
		"two_forms":     {Options{Ignore: []string{"instruction", "output"}}, "human hello|gpt hi"},
		"reasoning":     {Options{Ignore: []string{"reasoning_content"}}, "human hello|gpt hi"},
		"alpaca_answer": {Options{Ignore: []string{"answer"}}, "human hello|gpt the correct answer is hi"},
		"video_marker":  {Options{Ignore: []string{"<video>"}}, "human <video>\nhello|gpt hi"},
		"part_unknown":  {Options{Ignore: []string{"min_pixels"}}, "human <image>\nwhat colour?|gpt red"},
	} {
		for _, ext := range []string{".jsonl", ".arrow", ".parquet"} {
			x, err := firstRow(filepath.Join("testdata", "rows", name+ext), c.opt)
			var turns []string
			for _, y := range x.Turns {
				turns = append(turns, y.From+" "+y.Value)
			}
			if got := strings.Join(turns, "|"); err != nil || got != c.want {
				t.Errorf("%s%s: %q, %v, want %q", name, ext, got, err, c.want)
			}
		}
	}
	if _, err := OpenWith("testdata/rows/plain.jsonl", Options{Format: "alpaca"}); err == nil || !strings.Contains(err.Error(), `format "alpaca", expected llm-adapters or none`) {
		t.Errorf("error %v", err)
	}
}

// TestPicturesWithoutMarkers: they are an error that says the way out, which is image_first.
func TestPicturesWithoutMarkers(t *testing.T) {
	dir := t.TempDir()
	copyFile(t, "testdata/rows/a.png", filepath.Join(dir, "a.png"))
	path := filepath.Join(dir, "rows.json")
	if err := os.WriteFile(path, []byte(`[{"image": "a.png", "conversations": [{"from": "system", "value": "S"}, {"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}]`), 0o666); err != nil {
		t.Fatal(err)
	}
	x, err := firstRow(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Check(); err == nil || !strings.Contains(err.Error(), "0 image markers (<image>) in the turns, and 1 pictures in image or images") || !strings.Contains(err.Error(), "image_first: true") {
		t.Errorf("error %v", err)
	}
	if x, err = firstRow(path, Options{ImageFirst: true}); err != nil || x.Turns[1].Value != "<image>\nq" || x.Check() != nil {
		t.Errorf("%v, %v", x.Turns, err)
	}
}

// TestStrictJSON: what a lenient reader passes over.
func TestStrictJSON(t *testing.T) {
	turns := `"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]`
	for text, want := range map[string]string{
		"{" + turns + "}\n{\"id\": \"\xff\", " + turns + "}":                              "rows.json:1: invalid UTF-8 (at /id)",
		"{" + turns + "}{\"id\": 1, \"id\": 2, " + turns + "}":                            "rows.json:1: key id comes twice",
		`[{"messages": [{"role": "user", "role": "user", "content": "a"}]}]`:              "rows.json:0: key role comes twice",
		`[{"messages": [{"Role": "user", "content": "a"}]}]`:                              `rows.json:0: messages 0: key "Role" is not known: it is spelt "role"`,
		`{"data": [{` + turns + `}], "data2": 1} {}`:                                      "data after the object with 1 rows",
		`{"data": [{` + turns + `}], "rows": []}`:                                         "rows is a second array of rows",
		`{"version": 1, ` + turns + `}`:                                                   `rows.json:0: key "version" is not known`,
		`[{"image": {"path": "a.png", "colour": 1}, ` + turns + `}]`:                      `rows.json:0: image: key "colour" is not known`,
		`[{"id": 1, "conversations": "q"}]`:                                               `rows.json:0: conversations: found the text "q", expected a list of turns`,
		`[{"conversations": [{"from": "human", "value": "q", "content": "r"}]}]`:          "conversations 0: both value and content",
		`[{"messages": [{"role": "user", "content": [{"type": "text", "text": null}]}]}]`: `content part 0: type "text" without its value`,
	} {
		s, err := openText(t, "rows.json", text)
		if err == nil {
			_, err = s.At(0)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
	for name, text := range map[string]string{
		"pretty":  "{\n  \"id\": 1,\n  " + turns + "\n}\n{\n  \"id\": 2,\n  " + turns + "\n}\n",
		"wrapped": `{"version": 1, "data": [{"id": 1, ` + turns + `}, {"id": 2, ` + turns + `}], "more": {"x": 1}}`,
	} {
		s, err := openText(t, "rows.jsonl", text)
		if err != nil {
			t.Fatal(name, err)
		}
		if s.Len() != 2 || at(t, s, 1).ID != "2" {
			t.Errorf("%s: %d rows", name, s.Len())
		}
	}
}
