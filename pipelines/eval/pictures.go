package eval

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/gif" // decoders for Blank, which needs a picture's size
	_ "image/jpeg"
	"image/png"
	"io"
	"os"
	"time"

	_ "golang.org/x/image/bmp"
	_ "golang.org/x/image/tiff"
	_ "golang.org/x/image/webp"
)

// store keeps where each different picture of a table lies. Rows with the same base64 share one.
type store struct {
	name string
	r    io.ReaderAt
	same map[string]string // any key -> key of the first row with that content
	kept map[string]field  // key -> field
	sums map[[32]byte]string
}

func newStore(name string, r io.ReaderAt) *store {
	return &store{name: name, r: r, same: map[string]string{}, kept: map[string]field{}, sums: map[[32]byte]string{}}
}

func (s *store) add(key string, f field) {
	if first, ok := s.sums[f.sum]; ok {
		s.same[key] = first
		return
	}
	s.sums[f.sum], s.same[key], s.kept[key] = key, key, f
}

// Picture decodes the base64 of the row that holds the picture.
func (s *store) Picture(key string) ([]byte, error) {
	f, ok := s.kept[key]
	if !ok {
		return nil, fmt.Errorf("%s: no row %s with a picture", s.name, key)
	}
	text := make([]byte, f.where.n) // at most maxImageField
	if _, err := s.r.ReadAt(text, f.where.off); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s:%d: %w", s.name, f.line, err)
	}
	if inner, list := bytes.CutPrefix(text, []byte("['")); list { // MMMU's rows have a Python list of pictures
		inner, _ = bytes.CutSuffix(inner, []byte("']"))
		if bytes.IndexByte(inner, '\'') >= 0 {
			return nil, fmt.Errorf("%s:%d: column \"image\": found several pictures, expected one: a question is asked about one picture", s.name, f.line)
		}
		text = inner
	}
	n, err := base64.StdEncoding.Decode(text, text)
	if err != nil {
		return nil, fmt.Errorf("%s:%d: column \"image\": %w", s.name, f.line, err)
	}
	return text[:n], nil
}

// Digest is the SHA-256 of the base64 text.
func (s *store) Digest(key string) (string, error) {
	f, ok := s.kept[key]
	if !ok {
		return "", fmt.Errorf("%s: no row %s with a picture", s.name, key)
	}
	return hex.EncodeToString(f.sum[:]), nil
}

// stored is a file that is opened for each read after the first pass over it, so that a suite needs no closing. A file that
// has changed in the meantime is an error, because spans would point at other bytes.
type stored struct {
	path string
	size int64
	time time.Time
	f    *os.File // open during the first pass
}

func openStored(path string) (*stored, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%s: found %s, expected a regular file", path, st.Mode().Type())
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &stored{path: path, size: st.Size(), time: st.ModTime(), f: f}, nil
}

func (s *stored) close() {
	_ = s.f.Close() // only read from
	s.f = nil
}

// ReadAt implements io.ReaderAt.
func (s *stored) ReadAt(p []byte, off int64) (int, error) {
	if s.f != nil {
		return s.f.ReadAt(p, off)
	}
	f, err := os.Open(s.path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if st.Size() != s.size || !st.ModTime().Equal(s.time) {
		return 0, fmt.Errorf("%s has changed since the suite was read from it", s.path)
	}
	return f.ReadAt(p, off)
}

// maxBlankPixels bounds the size a picture may claim before a grey one of that size is made.
const maxBlankPixels = 100 << 20

// Blank returns a PNG of the same size as the encoded picture, every pixel 128 grey: what a model can answer without looking.
func Blank(picture []byte) ([]byte, error) {
	c, kind, err := image.DecodeConfig(bytes.NewReader(picture))
	if err != nil {
		return nil, fmt.Errorf("size of the picture: %w", err)
	}
	if c.Width <= 0 || c.Height <= 0 || c.Width > maxBlankPixels/c.Height {
		return nil, fmt.Errorf("found a %s picture of %d x %d pixels, expected at most %d pixels", kind, c.Width, c.Height, maxBlankPixels)
	}
	var out bytes.Buffer
	enc := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := enc.Encode(&out, grey{image.Rect(0, 0, c.Width, c.Height)}); err != nil {
		return nil, fmt.Errorf("blank picture: %w", err)
	}
	return out.Bytes(), nil
}

// grey is a uniform picture that takes no memory for its pixels.
type grey struct{ r image.Rectangle }

func (grey) ColorModel() color.Model   { return color.GrayModel }
func (g grey) Bounds() image.Rectangle { return g.r }
func (grey) At(x, y int) color.Color   { return color.Gray{Y: 128} }
