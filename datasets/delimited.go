package datasets

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// A delimited reads records of CSV or TSV as pandas' C parser does (read_csv): a quote opens a quoted field only at its start, a doubled quote inside
// stands for one, what follows a closing quote is taken literally, quoted fields may hold separators and line ends, records end with \n, \r\n or \r,
// lines without anything are skipped. encoding/csv rewrites \r\n inside quotes, and refuses quotes inside of unquoted fields or takes
// everything.
type delimited struct {
	in   *bufio.Reader
	sep  byte
	at   int64 // of the next byte
	line int   // of the next byte, from 1
	cr   bool  // the byte before was \r, so a \n now belongs to the same line end
	left int64 // bytes that the record may still have
}

func newDelimited(r io.Reader, sep byte) *delimited {
	return &delimited{in: bufio.NewReaderSize(r, 1<<16), sep: sep, line: 1}
}

// mark passes over a byte order mark.
func (d *delimited) mark() error {
	if b, _ := d.in.Peek(3); string(b) == "\xef\xbb\xbf" {
		d.at = 3
		_, err := d.in.Discard(3)
		return err
	}
	return nil
}

func (d *delimited) get() (byte, error) {
	if d.left == 0 {
		return 0, fmt.Errorf("more than %d bytes in a row", maxRow)
	}
	c, err := d.in.ReadByte()
	if err != nil {
		return 0, err
	}
	d.at++
	d.left--
	if c == '\r' || c == '\n' && !d.cr {
		d.line++
	}
	d.cr = c == '\r'
	return c, nil
}

// record reads the next record, which starts at byte at and in line; io.EOF after the last.
func (d *delimited) record() (cells []string, at int64, line int, err error) {
	d.left = maxRow
	for {
		p, err := d.in.Peek(1)
		if err != nil {
			return nil, d.at, d.line, err
		}
		if p[0] != '\n' && p[0] != '\r' {
			break
		}
		if _, err := d.get(); err != nil {
			return nil, d.at, d.line, err
		}
		d.left = maxRow
	}
	at, line = d.at, d.line
	for {
		cell, last, err := d.cell()
		if err != nil {
			return nil, at, line, err
		}
		if cells = append(cells, cell); last {
			return cells, at, line, nil
		}
		if len(cells) == maxCells {
			return nil, at, line, fmt.Errorf("more than %d cells in a row", maxCells)
		}
	}
}

// maxCells bounds the columns of a table.
const maxCells = 1 << 16

var errOpenQuote = errors.New("the file ends inside a cell that began with a quote: it is cut off, or the closing quote is missing")

// cell reads a cell and the separator behind it; last says that the record ended with it.
func (d *delimited) cell() (text string, last bool, err error) {
	const plain, quoted, closing = 0, 1, 2
	state := plain
	if p, err := d.in.Peek(1); err == nil && p[0] == '"' {
		if _, err := d.get(); err != nil {
			return "", false, err
		}
		state = quoted
	}
	var b []byte
	for {
		c, err := d.get()
		switch {
		case err == io.EOF && state == quoted:
			return "", false, errOpenQuote
		case err == io.EOF:
			return string(b), true, valid(b)
		case err != nil:
			return "", false, err
		case state == quoted && c == '"':
			state = closing
			continue
		case state == closing && c == '"':
			state = quoted
		case state != quoted:
			state = plain
			if c == d.sep {
				return string(b), false, valid(b)
			}
			if c == '\n' || c == '\r' {
				if p, err := d.in.Peek(1); c == '\r' && err == nil && p[0] == '\n' {
					d.left++ // of the same line end
					if _, err := d.get(); err != nil {
						return "", false, err
					}
				}
				return string(b), true, valid(b)
			}
		}
		b = append(b, c)
	}
}

func valid(b []byte) error {
	if !utf8.Valid(b) {
		return fmt.Errorf("invalid UTF-8: %.40q", b)
	}
	return nil
}
