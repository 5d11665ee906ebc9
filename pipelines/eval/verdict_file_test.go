package eval

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"moslava/pipelines/eval/protocols"
)

func TestBadVerdictFiles(t *testing.T) {
	good, err := json.Marshal(protocols.Verdict{ID: 1, Suite: "s", Protocol: "p"})
	if err != nil {
		t.Fatal(err)
	}
	g := string(good)
	for _, c := range []struct{ text, want string }{
		{g + "\n" + g + "\n", "v:2: found a second verdict on item 1"},
		{"{}\n", "v:1: found a verdict without suite"},
		{g + "\n\n", "v:2: found no verdict"},
		{`{"id":1,"colour":2}` + "\n", "v:1"},
	} {
		if _, _, err := readVerdicts("v", strings.NewReader(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: found %v, expected %q", c.text, err, c.want)
		}
	}
	vs, whole, err := readVerdicts("v", strings.NewReader(g+"\n"+g))
	if err != nil || len(vs) != 1 || whole != int64(len(g)+1) {
		t.Errorf("found %d verdicts, %d bytes, %v", len(vs), whole, err)
	}
}

func FuzzReadVerdicts(f *testing.F) {
	f.Add([]byte(`{"id":1,"suite":"s","protocol":"p"}` + "\n" + `{"id":`))
	f.Add([]byte("\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, whole, err := readVerdicts("v", bytes.NewReader(b))
		if err == nil && whole > int64(len(b)) {
			t.Errorf("found %d whole bytes of %d", whole, len(b))
		}
	})
}
