package vision

import (
	"encoding/json"
	"os"
	"strconv"
	"testing"
)

// TestFractions compares positions of whole tiles with those of transformers 5.23 and torch 2.15 for up to 64 patches a side:
// the file has, by side, those that are not 0, 1, 2 and so on.
func TestFractions(t *testing.T) {
	raw, err := os.ReadFile("testdata/idefics3/position_ids.json")
	if err != nil {
		t.Fatal(err)
	}
	var others map[string]map[string]int32
	if err := json.Unmarshal(raw, &others); err != nil {
		t.Fatal(err)
	}
	for side := 1; side <= 64; side++ {
		for i, got := range fractions(side, side) {
			want, ok := others[strconv.Itoa(side)][strconv.Itoa(i)]
			if !ok {
				want = int32(i)
			}
			if got != want {
				t.Errorf("side %d: patch %d has position %d, want %d", side, i, got, want)
			}
		}
	}
}
