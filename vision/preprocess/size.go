package preprocess

import "fmt"

// Size is what the header of a picture says, in pixels; a picture that Decode would refuse for its format or its size is an error.
func (d Decoder) Size(b []byte) (w, h int, err error) {
	f := sniff(b)
	if f == nil {
		return 0, 0, fmt.Errorf("preprocess: %d bytes starting %q: %w, want JPEG, PNG, WebP, GIF, BMP or TIFF", len(b), b[:min(len(b), 8)], ErrFormat)
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("preprocess: %s of %d bytes: malformed, the decoder panicked: %v", f.name, len(b), p)
		}
	}()
	if w, h, err = f.size(b); err == nil {
		err = d.checkSize(f.name, w, h)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("preprocess: %s of %d bytes: %w", f.name, len(b), err)
	}
	return w, h, nil
}
