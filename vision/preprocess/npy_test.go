package preprocess

import (
	"bytes"
	"strings"
	"testing"
)

func TestWriteNPY(t *testing.T) {
	var b bytes.Buffer
	if err := WriteNPY(&b, []float32{1, 2, 3, -4, 5, 6}, 1, 2); err != nil {
		t.Fatal(err)
	}
	got := b.Bytes()
	// numpy.save of the same array.
	want := "\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3, 1, 2), }" + strings.Repeat(" ", 52)
	if len(got) != 128+24 || !strings.HasPrefix(string(got), want) || got[127] != '\n' {
		t.Errorf("%q", got)
	}
	if got := got[128+12 : 128+16]; !bytes.Equal(got, []byte{0, 0, 0x80, 0xc0}) {
		t.Errorf("-4 is % x", got)
	}
	if err := WriteNPY(&b, make([]float32, 5), 1, 2); err == nil || !strings.Contains(err.Error(), "5 pixel values, want 3 x 1 x 2") {
		t.Errorf("%v, want the number refused", err)
	}
}
