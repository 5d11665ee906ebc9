package datasets

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	pool "github.com/apache/arrow/go/v15/arrow/memory"
)

func rowsFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestIgnoreMeetsARow: a key to ignore that no row has is an error when the data are opened.
func TestIgnoreMeetsARow(t *testing.T) {
	for _, ext := range []string{".jsonl", ".arrow", ".parquet"} {
		path := "testdata/rows/metadata" + ext
		for key, ok := range map[string]bool{"source": true, "conversations": true, VideoMarker: true, "sources": false, "tools": false} {
			met := map[string]bool{}
			s, err := OpenWith(path, Options{Ignore: []string{key}, MayIgnore: []string{"elsewhere", "dataset"}, Met: met})
			if key == "conversations" {
				ok = ext == ".jsonl" // a table without its column has no turns at all
				if err != nil && !ok {
					continue
				}
			}
			switch {
			case ok && err != nil:
				t.Errorf("%s, %s: %v", path, key, err)
			case !ok && (err == nil || err.Error() != path+`: ignore names "`+key+`", and no row, turn or content part has such a key: correct it, or leave it out`):
				t.Errorf("%s, %s: %v", path, key, err)
			case ok && (met["elsewhere"] || met[key] == (key == VideoMarker)):
				t.Errorf("%s, %s: met %v", path, key, met)
			}
			if err == nil {
				s.Close()
			}
		}
	}
	const turns = `"conversations": [{"from": "human", "value": "q", "mood": 1}, {"from": "gpt", "value": "a"}]`
	for text, want := range map[string]string{
		`[{` + turns + `, "meta": {"inside": 1}}]`:                      "inside", // of what is passed over nothing is read
		`{"version": 1, "data": [{` + turns + `}]}`:                     "version",
		`[{` + turns + `}, {` + turns + `, "late": 1}]`:                 "",
		`{"note": 2, "data": [{` + turns + `, "late": 1, "note": ""}]}`: "",
	} {
		ignore := []string{"mood", "late", "note"}
		if want != "" {
			ignore = []string{"mood", want}
		} else if !strings.Contains(text, "note") {
			ignore = ignore[:2]
		}
		s, err := OpenWith(rowsFile(t, "x.json", text), Options{Ignore: ignore})
		if (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), `ignore names "`+want+`"`) {
			t.Errorf("%s: %v", text, err)
		}
		if err == nil {
			s.Close()
		}
	}
}

// TestValuesAtOpen: a value that cannot be its key's is an error of Open that names row and key, and without Values one of At.
func TestValuesAtOpen(t *testing.T) {
	const good = `{"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}`
	for row, want := range map[string]string{
		`{"conversations": [{"from": "human", "value": 7}]}`:                                    ":1: conversations 0: value is the number 7, expected a text or a list",
		`{"conversations": [{"from": 3, "value": "q"}]}`:                                        ":1: conversations 0: from is the number 3, expected a text",
		`{"conversations": [{"from": "human", "value": "q"}, {"from": "robot", "value": "a"}]}`: `:1: conversations 1: speaker "robot", expected human, gpt or system`,
		`{"conversations": [{"from": "gpt", "value": "q", "weight": 0.5}]}`:                     ":1: conversations 0: weight is 0.5, expected 0 or 1",
		`{"conversations": [{"from": "gpt", "value": "q", "train": "no"}]}`:                     `:1: conversations 0: train is the text "no", expected a number or true or false`,
		`{"conversations": "hello"}`:                                                            `:1: conversations is the text "hello", expected a list or an object`,
		`{"messages": [{"role": "user", "content": true}]}`:                                     ":1: messages 0: content is true, expected a text or a list",
		`{"messages": [{"role": "user", "content": [{"type": "text", "text": 5}]}]}`:            ":1: messages 0 content 0: text is the number 5, expected a text",
		`{"instruction": "q", "output": 5}`:                                                     ":1: output is the number 5, expected a text",
		`{"query": "q", "response": "a", "history": "before"}`:                                  `:1: history is the text "before", expected a list`,
		`{"question": "q", "answer": "a", "image": 4}`:                                          ":1: image is the number 4, expected a text or a list or an object",
		`{"question": "q", "answer": "a", "id": [1]}`:                                           ":1: id is a list of 1, expected a text or a number",
		`{"id": 1, "conversations": null}`:                                                      ":1: neither conversations nor messages",
	} {
		path := rowsFile(t, "x.jsonl", good+"\n"+row)
		if s, err := OpenWith(path, Options{Values: true}); err == nil {
			s.Close()
			t.Errorf("%s: no error, want %s", row, want)
		} else if !strings.Contains(err.Error(), path+want) {
			t.Errorf("%s: %v, want %s", row, err, want)
		}
		s, err := Open(path)
		if err != nil {
			t.Errorf("%s: %v", row, err)
			continue
		}
		if _, err := s.At(1); err == nil {
			t.Errorf("%s: is read", row)
		}
		s.Close()
	}
	for _, row := range []string{
		`{"conversations": {"from": ["human", "gpt"], "value": ["q", "a"], "weight": [0, 1]}}`,
		`{"instruction": "q", "output": "a", "input": [], "history": {}, "image": [null], "system": null}`,
		`{"messages": [{"role": "pretrain", "content": "text"}]}`,
		`{"prompt": [{"role": "user", "content": [{"type": "text", "text": "q"}]}], "completion": "a"}`,
	} {
		s, err := OpenWith(rowsFile(t, "x.jsonl", good+"\n"+row), Options{Values: true})
		if err != nil {
			t.Errorf("%s: %v", row, err)
			continue
		}
		if _, err := s.At(1); err != nil {
			t.Errorf("%s: %v", row, err)
		}
		s.Close()
	}
}

// TestColumnsAtOpen: a column whose type cannot be its key's is an error of Open, unless it holds nothing.
func TestColumnsAtOpen(t *testing.T) {
	turn := arrow.StructOf(arrow.Field{Name: "from", Type: arrow.BinaryTypes.String}, arrow.Field{Name: "value", Type: arrow.PrimitiveTypes.Int64})
	write := func(column arrow.Field, values string) string {
		t.Helper()
		schema := arrow.NewSchema([]arrow.Field{{Name: "instruction", Type: arrow.BinaryTypes.String}, {Name: "output", Type: arrow.BinaryTypes.String}, column}, nil)
		b := array.NewRecordBuilder(pool.DefaultAllocator, schema)
		defer b.Release()
		for _, v := range strings.Split(values, ";") {
			if err := b.UnmarshalJSON([]byte(`{"instruction": "q", "output": "a", "` + column.Name + `": ` + v + `}`)); err != nil {
				t.Fatal(err)
			}
		}
		rec := b.NewRecord()
		defer rec.Release()
		path := filepath.Join(t.TempDir(), "x.arrow")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		w := ipc.NewWriter(f, ipc.WithSchema(schema))
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return path
	}
	number := arrow.Field{Name: "input", Type: arrow.PrimitiveTypes.Int64, Nullable: true}
	for _, c := range []struct {
		column       arrow.Field
		values, want string
	}{
		{number, "null;null", ""},
		{number, "null;3", ":1: input is a column of int64, expected a text"},
		{arrow.Field{Name: "image", Type: arrow.PrimitiveTypes.Float64, Nullable: true}, "1.5", ":0: image is a column of float64, expected a text or a list or an object"},
		{arrow.Field{Name: "history", Type: arrow.BinaryTypes.String, Nullable: true}, `"";"x"`, ":1: history is a column of utf8, expected a list"},
		{arrow.Field{Name: "conversations", Type: arrow.ListOf(turn), Nullable: true}, `null;[{"from": "human", "value": 1}]`, ":1: conversations: value is a column of int64, expected a text or a list"},
	} {
		path := write(c.column, c.values)
		s, err := OpenWith(path, Options{Values: true})
		if (err != nil) != (c.want != "") || err != nil && !strings.Contains(err.Error(), path+c.want) {
			t.Errorf("%s of %v: %v, want %q", c.column.Name, c.values, err, c.want)
		}
		if err == nil {
			s.Close()
		}
	}
}
