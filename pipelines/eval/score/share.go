package score

import (
	"encoding/json"
	"strconv"

	"moslava/internal/pytext"
)

// NotKnown is the value of a Count or a Share that was not measured; JSON has null.
const NotKnown = -1

// Count is a number of passes, or NotKnown.
type Count int

// Share is a fraction, or NotKnown.
type Share float64

// MarshalJSON implements json.Marshaler.
func (c Count) MarshalJSON() ([]byte, error) { return known(int(c), c == NotKnown) }

// MarshalJSON implements json.Marshaler.
func (s Share) MarshalJSON() ([]byte, error) { return known(float64(s), s == NotKnown) }

func known(v any, not bool) ([]byte, error) {
	if not {
		return []byte("null"), nil
	}
	return json.Marshal(v)
}

// UnmarshalJSON implements json.Unmarshaler.
func (c *Count) UnmarshalJSON(b []byte) error {
	*c = NotKnown
	return unlessNull(b, (*int)(c))
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *Share) UnmarshalJSON(b []byte) error {
	*s = NotKnown
	return unlessNull(b, (*float64)(s))
}

func unlessNull(b []byte, to any) error {
	if string(b) == "null" {
		return nil
	}
	return json.Unmarshal(b, to)
}

// python is the share as Python writes it, empty if it is not known.
func (s Share) python() string {
	if s == NotKnown {
		return ""
	}
	return pytext.Repr(float64(s))
}

// Percent is the share in per cent with one digit, "-" if it is not known.
func (s Share) Percent() string {
	if s == NotKnown {
		return "-"
	}
	return strconv.FormatFloat(100*float64(s), 'f', 1, 64)
}
