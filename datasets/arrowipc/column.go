package arrowipc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/float16"
)

// A Column is one column of one record batch, or a child of one: slices of the
// map and the number of values. Name and Type are its arrow.Field's. Reading it
// checks what it reads.
type Column struct {
	Len int64

	*field
	valid   []byte // bit per value; empty: no value is null
	offsets []byte
	data    []byte // values, indices or views
	views   [][]byte
	kids    []Column
	values  *Column // of the dictionary
}

// ErrCorrupt is what reading a value from a damaged batch gives.
var ErrCorrupt = errors.New("corrupt record batch")

// Batch is record batch i: one column per field, each with the batch's rows.
// It costs a few hundred bytes and no copy, so nothing is cached.
func (s *Stream) Batch(i int) ([]Column, error) {
	if s.data == nil {
		return nil, fmt.Errorf("%s: read after Close", s.path)
	}
	m := s.batches[i]
	f := flat{b: s.bytes(m.meta, m.metaLen)}
	d := decoder{s: s, f: &f, body: s.bytes(m.body, m.bodyLen), dicts: m.dicts}
	if err := d.open(f.sub(f.root(), 2)); err != nil {
		return nil, err
	}
	rows := s.starts[i+1] - s.starts[i]
	cols := make([]Column, len(s.fields))
	for k := range cols {
		if err := d.column(&cols[k], &s.fields[k]); err != nil {
			return nil, fmt.Errorf("column %q: %w", s.fields[k].Name, err)
		}
		if cols[k].Len != rows {
			return nil, fmt.Errorf("column %q has %d values in a batch of %d rows", s.fields[k].Name, cols[k].Len, rows)
		}
	}
	return cols, nil
}

// A decoder hands out a record batch's nodes and buffers in order.
type decoder struct {
	s                    *Stream
	f                    *flat
	body                 []byte
	dicts                map[int64]message
	nodes, bufs, counts  int // positions in f
	nNodes, nBufs, nView int
}

// open reads the RecordBatch table at tab (Message.fbs: length, nodes, buffers,
// compression, variadicBufferCounts).
func (d *decoder) open(tab int) error {
	if tab == 0 || d.f.bad {
		return ErrCorrupt
	}
	if d.f.field(tab, 3) != 0 {
		return errors.New("buffers are compressed: save the data set again without compression")
	}
	d.nodes, d.nNodes = d.f.vector(tab, 1, 16)
	d.bufs, d.nBufs = d.f.vector(tab, 2, 16)
	d.counts, d.nView = d.f.vector(tab, 4, 8)
	if d.f.bad {
		return ErrCorrupt
	}
	return nil
}

func (d *decoder) buffer() ([]byte, error) {
	if d.nBufs == 0 {
		return nil, fmt.Errorf("%w: too few buffers", ErrCorrupt)
	}
	at, n := d.f.i64(d.bufs), d.f.i64(d.bufs+8)
	d.bufs += 16
	d.nBufs--
	if size := int64(len(d.body)); at < 0 || n < 0 || at > size || n > size-at {
		return nil, fmt.Errorf("%w: buffer of %d bytes at %d in a body of %d", ErrCorrupt, n, at, len(d.body))
	}
	return d.body[at : at+n : at+n], nil
}

func (d *decoder) column(c *Column, x *field) error {
	if d.nNodes == 0 {
		return fmt.Errorf("%w: too few field nodes", ErrCorrupt)
	}
	c.field, c.Len = x, d.f.i64(d.nodes)
	nulls := d.f.i64(d.nodes + 8)
	d.nodes += 16
	d.nNodes--
	if c.Len < 0 || nulls < 0 || nulls > c.Len {
		return fmt.Errorf("%w: %d values, %d of them null", ErrCorrupt, c.Len, nulls)
	}
	var bufs [3][]byte
	for i := range x.buffers {
		b, err := d.buffer()
		if err != nil {
			return err
		}
		bufs[i] = b
	}
	if x.kind == view {
		if err := d.viewBuffers(c); err != nil {
			return err
		}
	}
	if err := c.place(bufs, nulls); err != nil {
		return err
	}
	if x.kind == indices {
		return d.dictionary(c)
	}
	if len(x.kids) == 0 {
		return nil
	}
	c.kids = make([]Column, len(x.kids))
	for k := range c.kids {
		if err := d.column(&c.kids[k], &x.kids[k]); err != nil {
			return fmt.Errorf("%s: %w", x.kids[k].Name, err)
		}
		if x.kind == structure && c.kids[k].Len < c.Len {
			return fmt.Errorf("%w: %d values of %s in %d structs", ErrCorrupt, c.kids[k].Len, x.kids[k].Name, c.Len)
		}
		if x.kind == fixedList && c.kids[k].Len/x.width < c.Len {
			return fmt.Errorf("%w: %d elements in %d lists of %d", ErrCorrupt, c.kids[k].Len, c.Len, x.width)
		}
	}
	return nil
}

func (d *decoder) viewBuffers(c *Column) error {
	if d.nView == 0 {
		return fmt.Errorf("%w: too few view buffer counts", ErrCorrupt)
	}
	n := d.f.i64(d.counts)
	d.counts += 8
	d.nView--
	if n < 0 || n > int64(d.nBufs) {
		return fmt.Errorf("%w: %d view buffers", ErrCorrupt, n)
	}
	for range n {
		b, err := d.buffer()
		if err != nil {
			return err
		}
		c.views = append(c.views, b)
	}
	return nil
}

// place checks the lengths of the buffers this package reads and keeps them.
func (c *Column) place(bufs [3][]byte, nulls int64) error {
	if c.kind == null || c.kind == opaque {
		return nil
	}
	c.valid = bufs[0]
	if (len(c.valid) > 0 || nulls > 0) && int64(len(c.valid)) < c.Len/8+min(c.Len%8, 1) {
		return fmt.Errorf("%w: validity of %d values in %d bytes", ErrCorrupt, c.Len, len(c.valid))
	}
	extra := int64(0)
	switch c.kind {
	case integer, floating, indices, view:
		c.data = bufs[1]
	case varbinary, list:
		c.offsets, c.data, extra = bufs[1], bufs[2], 1
	case listView:
		if c.offsets, c.data = bufs[1], bufs[2]; c.Len > int64(len(c.data))/c.width {
			return fmt.Errorf("%w: %d sizes of %d bytes in %d bytes", ErrCorrupt, c.Len, c.width, len(c.data))
		}
	case boolean:
		if c.data = bufs[1]; int64(len(c.data)) < c.Len/8+min(c.Len%8, 1) {
			return fmt.Errorf("%w: %d bits in %d bytes", ErrCorrupt, c.Len, len(c.data))
		}
		return nil
	default:
		return nil
	}
	if c.Len == 0 {
		return nil
	}
	if have := int64(len(bufs[1])) / c.width; c.Len > have-extra {
		return fmt.Errorf("%w: %d values of %d bytes in %d bytes", ErrCorrupt, c.Len, c.width, len(bufs[1]))
	}
	return nil
}

// dictionary attaches the values that indices point to.
func (d *decoder) dictionary(c *Column) error {
	m, ok := d.dicts[c.field.dict]
	if !ok {
		return fmt.Errorf("%w: dictionary %d is missing", ErrCorrupt, c.field.dict)
	}
	f := flat{b: d.s.bytes(m.meta, m.metaLen)}
	v := decoder{s: d.s, f: &f, body: d.s.bytes(m.body, m.bodyLen), dicts: d.dicts}
	if err := v.open(f.sub(f.sub(f.root(), 2), 1)); err != nil {
		return fmt.Errorf("dictionary %d: %w", c.field.dict, err)
	}
	c.values = new(Column)
	if err := v.column(c.values, &c.field.kids[0]); err != nil {
		return fmt.Errorf("dictionary %d: %w", c.field.dict, err)
	}
	return nil
}

// IsNull reports whether value i is null; one outside the column is.
func (c *Column) IsNull(i int64) bool {
	if i < 0 || i >= c.Len || c.kind == null {
		return true
	}
	return len(c.valid) > 0 && c.valid[i/8]>>(i%8)&1 == 0
}

// Child is the child called name of a struct column, or nil.
func (c *Column) Child(name string) *Column {
	if t, ok := c.Type.(*arrow.StructType); ok {
		if k, ok := t.FieldIdx(name); ok {
			return &c.kids[k]
		}
	}
	return nil
}

// Elem holds the elements of all values of a list column, or is nil.
func (c *Column) Elem() *Column {
	if c.kind != list && c.kind != listView && c.kind != fixedList {
		return nil
	}
	return &c.kids[0]
}

// Range is where value i of a list column lies in Elem: [lo, hi). A null is empty.
func (c *Column) Range(i int64) (lo, hi int64, err error) {
	if c.Elem() == nil {
		return 0, 0, fmt.Errorf("%s is not a list", c.Type.Name())
	}
	if c.IsNull(i) {
		return 0, 0, nil
	}
	switch c.kind {
	case fixedList:
		return i * c.width, (i + 1) * c.width, nil
	case listView:
		lo, hi = signed(c.offsets, c.width, i), signed(c.data, c.width, i)
		if lo < 0 || hi < 0 || lo > c.kids[0].Len || hi > c.kids[0].Len-lo {
			return 0, 0, fmt.Errorf("%w: list of %d from %d on, of %d elements", ErrCorrupt, hi, lo, c.kids[0].Len)
		}
		return lo, lo + hi, nil
	}
	lo, hi = c.span(i)
	if lo < 0 || hi < lo || hi > c.kids[0].Len {
		return 0, 0, fmt.Errorf("%w: list from %d to %d of %d elements", ErrCorrupt, lo, hi, c.kids[0].Len)
	}
	return lo, hi, nil
}

func (c *Column) span(i int64) (lo, hi int64) {
	return signed(c.offsets, c.width, i), signed(c.offsets, c.width, i+1)
}

// signed is entry i of offsets or sizes of 4 or 8 bytes.
func signed(b []byte, width, i int64) int64 {
	if width == 8 {
		return int64(binary.LittleEndian.Uint64(b[8*i:]))
	}
	return int64(int32(binary.LittleEndian.Uint32(b[4*i:])))
}

// Bytes is value i of a string or binary column: a slice of the map, valid until
// Close. A null is nil; an empty value is not.
func (c *Column) Bytes(i int64) ([]byte, error) {
	if c.kind != varbinary && c.kind != view && c.kind != indices {
		return nil, fmt.Errorf("%s is not a string", c.Type.Name())
	}
	if c.IsNull(i) {
		return nil, nil
	}
	switch c.kind {
	case indices:
		k := c.number(i)
		if k < 0 || k >= c.values.Len {
			return nil, fmt.Errorf("%w: entry %d of a dictionary of %d", ErrCorrupt, k, c.values.Len)
		}
		return c.values.Bytes(k)
	case view:
		return c.view(i)
	}
	lo, hi := c.span(i)
	if lo < 0 || hi < lo || hi > int64(len(c.data)) {
		return nil, fmt.Errorf("%w: value from %d to %d of %d bytes", ErrCorrupt, lo, hi, len(c.data))
	}
	if lo == hi {
		return []byte{}, nil
	}
	return c.data[lo:hi:hi], nil
}

// view reads a BinaryView: up to 12 bytes stand in the view itself, more in one
// of the data buffers.
func (c *Column) view(i int64) ([]byte, error) {
	v := c.data[16*i : 16*i+16 : 16*i+16]
	n := int64(int32(binary.LittleEndian.Uint32(v)))
	if n >= 0 && n <= 12 {
		return v[4 : 4+n : 4+n], nil
	}
	k, at := int64(int32(binary.LittleEndian.Uint32(v[8:]))), int64(int32(binary.LittleEndian.Uint32(v[12:])))
	if n < 0 || at < 0 || k < 0 || k >= int64(len(c.views)) || at > int64(len(c.views[k])) || n > int64(len(c.views[k]))-at {
		return nil, fmt.Errorf("%w: view of %d bytes at %d in buffer %d", ErrCorrupt, n, at, k)
	}
	return c.views[k][at : at+n : at+n], nil
}

// Int is value i of an integer column; ok is false when it is null or when an
// unsigned value does not fit.
func (c *Column) Int(i int64) (v int64, ok bool) {
	if c.kind != integer || c.IsNull(i) {
		return 0, false
	}
	v = c.number(i)
	return v, v >= 0 || c.signed
}

// Float is value i of a column of floating-point numbers, 0 when it is null.
func (c *Column) Float(i int64) float64 {
	if c.kind != floating || c.IsNull(i) {
		return 0
	}
	switch c.width {
	case 2:
		return float64(float16.FromBits(binary.LittleEndian.Uint16(c.data[2*i:])).Float32())
	case 4:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(c.data[4*i:])))
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(c.data[8*i:]))
}

// Bool is value i of a column of booleans, false when it is null.
func (c *Column) Bool(i int64) bool {
	return c.kind == boolean && !c.IsNull(i) && c.data[i/8]>>(i%8)&1 == 1
}

// number is value i of integers or indices; -1 stands for an unsigned one that no
// int64 holds.
func (c *Column) number(i int64) int64 {
	var u uint64
	switch c.width {
	case 1:
		u = uint64(c.data[i])
	case 2:
		u = uint64(binary.LittleEndian.Uint16(c.data[2*i:]))
	case 4:
		u = uint64(binary.LittleEndian.Uint32(c.data[4*i:]))
	default:
		u = binary.LittleEndian.Uint64(c.data[8*i:])
	}
	if shift := 64 - 8*c.width; c.signed {
		return int64(u<<shift) >> shift
	}
	if u > math.MaxInt64 {
		return -1
	}
	return int64(u)
}
