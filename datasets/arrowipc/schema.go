package arrowipc

import (
	"errors"
	"fmt"
)

// Kind is what a column holds, as far as this package reads values out of it.
type Kind uint8

const (
	Opaque Kind = iota // any other type: skipped over, never read
	Null
	Int
	Bytes // string, binary and their large and view forms, dictionary-encoded or not
	Struct
	List // list and large_list
)

// A Field is one column of the schema, or a child of one.
type Field struct {
	Name     string
	Kind     Kind
	Type     string // the Arrow type's name, for messages
	Children []Field

	typ    byte // Schema.fbs: union Type
	mode   uint16
	bits   int32 // Int: width of a value
	signed bool
	dict   *dictionary
}

type dictionary struct {
	id     int64
	bits   int32 // of an index
	signed bool
}

// Child is the index of the child called name, or -1.
func (f *Field) Child(name string) int {
	for i := range f.Children {
		if f.Children[i].Name == name {
			return i
		}
	}
	return -1
}

// The members of Schema.fbs's union Type that are told apart here.
const (
	typeNull            = 1
	typeInt             = 2
	typeBinary          = 4
	typeUtf8            = 5
	typeList            = 12
	typeStruct          = 13
	typeUnion           = 14
	typeFixedSizeList   = 16
	typeMap             = 17
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

var typeNames = [...]string{"none", "null", "int", "float", "binary", "string", "bool", "decimal", "date", "time",
	"timestamp", "interval", "list", "struct", "union", "fixed_size_binary", "fixed_size_list", "map", "duration",
	"large_binary", "large_string", "large_list", "run_end_encoded", "binary_view", "string_view", "list_view", "large_list_view"}

var errSchema = errors.New("corrupt schema")

// readSchema reads the Schema table at tab (Schema.fbs: endianness, fields).
func readSchema(f *flat, tab int) ([]Field, error) {
	if f.u16Field(tab, 0) != 0 {
		return nil, errors.New("values are big-endian, expected little-endian")
	}
	start, n := f.vector(tab, 1, 4)
	left := maxFields
	fields, err := readFields(f, start, n, 0, &left)
	if err == nil && f.bad {
		err = errSchema
	}
	return fields, err
}

// readFields reads n Field tables. left bounds the number of fields of the whole
// schema: children may share bytes, so the size of the buffer bounds nothing.
func readFields(f *flat, start, n, depth int, left *int) ([]Field, error) {
	if n > *left || depth > maxDepth {
		return nil, fmt.Errorf("schema has more than %d fields or %d levels", maxFields, maxDepth)
	}
	*left -= n
	if n == 0 {
		return nil, nil
	}
	fields := make([]Field, n)
	for i := range fields {
		tab := f.follow(start + 4*i)
		if f.bad {
			return nil, errSchema
		}
		x := &fields[i]
		x.Name = f.name(tab)
		x.typ = f.u8Field(tab, 2)
		if f.bad || x.typ == 0 || int(x.typ) >= len(typeNames) {
			return nil, fmt.Errorf("%w: field %q has type %d", errSchema, x.Name, x.typ)
		}
		x.Type = typeNames[x.typ]
		readType(f, x, f.sub(tab, 3))
		if d := f.sub(tab, 4); d != 0 {
			x.dict = &dictionary{id: f.i64Field(d, 0), bits: 32, signed: true}
			if t := f.sub(d, 1); t != 0 {
				x.dict.bits, x.dict.signed = f.i32Field(t, 0), f.u8Field(t, 1) != 0
			}
		}
		kids, k := f.vector(tab, 5, 4)
		var err error
		if x.Children, err = readFields(f, kids, k, depth+1, left); err != nil {
			return nil, err
		}
		if f.bad {
			return nil, errSchema
		}
		x.Kind = x.kind()
		if (x.Kind == List && k != 1) || (x.dict != nil && !validIndex(x.dict.bits)) || (x.Kind == Int && !validIndex(x.bits)) {
			return nil, fmt.Errorf("%w: field %q of type %s", errSchema, x.Name, x.Type)
		}
	}
	return fields, nil
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

func readType(f *flat, x *Field, tab int) {
	if tab == 0 {
		return
	}
	switch x.typ {
	case typeInt:
		x.bits, x.signed = f.i32Field(tab, 0), f.u8Field(tab, 1) != 0
	case typeUnion:
		x.mode = f.u16Field(tab, 0)
	}
}

func validIndex(bits int32) bool { return bits == 8 || bits == 16 || bits == 32 || bits == 64 }

func (x *Field) kind() Kind {
	switch x.typ {
	case typeNull:
		return Null
	case typeInt:
		if x.dict == nil {
			return Int
		}
	case typeBinary, typeUtf8, typeLargeBinary, typeLargeUtf8, typeBinaryView, typeUtf8View:
		return Bytes
	case typeStruct:
		if x.dict == nil {
			return Struct
		}
	case typeList, typeLargeList:
		if x.dict == nil {
			return List
		}
	}
	return Opaque
}

// buffers is how many buffers the field has in a record batch, children and the
// data buffers of a view apart (Arrow columnar format 1.4, "Buffer listing").
func (x *Field) buffers(version uint16) int {
	if x.dict != nil {
		return 2
	}
	switch x.typ {
	case typeNull, typeRunEndEncoded:
		return 0
	case typeStruct, typeFixedSizeList:
		return 1
	case typeUnion:
		n := 1 + int(x.mode&1) // types, and offsets when dense
		if version == metadataV4 {
			n++ // validity, which V5 removed
		}
		return n
	case typeBinary, typeUtf8, typeLargeBinary, typeLargeUtf8, typeListView, typeLargeListView:
		return 3
	}
	return 2
}

func (x *Field) isView() bool { return x.typ == typeBinaryView || x.typ == typeUtf8View }

func (x *Field) offsetWidth() int64 {
	switch x.typ {
	case typeLargeBinary, typeLargeUtf8, typeLargeList:
		return 8
	}
	return 4
}
