package preprocess

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"
)

// WriteNPY writes what Apply returns as NumPy's .npy, version 1.0: float32, little-endian, shape [1, 3, h, w], as
// pixel_values of one picture (NEP 1; numpy.lib.format).
func WriteNPY(out io.Writer, pixels []float32, h, w int) error {
	if len(pixels) != 3*h*w {
		return fmt.Errorf("preprocess: %d pixel values, want 3 x %d x %d", len(pixels), h, w)
	}
	// Magic, version, two bytes of length and the text that ends in a newline fill a multiple of 64 bytes.
	const fixed, align = 10, 64
	text := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3, %d, %d), }", h, w)
	text += strings.Repeat(" ", (align-(fixed+len(text)+1)%align)%align) + "\n"
	head := binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(text)))
	if _, err := out.Write(append(head, text...)); err != nil {
		return err
	}
	return binary.Write(out, binary.LittleEndian, pixels)
}
