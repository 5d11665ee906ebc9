package datasets

import (
	"archive/tar"
	"bytes"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// archive is a tar archive of files, name and content in turn.
func archive(t testing.TB, files ...string) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		h := &tar.Header{Name: files[i], Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(files[i+1]))}
		if strings.HasSuffix(files[i], "/") {
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(files[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const talk1 = `{"conversations": [{"from": "human", "value": "<image>q"}, {"from": "gpt", "value": "a"}]`

func TestTar(t *testing.T) {
	for name, c := range map[string]struct {
		files []string
		opt   Options
		want  []string
	}{
		"captions":   {[]string{"d/", "", "d/0.jpg", "A", "d/0.txt", "x", "d/1.PNG", "B", "d/1.txt", "y\n"}, Options{Prompt: "?", Values: true}, []string{"d/0[A]|<image>\n?|x", "d/1[B]|<image>\n?|y\n"}},
		"json":       {[]string{"0.jpg", "A", "0.json", talk1 + "}"}, Options{Values: true}, []string{"0[A]|<image>q|a"}},
		"id":         {[]string{"0.jpg", "A", "0.json", talk1 + `, "id": 7}`}, Options{Values: true}, []string{"7[A]|<image>q|a"}},
		"named":      {[]string{"0.jpg", "A", "0.json", talk1 + `, "image": "train/0.jpg"}`}, Options{Values: true}, []string{"0[A]|<image>q|a"}},
		"metadata":   {[]string{"0.jpg", "A", "0.json", `{"url": "u", "caption": "x"}`, "0.txt", "x"}, Options{Values: true}, []string{"0[A]|<image>|x"}},
		"asked":      {[]string{"0.jpg", "A", "0.json", `{"title": "T", "more": 1}`, "0.txt", "x"}, Options{Values: true, Prompt: "{title}?"}, []string{"0[A]|<image>\nT?|x"}},
		"label":      {[]string{"0.jpg", "A", "0.cls", "7"}, Options{Values: true, Prompt: "?", Columns: map[string]string{"answer": "cls"}}, []string{"0[A]|<image>\n?|7"}},
		"mask":       {[]string{"0.jpg", "A", "0.seg.png", "B", "0.txt", "x"}, Options{Ignore: []string{"seg.png"}}, []string{"0[A]|<image>|x"}},
		"two":        {[]string{"0.0.jpg", "A", "0.1.jpg", "B", "0.txt", "x"}, Options{}, []string{"0[A][B]|<image><image>|x"}},
		"columns":    {[]string{"0.input.png", "B", "0.json", `{"q": "q", "a": "a"}`}, Options{Columns: map[string]string{"image": "input.png", "question": "q", "answer": "a"}}, []string{"0[B]|<image>\nq|a"}},
		"text alone": {[]string{"0.json", `{"query": "q", "response": "a"}`, "README", "x", ".hidden.jpg", "y"}, Options{}, []string{"0|q|a"}},
		"none":       {nil, Options{}, nil},
	} {
		for _, pack := range []string{"", ".gz"} {
			s, err := openData(t, "rows.tar"+pack, packedAs(t, pack, archive(t, c.files...)), c.opt)
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

func TestTarRefuses(t *testing.T) {
	caption := archive(t, "0.jpg", "A", "0.txt", "x")
	link := func(kind byte) string {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		if err := w.WriteHeader(&tar.Header{Name: "0.jpg", Linkname: "1.jpg", Typeflag: kind}); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	for name, c := range map[string][2]string{
		"empty":        {"", "rows.tar: the archive is cut off after 0 files: no mark of its end"},
		"cut in data":  {caption[:1536], "the archive is cut off: \"0.txt\" has 1 bytes from byte 1536 on"},
		"cut in head":  {caption[:1100], "the archive is cut off behind byte 1024, after 1 files"},
		"cut between":  {caption[:1024], "the archive is cut off after 1 files: no mark of its end"},
		"no tar":       {strings.Repeat("x", 600), "no tar archive, or a damaged one, behind byte 0"},
		"joined":       {caption + caption, "there are more data behind the end of the archive"},
		"symlink":      {link(tar.TypeSymlink), `"0.jpg" is a link, expected the file itself`},
		"hard link":    {link(tar.TypeLink), `"0.jpg" is a link`},
		"device":       {link(tar.TypeFifo), `"0.jpg" is of tar's type '6', expected files`},
		"twice":        {archive(t, "0.jpg", "A", "0.txt", "x", "0.jpg", "B"), `rows.tar:0: sample 0: two files are called "0.jpg"`},
		"unknown":      {archive(t, "0.jpg", "A", "0.txt", "x", "1.npy", "B"), `rows.tar:1: sample 1: file .npy is not known: `},
		"two captions": {archive(t, "0.jpg", "A", "0.txt", "x", "0.caption", "B"), `rows.tar:0: sample 0: files .txt and .caption, expected one of them`},
		"key":          {archive(t, "0.jpg", "A", "0.json", talk1+`, "imgae": "a"}`), `rows.tar:0: sample 0: .json: key "imgae" is not known: did you mean "image"?`},
		"json":         {archive(t, "0.jpg", "A", "0.json", "["), "sample 0: .json: not a JSON object"},
		"json behind":  {archive(t, "0.jpg", "A", "0.json", talk1+"} {}"), "sample 0: .json: data after the JSON object"},
		"two forms":    {archive(t, "0.jpg", "A", "0.json", talk1+"}", "0.txt", "x"), "sample 0: a caption in a file, and conversations in .json"},
		"nothing said": {archive(t, "0.jpg", "A"), "sample 0: neither conversations nor messages"},
		"orphans":      {archive(t, "0.jpg", "A", "1.txt", "x"), "sample 0: neither conversations nor messages"},
	} {
		_, err := openData(t, "rows.tar", c[0], Options{Values: true})
		if err == nil || !strings.Contains(err.Error(), c[1]) {
			t.Errorf("%s: error %v, want %q", name, err, c[1])
		}
	}
	for name, c := range map[string][2]string{
		"unused":     {archive(t, "0.jpg", "A", "0.png", "A", "0.json", talk1+`, "image": "0.jpg"}`), "rows.tar:0: sample 0: the row names its pictures, and 0.png is not among them"},
		"no picture": {archive(t, "0.txt", "x"), "rows.tar:0: sample 0: caption without a picture"},
		"empty":      {archive(t, "0.jpg", "", "0.txt", "x"), `picture "0.jpg" has no bytes`},
	} {
		s, err := openData(t, "rows.tar", c[0], Options{})
		if err == nil {
			_, err = s.At(0)
		}
		if err == nil || !strings.Contains(err.Error(), c[1]) {
			t.Errorf("%s: error %v, want %q", name, err, c[1])
		}
	}
}

// resum writes the check sum of an archive's first header anew.
func resum(b []byte) string {
	copy(b[148:], "        ")
	sum := 0
	for _, c := range b[:512] {
		sum += int(c)
	}
	copy(b[148:], fmt.Sprintf("%06o\x00 ", sum))
	return string(b)
}

func TestTarSparse(t *testing.T) {
	var head bytes.Buffer
	if err := tar.NewWriter(&head).WriteHeader(&tar.Header{Name: "0.jpg", Typeflag: tar.TypeReg, Format: tar.FormatGNU}); err != nil {
		t.Fatal(err)
	}
	b := append(head.Bytes(), make([]byte, 1024)...)
	b[156] = tar.TypeGNUSparse
	if _, err := openData(t, "rows.tar", resum(b), Options{}); err == nil || !strings.Contains(err.Error(), `rows.tar: "0.jpg" is a sparse file, expected all of its bytes`) {
		t.Errorf("error %v", err)
	}
}

// A header that declares more than there is is refused before anything is taken.
func TestTarBomb(t *testing.T) {
	b := []byte(archive(t, "0.jpg", "A", "0.txt", "x"))
	copy(b[124:], "77777777777\x00") // 8 GiB
	_, err := openData(t, "rows.tar", resum(b), Options{})
	if err == nil || !strings.Contains(err.Error(), `the archive is cut off: "0.jpg" has 8589934591 bytes from byte 512 on, and the archive has `) {
		t.Errorf("error %v", err)
	}
}

// TestShards: shards by braces, by a pattern, and in a folder.
func TestShards(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "s-000.tar"), archive(t, "0.jpg", "A", "0.txt", "x"))
	put(t, filepath.Join(dir, "s-001.tar"), archive(t, "1.jpg", "B", "1.txt", "y"))
	for _, path := range []string{dir, filepath.Join(dir, "s-*.tar"), filepath.Join(dir, "s-{000..001}.tar"), filepath.Join(dir, "s-00{0,1}.tar"), dir[:len(dir)-1] + "{" + dir[len(dir)-1:] + ",none}/s-*.tar"} {
		s, err := Open(path)
		if err != nil {
			t.Error(err)
			continue
		}
		if got := said(t, s); !reflect.DeepEqual(got, []string{"0[A]|<image>|x", "1[B]|<image>|y"}) {
			t.Errorf("%s: %q", path, got)
		}
		s.Close()
	}
	for path, want := range map[string]string{"s-{000..002}.tar": "s-002.tar: no such file", "s-{002..000}.tar": "no such file", "t-{0..9}*.tar": "no file matches"} {
		if _, err := Open(filepath.Join(dir, path)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", path, err, want)
		}
	}
}
