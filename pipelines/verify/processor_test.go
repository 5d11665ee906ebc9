package verify

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// wholeModels are directories of families whose pictures are cut into tiles, each with a processor.json.
const wholeModels = "../vlm/testdata"

var tilePictures = filepath.Join(wholeModels, "pictures")

// published copies a model's directory without weights, its files spelled as those of published checkpoints.
func published(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	files, err := filepath.Glob(filepath.Join(wholeModels, name, "*.hub.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files of %s (%v)", name, err)
	}
	for _, f := range append(files, filepath.Join(wholeModels, name, "tokenizer.json")) {
		copyFile(t, f, filepath.Join(dir, strings.Replace(filepath.Base(f), ".hub.json", ".json", 1)))
	}
	return dir
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestProcessorsAgreeOnConversations: prompts, ids, tiles and pixels of both spellings of a directory are those of
// transformers.
func TestProcessorsAgreeOnConversations(t *testing.T) {
	for name, rows := range map[string]int{"smolvlm": 38, "idefics3": 33} {
		dir := filepath.Join(wholeModels, name)
		golden := filepath.Join(dir, "processor.json")
		for spelling, c := range map[string]struct {
			dir string
			opt Options
		}{
			"saved":      {dir, Options{Pictures: tilePictures}},
			"published":  {published(t, name), Options{Pictures: tilePictures}},
			"hub config": {dir, Options{Pictures: tilePictures, Config: filepath.Join(dir, "config.hub.json")}},
		} {
			report, err := Run(c.dir, golden, c.opt)
			if err != nil {
				t.Errorf("%s, %s: %v", name, spelling, err)
				continue
			}
			if len(report.Rows) != rows {
				t.Errorf("%s, %s: %d rows, want %d", name, spelling, len(report.Rows), rows)
			}
			for _, row := range report.Rows {
				if !row.OK {
					t.Errorf("%s, %s: %s fails: %s", name, spelling, row.Name, row.Note)
				}
			}
		}
	}
}

// altered copies smolvlm's processor.json and the bytes of tiles; change may alter both.
func altered(t *testing.T, change func(whole map[string]any, conversation func(i int) map[string]any)) string {
	t.Helper()
	dir := t.TempDir()
	raw, err := os.ReadFile(filepath.Join(wholeModels, "smolvlm", "processor.json"))
	if err != nil {
		t.Fatal(err)
	}
	var whole map[string]any
	if err := json.Unmarshal(raw, &whole); err != nil {
		t.Fatal(err)
	}
	change(whole, func(i int) map[string]any { return whole["conversations"].([]any)[i].(map[string]any) })
	if raw, err = json.Marshal(whole); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "processor.json"), raw, 0o666); err != nil {
		t.Fatal(err)
	}
	const tiles = "processor.safetensors"
	copyFile(t, filepath.Join(wholeModels, "smolvlm", tiles), filepath.Join(dir, tiles))
	return filepath.Join(dir, "processor.json")
}

func TestWhatDiffersInAConversationFails(t *testing.T) {
	type changed = func(whole map[string]any, conversation func(i int) map[string]any)
	text := func(field string, v any) changed {
		return func(_ map[string]any, c func(int) map[string]any) { c(2)[field] = v }
	}
	kwargs := func(field string, v any) changed { return text("kwargs", map[string]any{field: v}) }
	picture := func(field string, v any) changed {
		return func(_ map[string]any, c func(int) map[string]any) {
			c(1)["pictures"].([]any)[1].(map[string]any)[field] = v
		}
	}
	// whole is a conversation without pictures of which nothing is compared.
	whole := func(note string) map[string]string {
		note = "not compared: " + note
		return map[string]string{"2 text: prompt": note, "2 text: expanded": note, "2 text: input_ids": note}
	}
	for name, c := range map[string]struct {
		change changed
		fails  map[string]string // notes by name
	}{
		"prompt":   {text("prompt", "<|im_start|>user:"), map[string]string{"2 text: prompt": `at byte 12 got "User`}},
		"expanded": {text("expanded", ""), map[string]string{"2 text: expanded": `at byte 0 got "<|im_start|>`}},
		"ids": {func(_ map[string]any, c func(int) map[string]any) { c(2)["input_ids"].([]any)[3] = 7 },
			map[string]string{"2 text: input_ids": "at 3 got"}},
		"rows": {picture("rows", 2), map[string]string{"1 two pictures: tiles": "picture wide: height, width, tiles, " +
			"image tokens, rows and columns are [22 150 4 36 1 3], want [22 150 4 36 2 3]"}},
		"tokens": {picture("image_tokens", 35), map[string]string{"1 two pictures: tiles": "want [22 150 4 35 1 3]"}},
		"height": {picture("height", 23), map[string]string{"1 two pictures: tiles": "are [22 "}},
		"no picture": {picture("picture", "cat"), map[string]string{
			"1 two pictures: expanded":  "not compared: no picture cat.* in " + tilePictures + " or ",
			"1 two pictures: input_ids": "--pictures DIR",
			"1 two pictures: tiles":     "cat.*",
			"1 two pictures: pixels":    "cat.*"}},
		"another picture": {picture("picture", "cats"), map[string]string{
			"1 two pictures: expanded":  "at byte",
			"1 two pictures: input_ids": "integers",
			"1 two pictures: tiles":     "[72 96 10 90 3 3]",
			"1 two pictures: pixels":    "shape is U8 [17 3 24 24], want U8 [11 3 24 24]"}},
		"kwargs left out": {func(_ map[string]any, c func(int) map[string]any) { delete(c(6), "kwargs") }, map[string]string{
			"6 not split: expanded":  "at byte",
			"6 not split: input_ids": "integers",
			"6 not split: tiles":     "are [22 150 4 36 1 3]",
			"6 not split: pixels":    "shape is U8 [4 "}},
		"unknown kwargs": {kwargs("return_row_col_info", true),
			whole("kwargs: return_row_col_info is not implemented: want do_image_splitting or size")},
		"size": {kwargs("size", map[string]int{"height": 4}),
			whole(`kwargs: size is {"height":4}, want {"longest_edge": pixels}`)},
		"too large": {kwargs("size", map[string]int{"longest_edge": 5000}), whole("kwargs: the longest edge is 5000 pixels")},
		"split":     {kwargs("do_image_splitting", "no"), whole(`kwargs: do_image_splitting is "no", want true or false`)},
		"part": {func(_ map[string]any, c func(int) map[string]any) {
			c(2)["messages"].([]any)[0].(map[string]any)["content"].([]any)[0].(map[string]any)["type"] = "video"
		}, whole(`message 0 has a part of type "video", want text or image`)},
		"one less": {func(all map[string]any, _ func(int) map[string]any) {
			all["conversations"] = all["conversations"].([]any)[:7]
		}, map[string]string{"7.u8": "not compared: no conversation has these tiles"}},
	} {
		report, err := Run(filepath.Join(wholeModels, "smolvlm"), altered(t, c.change), Options{Pictures: tilePictures})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := map[string]string{}
		for _, row := range report.Rows {
			if !row.OK {
				got[row.Name] = row.Note
			}
		}
		for row, note := range c.fails {
			if !strings.Contains(got[row], note) {
				t.Errorf("%s: %s is %q, want %q", name, row, got[row], note)
			}
			delete(got, row)
		}
		if len(got) > 0 {
			t.Errorf("%s: others fail, too: %v", name, got)
		}
	}
}

// TestAnotherPillowMakesOtherTiles: the version that resized is that of the metadata beside the conversations.
func TestAnotherPillowMakesOtherTiles(t *testing.T) {
	golden := altered(t, func(map[string]any, func(int) map[string]any) {})
	tiles := filepath.Join(wholeModels, "smolvlm", "processor.safetensors")
	beside := strings.TrimSuffix(golden, ".json") + ".safetensors"
	rewrite(t, tiles, beside, map[string]string{"pillow": "12.2.0"}, nil)
	report, err := Run(filepath.Join(wholeModels, "smolvlm"), golden, Options{Pictures: tilePictures})
	if err != nil {
		t.Fatal(err)
	}
	if report.Failed() == 0 {
		t.Error("all pass with the order of Pillow 12")
	}
	for _, row := range report.Rows {
		if !row.OK && !strings.HasSuffix(row.Name, ": pixels") {
			t.Errorf("%s fails: %s", row.Name, row.Note)
		}
	}
	rewrite(t, tiles, beside, map[string]string{"pillow": "new"}, nil)
	_, err = Run(filepath.Join(wholeModels, "smolvlm"), golden, Options{})
	if err == nil || !strings.Contains(err.Error(), `pillow is "new"`) {
		t.Errorf("error %v", err)
	}
}

func TestBadConversationsAreOneError(t *testing.T) {
	smolvlm, idefics3 := filepath.Join(wholeModels, "smolvlm"), filepath.Join(wholeModels, "idefics3")
	with := func(field string, v any) string {
		return altered(t, func(whole map[string]any, _ func(int) map[string]any) { whole[field] = v })
	}
	broken := filepath.Join(t.TempDir(), "processor.json")
	if err := os.WriteFile(broken, []byte(`{"family": "smolvlm", "conversations": [{"input_ids"`), 0o666); err != nil {
		t.Fatal(err)
	}
	alone := with("batch", nil)
	if err := os.Remove(strings.TrimSuffix(alone, ".json") + ".safetensors"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ dir, golden, want string }{
		{smolvlm, "nowhere.json", "nowhere.json"},
		{smolvlm, broken, broken + ": unexpected end of JSON input"},
		{"nowhere", with("family", "llava_next"),
			`processor.json: family is "llava_next", which is not implemented: want llava or smolvlm or idefics3`},
		{smolvlm, with("family", nil), `want "family" and "conversations", found no family`},
		{smolvlm, with("conversations", nil), "found no conversations"},
		{smolvlm, with("conversations", "none"), "processor.json: json: cannot unmarshal string"},
		{smolvlm, alone, "processor.safetensors"},
		{"nowhere", with("batch", nil), filepath.Join("nowhere", "config.json")},
		{idefics3, with("batch", nil), `"smolvlm", and ` + filepath.Join(idefics3, "config.json") + " is of idefics3"},
		{llama, with("batch", nil), filepath.Join(llama, "config.json") + `: config.json: model_type is "llama"`},
		{published(t, "smolvlm"), with("batch", nil), ""},
	} {
		_, err := Run(c.dir, c.golden, Options{Pictures: tilePictures})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s with %s: error %v, want one with %q", c.dir, c.golden, err, c.want)
		}
	}
}
