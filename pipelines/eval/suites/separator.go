package suites

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// separators are what a table may have between its cells when there is no tab in its header, with their names for
// messages.
var separators = []struct {
	sep  byte
	name string
}{{',', "commas"}, {';', "semicolons"}}

// separator finds out what stands between the cells: a tab, unless the header has none; then the comma or the
// semicolon, of which it has more. Exports of spreadsheet programs have these, whatever the file is called. The rest of
// the dialect is the same, as it is for pandas.
func (t *table) separator() error {
	if t.sep != 0 {
		return nil
	}
	head, err := t.in.Peek(t.in.Size())
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return fmt.Errorf("%s: %w", t.name, err)
	}
	if kind := notATable(head); kind != "" {
		return fmt.Errorf("%s: found %s, expected a table as text in UTF-8 with tabs between its columns: export it as such", t.name, kind)
	}
	head = bytes.TrimLeft(head, "\r\n")
	if end := bytes.IndexAny(head, "\r\n"); end >= 0 {
		head = head[:end]
	}
	t.sep = '\t'
	if bytes.IndexByte(head, '\t') >= 0 {
		return nil
	}
	most := 0
	for _, s := range separators {
		if n := bytes.Count(head, []byte{s.sep}); n > most {
			t.sep, most = s.sep, n
		}
	}
	return nil
}

// separated says how the cells are separated, where it is not by tabs; empty if it is.
func (t *table) separated() string {
	for _, s := range separators {
		if s.sep == t.sep {
			return s.name
		}
	}
	return ""
}

// magic are the first bytes of what people give for a table and what it is.
var magic = map[string]string{
	"PK\x03\x04": "a spreadsheet or an archive (zip)",
	"PAR1":       "Parquet",
	"ARROW1":     "Arrow",
	"\x1f\x8b":   "gzip",
	"\xff\xfe":   "text in UTF-16",
	"\xfe\xff":   "text in UTF-16",
	"\x89PNG":    "a picture (PNG)",
	"\xff\xd8":   "a picture (JPEG)",
}

// notATable says what a file is by its first bytes, empty if it may be a table.
func notATable(head []byte) string {
	for start, kind := range magic {
		if bytes.HasPrefix(head, []byte(start)) {
			return kind
		}
	}
	return ""
}
