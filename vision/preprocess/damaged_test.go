package preprocess

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
)

// TestDamagedJPEG: where every sample comes from the file, pixels are Pillow's; where libjpeg makes some up, and where Pillow refuses, there is an error.
// testdata/damaged/make.py says what is wrong with each file.
func TestDamagedJPEG(t *testing.T) {
	var files map[string]struct {
		Of     string // the sound file
		Pillow *string
	}
	if err := json.Unmarshal(read(t, "damaged/pillow.json"), &files); err != nil {
		t.Fatal(err)
	}
	const lost, early = "an interval is missing", "before the end of the scan"
	refused := map[string]string{
		"length_of_APPn_too_large":  "FF DA comes before the frame header",
		"reserved_marker":           "reserved",
		"second_SOI":                "a second FF D8",
		"DNL_with_another_height":   "given behind the scan (DNL), the frame header says 53",
		"height_too_large":          early,
		"all_restarts_RST0":         "FF D9 where FF D1 restarts: " + lost,
		"restarts_begin_at_1":       "FF D1 where FF D0 restarts: " + lost,
		"restarts_begin_at_7":       early,
		"one_restart_1_or_2_ahead":  lost,
		"one_restart_1_or_2_behind": lost,
		"an_interval_lost":          lost,
		"a_restart_marker_lost":     lost,
		"bytes_removed":             early,
		"bytes_zeroed":              early,
		"cut_off":                   "cut off",
		"cut_off_then_EOI":          early,
		"FF_FF_00_in_coded_data":    early,
	}
	seen := 0
	for file, c := range files {
		m, err := Decode(read(t, "damaged/"+file), 0)
		if want, ok := refused[strings.TrimSuffix(file, ".jpg")]; ok {
			seen++
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want one with %q", file, err, want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		sum := sha256.Sum256(m.Pix)
		want := c.Pillow
		if want == nil { // Pillow needs bits behind the last block: nothing of the picture is missing
			sound := sha256.Sum256(picture(t, "jpeg/"+c.Of).Pix)
			whole := hex.EncodeToString(sound[:8])
			want = &whole
		}
		if got := hex.EncodeToString(sum[:8]); got != *want {
			t.Errorf("%s: pixels %s, want %s", file, got, *want)
		}
	}
	if seen != len(refused) || len(files) < 38 {
		t.Errorf("%d files, %d of %d that are refused", len(files), seen, len(refused))
	}
}
