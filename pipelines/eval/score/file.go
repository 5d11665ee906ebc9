package score

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"moslava/internal/atomicfile"
	"moslava/internal/infile"
	"moslava/internal/sealed"
)

// Names of a result in the directory of a suite that was asked.
const (
	ResultFile     = "result.json" // WriteJSON
	AccuraciesFile = "acc.csv"     // WriteCSV; of a suite without answers there is none
)

// WriteJSON writes the result as indented JSON, whole or not at all.
func (r *Result) WriteJSON(path string) error {
	b, err := sealed.Encode(r, resultIndent, r.seal)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return atomicfile.WriteBytes(path, b)
}

const resultIndent = "  "

func (r *Result) seal(sum string) { r.Sum = sum }

// ReadResult reads what WriteJSON wrote. Unknown fields are errors.
func ReadResult(path string) (*Result, error) {
	text, err := infile.Read(path, 64<<20)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	var r Result
	if err := dec.Decode(&r); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := sealed.Check(text, &r, resultIndent, r.Sum, r.seal); err != nil && !errors.Is(err, sealed.ErrNone) {
		return nil, fmt.Errorf("%s %w", path, err)
	}
	return &r, nil
}
