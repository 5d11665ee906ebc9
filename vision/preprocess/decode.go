package preprocess

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/png"
	"io"
	"sync"

	"moslava/vision/preprocess/jpeg"
)

const (
	// DefaultMaxPixels is the pixel cap (width x height) that stands where none is given: 64 Mi pixels. At the cap
	// a progressive JPEG takes 0.6 GB (two bytes for each coefficient, then the picture), as does a PNG.
	DefaultMaxPixels = 64 << 20
	// LargestMaxPixels is the highest cap that can be given: above it Pillow takes a picture for an attack and refuses it
	// (twice its MAX_IMAGE_PIXELS).
	LargestMaxPixels = 2 * 89478485
	// DecodeBytes is the most that reading a picture takes for each of its pixels: colours and alpha of 16 bits, the bytes made of them, and a copy to turn them.
	DecodeBytes = 16
	// MaxSide is the longest side, in pixels, of any picture that is read or resized.
	MaxSide = 1 << 20
)

// TooLargeError says that a picture was refused by its declared size, before memory was taken for it.
type TooLargeError struct {
	Format        string // "png", "jpeg" ...
	Width, Height int
	MaxPixels     int
}

func (e *TooLargeError) Error() string {
	text := fmt.Sprintf("preprocess: %s declares %d x %d pixels (%d), want at most %d and no side over %d",
		e.Format, e.Width, e.Height, uint64(e.Width)*uint64(e.Height), e.MaxPixels, MaxSide)
	if n := uint64(e.Width) * uint64(e.Height); max(e.Width, e.Height) <= MaxSide && n <= LargestMaxPixels {
		text += fmt.Sprintf("; max_pixels (--max-pixels) raises the limit, up to %d", LargestMaxPixels)
	}
	return text
}

// ErrFormat is wrapped by the error of bytes that start like none of the formats Decode knows.
var ErrFormat = errors.New("unknown picture format")

// Decoder reads pictures. The zero value does what Pillow's Image.open(...).convert("RGB") does.
type Decoder struct {
	// MaxPixels is the largest width x height accepted; 0 or less means DefaultMaxPixels.
	MaxPixels int
	// Orient turns the picture upright by its EXIF orientation, as PIL.ImageOps.exif_transpose does and with it
	// transformers.image_utils.load_image (pipelines, and chat templates that name files). Without it the tag is ignored, as Image.open does and with it LLaVA, XTuner
	// and the image processors themselves, and thus the training of the published models. (The tag of a TIFF is followed always, as Pillow does.)
	Orient bool
	// OverWhite composites transparent pictures onto white, as transformers does since 5.x when it is handed a
	// picture with transparency. Without it alpha is dropped and hidden colours show, as convert("RGB") does and
	// with it LLaVA, XTuner and transformers 4.x.
	OverWhite bool
}

// format is one encoding: how it is told apart, measured and read. alpha [H*W] is nil for an opaque picture.
type format struct {
	name  string
	match func(b []byte) bool
	size  func(b []byte) (w, h int, err error)
	read  func(b []byte) (m *RGB, alpha []uint8, err error)
}

func prefix(p string) func([]byte) bool {
	return func(b []byte) bool { return bytes.HasPrefix(b, []byte(p)) }
}

var formats = []format{
	{"jpeg", prefix("\xff\xd8\xff"), jpeg.Size, readJPEG},
	{"png", prefix("\x89PNG\r\n\x1a\n"), sizeBy(png.DecodeConfig), readPNG},
	{"webp", func(b []byte) bool {
		return len(b) >= 12 && string(b[:4]) == "RIFF" && string(b[8:12]) == "WEBP"
	}, sizeWebP, readWebP},
	{"gif", func(b []byte) bool { return prefix("GIF87a")(b) || prefix("GIF89a")(b) }, sizeBy(gif.DecodeConfig), readGIF},
	{"bmp", prefix("BM"), sizeBMP, readBMP},
	{"tiff", func(b []byte) bool { return prefix("II*\x00")(b) || prefix("MM\x00*")(b) }, sizeTIFF, readTIFF},
}

// sizeBy is the size that a decoder of Go's kind reads.
func sizeBy(config func(io.Reader) (image.Config, error)) func([]byte) (int, int, error) {
	return func(b []byte) (int, int, error) {
		c, err := config(bytes.NewReader(b))
		return c.Width, c.Height, err
	}
}

// Decode reads a picture with a cap of limit pixels (0 or less: DefaultMaxPixels). It is Decoder{MaxPixels: limit}.Decode.
func Decode(b []byte, limit int) (*RGB, error) { return Decoder{MaxPixels: limit}.Decode(b) }

// Decode reads JPEG, PNG, WebP (of an animation the first picture), GIF (the same, on its canvas), BMP and TIFF (the first
// picture, upright) and gives the bytes of Pillow 13.0 with libjpeg-turbo 3.2, libwebp 1.6 and libtiff 4.7. Of colours of 16 bits the
// high byte counts, of a single 16-bit channel the value clipped at 255. docs/pixels.md lists what is read and how it is checked.
//
// What Pillow reads and this refuses with an error: JPEG with arithmetic coding, damaged coded data or incomplete progressive scans; TIFF of floating
// point, signed or 32-bit numbers, CIELab, YCbCr outside JPEG, associated alpha on grey, two-dimensional group 3 and rarer compressions, and BigTIFF.
//
// The declared size is checked before pixels are decoded (*TooLargeError). A truncated or malformed picture is an
// error, as in Pillow; a panic of a decoder comes back as an error.
func (d Decoder) Decode(b []byte) (*RGB, error) {
	f, w, h, err := d.head(b)
	if err != nil {
		return nil, err
	}
	if int64(w)*int64(h) > DefaultMaxPixels { // one at a time, whoever reads: memory is that of one such picture
		large.Lock()
		defer large.Unlock()
	}
	m, err := d.decode(f, b, w, h)
	if err != nil {
		return nil, f.wrap(b, err)
	}
	return m, nil
}

// large is held while a picture is read that is over DefaultMaxPixels.
var large sync.Mutex

// head tells the format and the size that is declared, which the cap allows.
func (d Decoder) head(b []byte) (f *format, w, h int, err error) {
	if f = sniff(b); f == nil {
		return nil, 0, 0, fmt.Errorf("preprocess: %d bytes starting %q: %w, want JPEG, PNG, WebP, GIF, BMP or TIFF",
			len(b), b[:min(len(b), 8)], ErrFormat)
	}
	defer f.recovered(b, &err)
	if w, h, err = f.size(b); err == nil {
		err = d.checkSize(f.name, w, h)
	}
	if err != nil {
		err = f.wrap(b, err)
	}
	return f, w, h, err
}

// recovered makes an error of a decoder's panic.
func (f *format) recovered(b []byte, err *error) {
	if p := recover(); p != nil {
		*err = f.wrap(b, fmt.Errorf("malformed, the decoder panicked: %v", p))
	}
}

// wrap says which picture an error is of; a TooLargeError does so itself.
func (f *format) wrap(b []byte, err error) error {
	var large *TooLargeError
	if errors.As(err, &large) {
		return err
	}
	return fmt.Errorf("preprocess: %s of %d bytes: %w", f.name, len(b), err)
}

// CheckMaxPixels refuses a cap that cannot be given; 0 stands for DefaultMaxPixels.
func CheckMaxPixels(n int) error {
	if n < 0 || n > LargestMaxPixels {
		return fmt.Errorf("%d pixels, want 1 to %d (above which Pillow refuses pictures), or 0 for %d", n, LargestMaxPixels, DefaultMaxPixels)
	}
	return nil
}

func sniff(b []byte) *format {
	for i := range formats {
		if formats[i].match(b) {
			return &formats[i]
		}
	}
	return nil
}

func (d Decoder) decode(f *format, b []byte, w, h int) (m *RGB, err error) {
	defer func() {
		if p := recover(); p != nil {
			m, err = nil, fmt.Errorf("malformed, the decoder panicked: %v", p)
		}
	}()
	m, alpha, err := f.read(b)
	if err != nil {
		return nil, err
	}
	if m.W != w || m.H != h {
		return nil, fmt.Errorf("%d x %d pixels decoded, the header says %d x %d", m.W, m.H, w, h)
	}
	if d.OverWhite && alpha != nil {
		overWhite(m, alpha)
	}
	if d.Orient || f.name == "tiff" {
		m = orient(m, orientation(f.name, b))
	}
	return m, nil
}

func (d Decoder) checkSize(name string, w, h int) error {
	limit := d.MaxPixels
	if limit <= 0 {
		limit = DefaultMaxPixels
	}
	if w < 1 || h < 1 {
		return fmt.Errorf("%d x %d pixels declared, want at least 1 x 1", w, h)
	}
	if w > MaxSide || h > MaxSide || int64(w)*int64(h) > int64(limit) {
		return &TooLargeError{Format: name, Width: w, Height: h, MaxPixels: limit}
	}
	return nil
}
