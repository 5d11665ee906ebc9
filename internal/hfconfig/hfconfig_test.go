package hfconfig

import (
	"errors"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	n := Neutral{"alibi": Off, "logit_scale": Unit, "quantization_config": Never}.Plus(Neutral{"num_experts": Few})
	for raw, want := range map[string]string{
		`{}`: "",
		`{"alibi":false,"logit_scale":1,"quantization_config":null,"num_experts":0,"other":7}`: "",
		`{"alibi":true}`:         "alibi is true, which is not supported",
		`{"logit_scale":0.0625}`: "logit_scale is 0.0625, which",
		`{"quantization_config":{"bits":4,
			"group_size":128,"x":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}}`: `quantization_config is {"bits":4, "group_size":128,"x":"aaaaaaaaaaaaaaaaaaaaaaaaaaa..., which`,
		`{"num_experts":8,"alibi":1}`: "alibi is 1, which is not supported\nnum_experts is 8",
	} {
		f, err := Parse([]byte(raw))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := errors.Join(n.Check(f)...); err != nil {
			got = err.Error()
		}
		if (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", raw, got, want)
		}
	}
}

func TestAbsentAndNull(t *testing.T) {
	f, err := Parse([]byte(`{"a":null,"b":0}`))
	if err != nil || f.Has("a") || !f.Null("a") || !f.Has("b") || f.Null("b") || f.Has("c") || f.Null("c") {
		t.Error(f, err)
	}
	for _, raw := range []string{`null`, `[]`, `{`} {
		if _, err := Parse([]byte(raw)); err == nil {
			t.Errorf("%s: no error", raw)
		}
	}
}

// A name counts as it is spelled, also where Go folds other letters into those of ASCII.
func TestIntoIsExact(t *testing.T) {
	f, err := Parse([]byte(`{"Hidden_Size":1,"hidden_\u017fize":2,"hidden_size":3,"Layers":4,"_x1":5}`))
	if err != nil {
		t.Fatal(err)
	}
	var c struct {
		Size   int `json:"hidden_size"`
		Layers int `json:"layers"`
		X      int `json:"_x1"`
	}
	if err := f.Into(&c); err != nil || c.Size != 3 || c.Layers != 0 || c.X != 5 {
		t.Errorf("%+v, %v", c, err)
	}
	if err := f.Into(&struct {
		Size string `json:"hidden_size"`
	}{}); err == nil || !strings.Contains(err.Error(), "hidden_size") {
		t.Errorf("error %v", err)
	}
}
