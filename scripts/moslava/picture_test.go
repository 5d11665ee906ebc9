package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const row = `{"image": "a.png", "conversations": [{"from": "human", "value": "<image>\nwhat"}, {"from": "gpt", "value": "it"}]}` + "\n"

// TestConvertLooksAtPictures: what is no picture is an error when it is stored, with its row.
func TestConvertLooksAtPictures(t *testing.T) {
	photo, err := os.ReadFile(filepath.Join(preprocessTestdata, "photo.png"))
	if err != nil {
		t.Fatal(err)
	}
	bomb, err := os.ReadFile(filepath.Join(preprocessTestdata, "bomb_60k_norows.png"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, picture string
		flags         []string
		want          string // of the error; empty: none
	}{
		{"a picture", string(photo), nil, ""},
		{"text", "hello", nil, "rows.jsonl:0: picture 1 (\"a.png\"): preprocess: 5 bytes starting \"hello\""},
		{"half a header", string(photo[:20]), nil, "rows.jsonl:0"},
		{"too large", string(bomb), nil, "60000 x 60000"},
		{"larger than allowed", string(photo), []string{"--max-pixels", "26999"}, "max_pixels (--max-pixels)"},
		{"the flag's range", string(photo), []string{"--max-pixels", "178956971"}, "--max-pixels is 178956971"},
		{"no folder", string(photo), []string{"--images", "nowhere"}, "images:"},
	} {
		pictures, dir := writeFiles(t, map[string]string{"a.png": c.picture}), writeFiles(t, map[string]string{"rows.jsonl": row})
		args := append([]string{"convert", filepath.Join(dir, "rows.jsonl"), filepath.Join(dir, "out"), "--images", pictures}, c.flags...)
		_, err := command(args...)
		_, stat := os.Stat(filepath.Join(dir, "out"))
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		case (stat == nil) != (c.want == ""):
			t.Errorf("%s: the data set is there: %v", c.name, stat == nil)
		}
	}
}

// TestPictureFromStandardInput: "-" is standard input where a command takes a picture.
func TestPictureFromStandardInput(t *testing.T) {
	photo := filepath.Join(preprocessTestdata, "photo.png")
	b, err := os.ReadFile(photo)
	if err != nil {
		t.Fatal(err)
	}
	dir := writeFiles(t, map[string]string{"preprocessor_config.json": `{"image_processor_type": "CLIPImageProcessor", "size": 28, "crop_size": 28}`})
	outs := [2]string{}
	for i, picture := range []string{photo, "-"} {
		out := filepath.Join(dir, fmt.Sprintf("x%d.npy", i))
		c := root()
		c.SetArgs([]string{"preprocess", "--config", dir, picture, "--out", out})
		c.SetIn(strings.NewReader(string(b)))
		c.SetOut(&strings.Builder{})
		if err := c.Execute(); err != nil {
			t.Fatal(err)
		}
		x, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		outs[i] = string(x)
	}
	if outs[0] != outs[1] {
		t.Error("the pixels of standard input are not those of the file")
	}
	if _, err := readPictures(strings.NewReader(""), []string{"-"}); err == nil || !strings.Contains(err.Error(), "standard input is empty") {
		t.Errorf("error %v, want that standard input is empty", err)
	}
	if _, err := readPictures(strings.NewReader("x"), []string{"-", "-"}); err == nil || !strings.Contains(err.Error(), "two pictures") {
		t.Errorf("error %v, want that standard input holds one picture", err)
	}
	if ps, err := readPictures(strings.NewReader("x"), []string{"none"}); err != nil || ps != nil {
		t.Errorf("%d pictures, %v: none stands for no picture", len(ps), err)
	}
}
