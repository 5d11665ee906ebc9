package arrowipc

import (
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v15/arrow"
)

// The members of Schema.fbs's union Type that are told apart here, and the rest
// of Message.fbs that is looked at.
const (
	typeNull            = 1
	typeInt             = 2
	typeFloat           = 3
	typeBinary          = 4
	typeUtf8            = 5
	typeBool            = 6
	typeList            = 12
	typeStruct          = 13
	typeUnion           = 14
	typeFixedSizeList   = 16
	typeLargeBinary     = 19
	typeLargeUtf8       = 20
	typeLargeList       = 21
	typeRunEndEncoded   = 22
	typeBinaryView      = 23
	typeUtf8View        = 24
	typeListView        = 25
	typeLargeListView   = 26
	metadataV4          = 3
	messageSchema       = 1
	messageDictionary   = 2
	messageRecordBatch  = 3
	maxFields, maxDepth = 4096, 32
)

var typeNames = [...]string{typeNull: "null", typeInt: "int", typeFloat: "float", typeBinary: "binary", typeUtf8: "utf8", typeBool: "bool", 7: "decimal",
	8: "date", 9: "time", 10: "timestamp", 11: "interval", typeList: "list", typeStruct: "struct", typeUnion: "union",
	15: "fixed_size_binary", typeFixedSizeList: "fixed_size_list", 17: "map", 18: "duration", typeLargeBinary: "large_binary",
	typeLargeUtf8: "large_utf8", typeLargeList: "large_list", typeRunEndEncoded: "run_end_encoded", typeBinaryView: "binary_view",
	typeUtf8View: "string_view", typeListView: "list_view", typeLargeListView: "large_list_view"}

var errSchema = errors.New("corrupt schema")

// A skipped type is one whose values are never read, so neither are its
// parameters: it knows how many buffers to step over. arrow has the types, but
// their constructors panic at parameters they do not like, and it lacks some.
type skipped struct {
	name    string
	buffers int
}

func (t skipped) ID() arrow.Type      { return arrow.EXTENSION }
func (t skipped) Name() string        { return t.name }
func (t skipped) String() string      { return t.name }
func (t skipped) Fingerprint() string { return "" } // incomparable
func (t skipped) Layout() arrow.DataTypeLayout {
	return arrow.DataTypeLayout{Buffers: make([]arrow.BufferSpec, t.buffers)}
}

// skip is the type of a Field table that is stepped over (Arrow columnar format
// 1.4, "Buffer listing"); tab is its Type table.
func skip(f *flat, typ byte, tab int, version uint16) skipped {
	t := skipped{typeNames[typ], 2}
	switch typ {
	case typeRunEndEncoded:
		t.buffers = 0
	case typeUnion:
		t.buffers = 1 // types
		if tab != 0 {
			t.buffers += int(f.u16Field(tab, 0) & 1) // offsets, when dense
		}
		if version == metadataV4 {
			t.buffers++ // validity, which V5 removed
		}
	}
	return t
}

// IsBytes reports whether t is a string or binary type in any of its forms:
// large, view or dictionary-encoded.
func IsBytes(t arrow.DataType) bool {
	switch t := t.(type) {
	case *arrow.DictionaryType:
		return IsBytes(t.ValueType)
	case *arrow.BinaryType, *arrow.LargeBinaryType, *arrow.BinaryViewType:
		return true
	}
	return IsText(t)
}

// IsText reports whether t is a string type in any of its forms.
func IsText(t arrow.DataType) bool {
	switch t := t.(type) {
	case *arrow.DictionaryType:
		return IsText(t.ValueType)
	case *arrow.StringType, *arrow.LargeStringType, *arrow.StringViewType:
		return true
	}
	return false
}

// Elem is the type of the elements of a list in any of its forms (large, view, of a fixed size), or nil.
func Elem(t arrow.DataType) arrow.DataType {
	if t, ok := t.(arrow.ListLikeType); ok && t.ID() != arrow.MAP {
		return t.Elem()
	}
	return nil
}

// kind is how a column's values are read.
type kind uint8

const (
	opaque kind = iota // not at all
	null
	integer
	floating
	boolean
	varbinary // offsets and data
	view
	indices // into a dictionary of varbinary or view
	structure
	list
	listView  // offsets, and sizes in data
	fixedList // of width elements each
)

// A field is one column of the schema, or a child of one, and how it lies in a
// record batch.
type field struct {
	arrow.Field
	kind    kind
	buffers int   // children's and the data buffers of a view apart
	width   int64 // bytes of a value, index, offset or view
	signed  bool  // of a value or index
	dict    int64 // id of the dictionary, of indices
	kids    []field
}

// lay fills in what follows from the type.
func (x *field) lay() {
	for i, b := range x.Type.Layout().Buffers {
		if b.Kind == arrow.KindAlwaysNull {
			continue
		}
		x.buffers++
		if i == 1 {
			x.width = int64(b.ByteWidth)
		}
	}
	number := x.Type
	switch t := x.Type.(type) {
	case *arrow.NullType:
		x.kind = null
	case *arrow.BinaryType, *arrow.LargeBinaryType, *arrow.StringType, *arrow.LargeStringType:
		x.kind = varbinary
	case *arrow.BinaryViewType, *arrow.StringViewType:
		x.kind = view
	case *arrow.StructType:
		x.kind = structure
	case *arrow.ListType, *arrow.LargeListType:
		x.kind = list
	case *arrow.ListViewType, *arrow.LargeListViewType:
		x.kind = listView
	case *arrow.FixedSizeListType:
		x.kind, x.width = fixedList, int64(t.Len())
	case *arrow.DictionaryType:
		if number = t.IndexType; IsBytes(t.ValueType) {
			x.kind = indices
			x.kids = []field{{Field: arrow.Field{Name: x.Name, Type: t.ValueType}}}
			x.kids[0].lay()
		}
	default:
		switch {
		case arrow.IsInteger(t.ID()):
			x.kind = integer
		case arrow.IsFloating(t.ID()):
			x.kind = floating
		case t.ID() == arrow.BOOL:
			x.kind = boolean
		}
	}
	x.signed = arrow.IsSignedInteger(number.ID())
}

// A schemaReader reads Field tables. left bounds the number of fields of the whole
// schema: children may share bytes, so the size of the buffer bounds nothing.
type schemaReader struct {
	f       *flat
	version uint16
	left    int
}

// readSchema reads the Schema table at tab (Schema.fbs: endianness, fields).
func readSchema(f *flat, tab int, version uint16) ([]field, error) {
	if f.u16Field(tab, 0) != 0 {
		return nil, errors.New("values are big-endian, expected little-endian")
	}
	start, n := f.vector(tab, 1, 4)
	r := schemaReader{f, version, maxFields}
	fields, err := r.fields(start, n, 0)
	if err == nil && f.bad {
		err = errSchema
	}
	return fields, err
}

func (r *schemaReader) fields(start, n, depth int) ([]field, error) {
	if n > r.left || depth > maxDepth {
		return nil, fmt.Errorf("schema has more than %d fields or %d levels", maxFields, maxDepth)
	}
	r.left -= n
	if n == 0 {
		return nil, nil
	}
	out := make([]field, n)
	for i := range out {
		tab := r.f.follow(start + 4*i)
		if r.f.bad {
			return nil, errSchema
		}
		if err := r.field(&out[i], tab, depth); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// field reads the Field table at tab (name, nullable, type_type, type, dictionary,
// children).
func (r *schemaReader) field(x *field, tab, depth int) error {
	x.Name, x.Nullable = r.f.name(tab), r.f.u8Field(tab, 1) != 0
	typ := r.f.u8Field(tab, 2)
	if r.f.bad || typ == 0 || int(typ) >= len(typeNames) {
		return fmt.Errorf("%w: field %q has type %d", errSchema, x.Name, typ)
	}
	start, n := r.f.vector(tab, 5, 4)
	kids, err := r.fields(start, n, depth+1)
	if err != nil {
		return err
	}
	x.Type = r.dataType(typ, r.f.sub(tab, 3), kids)
	if d := r.f.sub(tab, 4); d != 0 && x.Type != nil {
		x.dict, kids = r.f.i64Field(d, 0), nil // the dictionary's own
		index := arrow.DataType(arrow.PrimitiveTypes.Int32)
		if t := r.f.sub(d, 1); t != 0 {
			index = intType(r.f, t)
		}
		x.Type = dictionaryOf(index, x.Type)
	}
	if r.f.bad || x.Type == nil {
		return fmt.Errorf("%w: field %q of type %s with %d children", errSchema, x.Name, typeNames[typ], n)
	}
	x.kids = kids
	x.lay()
	return nil
}

// dataType is the type of a Field table, nil if there is no such type; tab is its
// Type table, which types without parameters may lack.
func (r *schemaReader) dataType(typ byte, tab int, kids []field) arrow.DataType {
	switch typ {
	case typeStruct:
		fields := make([]arrow.Field, len(kids))
		for i := range kids {
			fields[i] = kids[i].Field
		}
		return arrow.StructOf(fields...)
	case typeList, typeLargeList, typeListView, typeLargeListView, typeFixedSizeList:
		if len(kids) != 1 {
			return nil
		}
		return listType(r.f, typ, tab, kids[0].Field)
	case typeInt, typeFloat, typeBool, typeNull, typeBinary, typeUtf8, typeLargeBinary, typeLargeUtf8, typeBinaryView, typeUtf8View:
		if len(kids) > 0 {
			return nil
		}
	}
	switch typ {
	case typeInt:
		return intType(r.f, tab)
	case typeFloat:
		return floatType(r.f, tab)
	case typeBool:
		return arrow.FixedWidthTypes.Boolean
	case typeNull:
		return arrow.Null
	case typeBinary:
		return arrow.BinaryTypes.Binary
	case typeUtf8:
		return arrow.BinaryTypes.String
	case typeLargeBinary:
		return arrow.BinaryTypes.LargeBinary
	case typeLargeUtf8:
		return arrow.BinaryTypes.LargeString
	case typeBinaryView:
		return arrow.BinaryTypes.BinaryView
	case typeUtf8View:
		return arrow.BinaryTypes.StringView
	}
	return skip(r.f, typ, tab, r.version)
}

// listType is the type of a list of elements; nil if its size, which a fixed one has in its Type table, is none.
func listType(f *flat, typ byte, tab int, elem arrow.Field) arrow.DataType {
	switch typ {
	case typeList:
		return arrow.ListOfField(elem)
	case typeLargeList:
		return arrow.LargeListOfField(elem)
	case typeListView:
		return arrow.ListViewOfField(elem)
	case typeLargeListView:
		return arrow.LargeListViewOfField(elem)
	}
	if tab == 0 {
		return nil
	}
	if n := f.i32Field(tab, 0); n > 0 {
		return arrow.FixedSizeListOfField(n, elem)
	}
	return nil
}

// integers are the integer types by their width in bits, unsigned and signed.
var integers = [2]map[int32]arrow.DataType{
	{8: arrow.PrimitiveTypes.Uint8, 16: arrow.PrimitiveTypes.Uint16, 32: arrow.PrimitiveTypes.Uint32, 64: arrow.PrimitiveTypes.Uint64},
	{8: arrow.PrimitiveTypes.Int8, 16: arrow.PrimitiveTypes.Int16, 32: arrow.PrimitiveTypes.Int32, 64: arrow.PrimitiveTypes.Int64},
}

// intType reads the Int table at tab (bitWidth, is_signed); nil if there is no
// such integer.
func intType(f *flat, tab int) arrow.DataType {
	if tab == 0 {
		return nil
	}
	return integers[min(f.u8Field(tab, 1), 1)][f.i32Field(tab, 0)]
}

// floatType reads the FloatingPoint table at tab (precision: 0 half, 1 single, 2 double); nil if there is no such number.
func floatType(f *flat, tab int) arrow.DataType {
	precision := uint16(0)
	if tab != 0 {
		precision = f.u16Field(tab, 0)
	}
	switch precision {
	case 0:
		return arrow.FixedWidthTypes.Float16
	case 1:
		return arrow.PrimitiveTypes.Float32
	case 2:
		return arrow.PrimitiveTypes.Float64
	}
	return nil
}

// dictionaryOf is nil if the index is.
func dictionaryOf(index, values arrow.DataType) arrow.DataType {
	if index == nil {
		return nil
	}
	return &arrow.DictionaryType{IndexType: index, ValueType: values}
}

// maxName bounds what is copied for one field's name; shared strings would
// otherwise let a small file ask for maxFields times its size.
const maxName = 1 << 12

func (f *flat) name(tab int) string {
	p, n := f.vector(tab, 0, 1)
	if n > maxName {
		f.bad = true
		return ""
	}
	return string(f.b[p : p+n])
}
