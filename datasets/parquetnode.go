package datasets

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
)

// A parquetNode is a column, or a part of one, as far as it is read. How nested values lie in levels of repetition and
// definition is in Parquet's specification (Nested Encoding) and in Dremel (Melnik and others, 2010).
type parquetNode struct {
	name     string
	leaf     int // number of the column, -1 of a group
	text     bool
	list     bool // a group around a repeated one
	repeated bool
	rep, def int // levels at which it repeats and is there
	kids     []*parquetNode
}

func isText(c *parquet.Column) bool {
	if t := c.Type().LogicalType(); t != nil {
		return slices.Contains([]string{"STRING", "JSON", "ENUM"}, t.String())
	}
	t := c.Type().ConvertedType()
	return t != nil && slices.Contains([]deprecated.ConvertedType{deprecated.UTF8, deprecated.Json, deprecated.Enum}, *t)
}

// isList says whether a group is a list: by its annotation, or by holding one repeated child.
func isList(c *parquet.Column) bool {
	kids := c.Columns()
	return !c.Leaf() && len(kids) == 1 && kids[0].Repeated()
}

// element is what a list's repeated child holds: its only child, as everybody writes it today, or itself.
func element(c *parquet.Column) *parquet.Column {
	if kids := c.Columns(); !c.Leaf() && len(kids) == 1 && (c.Name() == "list" || c.Name() == "bag" || c.Name() == "array") {
		return kids[0]
	}
	return c
}

// arrowSchema describes the columns as Arrow's, so that they are checked as those are.
func arrowSchema(root *parquet.Column) (*arrow.Schema, error) {
	var fields []arrow.Field
	for _, c := range root.Columns() {
		fields = append(fields, arrow.Field{Name: c.Name(), Type: arrowType(c, 0), Nullable: true})
		if fields[len(fields)-1].Type == nil {
			return nil, fmt.Errorf("column %s is nested too deep", c.Name())
		}
	}
	return arrow.NewSchema(fields, nil), nil
}

func arrowType(c *parquet.Column, depth int) arrow.DataType {
	switch {
	case depth > 32:
		return nil
	case isList(c):
		return listOf(elementType(c.Columns()[0], depth))
	case c.Repeated():
		return listOf(single(c, depth))
	}
	return single(c, depth)
}

// elementType is the type of what a list's repeated child holds.
func elementType(c *parquet.Column, depth int) arrow.DataType {
	if e := element(c); e != c {
		return arrowType(e, depth+1)
	}
	return single(c, depth+1)
}

func listOf(t arrow.DataType) arrow.DataType {
	if t == nil {
		return nil
	}
	return arrow.ListOf(t)
}

// single is the type of one value of a column.
func single(c *parquet.Column, depth int) arrow.DataType {
	if !c.Leaf() {
		var fields []arrow.Field
		for _, k := range c.Columns() {
			t := arrowType(k, depth+1)
			if t == nil {
				return nil
			}
			fields = append(fields, arrow.Field{Name: k.Name(), Type: t, Nullable: true})
		}
		return arrow.StructOf(fields...)
	}
	if logical := c.Type().LogicalType(); logical != nil && logical.String() == "NULL" {
		return arrow.Null
	}
	switch c.Type().Kind() {
	case parquet.Boolean:
		return arrow.FixedWidthTypes.Boolean
	case parquet.Int32, parquet.Int64:
		return arrow.PrimitiveTypes.Int64
	case parquet.Float:
		return arrow.PrimitiveTypes.Float32
	case parquet.Double:
		return arrow.PrimitiveTypes.Float64
	case parquet.ByteArray:
		if isText(c) {
			return arrow.BinaryTypes.String
		}
		return arrow.BinaryTypes.Binary
	}
	return &arrow.FixedSizeBinaryType{ByteWidth: 1}
}

// newParquetNode is the part of a column that is read, or nil.
func newParquetNode(c *parquet.Column, l *level, opt *Options) *parquetNode {
	n := &parquetNode{name: c.Name(), leaf: -1, repeated: c.Repeated(), rep: c.MaxRepetitionLevel(), def: c.MaxDefinitionLevel()}
	switch {
	case c.Leaf():
		n.leaf, n.text = c.Index(), isText(c)
		return n
	case isList(c):
		n.list = true
		repeated := c.Columns()[0]
		e := newParquetNode(repeated, l, opt)
		if inner := element(repeated); inner != repeated {
			e = &parquetNode{name: repeated.Name(), leaf: -1, list: true, repeated: true,
				rep: repeated.MaxRepetitionLevel(), def: repeated.MaxDefinitionLevel()}
			if k := newParquetNode(inner, l, opt); k != nil {
				e.kids = []*parquetNode{k}
			}
		}
		if e == nil || e.leaf < 0 && len(e.kids) == 0 {
			return nil
		}
		n.kids = []*parquetNode{e}
		return n
	}
	for _, k := range c.Columns() {
		if !wanted(l, k.Name(), opt) {
			continue
		}
		if kid := newParquetNode(k, l.keys[k.Name()].inside, opt); kid != nil {
			n.kids = append(n.kids, kid)
		}
	}
	if len(n.kids) == 0 {
		return nil
	}
	return n
}

func (n *parquetNode) leaves() []int {
	if n.leaf >= 0 {
		return []int{n.leaf}
	}
	var out []int
	for _, k := range n.kids {
		out = append(out, k.leaves()...)
	}
	return out
}

// leaves are the numbers of all columns below c.
func leaves(c *parquet.Column) []int {
	if c.Leaf() {
		return []int{c.Index()}
	}
	var out []int
	for _, k := range c.Columns() {
		out = append(out, leaves(k)...)
	}
	return out
}

// value puts a node together from the values of its leaves.
func (n *parquetNode) value(values map[int][]parquet.Value) any {
	if n.repeated {
		return n.elements(values)
	}
	return n.one(values)
}

func (n *parquetNode) one(values map[int][]parquet.Value) any {
	first := values[n.leaves()[0]]
	if len(first) == 0 || first[0].DefinitionLevel() < n.def {
		return nil
	}
	switch {
	case n.leaf >= 0:
		return n.scalar(first[0])
	case n.list && n.repeated: // an element inside its group
		return n.kids[0].value(values)
	case n.list:
		return n.kids[0].elements(values)
	}
	o := &object{}
	for _, k := range n.kids {
		o.fields = append(o.fields, field{k.name, k.value(values)})
	}
	return o
}

// elements cuts the values of a repeated node where it begins again.
func (n *parquetNode) elements(values map[int][]parquet.Value) any {
	list := []any{}
	rest := map[int][]parquet.Value{}
	ids := n.leaves()
	for _, id := range ids {
		rest[id] = values[id]
	}
	for {
		if first := rest[ids[0]]; len(first) == 0 || first[0].DefinitionLevel() < n.def {
			return list
		}
		part := map[int][]parquet.Value{}
		for _, id := range ids {
			v, k := rest[id], 1
			for k < len(v) && v[k].RepetitionLevel() > n.rep {
				k++
			}
			k = min(k, len(v))
			part[id], rest[id] = v[:k], v[k:]
		}
		list = append(list, n.one(part))
	}
}

func (n *parquetNode) scalar(v parquet.Value) any {
	switch v.Kind() {
	case parquet.Boolean:
		return v.Boolean()
	case parquet.Int32:
		return number(strconv.FormatInt(int64(v.Int32()), 10))
	case parquet.Int64:
		return number(strconv.FormatInt(v.Int64(), 10))
	case parquet.Float:
		return number(strconv.FormatFloat(float64(v.Float()), 'g', -1, 32))
	case parquet.Double:
		return number(strconv.FormatFloat(v.Double(), 'g', -1, 64))
	}
	if n.text {
		return string(v.ByteArray())
	}
	return v.ByteArray()
}

// notEOF is err unless it is the end.
func notEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
