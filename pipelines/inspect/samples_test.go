package inspect

import (
	"bytes"
	"strings"
	"testing"

	"moslava/datasets"
)

// Stored samples are counted, and what keeps them from being learnt is named.
func TestSamples(t *testing.T) {
	const rows = "../../datasets/testdata/rows/"
	r := look(t, rows+"weight_0.parquet", Options{Check: true})
	if s := r.Samples; r.Kind != "parquet" || r.Rows != 1 || s == nil || *s != (Samples{Rows: 1, Turns: 4, Answers: 1, Context: 1}) || len(r.Warnings) > 0 {
		t.Errorf("%+v, %+v", r, r.Samples)
	}
	var b bytes.Buffer
	if err := r.Write(&b); err != nil || !strings.Contains(b.String(), "1 rows read, 0 of them bad: 4 turns, 1 answers that are learnt, 1 that are context") {
		t.Errorf("%s, %v", b.String(), err)
	}
	r = look(t, rows+"question_answer.jsonl", Options{Check: true})
	if r.Kind != "json" || r.Samples.Bad != 1 || r.Samples.Pictures != 1 {
		t.Errorf("%+v", r.Samples)
	}
	wantWarnings(t, r, `question_answer.jsonl:0: picture 1: preprocess: 5 bytes starting "a.png": unknown picture format`)
	wantWarnings(t, look(t, rows+"tools.arrow", Options{}), `not a source of samples: `+rows+`tools.arrow:0: key "tools"`)
	if r := look(t, rows+"tools.arrow", Options{Rows: datasets.Options{Ignore: []string{"tools"}}}); r.Rows != 1 || len(r.Warnings) > 0 {
		t.Errorf("%+v", r)
	}
	if r := look(t, "../../datasets/testdata/hf-arrow/saved", Options{Check: true}); r.Samples.Rows+r.Samples.Bad != 60 {
		t.Errorf("%+v", r.Samples)
	}
}
