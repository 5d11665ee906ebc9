package datasets

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// folderOf writes files, name and content in turn.
func folderOf(t testing.TB, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		put(t, filepath.Join(dir, filepath.FromSlash(files[i])), files[i+1])
	}
	return dir
}

func TestImageFolder(t *testing.T) {
	pictures := []string{"sub/a.png", "A", "b.JPG", "B"}
	with := func(more ...string) []string { return append(pictures[:4:4], more...) }
	for name, c := range map[string]struct {
		files []string
		opt   Options
		want  []string
	}{
		"jsonl":    {with("metadata.jsonl", `{"file_name": "sub/a.png", "text": "x"}`+"\n"+`{"file_name": "b.JPG", "text": "y"}`), Options{}, []string{"[A]|<image>|x", "[B]|<image>|y"}},
		"csv":      {with("metadata.csv", "file_name,question,answer\nb.JPG,q,a\n"), Options{}, []string{"[B]|<image>\nq|a"}},
		"several":  {with("metadata.jsonl", `{"file_names": ["sub/a.png", "b.JPG"], "caption": "x"}`), Options{}, []string{"[A][B]|<image><image>|x"}},
		"named":    {with("metadata.csv", "photo_file_name,alt\nb.JPG,x\n"), Options{Columns: map[string]string{"image": "photo", "caption": "alt"}}, []string{"[B]|<image>|x"}},
		"image":    {with("metadata.csv", "image_file_name,text\nb.JPG,x\n"), Options{}, []string{"[B]|<image>|x"}},
		"split":    {[]string{"train/metadata.csv", "file_name,text\na.png,x\n", "train/a.png", "A", "test/metadata.csv", "?"}, Options{Split: "train"}, []string{"[A]|<image>|x"}},
		"captions": {with("sub/a.txt", "x", "b.txt", "y\n", "README.md", "", ".c.png", "C"), Options{Prompt: "?", Values: true}, []string{"b.JPG[B]|<image>\n?|y\n", "sub/a.png[A]|<image>\n?|x"}},
		"labels":   {[]string{"cat/a.png", "A", "dog/b.png", "B"}, Options{Columns: map[string]string{"answer": "label"}, Prompt: "?", Values: true}, []string{"cat/a.png[A]|<image>\n?|cat", "dog/b.png[B]|<image>\n?|dog"}},
		"no text":  {with("sub/a.txt", "x", "b.txt", "y", "sub/LICENSE.txt", ""), Options{Ignore: []string{"sub/LICENSE.txt"}, Values: true}, []string{"b.JPG[B]|<image>|y", "sub/a.png[A]|<image>|x"}},
		"unused":   {[]string{"cat/a.png", "A", "README.txt", ""}, Options{Columns: map[string]string{"answer": "label"}, Prompt: "?", Values: true}, []string{"cat/a.png[A]|<image>\n?|cat"}},
		"asked":    {[]string{"cat/a.png", "A", "cat/a.txt", "x"}, Options{Prompt: "A {label}?"}, []string{"cat/a.png[A]|<image>\nA cat?|x"}},
	} {
		s, err := OpenWith(folderOf(t, c.files...), c.opt)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := said(t, s); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	for want, c := range map[string]struct {
		files []string
		opt   Options
	}{
		":1: there is no a.txt beside sub/a.png, nor a file of metadata":                                             {with("b.txt", "y"), Options{Values: true}},
		"there is no picture beside sub/c.txt: put it there, or remove the text (ignore: [sub/c.txt] leaves it out)": {with("sub/a.txt", "x", "b.txt", "y", "sub/c.txt", ""), Options{}},
		"both metadata.csv and metadata.jsonl, expected one":                                                         {with("metadata.csv", "", "metadata.jsonl", ""), Options{}},
		"metadata.csv:0: two columns are taken for image":                                                            {with("metadata.csv", "image,file_name,text\nb.JPG,b.JPG,x"), Options{}},
		`columns: caption is to be column "alt", and no row has one; there are file_name, text`:                      {with("metadata.csv", "file_name,text\nb.JPG,x"), Options{Columns: map[string]string{"caption": "alt"}}},
		`columns: caption is to be column "alt", and no row has one; there are txt, label`:                           {with("b.txt", ""), Options{Columns: map[string]string{"caption": "alt"}}},
		"no such file": {[]string{"metadata.csv", "file_name,text\nb.JPG,x"}, Options{}},
	} {
		s, err := OpenWith(folderOf(t, c.files...), c.opt)
		if err == nil {
			_, err = s.At(0)
		}
		if want == "no such file" {
			want = "metadata.csv:0: picture 1 of the row: image \"b.JPG\" is not there"
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// TestSplits: one of several is named, by the names that the Hub gives files and folders.
func TestSplits(t *testing.T) {
	row := func(answer string) string { return `{"question": "q", "answer": "` + answer + `"}` + "\n" }
	for name, c := range map[string]struct {
		files []string
		split string
		want  string
	}{
		"files":          {[]string{"train.jsonl", row("x"), "test.jsonl", row("y")}, "test", "y"},
		"shards":         {[]string{"data/train-00000-of-00002.jsonl", row("x"), "data/train-00001-of-00002.jsonl", row("z"), "data/test-00000-of-00001.jsonl", row("y")}, "train", "xz"},
		"hashes":         {[]string{"train-00000-of-00001-0123456789abcdef.jsonl", row("x"), "test-00000-of-00001.jsonl", row("y")}, "train", "x"},
		"own name":       {[]string{"data/train_sft-00000-of-00001.jsonl", row("x"), "data/train_prefs-00000-of-00001.jsonl", row("y")}, "train_sft", "x"},
		"other word":     {[]string{"a_val.jsonl", row("x"), "a_train.jsonl", row("y")}, "validation", "x"},
		"folders":        {[]string{"train/a.jsonl", row("x"), "dev/a.jsonl", row("y")}, "validation", "y"},
		"one folder":     {[]string{"train/a.jsonl", row("x")}, "", "x"},
		"one file":       {[]string{"train.jsonl", row("x")}, "train", "x"},
		"numbered":       {[]string{"rows-0.jsonl", row("x"), "rows-1.jsonl", row("y")}, "", "xy"},
		"several":        {[]string{"train.jsonl", row("x"), "test.jsonl", row("y")}, "", "!holds the splits test, train; name one with split"},
		"several shards": {[]string{"train-00000-of-00001.csv", "", "test-00000-of-00001.csv", ""}, "", "!holds the splits test, train; name one with split"},
		"several dirs":   {[]string{"train/a.jsonl", row("x"), "dev/a.jsonl", row("y")}, "", "!holds the splits dev, train; name one with split"},
		"not there":      {[]string{"train.jsonl", row("x")}, "test", "!there is no split test; there are the splits train"},
		"none there":     {[]string{"rows.jsonl", row("x")}, "test", "!there is no split test, nor any other"},
		"missing":        {[]string{"train-00000-of-00002.csv", ""}, "train", "!1 of the 2 files of train are there: some are missing"},
		"dict":           {[]string{"dataset_dict.json", `{"splits": ["train", "test"]}`, "test/rows.jsonl", row("y")}, "test", "y"},
		"dict without":   {[]string{"dataset_dict.json", `{"splits": ["train", "test"]}`}, "val", "!there is no split val; there are the splits train, test"},
		"dict unnamed":   {[]string{"dataset_dict.json", `{"splits": ["train", "test"]}`}, "", "!holds the splits train, test; name one with split"},
	} {
		s, err := OpenWith(folderOf(t, c.files...), Options{Split: c.split})
		if want, wrong := strings.CutPrefix(c.want, "!"); wrong {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want %q", name, err, want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := ""
		for i := range s.Len() {
			got += at(t, s, i).Turns[1].Value
		}
		if s.Close(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	if _, err := OpenWith(filepath.Join(folderOf(t, "a.jsonl", row("x")), "a.jsonl"), Options{Split: "train"}); err == nil || !strings.Contains(err.Error(), `a.jsonl: split is "train", and this is one file`) {
		t.Errorf("error %v", err)
	}
	if _, err := OpenWith(filepath.Join(golden, "saved"), Options{Split: "test"}); err == nil || !strings.Contains(err.Error(), `state.json: holds the split "", and split is "test"`) && !strings.Contains(err.Error(), "alone, and split is") {
		t.Errorf("error %v", err)
	}
}
