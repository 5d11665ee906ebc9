package datasets

import (
	"errors"
	"fmt"
	"strings"

	"moslava/internal/picturefile"
)

// rowPictures are the values in image or images, of which one at most may say something.
func rowPictures(o *object) ([]any, error) {
	key := "image"
	if o.has("images") {
		if key = "images"; o.has("image") {
			return nil, errors.New("has both image and images, expected one of them")
		}
	}
	v := o.get(key)
	if isEmpty(v) {
		return nil, nil
	}
	list, ok := v.([]any)
	if !ok {
		return []any{v}, nil
	}
	for i, p := range list {
		switch {
		case p == "":
			return nil, fmt.Errorf("%s: a file name is empty", key)
		case isEmpty(p):
			return nil, fmt.Errorf("%s: picture %d is null", key, i)
		}
	}
	return list, nil
}

// place gives every marker of the talk its picture and reads them. first says that pictures without any marker stand
// in front of the first question.
func (t *talk) place(s *Sample, row []any, first bool, picture func(name string) ([]byte, error)) error {
	free := 0
	for _, p := range t.slots {
		if p == nil {
			free++
		}
	}
	if len(t.slots) == 0 && len(row) > 0 && first {
		for i := range t.turns {
			if t.turns[i].From == Human {
				t.turns[i].Value = before(t.turns[i].Value, len(row))
				t.slots, free = make([]any, len(row)), len(row)
				break
			}
		}
	}
	if free == len(t.slots) { // what Check says of their number is not for here: rows are shown and stored as they are
		t.slots, free = row, len(row)
	}
	if free != len(row) {
		return mismatch(len(t.slots), free, len(row))
	}
	for i, v := range t.slots {
		if v == nil {
			v, row = row[0], row[1:]
		}
		p, err := readPicture(v, picture)
		if err != nil {
			return fmt.Errorf("picture %d of the row: %w", i+1, err)
		}
		s.Pictures = append(s.Pictures, p)
	}
	return nil
}

// before puts the markers of pictures in front of a question. Where nothing is asked, they are all of it, as in LLaVA's first stage.
func before(question string, pictures int) string {
	if question == "" {
		return strings.Repeat(ImageMarker, pictures)
	}
	return strings.Repeat(ImageMarker+"\n", pictures) + question
}

// Check finds what keeps a sample from being learnt that needs no model: markers that do not fit the pictures.
func (s *Sample) Check() error {
	if s.Text != "" {
		return nil
	}
	markers := 0
	for _, t := range s.Turns {
		markers += strings.Count(t.Value, ImageMarker)
	}
	if markers != len(s.Pictures) {
		return mismatch(markers, markers, len(s.Pictures))
	}
	return nil
}

func mismatch(markers, free, pictures int) error {
	what := fmt.Sprintf("%d image markers (%s) in the turns", markers, ImageMarker)
	if free < markers {
		what += fmt.Sprintf(", %d of them with a picture of their own", markers-free)
	}
	what += fmt.Sprintf(", and %d pictures in image or images: ", pictures)
	switch {
	case markers == 0:
		return errors.New(what + "write the marker where each picture goes, or set image_first: true, which puts " +
			"pictures in front of the first question")
	case pictures == 0:
		return errors.New(what + "name the pictures, or take the markers out of the text")
	}
	return errors.New(what + "expected one marker for each picture")
}

// readPicture reads a picture that is bytes, the name of a file, or an object with bytes, path or url.
func readPicture(v any, picture func(name string) ([]byte, error)) (p Picture, err error) {
	name := v
	if o, ok := v.(*object); ok {
		if name = o.get("path"); !o.has("path") {
			name = o.get("url")
		}
		if o.get("bytes") != nil {
			v = o.get("bytes")
		} else {
			v = name
		}
	}
	p.Path, _ = name.(string)
	switch v := v.(type) {
	case []byte:
		p.Bytes = v
		if b, ok := name.([]byte); ok && len(p.Path) == 0 && len(b) != len(v) {
			p.Path = string(b) // a path in a binary column
		}
		if len(v) == 0 {
			return p, fmt.Errorf("picture %q has no bytes", p.Path)
		}
		return p, nil
	case string:
		if p.Path = v; picturefile.Holds(v) {
			p.Path = ""
		}
		p.Bytes, err = picture(v)
		return p, err
	}
	return p, fmt.Errorf("found %s, expected a file name, or an object with bytes or path", found(v))
}
