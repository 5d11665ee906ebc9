package suites

import (
	"encoding/base64"
	"reflect"
	"strings"
	"testing"
)

func TestPictureLists(t *testing.T) {
	a, b := strings.Repeat("QUJD", 20), strings.Repeat("QUJE", 20) // nobody decodes these pictures
	for _, cell := range []string{
		"['" + a + "', '" + b + "']", "['" + a + "','" + b + "',]", "[ '" + a + "' , '" + b + "' ]",
		`"[""` + a + `"", ""` + b + `""]"`, `"['` + a + `', ""` + b + `""]"`,
	} {
		s, err := read("index\tquestion\tanswer\timage\n1\tq\tyes\t"+cell+"\n2\tq\tno\t1\n3\tq\tno\t"+cell+"\n4\tq\tno\t"+a+"\n", Options{})
		if err != nil {
			t.Fatalf("%.20s: %v", cell, err)
		}
		for i, want := range [][]string{{"1", "1#2"}, {"1", "1#2"}, {"1", "1#2"}, {"4"}} {
			if got := s.Items[i].Pictures(); !reflect.DeepEqual(got, want) {
				t.Errorf("row %d: found pictures %q, expected %q", i+1, got, want)
			}
		}
		for key, want := range map[string]string{"1": a, "1#2": b, "4": a} {
			if got, err := s.Picture(key); err != nil || base64.StdEncoding.EncodeToString(got) != want {
				t.Errorf("%.20s, picture %s: found %d bytes, %v", cell, key, len(got), err)
			}
		}
		for _, key := range []string{"1#3", "1#0", "1#", "1#x", "2", "4#2"} {
			if _, err := s.Picture(key); err == nil {
				t.Errorf("found a picture %s", key)
			}
		}
	}
	for cell, want := range map[string]string{
		"['" + a + "', '" + b + "'":                           `expected a list ['..', '..'] of quoted base64`,
		"['" + a + "' '" + b + "']":                           `expected a list`,
		"['" + a + "', " + b + "]":                            `expected a list`,
		"['" + a + "', '12']":                                 `found "12" as picture 2 of a list, expected base64 of more than 64 characters`,
		"['" + a + "', 'x]":                                   `expected a list`,
		"[" + strings.Repeat(" ", 70) + "]":                   `expected a list`,
		"[" + strings.Repeat("'"+a+"',", maxPictures+1) + "]": `found more than 64 pictures`,
	} {
		_, err := read("index\tquestion\tanswer\timage\n1\tq\tyes\t"+cell+"\n", Options{})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `some.tsv:2: column "image": row 1: `) {
			t.Errorf("%.20s: found error %v, expected %q in it", cell, err, want)
		}
		if _, err := read("index\tquestion\tanswer\timage\n1\tq\tyes\t"+cell+"\n", Options{TextOnly: true}); err != nil {
			t.Errorf("%.20s: found error %v though no picture is wanted", cell, err)
		}
	}
	if _, err := read("index\tquestion\tanswer\timage_1\timage_2\n1\tq\tyes\tx\ty\n", Options{}); err == nil || !strings.Contains(err.Error(), `found column "image_1" without "image"`) {
		t.Errorf("found %v", err)
	}
}
