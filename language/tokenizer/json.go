package tokenizer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// JSON is the tokenizer.json of t: the bytes that were read, with added_tokens rewritten if AddSpecial or Add changed
// them.
func (t *Tokenizer) JSON() ([]byte, error) {
	list := t.added.Load().list
	start, end, err := fieldRange(t.source, "added_tokens")
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	var read []AddedToken
	if start < end {
		if err := json.Unmarshal(t.source[start:end], &read); err != nil {
			return nil, fmt.Errorf("tokenizer: added_tokens: %w", err)
		}
	}
	if slices.Equal(read, list) {
		return bytes.Clone(t.source), nil
	}
	text, err := marshalPlain(list, "  ")
	if err != nil {
		return nil, fmt.Errorf("tokenizer: added_tokens: %w", err)
	}
	if start == end { // the file had none: they become its first field
		brace := bytes.IndexByte(t.source, '{') + 1
		text = append(append([]byte("\n  \"added_tokens\": "), text...), ',')
		start, end = brace, brace
	}
	out := make([]byte, 0, len(t.source)+len(text))
	out = append(append(out, t.source[:start]...), text...)
	return append(out, t.source[end:]...), nil
}

// marshalPlain is json.MarshalIndent that leaves < > & as they are.
func marshalPlain(v any, prefix string) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent(prefix, "  ")
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// fieldRange is the byte range of the value of a top-level field of a JSON object, empty if the field is absent. The
// last one counts when it occurs twice, as for encoding/json.
func fieldRange(object []byte, field string) (start, end int, err error) {
	d := json.NewDecoder(bytes.NewReader(object))
	if _, err := d.Token(); err != nil { // {
		return 0, 0, err
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return 0, 0, err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return 0, 0, err
		}
		if key == field {
			end = int(d.InputOffset())
			start = end - len(value)
		}
	}
	return start, end, nil
}
