package datasets

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestStrangers reads inputs rebuilt from public reports: each is read as its author meant it, or is an error that names row, key and the way out.
func TestStrangers(t *testing.T) {
	const saved = "/data-00000-of-00001.arrow"
	for name, want := range map[string]string{ // what is learnt of each row, with (turns) that are read alone; or an error behind !
		"01-turn-weight-ignored/weight.json":                               "0: human hello|(gpt bad answer)|human again|gpt good answer",
		"01-turn-weight-ignored/loss.json":                                 "0: human hello|(gpt bad answer)|human again|gpt good answer",
		"01-turn-weight-ignored/arrow":                                     "0: human hello|(gpt bad answer)|human again|gpt good answer",
		"02-arrow-system-column/sysjson.jsonl":                             "0: system You are a very kind and patient helper.|human hello|gpt hi",
		"02-arrow-system-column/with":                                      "0: system You are a very kind and patient helper.|human hello|gpt hi",
		"02-arrow-system-column/without":                                   "0: human hello|gpt hi",
		"03-arrow-null-answer/tc.jsonl":                                    `!tc.jsonl:0: messages 1: key "tool_calls": tools and calls of them are not rendered; write what the model is to read and say as text (ignore: [tool_calls] leaves it out)`,
		"03-arrow-null-answer/toolcall":                                    "!" + saved + `:0: messages: key "tool_calls"`,
		"03-arrow-null-answer/null_value":                                  "!" + saved + `:0: conversations 1: neither value nor content`,
		"04-keys-dropped-silently/tools.json":                              `!tools.json:0: key "tools"`,
		"04-keys-dropped-silently/history.json":                            "0: human Translate good morning to German|gpt guten Morgen|human and in French?|gpt bonjour",
		"04-keys-dropped-silently/video.json":                              `!video.json:0: key "video": videos and sound are not read; a picture of it may stand in images (ignore: [video] leaves it out)`,
		"04-keys-dropped-silently/video_and_image.json":                    `!video_and_image.json:0: key "video"`,
		"04-keys-dropped-silently/reasoning_content.json":                  `!reasoning_content.json:0: messages 1: key "reasoning_content": it is not rendered; write it into the answer as the chat template would have it (ignore: [reasoning_content] leaves it out)`,
		"09-picture-in-content-part/url_data/data.json":                    "1: human <image>\nwhat colour?|gpt red",
		"09-picture-in-content-part/file_url/data.json":                    "1: human <image>\nwhat colour?|gpt red",
		"09-picture-in-content-part/part_path/data.json":                   "1: human <image>\nwhat colour?|gpt red",
		"09-picture-in-content-part/arrow":                                 "1: human <image>\nwhat colour?|gpt red",
		"10-no-marker/data.json":                                           "!data.json:0: 0 image markers (<image>) in the turns, and 1 pictures in image or images: write the marker where each picture goes, or set image_first: true",
		"11-absolute-paths/data.jsonl":                                     "1: human <image>\ncolour?|gpt red",
		"11-absolute-paths/other_machine.json":                             `!other_machine.json:0: picture 1 of the row: image "/home/ann/data/a.png" lies outside`,
		"11-absolute-paths/empty.json":                                     "0: human hello|gpt hi",
		"11-absolute-paths/null_in_list.json":                              "0: human hello|gpt hi",
		"12-routine-row-shapes/alpaca_plain/data.json":                     "0: human Say hello|gpt hello",
		"12-routine-row-shapes/alpaca_input/data.json":                     "0: human Translate to French\ngood morning|gpt bonjour",
		"12-routine-row-shapes/alpaca_system/data.json":                    "0: system You speak like a pirate.|human Say hello|gpt hello",
		"12-routine-row-shapes/alpaca_images/data.json":                    "1: human <image>what colour?|gpt red",
		"12-routine-row-shapes/query_response/data.jsonl":                  "1: human <image>what colour?|gpt red",
		"12-routine-row-shapes/prompt_completion/data.jsonl":               "0: human say hi|gpt hi",
		"12-routine-row-shapes/tools_openai/data.json":                     `!data.json:0: messages 1: key "tool_calls"`,
		"12-routine-row-shapes/upper_roles/data.json":                      "0: human hello|gpt hi",
		"12-routine-row-shapes/gpt_first/data.json":                        "0: gpt welcome|human hello|gpt hi",
		"12-routine-row-shapes/pretty/data.jsonl":                          "0: human hello|gpt hi; 0: human hello|gpt hi",
		"12-routine-row-shapes/arrow_float_id":                             "0: human hello|gpt hi; 0: human hello|gpt hi",
		"12-routine-row-shapes/arrow_image_and_images":                     "2: human <image><image>same?|gpt yes; 1: human <image>\nwhat colour?|gpt red",
		"12-routine-row-shapes/arrow_parquet":                              "0: human hello|gpt hi",
		"12-routine-row-shapes/arrow_parquet/train-00000-of-00001.parquet": "0: human hello|gpt hi",
		"12-routine-row-shapes/arrow_vqa":                                  "1: human <image>\nwhat colour?|gpt red",
	} {
		dir, pictures := t.TempDir(), t.TempDir()
		if err := os.CopyFS(dir, os.DirFS("testdata/strangers")); err != nil {
			t.Fatal(err)
		}
		copyFile(t, "testdata/strangers/10-no-marker/a.png", filepath.Join(pictures, "a.png"))
		path := filepath.Join(dir, filepath.FromSlash(name))
		if b, err := os.ReadFile(path); err == nil && strings.Contains(string(b), "/srv/pictures") {
			moved := strings.ReplaceAll(string(b), "/srv/pictures", filepath.ToSlash(pictures))
			if err := os.WriteFile(path, []byte(moved), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		got, err := learnt(path, Options{Images: []string{pictures}})
		if wrong, ok := strings.CutPrefix(want, "!"); ok {
			if err == nil || !strings.Contains(filepath.ToSlash(err.Error()), wrong) {
				t.Errorf("%s: error %v, want %q", name, err, wrong)
			}
		} else if err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", name, got, err, want)
		}
	}
	got, err := learnt("testdata/strangers/10-no-marker/data.json", Options{ImageFirst: true})
	if want := "1: human <image>\nwhat colour?|gpt red"; err != nil || got != want {
		t.Errorf("with image_first: %q, %v, want %q", got, err, want)
	}
}

// learnt spells all rows: how many pictures, and the turns.
func learnt(path string, opt Options) (string, error) {
	src, err := OpenWith(path, opt)
	if err != nil {
		return "", err
	}
	defer src.Close()
	var rows []string
	for i := range src.Len() {
		x, err := src.At(i)
		if err == nil {
			err = x.Check()
		}
		if err != nil {
			return "", fmt.Errorf("%s: %w", x.Origin, err)
		}
		var turns []string
		for _, y := range x.Turns {
			text := y.From + " " + y.Value
			if y.Context {
				text = "(" + text + ")"
			}
			turns = append(turns, text)
		}
		rows = append(rows, fmt.Sprintf("%d: %s", len(x.Pictures), strings.Join(turns, "|")))
	}
	return strings.Join(rows, "; "), nil
}
