package suites

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
	"unicode/utf8"
)

// Limits of the table reader. They bound what one hostile file can make the reader hold, and are far above any
// published suite.
const (
	maxColumns    = 256
	maxRows       = 4 << 20
	maxTextField  = 1 << 20  // bytes of a text field
	maxImageField = 64 << 20 // bytes of a base64 field
	maxReference  = 64       // an image field up to this length names another row (VLMEvalKit image_base.py)
)

// span is where a long field's content lies in the file: bytes [off, off+n).
type span struct{ off, n int64 }

// field is one cell. Text longer than maxReference in an image column is not kept: where and sum stand for it.
type field struct {
	text  string
	where span              // of the content, without the quotes around it
	sum   [sha256.Size]byte // of the content, image columns only
	long  bool
	count int   // of the pictures in a long field
	bad   error // why a long field holds none
	line  int   // line on which the field starts, from 1
}

// table reads rows the way pandas' C parser does with sep="\t", or with the separator that the header shows: a quote
// opens a quoted field only at its start, a doubled quote inside stands for one, what follows a closing quote is taken
// literally, quoted fields may hold tabs and line ends, rows end with \n, \r\n or \r, blank lines are skipped, a
// leading UTF-8 byte order mark is dropped. encoding/csv cannot stand in: its lazy quotes differ, it rewrites \r\n
// inside quotes, and it takes memory before a field's size can be refused.
type table struct {
	name  string
	sep   byte // 0: nobody has looked at the header yet
	in    *bufio.Reader
	off   int64 // of the next byte
	line  int   // of the next byte, from 1
	cr    bool  // the byte before was \r, so a \n now belongs to the same line end
	buf   []byte
	names []string // columns, once the header has been read
}

func newTable(name string, r io.Reader) *table {
	return &table{name: name, in: bufio.NewReaderSize(r, 1<<16), line: 1}
}

// get returns the next byte; io.EOF at the end.
func (t *table) get() (byte, error) {
	c, err := t.in.ReadByte()
	if err != nil {
		return 0, err
	}
	t.off++
	if c == '\r' || (c == '\n' && !t.cr) {
		t.line++
	}
	t.cr = c == '\r'
	return c, nil
}

// endLine eats the \n of a \r\n.
func (t *table) endLine(c byte) {
	if c != '\r' {
		return
	}
	if p, err := t.in.Peek(1); err == nil && p[0] == '\n' {
		_, _ = t.get()
	}
}

// errorf prefixes file, line and column name; col -1 is the row as a whole.
func (t *table) errorf(line, col int, format string, args ...any) error {
	at := fmt.Sprintf("%s:%d", t.name, line)
	if col >= 0 && col < len(t.names) {
		at += fmt.Sprintf(": column %q", t.names[col])
	} else if col >= 0 {
		at += fmt.Sprintf(": column %d", col+1)
	}
	return fmt.Errorf("%s: %w", at, fmt.Errorf(format, args...))
}

// row reads the next row; io.EOF after the last. image is the column whose long fields stay in the file, -1 for none.
func (t *table) row(image int) ([]field, error) {
	if t.off == 0 {
		if bom, err := t.in.Peek(3); err == nil && string(bom) == "\xef\xbb\xbf" {
			_, _ = t.in.Discard(3)
			t.off = 3
		}
	}
	if err := t.separator(); err != nil {
		return nil, err
	}
	for { // skip blank lines
		p, err := t.in.Peek(1)
		if err != nil {
			return nil, err
		}
		if p[0] != '\n' && p[0] != '\r' {
			break
		}
		_, _ = t.get()
	}
	var row []field
	for {
		limit := maxColumns
		if t.names != nil {
			limit = len(t.names)
		}
		if len(row) == limit {
			return nil, t.errorf(t.line, -1, "found more than %d fields, expected %d", limit, limit)
		}
		f, last, err := t.field(len(row), len(row) == image)
		if err != nil {
			return nil, err
		}
		row = append(row, f)
		if last {
			return row, nil
		}
	}
}

// field reads one field and the separator after it; last says that the row ended with it.
func (t *table) field(col int, image bool) (f field, last bool, err error) {
	f.line, f.where.off = t.line, t.off
	t.buf = t.buf[:0]
	limit := maxTextField
	if image {
		limit = maxImageField
	}
	const plain, quoted, closing = 0, 1, 2
	state := plain
	if p, err := t.in.Peek(1); err == nil && p[0] == '"' {
		_, _ = t.get()
		f.where.off++
		state = quoted
	}
	end := f.where.off
	for {
		c, err := t.get()
		if err == io.EOF {
			if state == quoted {
				return f, false, t.errorf(f.line, col, "found the end of the file inside a quoted field, expected its closing quote")
			}
			last = true
			break
		}
		if err != nil {
			return f, false, t.errorf(t.line, col, "%w", err)
		}
		if state == quoted && c == '"' {
			state = closing
			continue
		}
		if state == closing && c == '"' {
			state = quoted // a doubled quote is one quote
		} else if state != quoted {
			state = plain
			if c == t.sep {
				break
			}
			if c == '\n' || c == '\r' {
				t.endLine(c)
				last = true
				break
			}
		}
		if len(t.buf) == limit {
			return f, false, t.errorf(f.line, col, "found a field of more than %d bytes, expected at most that", limit)
		}
		t.buf = append(t.buf, c)
		end = t.off
	}
	f.where.n = end - f.where.off
	return f, last, t.keep(&f, col, image)
}

// keep stores the field's text, or only its digest when it is a picture.
func (t *table) keep(f *field, col int, image bool) error {
	if image && len(t.buf) > maxReference {
		parts, err := pictureList(t.buf)
		for i := 0; i < len(parts) && err == nil; i++ {
			err = checkPicture(parts[i], i+1)
		}
		f.long, f.sum, f.count, f.bad = true, sha256.Sum256(t.buf), len(parts), err
		return nil
	}
	if !utf8.Valid(t.buf) {
		return t.errorf(f.line, col, "found bytes that are not UTF-8")
	}
	f.text = string(t.buf)
	return nil
}
