package recipe

import (
	"encoding/json"
	"errors"
	"os"
	"testing"
)

// FuzzParse: whatever comes in, the answer is a recipe whose stages have a canonical form, or an *Error.
func FuzzParse(f *testing.F) {
	full, err := os.ReadFile("testdata/full.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(full, "seed=7")
	f.Add([]byte(small), "stages.align.data=[x, y]")
	f.Add([]byte(small), "stages.0.lr={a: &x 1, b: *x}")
	f.Add([]byte("name: &a x\nmodel: {<<: [*a, {from: *a}]}\nstages: &s\n- <<: *s\n"), "model.from.x.y=1")
	f.Add([]byte("&a {<<: *a, stages: *a}"), "stages.stages.stages=~")
	f.Add([]byte("? {a: 1}\n: 2\n? [b]\n: 3\n"), "a=b=c")
	f.Add([]byte("name: !!binary aGk=\nseed: !!int '1'\nthreads: !x 2"), ".=")
	f.Fuzz(func(t *testing.T, b []byte, set string) {
		r, err := words.Parse("r.yaml", b)
		var e *Error
		if err != nil {
			if !errors.As(err, &e) || len(e.Problems) == 0 || err.Error() == "" {
				t.Fatalf("error %T %v", err, err)
			}
			return
		}
		if err := r.Override([]string{set}); err != nil && (!errors.As(err, &e) || len(e.Problems) == 0) {
			t.Fatalf("override: error %T %v", err, err)
		}
		for i := range r.Stages {
			if b, err := r.StageJSON(i); err != nil || !json.Valid(b) {
				t.Fatalf("stage %d: %v, %s", i, err, b)
			}
		}
	})
}
