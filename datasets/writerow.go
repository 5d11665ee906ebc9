package datasets

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"unicode/utf8"

	"moslava/datasets/arrowipc"
)

// columns are the columns of each kind of Features and, for dataset_info.json
// and the schema, what datasets calls their features. A list of features is
// written as a JSON list of its element: every version of datasets reads that,
// while older ones do not know "List", nor the newest "Sequence".
func columns(kind Features) (fields []arrowipc.Field, features map[string]any) {
	value := map[string]any{"dtype": "string", "_type": "Value"}
	picture := map[string]any{"_type": "Image"}
	pair := func(a, b string) arrowipc.Field {
		return arrowipc.StructOf("", arrowipc.String(a), arrowipc.String(b))
	}
	image := arrowipc.StructOf("image", arrowipc.Binary("bytes"), arrowipc.String("path"))
	if kind == Messages {
		return []arrowipc.Field{
				arrowipc.String("id"), arrowipc.ListOf("images", image), arrowipc.ListOf("messages", pair("role", "content")),
			}, map[string]any{
				"id": value, "images": []any{picture}, "messages": []any{map[string]any{"role": value, "content": value}},
			}
	}
	return []arrowipc.Field{
			arrowipc.String("id"), image, arrowipc.ListOf("conversations", pair("from", "value")),
		}, map[string]any{
			"id": value, "image": picture, "conversations": []any{map[string]any{"from": value, "value": value}},
		}
}

// schemaInfo is the value of the schema's metadata key "huggingface".
func schemaInfo(features map[string]any) (string, error) {
	b, err := json.Marshal(map[string]any{"info": map[string]any{"features": features}})
	return string(b), err
}

// maxSample bounds the text and pictures of one sample, so that a record batch
// stays below the 2 GiB that its offsets can count.
const maxSample = 1 << 30

// checkRow refuses what the columns cannot hold, before any of it is appended,
// and tells the sample's size in bytes.
func checkRow(kind Features, s *Sample) (size int, err error) {
	ps := s.Pictures()
	if len(ps) > 1 && kind == Conversations {
		return 0, fmt.Errorf("sample %q has %d pictures, one is expected: write it with the features Messages", s.ID, len(ps))
	}
	if !utf8.ValidString(s.ID) {
		return 0, fmt.Errorf("id %q is not UTF-8", s.ID)
	}
	for i, t := range s.Turns {
		if roles[t.From] == "" {
			return 0, fmt.Errorf("sample %q: turn %d is from %q, expected %s, %s or %s", s.ID, i, t.From, Human, GPT, System)
		}
		if !utf8.ValidString(t.Value) {
			return 0, fmt.Errorf("sample %q: turn %d is not UTF-8", s.ID, i)
		}
		size += len(t.Value)
	}
	for i, p := range ps {
		if len(p.Bytes) == 0 || !utf8.ValidString(p.Path) {
			return 0, fmt.Errorf("sample %q: picture %d has %d bytes and path %q", s.ID, i, len(p.Bytes), p.Path)
		}
		size += len(p.Bytes)
	}
	if size > maxSample {
		return 0, fmt.Errorf("sample %q has %d bytes, the limit is %d", s.ID, size, maxSample)
	}
	return size, nil
}

// roles are what messages call the speakers.
var roles = map[string]string{Human: "user", GPT: "assistant", System: "system"}

// appendRow puts a checked sample into the columns.
func appendRow(kind Features, cols []*arrowipc.Builder, s *Sample) {
	appendText(cols[0], s.ID)
	ps := s.Pictures()
	switch {
	case kind == Messages:
		cols[1].AppendList(len(ps))
		for _, p := range ps {
			appendPicture(cols[1].Child(0), p)
		}
	case len(ps) == 0:
		cols[1].AppendNull()
	default:
		appendPicture(cols[1], ps[0])
	}
	cols[2].AppendList(len(s.Turns))
	turn := cols[2].Child(0)
	for _, t := range s.Turns {
		from := t.From
		if kind == Messages {
			from = roles[from]
		}
		turn.AppendStruct()
		turn.Child(0).AppendString(from)
		turn.Child(1).AppendString(t.Value)
	}
}

func appendPicture(b *arrowipc.Builder, p Picture) {
	if filepath.IsAbs(p.Path) { // says nothing on another machine
		p.Path = filepath.Base(p.Path)
	}
	b.AppendStruct()
	b.Child(0).AppendBytes(p.Bytes)
	appendText(b.Child(1), p.Path)
}

// appendText appends a string, the empty one as null.
func appendText(b *arrowipc.Builder, s string) {
	if s == "" {
		b.AppendNull()
	} else {
		b.AppendString(s)
	}
}
