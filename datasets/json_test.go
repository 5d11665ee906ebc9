package datasets

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func openText(t testing.TB, name, text string) (Source, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	s, err := OpenJSON(path, filepath.Join(golden, "llava", "images"))
	if err == nil {
		t.Cleanup(func() { s.Close() })
	}
	return s, err
}

// TestJSONForms: each text is one row of either convention.
func TestJSONForms(t *testing.T) {
	qa := []Turn{{From: Human, Value: "<image>\nq"}, {From: GPT, Value: "a"}}
	for text, want := range map[string][]Turn{
		`{"conversations": [{"from": "human", "value": "<image>\nq"}, {"from": "gpt", "value": "a"}], "image": "016_3.jpg"}`:                                                                                                       qa,
		`{"messages": [{"role": "user", "content": "<image>\nq"}, {"role": "assistant", "content": "a"}], "images": ["016_3.jpg"]}`:                                                                                                qa,
		`{"conversations": [{"from": "user", "value": "<image>\nq"}, {"from": "model", "value": "a"}], "image": ["016_3.jpg"], "images": null}`:                                                                                    qa,
		`{"messages": [{"role": "user", "content": [{"type": "image", "image": "016_3.jpg"}, {"type": "text", "text": "q"}]}, {"role": "assistant", "content": "a"}]}`:                                                             qa,
		`{"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "016_3.jpg"}}, {"type": "text", "text": "<IMG_CONTEXT>\nq"}]}, {"role": "assistant", "content": [{"type": "text", "text": "a"}]}]}`: qa,
		`{"system": "S", "conversations": [{"from": "human", "value": "<image>\nq"}, {"from": "gpt", "value": "a"}], "image": "016_3.jpg"}`:                                                                                        append([]Turn{{From: System, Value: "S"}}, qa...),
	} {
		s, err := openText(t, "rows.jsonl", text)
		if err != nil {
			t.Fatal(err)
		}
		x := at(t, s, 0)
		if !reflect.DeepEqual(x.Turns, want) || len(x.Pictures) != 1 || len(picture(x)) != 695 {
			t.Errorf("%s:\n%v with %d bytes", text, x.Turns, len(picture(x)))
		}
	}
}

// TestJSONPretrain: XTuner's pretraining rows become captions of the pictures
// before them.
func TestJSONPretrain(t *testing.T) {
	picture := `{"type": "image_url", "image_url": {"url": "016_3.jpg"}}`
	row := func(content string) string { return `{"messages": [{"role": "pretrain", "content": ` + content + `}]}` }
	parts := func(text string, pictures int) string {
		return row("[" + strings.Repeat(picture+", ", pictures) + `{"type": "text", "text": "` + text + `"}]`)
	}
	for text, want := range map[string]struct {
		pictures int
		turns    []Turn
		err      string
	}{
		parts(`<IMG_CONTEXT>\nA dog.`, 1):                          {1, []Turn{{From: Human, Value: "<image>"}, {From: GPT, Value: "A dog."}}, ""},
		parts(`A dog.`, 1):                                         {1, []Turn{{From: Human, Value: "<image>"}, {From: GPT, Value: "A dog."}}, ""},
		parts(`<IMG_CONTEXT>\n<IMG_CONTEXT> \nTwo\n<b>dogs.\n`, 2): {2, []Turn{{From: Human, Value: "<image><image>"}, {From: GPT, Value: "Two\n<b>dogs.\n"}}, ""},
		parts(` A text.`, 0):                                       {0, []Turn{{From: GPT, Value: " A text."}}, ""},
		row(`"A text."`):                                           {0, []Turn{{From: GPT, Value: "A text."}}, ""},
		parts(`<IMG_CONTEXT>\nA dog.<IMG_CONTEXT>\nA cat.`, 2):     {err: "1 of 2 pictures stand inside or after the text"},
		parts(`A dog.<IMG_CONTEXT>`, 1):                            {err: "1 of 1 pictures stand inside or after the text"},
		parts(`<IMG_CONTEXT>\n`, 1):                                {err: "no text with 1 pictures"},
		row(`""`):                                                  {err: "no text with 0 pictures"},
		row(`null`):                                                {err: "neither value nor content"},
		`{"messages": [{"role": "pretrain", "content": "a"}, {"role": "pretrain", "content": "b"}]}`: {err: `messages 0: speaker "pretrain"`},
	} {
		s, err := openText(t, "rows.jsonl", text)
		if err != nil {
			t.Fatal(err)
		}
		x, err := s.At(0)
		if want.err != "" {
			if err == nil || !strings.Contains(err.Error(), want.err) || !strings.Contains(err.Error(), "rows.jsonl:0: messages 0: ") {
				t.Errorf("%s: error %v, want %q", text, err, want.err)
			}
		} else if err != nil || !reflect.DeepEqual(x.Turns, want.turns) || len(x.Pictures) != want.pictures {
			t.Errorf("%s: %v with %d pictures, %v", text, x.Turns, len(x.Pictures), err)
		}
	}
}

func TestJSONLayouts(t *testing.T) {
	row := `{"id": "é", "conversations": [{"from": "human", "value": "[{\"]}\n"}]}`
	for name, text := range map[string]string{
		"lines": row + "\n" + row + "\n" + row + "\n", "no last line end": row + "\n" + row + "\n" + row, "blank lines": "\n" + row + "\r\n\r\n \n" + row + "\n" + row,
		"array": "[" + row + "," + row + "," + row + "]", "spread array": " [\n " + row + "\n,\t" + row + " , " + row + "\n]\n", "mark": "\ufeff[" + row + "," + row + "," + row + "]",
		"long line": row + "\n" + row + strings.Repeat(" ", 1<<18) + "\n" + row,
	} {
		s, err := openText(t, "rows.json", text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if s.Len() != 3 {
			t.Errorf("%s: %d rows, want 3", name, s.Len())
			continue
		}
		for i := range 3 {
			if x := at(t, s, i); x.ID != "é" || x.Turns[0].Value != "[{\"]}\n" {
				t.Errorf("%s: row %d is %+v", name, i, x)
			}
		}
	}
}

func TestJSONRefuses(t *testing.T) {
	turn := `"conversations": [{"from": "human", "value": "q"}]`
	for text, want := range map[string]string{
		"": "no rows", "  \n": "no rows", "17": `starts with "17"`, "[": ":0: row is cut off", `[{"id": 1}, {"id"`: ":1: row is cut off", `[{}] []`: "data after the array of 1 rows", `[{} {}]`: ":1: ", "[1]": ":0: not a JSON object",
		`{"id": [1], ` + turn + `}`:                       ":0: id is neither",
		`{"id": 1}`:                                       ":0: neither conversations nor messages",
		`{` + turn:                                        ":0: row is cut off",
		`{` + turn + `} {}`:                               ":1: neither conversations nor messages",
		`{"conversations": [{"value": "q"}]}`:             ":0: conversations 0: neither from nor role",
		`{"messages": [{"role": "user"}]}`:                ":0: messages 0: neither value nor content",
		`{"messages": [{"role": "tool", "content": ""}]}`: `:0: messages 0: speaker "tool", expected human, gpt or system`,
		`{"messages": [{"role": "user", "content": 5}]}`:  ":0: messages 0: content is the number 5, expected a text",
		`{"messages": [{"role": "user", "content": [{"type": "audio"}]}]}`:                                             `content part 0: type "audio"`,
		`{"messages": [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "<image><image>"}]}]}`: "1 pictures and 2 image markers",
		`{"image": "016_3.jpg", "images": ["016_3.jpg"], ` + turn + `}`:                                                "both image and images",
		`{"image": 3, ` + turn + `}`:                  "picture 1 of the row: found the number 3, expected a file name",
		`{"images": ["016_3.jpg", ""], ` + turn + `}`: "images: a file name is empty",
		`{"image": "nowhere.jpg", ` + turn + `}`:      "nowhere.jpg",
	} {
		s, err := openText(t, "rows.jsonl", text)
		if err == nil {
			_, err = s.At(s.Len() - 1)
		}
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "rows.jsonl:") {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
	s, err := openText(t, "rows.json", "[]")
	if err != nil || s.Len() != 0 {
		t.Errorf("an empty array: %v", err)
	}
}

// FuzzJSON: whatever the text, there is a row or an error.
func FuzzJSON(f *testing.F) {
	b, err := os.ReadFile(filepath.Join(golden, "llava", "data.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b[:2000])
	f.Add([]byte(`[{"id": 1, "messages": [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "a"}]}]}]`))
	f.Add([]byte(`[{"messages": [{"role": "pretrain", "content": "<IMG_CONTEXT>a<image>"}]}]`))
	f.Add([]byte("{\"conversations\": []}\n{\"conversations\": null}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := openText(t, "rows.json", string(b))
		if err != nil {
			return
		}
		for i := range s.Len() {
			if x, err := s.At(i); err == nil && x.Origin == "" {
				t.Error("a row without an origin")
			}
		}
	})
}
