package arrowipc

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	flatbuffers "github.com/google/flatbuffers/go"
)

// A Writer writes an Arrow IPC stream: metadata V5, uncompressed, buffers aligned
// to 8 bytes. Values go into the builders, Flush makes a record batch of them.
type Writer struct {
	Columns []*Builder
	w       io.Writer
	fields  []Field
}

// NewWriter begins a stream of the given columns. metadata are the schema's keys
// and values, in turn.
func NewWriter(w io.Writer, fields []Field, metadata ...string) (*Writer, error) {
	x := &Writer{w: w, fields: fields}
	for i := range fields {
		x.Columns = append(x.Columns, newBuilder(&fields[i]))
	}
	b := flatbuffers.NewBuilder(1 << 10)
	columns := fieldVector(b, fields)
	pairs := make([]flatbuffers.UOffsetT, 0, len(metadata)/2)
	for i := 0; i+1 < len(metadata); i += 2 {
		k, v := b.CreateString(metadata[i]), b.CreateString(metadata[i+1])
		b.StartObject(2) // KeyValue
		b.PrependUOffsetTSlot(0, k, 0)
		b.PrependUOffsetTSlot(1, v, 0)
		pairs = append(pairs, b.EndObject())
	}
	meta := offsetVector(b, pairs)
	b.StartObject(4) // Schema
	b.PrependUOffsetTSlot(1, columns, 0)
	b.PrependUOffsetTSlot(2, meta, 0)
	return x, x.message(b, messageSchema, b.EndObject(), nil)
}

func offsetVector(b *flatbuffers.Builder, list []flatbuffers.UOffsetT) flatbuffers.UOffsetT {
	b.StartVector(4, len(list), 4)
	for i := len(list) - 1; i >= 0; i-- {
		b.PrependUOffsetT(list[i])
	}
	return b.EndVector(len(list))
}

func fieldVector(b *flatbuffers.Builder, fields []Field) flatbuffers.UOffsetT {
	list := make([]flatbuffers.UOffsetT, len(fields))
	for i := range fields {
		children := fieldVector(b, fields[i].Children)
		name := b.CreateString(fields[i].Name)
		b.StartObject(0) // Utf8, Binary, List and Struct_ have no fields
		typ := b.EndObject()
		b.StartObject(7) // Field
		b.PrependUOffsetTSlot(0, name, 0)
		b.PrependBoolSlot(1, true, false)
		b.PrependByteSlot(2, fields[i].typ, 0)
		b.PrependUOffsetTSlot(3, typ, 0)
		b.PrependUOffsetTSlot(5, children, 0)
		list[i] = b.EndObject()
	}
	return offsetVector(b, list)
}

// padding is what n bytes lack to a multiple of 8.
func padding(n int) int { return -n & 7 }

var zeros [8]byte

// message frames a header and writes it with its body.
func (x *Writer) message(b *flatbuffers.Builder, kind byte, header flatbuffers.UOffsetT, body [][]byte) error {
	size := 0
	for _, p := range body {
		size += len(p) + padding(len(p))
	}
	b.StartObject(5) // Message
	b.PrependInt64Slot(3, int64(size), 0)
	b.PrependUOffsetTSlot(2, header, 0)
	b.PrependInt16Slot(0, metadataV4+1, 0)
	b.PrependByteSlot(1, kind, 0)
	b.Finish(b.EndObject())
	meta := b.FinishedBytes()
	frame := binary.LittleEndian.AppendUint32(nil, continuation)
	frame = binary.LittleEndian.AppendUint32(frame, uint32(len(meta)+padding(len(meta))))
	for _, p := range append([][]byte{frame, meta}, body...) {
		if _, err := x.w.Write(p); err != nil {
			return err
		}
		if _, err := x.w.Write(zeros[:padding(len(p))]); err != nil {
			return err
		}
	}
	return nil
}

// Flush writes the values collected so far as a record batch. All columns have to
// hold the same number of values, and none more than 2 GiB.
func (x *Writer) Flush() error {
	rows := int64(0)
	if len(x.Columns) > 0 {
		rows = x.Columns[0].n
	}
	var nodes, bufs [][2]int64
	var body [][]byte
	at := int64(0)
	var walk func(c *Builder, want int64) error
	walk = func(c *Builder, want int64) error {
		if c.n != want {
			return fmt.Errorf("column %q has %d values, expected %d", c.field.Name, c.n, want)
		}
		if len(c.data) > math.MaxInt32 || c.n > math.MaxInt32 {
			return fmt.Errorf("column %q has %d values of %d bytes, the limit is %d", c.field.Name, c.n, len(c.data), math.MaxInt32)
		}
		valid := c.valid
		if c.nulls == 0 {
			valid = nil
		}
		parts := [][]byte{valid, c.offsets, c.data}[:c.field.buffers(metadataV4+1)]
		for _, p := range parts {
			bufs = append(bufs, [2]int64{at, int64(len(p))})
			at += int64(len(p) + padding(len(p)))
		}
		nodes, body = append(nodes, [2]int64{c.n, c.nulls}), append(body, parts...)
		want = c.n
		if c.field.Kind == List {
			want = int64(binary.LittleEndian.Uint32(c.offsets[len(c.offsets)-4:]))
		}
		for _, k := range c.kids {
			if err := walk(k, want); err != nil {
				return fmt.Errorf("%s: %w", c.field.Name, err)
			}
		}
		return nil
	}
	for _, c := range x.Columns {
		if err := walk(c, rows); err != nil {
			return err
		}
	}
	b := flatbuffers.NewBuilder(1 << 10)
	nodeVec, bufVec := pairVector(b, nodes), pairVector(b, bufs)
	b.StartObject(5) // RecordBatch
	b.PrependInt64Slot(0, rows, 0)
	b.PrependUOffsetTSlot(1, nodeVec, 0)
	b.PrependUOffsetTSlot(2, bufVec, 0)
	if err := x.message(b, messageRecordBatch, b.EndObject(), body); err != nil {
		return err
	}
	for _, c := range x.Columns {
		c.reset()
	}
	return nil
}

// pairVector is a vector of structs of two int64, FieldNode and Buffer.
func pairVector(b *flatbuffers.Builder, list [][2]int64) flatbuffers.UOffsetT {
	b.StartVector(16, len(list), 8)
	for i := len(list) - 1; i >= 0; i-- {
		b.PrependInt64(list[i][1])
		b.PrependInt64(list[i][0])
	}
	return b.EndVector(len(list))
}

// Close writes the end-of-stream marker. It does not flush.
func (x *Writer) Close() error {
	_, err := x.w.Write([]byte{0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0})
	return err
}
