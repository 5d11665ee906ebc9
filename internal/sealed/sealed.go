// Package sealed writes records as JSON with a hash of themselves, so that a flipped bit anywhere in such a file is noticed.
package sealed

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
)

// ErrNone is the error of a record without a hash: an earlier version wrote it.
var ErrNone = errors.New("the record has no hash of itself: an earlier version wrote it")

// Encode is v as JSON, indented, with a line end. seal puts a text into the field of v that is for the hash; that of the record is the
// SHA-256 of its JSON, without blanks, while the field is empty.
func Encode(v any, indent string, seal func(string)) ([]byte, error) {
	seal("")
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(b)
	seal(hex.EncodeToString(sum[:]))
	b, err = json.MarshalIndent(v, "", indent)
	return append(b, '\n'), err
}

// Check compares the text of a file with the record v that was read from it, whose hash is got. v is as before afterwards. The text has
// to be what Encode writes, to the byte: names that differ in case alone decode to the same record, and no other program is to write these files.
func Check(text []byte, v any, indent, got string, seal func(string)) error {
	if got == "" {
		return ErrNone
	}
	want, err := Encode(v, indent, seal)
	seal(got)
	if err == nil && !bytes.Equal(text, want) {
		err = fmt.Errorf("is not what was written, by its own hash %.12s...: it was damaged, or edited", got)
	}
	return err
}
