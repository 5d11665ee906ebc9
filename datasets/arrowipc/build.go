package arrowipc

import "encoding/binary"

// String, Binary, StructOf and ListOf describe nullable columns to write.
func String(name string) Field { return Field{Name: name, Kind: Bytes, Type: "string", typ: typeUtf8} }

func Binary(name string) Field {
	return Field{Name: name, Kind: Bytes, Type: "binary", typ: typeBinary}
}

func StructOf(name string, children ...Field) Field {
	return Field{Name: name, Kind: Struct, Type: "struct", typ: typeStruct, Children: children}
}

// ListOf names the elements item, as pyarrow does.
func ListOf(name string, element Field) Field {
	element.Name = "item"
	return Field{Name: name, Kind: List, Type: "list", typ: typeList, Children: []Field{element}}
}

// A Builder collects the values of a column to write. A struct's children take
// one value each for every Append of the struct; a list's element takes as many
// values as its Append says, after it.
type Builder struct {
	field   *Field
	n       int64
	nulls   int64
	valid   []byte
	offsets []byte // int32
	data    []byte
	kids    []*Builder
}

func newBuilder(x *Field) *Builder {
	b := &Builder{field: x}
	for i := range x.Children {
		b.kids = append(b.kids, newBuilder(&x.Children[i]))
	}
	b.reset()
	return b
}

// reset forgets the values and keeps the memory.
func (b *Builder) reset() {
	b.n, b.nulls, b.valid, b.data, b.offsets = 0, 0, b.valid[:0], b.data[:0], b.offsets[:0]
	if b.field.Kind != Struct {
		b.offsets = append(b.offsets, 0, 0, 0, 0)
	}
	for _, k := range b.kids {
		k.reset()
	}
}

// Child is the builder of a struct's child i or, with 0, of a list's elements.
func (b *Builder) Child(i int) *Builder { return b.kids[i] }

func (b *Builder) mark(valid bool) {
	if b.n%8 == 0 {
		b.valid = append(b.valid, 0)
	}
	if valid {
		b.valid[b.n/8] |= 1 << (b.n % 8)
	} else {
		b.nulls++
	}
	b.n++
}

func (b *Builder) offset(end int) {
	b.offsets = binary.LittleEndian.AppendUint32(b.offsets, uint32(end))
}

// AppendNull appends a null, to a struct's children too.
func (b *Builder) AppendNull() {
	b.mark(false)
	switch b.field.Kind {
	case Struct:
		for _, k := range b.kids {
			k.AppendNull()
		}
	case List:
		b.offsets = append(b.offsets, b.offsets[len(b.offsets)-4:]...)
	default:
		b.offset(len(b.data))
	}
}

// AppendStruct opens a struct.
func (b *Builder) AppendStruct() { b.mark(true) }

// AppendList opens a list of n elements.
func (b *Builder) AppendList(n int) {
	b.mark(true)
	b.offset(int(binary.LittleEndian.Uint32(b.offsets[len(b.offsets)-4:])) + n)
}

// AppendBytes appends a copy of v, a string or binary value.
func (b *Builder) AppendBytes(v []byte) {
	b.mark(true)
	b.data = append(b.data, v...)
	b.offset(len(b.data))
}

// AppendString is AppendBytes of a string.
func (b *Builder) AppendString(v string) {
	b.mark(true)
	b.data = append(b.data, v...)
	b.offset(len(b.data))
}
