package sealed

import (
	"encoding/json"
	"errors"
	"testing"
)

type record struct {
	Name  string            `json:"name"`
	Count int               `json:"count,omitempty"`
	Loss  float64           `json:"loss"`
	Files map[string]string `json:"files"`
	Raw   json.RawMessage   `json:"raw"`
	Sum   string            `json:"sum,omitempty"`
}

// TestEveryBit: whatever bit of a record flips, it is no longer read.
func TestEveryBit(t *testing.T) {
	made := &record{Name: "näme <&>", Count: 3, Loss: 0.1, Files: map[string]string{"b": "2", "a": "1"}, Raw: json.RawMessage(`{"z":[1,2.50],"y":{}}`)}
	text, err := Encode(made, "  ", func(s string) { made.Sum = s })
	if err != nil {
		t.Fatal(err)
	}
	read := func(b []byte) error {
		r := new(record)
		if err := json.Unmarshal(b, r); err != nil {
			return err
		}
		before := r.Sum
		err := Check(b, r, "  ", r.Sum, func(s string) { r.Sum = s })
		if r.Sum != before {
			t.Fatalf("the hash of the record has become %q", r.Sum)
		}
		return err
	}
	if err := read(text); err != nil {
		t.Fatal(err)
	}
	for i := range text {
		for bit := range 8 {
			text[i] ^= 1 << bit
			if err := read(text); err == nil {
				t.Errorf("bit %d of byte %d, %q, makes no difference", bit, i, text)
			}
			text[i] ^= 1 << bit
		}
	}
	if err := read([]byte(`{"name": "x", "loss": 1, "files": {}, "raw": 1}`)); !errors.Is(err, ErrNone) {
		t.Errorf("a record without a hash: %v", err)
	}
}
