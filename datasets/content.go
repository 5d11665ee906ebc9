package datasets

import (
	"errors"
	"fmt"
	"strings"
)

// contextMarker is how XTuner's data sets spell ImageMarker.
const contextMarker = "<IMG_CONTEXT>"

// A part is one piece of a message that mixes text and pictures, as in OpenAI's
// and TRL's "content" lists.
type part struct {
	image bool
	own   any // the picture, nil if it is the next one of the row's
	text  string
}

// content is the text of a turn with image markers, and for each marker its own picture, or nil.
func content(o *object) (string, []any, error) {
	v := o.get("value")
	if c := o.get("content"); c != nil {
		if v != nil {
			return "", nil, errors.New("both value and content")
		}
		v = c
	}
	if v == nil {
		return "", nil, errors.New("neither value nor content")
	}
	if list, ok := v.([]any); ok {
		var parts []part
		for i, v := range list {
			p, err := readPart(v)
			if err != nil {
				return "", nil, fmt.Errorf("content part %d: %w", i, err)
			}
			parts = append(parts, p)
		}
		return joinParts(parts)
	}
	text, err := asText("content", v)
	text = strings.ReplaceAll(text, contextMarker, ImageMarker)
	return text, make([]any, strings.Count(text, ImageMarker)), err
}

// readPart reads {"type": "text", "text"}, {"type": "image", "image" or "url" or "path"} or {"type": "image_url", "image_url"}.
// Without a type the key that is there says what it is. An image without a picture of its own is the next of the row's.
func readPart(v any) (part, error) {
	if s, ok := v.(string); ok {
		return part{text: s}, nil
	}
	o, ok := v.(*object)
	if !ok {
		return part{}, fmt.Errorf("found %s, expected an object", found(v))
	}
	kind, _ := o.get("type").(string)
	if kind == "" {
		for _, k := range []string{"text", "image", "image_url"} {
			if o.get(k) != nil {
				kind = k
			}
		}
	}
	var own []any
	for _, k := range []string{"image", "image_url", "url", "path"} {
		if o.has(k) {
			own = append(own, o.get(k))
		}
	}
	switch {
	case kind == "text" && len(own) > 0:
		return part{}, errors.New("a text with a picture, expected one of them")
	case kind == "text" && o.get("text") != nil:
		text, err := asText("text", o.get("text"))
		return part{text: text}, err
	case len(own) > 1:
		return part{}, errors.New("several pictures, expected one of image, image_url, url and path")
	case kind == "image" && len(own) == 0:
		return part{image: true}, nil
	case (kind == "image" || kind == "image_url") && len(own) == 1:
		return part{image: true, own: own[0]}, nil
	}
	return part{}, fmt.Errorf("type %q without its value, expected text, image_url or image", kind)
}

// joinParts writes a message's parts as text with image markers, and the pictures of the markers. Text that marks
// its pictures itself has to mark all of them; otherwise each picture becomes a
// marker and a line break where it stands.
func joinParts(parts []part) (string, []any, error) {
	var own []any
	marked := 0
	for i := range parts {
		if parts[i].image {
			own = append(own, parts[i].own)
			continue
		}
		parts[i].text = strings.ReplaceAll(parts[i].text, contextMarker, ImageMarker)
		marked += strings.Count(parts[i].text, ImageMarker)
	}
	if marked > 0 && len(own) > 0 && marked != len(own) {
		return "", nil, fmt.Errorf("message has %d pictures and %d image markers in its text", len(own), marked)
	}
	if len(own) == 0 {
		own = make([]any, marked)
	}
	var b strings.Builder
	for _, p := range parts {
		if !p.image {
			b.WriteString(p.text)
		} else if marked == 0 {
			b.WriteString(ImageMarker + "\n")
		}
	}
	return b.String(), own, nil
}
