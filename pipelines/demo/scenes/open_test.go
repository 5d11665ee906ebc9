package scenes

import (
	"bytes"
	"io"
	"reflect"
	"strings"
	"testing"
)

// A drawn source has the rows of its stage, in any order of reading.
func TestOpen(t *testing.T) {
	for _, stage := range stages {
		src, err := Open(stage.name + "?n=40&seed=6")
		if err != nil {
			t.Fatal(err)
		}
		var want []Sample
		for x := range stage.samples(40, 6) {
			want = append(want, x)
		}
		if src.Len() != len(want) {
			t.Fatalf("%s: %d rows, expected %d", stage.name, src.Len(), len(want))
		}
		for i := len(want) - 1; i >= 0; i-- {
			if got, err := src.At(i); err != nil || !reflect.DeepEqual(got, want[i]) {
				t.Fatalf("%s: row %d differs from the stage's, error %v", stage.name, i, err)
			}
		}
		for _, i := range []int{-1, 40} {
			if _, err := src.At(i); err == nil {
				t.Errorf("%s: row %d of 40 was read", stage.name, i)
			}
		}
	}
}

func TestOpenErrors(t *testing.T) {
	for spec, want := range map[string]string{
		"":                      "expected read, scan, patches, whose, pretrain, align or tune",
		"test?n=3":              "expected read, scan, patches, whose, pretrain, align or tune",
		"tune":                  "n is 0",
		"tune?n=-3":             "expected a number",
		"tune?n=2147483648":     "expected 1 to",
		"tune?n=3&sed=1":        `key "sed"`,
		"tune?n=3&seed=%zz":     "invalid URL escape",
		"pretrain?n=3&seed=one": `seed is "one"`,
	} {
		if _, err := Open(spec); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, expected one about %q", spec, err, want)
		}
	}
}

func TestWriteSuite(t *testing.T) {
	var named, direct bytes.Buffer
	if err := WriteSuite(&named, "validation?n=6&seed=9"); err != nil {
		t.Fatal(err)
	}
	if err := TestTSV(&direct, 6, Validation, 9); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(named.Bytes(), direct.Bytes()) {
		t.Error("a suite by name is another than TestTSV's")
	}
	for spec, want := range map[string]string{
		"train?n=6":       `split "train", expected test or validation`,
		"test?n=7&seed=1": "7 questions, expected a positive multiple of 6",
		"test?m=6":        `key "m", expected n or seed`,
		"test":            "n is 0, expected 1",
	} {
		if err := WriteSuite(io.Discard, spec); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, expected one about %q", spec, err, want)
		}
	}
}
