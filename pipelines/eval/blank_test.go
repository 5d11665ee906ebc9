package eval

import (
	"strings"
	"testing"
)

func TestBlankRefusesHugePictures(t *testing.T) {
	gif := []byte("GIF89a\xff\xff\xff\xff\x00\x00\x00;")
	if _, err := blank(gif); err == nil || !strings.Contains(err.Error(), "65535 x 65535") {
		t.Errorf("found %v, expected a refusal", err)
	}
}
