package metrics

import (
	"bytes"
	"encoding/hex"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// asked are two samples after a step.
func asked(step int) []Sample {
	return []Sample{{Step: step, Sample: 1, Row: 4, Question: "what?\nwhich?", Wanted: "a *b*", Said: "c", Picture: "samples/1.jpg"},
		{Step: step, Sample: 2, Row: 9, Question: "<b>", Wanted: "d", Said: ""}}
}

// TestSamplesResume: lines of later steps go, the event file is made anew with texts and the picture once.
func TestSamplesResume(t *testing.T) {
	dir := t.TempDir()
	var picture bytes.Buffer
	err := jpeg.Encode(&picture, image.NewRGBA(image.Rect(0, 0, 8, 4)), nil)
	if err == nil {
		err = os.Mkdir(filepath.Join(dir, "samples"), 0o777)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "samples", "1.jpg"), picture.Bytes(), 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	steps := func(after, to int) {
		l, err := Open(dir, after)
		for n := after + 1; n <= to && err == nil; n++ {
			if n%2 == 0 {
				err = l.Samples(asked(n))
			}
			if err == nil {
				err = l.Write(record(n, 0))
			}
		}
		if err == nil {
			err = l.Samples(asked(to + 1)) // of a step whose record is never written
		}
		if err == nil {
			err = l.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	steps(0, 6)
	whole, lines := content(t, filepath.Join(dir, EventsFile)), content(t, filepath.Join(dir, SamplesFile))
	steps(3, 6)
	if again := content(t, filepath.Join(dir, EventsFile)); !bytes.Equal(again, whole) || bytes.Count(again, picture.Bytes()) != 1 || bytes.Count(again, []byte("samples/2/text_summary")) != 3 {
		t.Errorf("events differ, or %d pictures and %d texts", bytes.Count(again, picture.Bytes()), bytes.Count(again, []byte("samples/2/text_summary")))
	}
	if again := content(t, filepath.Join(dir, SamplesFile)); !bytes.Equal(again, lines) {
		t.Errorf("got\n%s\nwant\n%s", again, lines)
	}
	all, err := ReadSamples(dir)
	if err != nil || len(all) != 8 || all[0] != asked(2)[0] || all[7] != asked(7)[1] {
		t.Errorf("%v, %+v", err, all)
	}
}

func TestSamplesErrors(t *testing.T) {
	l, err := Open(t.TempDir(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.Samples(asked(2)); err == nil || !strings.Contains(err.Error(), "samples of step 2 come after step 0") {
		t.Error(err)
	}
	for text, want := range map[string]string{"{\"step\":1,\"sample\":1,\"what\":2}\n": "unknown field", "{\"step\":0,\"sample\":1}\n": "sample 1 of step 0",
		"{\"step\":2,\"sample\":1}\n{\"step\":1,\"sample\":1}\n": "sample 1 of step 1 comes after step 2"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, SamplesFile), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadSamples(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	dir := t.TempDir()
	far := asked(1)[:1]
	far[0].Picture = "../x.jpg"
	l2, err := Open(dir, 0)
	if err == nil {
		defer l2.Close()
		err = l2.Samples(far)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := l2.Write(record(1, 0)); err == nil || !strings.Contains(err.Error(), "not below") {
		t.Error(err)
	}
}

// TestGoldenValues compares with the Summary.Value messages of tensorboard 2.21's protobufs for the same text and image.
func TestGoldenValues(t *testing.T) {
	if got := hex.EncodeToString(textValue("a", "b")); got != goldenText {
		t.Errorf("text\n%s\n%s", got, goldenText)
	}
	if got := hex.EncodeToString(imageValue("a", 3, 300, []byte("xy"))); got != goldenImage {
		t.Errorf("image\n%s\n%s", got, goldenImage)
	}
}

const (
	goldenText  = "0a0e612f746578745f73756d6d617279420b08071204120208014201624a080a060a0474657874"
	goldenImage = "0a0161220b08ac021003180322027879"
)
