package datasets

import (
	"errors"
	"io"

	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	alloc "github.com/apache/arrow/go/v15/arrow/memory"
)

// An ArrowShard writes rows as one Arrow IPC stream. One record batch is held at a time.
type ArrowShard struct {
	layout  layout
	ipc     *ipc.Writer
	columns *array.RecordBuilder
	rows    int // of the record batch at hand
	bytes   int
}

// NewArrowShard begins a stream. Whoever does not close it leaves it without an end.
func NewArrowShard(w io.Writer, opt WriteOptions) (*ArrowShard, error) {
	schema, err := newSchema(opt.layout())
	if err != nil {
		return nil, err
	}
	return &ArrowShard{layout: opt.layout(), ipc: ipc.NewWriter(w, ipc.WithSchema(schema)),
		columns: array.NewRecordBuilder(alloc.DefaultAllocator, schema)}, nil
}

// Write adds a row, or refuses one that the columns cannot hold.
func (a *ArrowShard) Write(s *Sample) error {
	size, err := checkRow(a.layout, s)
	if err != nil {
		return err
	}
	appendRow(a.layout, a.columns.Fields(), s)
	a.rows++
	a.bytes += size
	if a.rows >= maxBatchRows || a.bytes >= maxBatchSize {
		return a.flush()
	}
	return nil
}

// flush writes the rows collected so far as one record batch.
func (a *ArrowShard) flush() error {
	if a.rows == 0 {
		return nil
	}
	a.rows, a.bytes = 0, 0
	batch := a.columns.NewRecord()
	defer batch.Release()
	return a.ipc.Write(batch)
}

// Close ends the stream.
func (a *ArrowShard) Close() error {
	err := errors.Join(a.flush(), a.ipc.Close())
	a.columns.Release()
	return err
}
