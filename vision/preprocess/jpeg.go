package preprocess

import "moslava/vision/preprocess/jpeg"

func readJPEG(b []byte) (*RGB, []uint8, error) {
	p, err := jpeg.Decode(b)
	if err != nil {
		return nil, nil, err
	}
	return fromJPEG(p), nil, nil
}

// fromJPEG brings the picture to RGB. Pillow takes four components for inverted CMYK, whatever wrote them.
func fromJPEG(p *jpeg.Picture) *RGB {
	switch p.Model {
	case jpeg.Grey:
		return fromGray(p.Pix, p.W, p.W, p.H)
	case jpeg.CMYK:
		for i, v := range p.Pix {
			p.Pix[i] = 255 - v
		}
		return fromCMYK(p.Pix, p.W, p.H)
	}
	return &RGB{W: p.W, H: p.H, Pix: p.Pix}
}
