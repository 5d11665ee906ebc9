package eval

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/eval/suites"
)

// Every built-in definition names a protocol that has rules for its benchmark.
func TestProtocolsOfDefinitions(t *testing.T) {
	ds, err := suites.Definitions()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range ds {
		if _, err := protocols.For(d.Protocol, d.Benchmark()); err != nil {
			t.Errorf("%s: %v", d.Name, err)
		}
	}
}

func TestOpenDefinitions(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	put("t.tsv", "index\tprompt\tfirst\tsecond\tanswer\ttopic\tprice\n1\thow much?\tone\ttwo\tA\tgauges\t3\n")
	columns := "columns: {question: prompt, A: first, B: second, category: topic}\n"
	s, err := OpenSuite(put("gauges.yaml", "tsv: t.tsv\nkind: vanilla\nprotocol: vlmevalkit-2025.08\nchance: 0.5\n"+columns), suites.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if it := s.Items[0]; s.Name != "gauges" || s.Kind != suites.Vanilla || s.Family != suites.PlainChoice || it.Question != "how much?" || it.Choices[1].Text != "two" || it.Category != "gauges" ||
		!slices.Equal(s.Notes, []string{"the table has no pictures: questions are asked from their text alone", `column "price" is not read`}) {
		t.Errorf("found %+v", s)
	}
	if p, err := protocols.ForSuite(s, ""); err != nil || p.Name != protocols.VLMEvalKit202508 {
		t.Errorf("found %s, %v", p.Name, err)
	}
	for text, want := range map[string]string{
		"tsv: t.tsv\nkind: circulr\n" + columns:                `kind "circulr"`,
		"tsv: t.tsv\nfamily: x\n" + columns:                    `family "x"`,
		"tsv: t.tsv\ncolour: x\n" + columns:                    "field colour not found",
		"kind: vanilla\n":                                      "found no tsv",
		"tsv: other.yaml\n":                                    "expected a table",
		"tsv: t.tsv\nchance: 0.25\n" + columns:                 "found chance 0.25, expected 0.5000",
		"tsv: t.tsv\nprotocol: mmmu-official\n":                "no rules for",
		"tsv: t.tsv\ncolumns: {question: nosuch}\n":            `expected a column "question"`,
		"tsv: t.tsv\ncolumns: {quesion: prompt}\n":             `found column "quesion"`,
		"tsv: t.tsv\ncolumns: {question: prompt, hint: tip}\n": `expected a column "tip" for hint`,
	} {
		if _, err := OpenSuite(put("bad.yaml", text), suites.Options{}); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%q: found %v, expected %q", text, err, want)
		}
	}
}
