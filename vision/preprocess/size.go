package preprocess

// Size is what the header of a picture says, in pixels; a picture that Decode would refuse for its format or its size is an error.
func (d Decoder) Size(b []byte) (w, h int, err error) {
	_, w, h, err = d.head(b)
	return w, h, err
}
