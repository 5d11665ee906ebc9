package main

import (
	"bytes"
	"encoding/binary"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"moslava/vision/preprocess"
)

const preprocessTestdata = "../../vision/preprocess/testdata"

// writeFiles writes texts under their names into a new directory.
func writeFiles(t *testing.T, texts map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range texts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestPreprocess(t *testing.T) {
	dir := writeFiles(t, map[string]string{"preprocessor_config.json": `{"image_processor_type": "CLIPImageProcessor", "size": 28, "crop_size": 28}`})
	picture := filepath.Join(preprocessTestdata, "photo.png")
	raw, err := os.ReadFile(picture)
	if err != nil {
		t.Fatal(err)
	}
	c, err := preprocess.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	out, seen := filepath.Join(dir, "x.npy"), filepath.Join(dir, "x.png")
	for _, pad := range []bool{false, true} {
		// A directory, and the file in it.
		args := []string{"preprocess", "--config", filepath.Join(dir, "preprocessor_config.json"), picture, "--out", out, "--png", seen}
		if pad {
			c = c.WithPadToSquare()
			args[2] = dir
			args = append(args, "--pad", "--force") // the files are there by now
		}
		text, err := command(args...)
		if err != nil {
			t.Fatal(err)
		}
		if want := "wrote 1 x 3 x 28 x 28 to " + out + "\n"; text != want {
			t.Errorf("printed %q, want %q", text, want)
		}
		pixels, h, w, err := c.ApplyBytes(raw)
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		var want bytes.Buffer
		if err := binary.Write(&want, binary.LittleEndian, pixels); err != nil {
			t.Fatal(err)
		}
		if h != 28 || w != 28 || !bytes.HasSuffix(b, want.Bytes()) || !bytes.Contains(b, []byte("(1, 3, 28, 28)")) {
			t.Errorf("pad %v: the file's pixels differ from those of the package", pad)
		}
		checkSeen(t, c, raw, seen)
	}
}

// checkSeen compares the PNG file with the picture before normalising.
func checkSeen(t *testing.T, c *preprocess.Config, raw []byte, path string) {
	t.Helper()
	img, err := preprocess.Decode(raw, 0)
	if err != nil {
		t.Fatal(err)
	}
	want, err := c.U8(img)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(bytes.NewReader(b)); err != nil {
		t.Fatal(err)
	}
	got, err := preprocess.Decode(b, 0)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Pix, want.Pix) {
		t.Error("the PNG differs from the picture before normalising")
	}
}

func TestPreprocessSaysWhatIsWrong(t *testing.T) {
	dir := writeFiles(t, map[string]string{
		"good.json":             `{"image_processor_type": "SiglipImageProcessor"}`,
		"unknown.json":          `{"image_processor_type": "Qwen2VLImageProcessor"}`,
		"field.json":            `{"image_processor_type": "CLIPImageProcessor", "do_affine_transform": true}`,
		"processor_config.json": `{"image_token": "<image>"}`,
		"notes.txt":             "not a picture",
	})
	in := func(name string) string { return filepath.Join(dir, name) }
	picture, out := filepath.Join(preprocessTestdata, "tiny.png"), in("x.npy")
	for name, c := range map[string]struct {
		args []string
		want []string
	}{
		"no config":      {[]string{picture, "--out", out}, []string{"config"}},
		"no out":         {[]string{picture, "--config", in("good.json")}, []string{"out"}},
		"no picture":     {[]string{"--config", in("good.json"), "--out", out}, []string{"0 arguments", "IMAGE"}},
		"missing config": {[]string{picture, "--config", in("none.json"), "--out", out}, []string{"none.json", "no such file"}},
		"empty folder":   {[]string{picture, "--config", t.TempDir(), "--out", out}, []string{"preprocessor_config.json", "no such file"}},
		"no part":        {[]string{picture, "--config", in("processor_config.json"), "--out", out}, []string{"processor_config.json", "image_processor is missing"}},
		"unknown class":  {[]string{picture, "--config", in("unknown.json"), "--out", out}, []string{"unknown.json", "Qwen2VLImageProcessor", "SiglipImageProcessor"}},
		"unknown field":  {[]string{picture, "--config", in("field.json"), "--out", out}, []string{"field.json", "do_affine_transform is true"}},
		"no such file":   {[]string{in("none.png"), "--config", in("good.json"), "--out", out}, []string{"none.png", "no such file"}},
		"not a picture":  {[]string{in("notes.txt"), "--config", in("good.json"), "--out", out}, []string{"notes.txt", "unknown picture format"}},
		"no such folder": {[]string{picture, "--config", in("good.json"), "--out", in("a/b.npy")}, []string{"b.npy", "no such file"}},
	} {
		text, err := command(append([]string{"preprocess"}, c.args...)...)
		if err == nil {
			t.Errorf("%s: no error, printed %q", name, text)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %q does not mention %q", name, err, w)
			}
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s: %s was written", name, out)
		}
	}
}
