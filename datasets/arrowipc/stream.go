// Package arrowipc gives random access to the rows of Arrow IPC streams, the
// files in which Hugging Face datasets keeps its tables, through a memory map.
//
// Nothing is copied and nothing is kept per row: opening walks the message
// headers and notes where each record batch lies, and a row's bytes are slices
// of the map. The files are not trusted. Every length is compared with the
// bytes that are there before it is used, and offsets are checked as they are
// read, so a damaged file gives errors; it neither panics nor takes memory it
// declares but does not have.
//
// It reads what the Arrow columnar format 1.4 calls a stream, and the file
// format that wraps one. Compressed batches, dictionary deltas and big-endian
// values are refused; a dictionary may be replaced.
//
// Columns are described by the types of apache/arrow/go/v15, but messages are not
// read through its ipc package. An ipc.Reader goes from front to back and copies
// every body, where a shuffled row needs one; it allocates what a header declares
// before looking for it, and running out of memory cannot be recovered. Nor are
// array.Data and the typed arrays laid over the map: they trust all offsets but
// the last and panic at reading a wrong one, cast buffers that a damaged header
// can misalign, and would be built anew for every row
// or kept for every batch.
package arrowipc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"sort"

	"github.com/apache/arrow/go/v15/arrow"

	"moslava/internal/infile"
)

// A Stream is one open file. Its methods may be used from several goroutines,
// but none of them during or after Close.
type Stream struct {
	path     string
	data     []byte
	schema   *arrow.Schema
	fields   []field
	batches  []message
	starts   []int64           // first row of each batch, then the number of rows
	dicts    map[int64]message // the last of each id
	replaced int               // how often dictionaries are
	complete bool
}

// maxReplaced bounds the sets of dictionaries that are kept.
const maxReplaced = 1 << 16

// A message is where an encapsulated message's flatbuffer and body lie.
type message struct {
	meta, body       int64
	metaLen, bodyLen int64
	dicts            map[int64]message // dictionaries that a record batch refers to
}

// Open maps the file and indexes its record batches. A file that ends inside a
// message is an error; one that ends between two messages without the
// end-of-stream marker opens with Complete false, because only the caller can
// know how many rows there should be.
func Open(path string) (*Stream, error) {
	f, err := infile.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return OpenFile(path, f)
}

// OpenFile is Open for a file that is open, which may be closed afterwards; path stands for it in errors.
func OpenFile(path string, f *os.File) (*Stream, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if st.Size() < 8 || st.Size() > math.MaxInt {
		return nil, fmt.Errorf("%s: %d bytes cannot be an Arrow stream", path, st.Size())
	}
	data, err := mapFile(f, int(st.Size()))
	if err != nil {
		return nil, fmt.Errorf("%s: mapping %d bytes: %w", path, st.Size(), err)
	}
	s := &Stream{path: path, data: data}
	if err := s.index(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), s.Close())
	}
	return s, nil
}

// Close unmaps the file. Slices of it that are still held become invalid.
func (s *Stream) Close() error {
	d := s.data
	s.data = nil
	if d == nil {
		return nil
	}
	return unmap(d)
}

// Schema has the columns' names and types, without metadata. Types that no Column
// reads have a name but no parameters, and arrow.EXTENSION as their ID.
func (s *Stream) Schema() *arrow.Schema { return s.schema }

// Rows is the number of rows in the file.
func (s *Stream) Rows() int { return int(s.starts[len(s.starts)-1]) }

// Batches is the number of record batches.
func (s *Stream) Batches() int { return len(s.batches) }

// Complete reports whether the end-of-stream marker was there.
func (s *Stream) Complete() bool { return s.complete }

// Locate is the batch that holds the row and the row's number in it.
func (s *Stream) Locate(row int) (batch, inBatch int) {
	i := sort.Search(len(s.batches), func(i int) bool { return s.starts[i+1] > int64(row) })
	return i, row - int(s.starts[i])
}

const (
	continuation = 0xFFFFFFFF
	fileMagic    = "ARROW1"
)

// maxRows bounds a file's rows, so that row numbers fit everywhere they are kept.
const maxRows = math.MaxInt32

func (s *Stream) index() error {
	pos, isFile := int64(0), false
	if bytes.HasPrefix(s.data, []byte(fileMagic)) {
		pos, isFile = 8, true
		if !bytes.HasSuffix(s.data, []byte(fileMagic)) {
			return fmt.Errorf("Arrow file is cut off: no closing %s", fileMagic)
		}
	}
	s.starts = []int64{0}
	s.dicts = map[int64]message{}
	for !s.complete && pos < int64(len(s.data)) {
		m, next, err := s.next(pos)
		if err != nil {
			return fmt.Errorf("at byte %d, after %d record batches: %w", pos, len(s.batches), err)
		}
		pos = next
		if m.metaLen == 0 {
			s.complete = true
			break
		}
		if err := s.add(m); err != nil {
			return fmt.Errorf("message at byte %d, after %d record batches: %w", m.meta, len(s.batches), err)
		}
	}
	if s.schema == nil {
		return errors.New("no schema")
	}
	if rest := int64(len(s.data)) - pos; s.complete && !isFile && rest > 0 {
		return fmt.Errorf("%d bytes after the end of the stream", rest)
	}
	return nil
}

// next finds the message at pos; metaLen 0 stands for the end-of-stream marker.
func (s *Stream) next(pos int64) (m message, after int64, err error) {
	size := int64(len(s.data))
	cut := func(what string, n int64) error {
		return fmt.Errorf("file is cut off: %s of %d bytes, %d are left", what, n, size-pos)
	}
	if pos+4 > size {
		return m, 0, cut("message length", 4)
	}
	n := binary.LittleEndian.Uint32(s.data[pos:])
	pos += 4
	if n == continuation { // absent before Arrow 0.15
		if pos+4 > size {
			return m, 0, cut("message length", 4)
		}
		n = binary.LittleEndian.Uint32(s.data[pos:])
		pos += 4
	}
	if n == 0 {
		return m, pos, nil
	}
	if int64(n) > size-pos {
		return m, 0, cut("message header", int64(n))
	}
	m.meta, m.metaLen = pos, int64(n)
	pos += int64(n)
	f := flat{b: s.bytes(m.meta, m.metaLen)}
	m.bodyLen = f.i64Field(f.root(), 3)
	if f.bad || m.bodyLen < 0 {
		return m, 0, errors.New("corrupt message header")
	}
	if m.bodyLen > size-pos {
		return m, 0, cut("message body", m.bodyLen)
	}
	m.body = pos
	return m, pos + m.bodyLen, nil
}

func (s *Stream) bytes(at, n int64) []byte { return s.data[at : at+n : at+n] }

// add takes in one message (Message.fbs: version, header type, header).
func (s *Stream) add(m message) (err error) {
	f := flat{b: s.bytes(m.meta, m.metaLen)}
	root := f.root()
	version, kind, header := f.u16Field(root, 0), f.u8Field(root, 1), f.sub(root, 2)
	if f.bad || header == 0 {
		return errors.New("corrupt message header")
	}
	if kind != messageSchema && s.schema == nil {
		return fmt.Errorf("message of kind %d before the schema", kind)
	}
	switch kind {
	case messageSchema:
		if s.schema != nil {
			return errors.New("second schema")
		}
		if version < metadataV4 {
			return fmt.Errorf("metadata version V%d, expected V4 or V5", version+1)
		}
		if s.fields, err = readSchema(&f, header, version); err != nil {
			return err
		}
		columns := make([]arrow.Field, len(s.fields))
		for i := range s.fields {
			columns[i] = s.fields[i].Field
		}
		s.schema = arrow.NewSchema(columns, nil)
		return nil
	case messageDictionary:
		id := f.i64Field(header, 0)
		if f.u8Field(header, 2) != 0 {
			return fmt.Errorf("dictionary %d is extended, which is not supported: save the data set again", id)
		}
		if f.bad {
			return errors.New("corrupt dictionary batch")
		}
		if _, again := s.dicts[id]; again { // batches so far keep the one before
			if s.replaced++; s.replaced > maxReplaced {
				return fmt.Errorf("dictionaries are replaced more than %d times: save the data set again", maxReplaced)
			}
			s.dicts = maps.Clone(s.dicts)
		}
		s.dicts[id] = m
		return nil
	case messageRecordBatch:
		rows := f.i64Field(header, 0)
		before := s.starts[len(s.starts)-1]
		if f.bad || rows < 0 || rows > maxRows-before {
			return fmt.Errorf("record batch declares %d rows", rows)
		}
		m.dicts = s.dicts
		s.batches = append(s.batches, m)
		s.starts = append(s.starts, before+rows)
		_, err = s.Batch(len(s.batches) - 1)
		return err
	}
	return fmt.Errorf("message of unknown kind %d", kind)
}
