package checkpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"moslava/internal/atomicfile"
	"moslava/internal/infile"
)

// maxJSON bounds the JSON files that are read, in bytes. The largest ones,
// tokenizers, have some 30 MB.
const maxJSON = 256 << 20

// ReadJSON reads the JSON file of that name in dir into v, as json.Unmarshal
// does: fields v does not know are passed over. Errors name the file, and the
// line and field if there is one; a missing file is fs.ErrNotExist.
func ReadJSON(dir, file string, v any) error {
	path := filepath.Join(dir, file)
	text, err := infile.Read(path, maxJSON)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("%s: %w", path, explain(text, err))
	}
	return nil
}

// explain adds the place to an error of json.Unmarshal.
func explain(text []byte, err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("line %d: %w", line(text, syntax.Offset), err)
	}
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		field := kind.Field
		if field == "" {
			field = "the value"
		}
		return fmt.Errorf("line %d: %s is a %s, want %s: %w", line(text, kind.Offset), field, kind.Value, kind.Type, err)
	}
	return err
}

// line returns the number of the line, from 1, that holds the byte in front of
// offset.
func line(text []byte, offset int64) int {
	before := text[:min(max(offset-1, 0), int64(len(text)))]
	return 1 + bytes.Count(before, []byte{'\n'})
}

// WriteJSON writes v to the file of that name in dir, in one step, laid out as
// transformers does it: indented by two blanks, with a newline at the end.
func WriteJSON(dir, file string, v any) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Join(dir, file), err)
	}
	return atomicfile.WriteBytes(filepath.Join(dir, file), buf.Bytes())
}
