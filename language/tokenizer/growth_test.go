package tokenizer

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// growing is a tokenizer.json of three letters with the given normalizer, pre-tokenizer and decoder.
func growing(normalizer, decoder, added string) string {
	return fmt.Sprintf(`{"added_tokens": [%s], "normalizer": %s, "pre_tokenizer": null, "post_processor": null, "decoder": %s,
		"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "c": 2}, "merges": []}}`, added, normalizer, decoder)
}

// TestTextGrowsWithinBounds: rules that double a text many times over, or put much into it at once, are errors at once.
func TestTextGrowsWithinBounds(t *testing.T) {
	double := strings.Repeat(`{"type": "Replace", "pattern": {"String": "a"}, "content": "aa"},`, 60)
	sixty := `{"type": "Sequence", "normalizers": [` + strings.TrimSuffix(double, ",") + `]}`
	long := strings.Repeat("b", 8<<20)
	prepend := `{"type": "Sequence", "normalizers": [` + strings.TrimSuffix(strings.Repeat(`{"type": "Prepend", "prepend": "`+long[:9000]+`"},`, 60), ",") + `]}`
	for name, text := range map[string]string{
		"doubled sixty times":  growing(sixty, "null", ""),
		"by an expression":     growing(strings.ReplaceAll(sixty, `{"String": "a"}`, `{"Regex": "[ax]"}`), "null", ""),
		"one long replacement": growing(`{"type": "Replace", "pattern": {"String": "a"}, "content": "`+long+`"}`, "null", ""),
		"prepended":            growing(prepend, "null", ""),
	} {
		tok, err := Parse([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		start := time.Now()
		_, err = tok.Encode(strings.Repeat("a", 1000), false)
		if err == nil || !strings.Contains(err.Error(), "the normalizers of tokenizer.json make more than") {
			t.Errorf("%s: error %v, want one about its normalizers", name, err)
		}
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("%s: took %v", name, d)
		}
	}
	for name, c := range map[string]struct{ text, want string }{
		"an added token": {growing(sixty, "null", `{"id": 3, "content": "aa", "normalized": true}`), "normalizers of tokenizer.json"},
		"a decoder":      {growing("null", strings.ReplaceAll(sixty, "normalizers", "decoders"), ""), "decoder: its rules"},
		"a long decoder": {growing("null", `{"type": "Replace", "pattern": {"Regex": "a"}, "content": "`+long+`"}`, ""), "decoder: its rules"},
		"a mark of many letters": {strings.Replace(growing("null", "null", ""), `"pre_tokenizer": null`,
			`"pre_tokenizer": {"type": "Metaspace", "replacement": "aaaa", "prepend_scheme": "always"}`, 1), "one character expected"},
	} {
		if _, err := Parse([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}

// TestUsualGrowthIsRead: what published tokenizers do to a text stays within the bounds.
func TestUsualGrowthIsRead(t *testing.T) {
	tok, err := Parse([]byte(growing(`{"type": "Sequence", "normalizers": [{"type": "NFKD"}, {"type": "Prepend", "prepend": "c"},
		{"type": "Replace", "pattern": {"String": " "}, "content": "abc"}]}`, `{"type": "Replace", "pattern": {"String": "c"}, "content": "▁▁"}`, "")))
	if err != nil {
		t.Fatal(err)
	}
	ids, err := tok.Encode(strings.Repeat(" ", 100000), false)
	if err != nil || len(ids) != 300001 {
		t.Errorf("%d ids, %v, want 300001", len(ids), err)
	}
}
