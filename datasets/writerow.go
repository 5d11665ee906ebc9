package datasets

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"unicode/utf8"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
)

// A layout is which columns there are.
type layout struct {
	kind    Features
	weights bool
}

// newSchema is the Arrow schema of each layout. Its metadata holds what
// datasets calls the columns' features, under the key it looks them up by.
func newSchema(l layout) (*arrow.Schema, error) {
	info, err := json.Marshal(map[string]any{"info": map[string]any{"features": features(l)}})
	if err != nil {
		return nil, err
	}
	meta := arrow.NewMetadata([]string{"huggingface"}, []string{string(info)})
	column := func(name string, t arrow.DataType) arrow.Field {
		return arrow.Field{Name: name, Type: t, Nullable: true}
	}
	text := arrow.BinaryTypes.String
	turns := func(who, what string) arrow.DataType {
		fields := []arrow.Field{column(who, text), column(what, text)}
		if l.weights {
			fields = append(fields, column("weight", arrow.PrimitiveTypes.Int64))
		}
		return arrow.ListOf(arrow.StructOf(fields...))
	}
	picture := arrow.StructOf(column("bytes", arrow.BinaryTypes.Binary), column("path", text))
	if l.kind == Messages {
		return arrow.NewSchema([]arrow.Field{
			column("id", text), column("images", arrow.ListOf(picture)), column("messages", turns("role", "content")),
		}, &meta), nil
	}
	return arrow.NewSchema([]arrow.Field{
		column("id", text), column("image", picture), column("conversations", turns("from", "value")),
	}, &meta), nil
}

// features are the columns as datasets describes them. A list of features is
// written as a JSON list of its element: every version of datasets reads that,
// while older ones do not know "List", nor the newest "Sequence".
func features(l layout) map[string]any {
	value := map[string]any{"dtype": "string", "_type": "Value"}
	picture := map[string]any{"_type": "Image"}
	turn := map[string]any{"from": value, "value": value}
	if l.kind == Messages {
		turn = map[string]any{"role": value, "content": value}
	}
	if l.weights {
		turn["weight"] = map[string]any{"dtype": "int64", "_type": "Value"}
	}
	if l.kind == Messages {
		return map[string]any{"id": value, "images": []any{picture}, "messages": []any{turn}}
	}
	return map[string]any{"id": value, "image": picture, "conversations": []any{turn}}
}

// maxSample bounds the bytes of one sample, so that a record batch stays below the
// 2 GiB that its offsets can count: arrow's builders do not look.
const maxSample = 1 << 30

// turnSize is what a turn takes besides its text, generously: its speaker, offsets.
const turnSize = 32

// checkRow refuses what the columns cannot hold, before any of it is appended,
// and tells the sample's size in bytes, or a little more.
func checkRow(l layout, s *Sample) (size int, err error) {
	if s.Text != "" {
		return 0, fmt.Errorf("sample %q is a text to be learnt whole, expected turns: the columns have no place for it", s.Origin)
	}
	ps := s.Pictures
	if len(ps) > 1 && l.kind == Conversations {
		return 0, fmt.Errorf("sample %q has %d pictures, one is expected: the columns images and messages hold them (moslava convert --messages)", s.ID, len(ps))
	}
	if !utf8.ValidString(s.ID) {
		return 0, fmt.Errorf("id %q is not UTF-8", s.ID)
	}
	size = len(s.ID)
	for i, t := range s.Turns {
		if roles[t.From] == "" {
			return 0, fmt.Errorf("sample %q: turn %d is from %q, expected %s, %s or %s", s.ID, i, t.From, Human, GPT, System)
		}
		if !utf8.ValidString(t.Value) {
			return 0, fmt.Errorf("sample %q: turn %d is not UTF-8", s.ID, i)
		}
		if t.Context && !l.weights {
			return 0, fmt.Errorf("sample %q: turn %d is context, and the columns have no weights", s.ID, i)
		}
		size += len(t.Value) + turnSize
	}
	for i, p := range ps {
		if len(p.Bytes) == 0 || !utf8.ValidString(p.Path) {
			return 0, fmt.Errorf("sample %q: picture %d has %d bytes and path %q", s.ID, i, len(p.Bytes), p.Path)
		}
		size += len(p.Bytes) + len(p.Path)
	}
	if size > maxSample {
		return 0, fmt.Errorf("sample %q has %d bytes, the limit is %d", s.ID, size, maxSample)
	}
	return size, nil
}

// roles are what messages call the speakers.
var roles = map[string]string{Human: "user", GPT: "assistant", System: "system"}

// appendRow puts a checked sample into the columns of newSchema.
func appendRow(l layout, cols []array.Builder, s *Sample) {
	appendText(cols[0].(*array.StringBuilder), s.ID)
	ps := s.Pictures
	if l.kind == Messages {
		list := cols[1].(*array.ListBuilder)
		list.Append(true)
		for _, p := range ps {
			appendPicture(list.ValueBuilder().(*array.StructBuilder), p)
		}
	} else if picture := cols[1].(*array.StructBuilder); len(ps) == 0 {
		picture.AppendNull()
	} else {
		appendPicture(picture, ps[0])
	}
	list := cols[2].(*array.ListBuilder)
	list.Append(true)
	turn := list.ValueBuilder().(*array.StructBuilder)
	for _, t := range s.Turns {
		from := t.From
		if l.kind == Messages {
			from = roles[from]
		}
		turn.Append(true)
		turn.FieldBuilder(0).(*array.StringBuilder).Append(from)
		turn.FieldBuilder(1).(*array.StringBuilder).Append(t.Value)
		if !l.weights {
			continue
		}
		if weight := turn.FieldBuilder(2).(*array.Int64Builder); t.Context {
			weight.Append(0)
		} else {
			weight.AppendNull()
		}
	}
}

func appendPicture(b *array.StructBuilder, p Picture) {
	if filepath.IsAbs(p.Path) { // says nothing on another machine
		p.Path = filepath.Base(p.Path)
	}
	b.Append(true)
	b.FieldBuilder(0).(*array.BinaryBuilder).Append(p.Bytes)
	appendText(b.FieldBuilder(1).(*array.StringBuilder), p.Path)
}

// appendText appends a string, the empty one as null.
func appendText(b *array.StringBuilder, s string) {
	if s == "" {
		b.AppendNull()
	} else {
		b.Append(s)
	}
}
