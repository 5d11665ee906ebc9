package preprocess

// Size is the width and height of what Decode gives, by the picture's header: nothing is decoded. A picture that Decode would refuse for its format
// or its size is an error.
func (d Decoder) Size(b []byte) (w, h int, err error) {
	f, w, h, err := d.head(b)
	if err == nil && (d.Orient || f.name == "tiff") && orientation(f.name, b) > 4 { // a quarter turn
		w, h = h, w
	}
	return w, h, err
}
