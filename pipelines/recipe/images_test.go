package recipe

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestImagesOfDataStageAndSource(t *testing.T) {
	text := `
name: x
model: {vision: v, language: l}
data: {images: [pictures, /disk/more], max_pixels: 178956970}
stages:
  - {kind: align, data: a}
  - {kind: tune, name: own, data: [{path: b, images: here}], images: there, max_pixels: 1000, adapters: {language: {r: 4}}}
`
	r, err := words.Parse("dir/r.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	path := func(p string) Path { return Path(filepath.Join("dir", p)) }
	align, own := r.Stages[0].Train, r.Stages[1].Train
	if want := []Path{path("pictures"), "/disk/more"}; !reflect.DeepEqual(align.Images, want) || align.MaxPixels != 178956970 {
		t.Errorf("align has %v and %d, want %v and that of data", align.Images, align.MaxPixels, want)
	}
	if want := []Path{path("there")}; !reflect.DeepEqual(own.Images, want) || own.MaxPixels != 1000 {
		t.Errorf("own has %v and %d, want %v and 1000", own.Images, own.MaxPixels, want)
	}
	if want := []Path{path("here")}; !reflect.DeepEqual(own.Sources[0].Images, want) {
		t.Errorf("the source has %v, want %v", own.Sources[0].Images, want)
	}
	if _, err := words.Parse("r.yaml", []byte(strings.Replace(text, "178956970", "178956971", 1))); err == nil || !strings.Contains(err.Error(), "max_pixels") {
		t.Errorf("error %v, want one about max_pixels", err)
	}
}
