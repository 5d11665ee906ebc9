// Package terminal makes text that comes from outside, of files, names, models, templates and services, safe to print:
// it can then neither move the cursor, nor set a title or a colour, nor turn the direction of the text around it. The
// work is done where text leaves the program, by a Writer, so that nobody who prints has to think of it.
package terminal

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// Control says whether a terminal acts on a character in place of showing it: C0 but for line end and tab, DEL, C1, and
// those that override the direction of text.
func Control(r rune) bool {
	return unicode.IsControl(r) && r != '\n' && r != '\t' || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

// Line is a text on one line: what a terminal would act on, line ends and tabs too, becomes a blank.
func Line(s string) string {
	return strings.Map(func(r rune) rune {
		if Control(r) || r == '\n' || r == '\t' || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
}

// Escape is a text of any number of lines: what a terminal would act on is spelt as \u001b, which JSON reads back as
// what it was; bytes that are no UTF-8 as \x9b.
func Escape(s string) string { return string(escape(nil, []byte(s))) }

func escape(out, b []byte) []byte {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		switch {
		case r == utf8.RuneError && n == 1:
			out = fmt.Appendf(out, `\x%02x`, b[0])
		case Control(r):
			out = fmt.Appendf(out, `\u%04x`, r)
		default:
			out = append(out, b[:n]...)
		}
		b = b[n:]
	}
	return out
}

// Writer writes Escape of everything. A character may come in several parts; Flush writes what is left of one.
type Writer struct {
	w    io.Writer
	mu   sync.Mutex
	part []byte // the beginning of a character
}

// NewWriter returns a Writer to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Write implements io.Writer. It counts the bytes of p.
func (t *Writer) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := append(t.part, p...)
	whole := len(b)
	for back := 1; back < utf8.UTFMax && back <= len(b); back++ {
		if tail := b[len(b)-back:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				whole -= back
			}
			break
		}
	}
	t.part = append([]byte(nil), b[whole:]...)
	if _, err := t.w.Write(escape(nil, b[:whole])); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush writes the beginning of a character whose rest never came.
func (t *Writer) Flush() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.part) == 0 {
		return nil
	}
	_, err := t.w.Write(escape(nil, t.part))
	t.part = nil
	return err
}

// Raw is what a Writer writes to, and any other writer itself: for a bar, which moves the cursor on purpose and cleans
// its texts by Line.
func Raw(w io.Writer) io.Writer {
	if t, ok := w.(*Writer); ok {
		return t.w
	}
	return w
}

// Data is Raw of a writer that is no terminal: for output that programs read, byte for byte. On a terminal it is w.
func Data(w io.Writer) io.Writer {
	if raw := Raw(w); !Is(raw) {
		return raw
	}
	return w
}

// Is says whether a writer is a terminal.
func Is(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
