package stages

import (
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"moslava/internal/atomicfile"
	"moslava/pipelines/eval/suites"
	"moslava/pipelines/recipes/recipetest"
	"moslava/pipelines/runreport"
	"moslava/pipelines/suitedir"
)

// ownData is a file of rows about n pictures, three of each, with a category.
func ownData(t *testing.T, dir string, n int) string {
	t.Helper()
	var rows strings.Builder
	for i := range 3 * n {
		name := fmt.Sprintf("p%d.png", i%n)
		m := image.NewGray(image.Rect(0, 0, 8, 8))
		for k := range m.Pix {
			m.Pix[k] = uint8(i % n * 5)
		}
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := png.Encode(f, m); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&rows, `{"image":%q,"question":"q %d","answers":["a","b"],"category":"c%d"}`+"\n", name, i, i/n%2)
	}
	path := filepath.Join(dir, "rows.jsonl")
	if err := atomicfile.WriteBytes(path, []byte(rows.String())); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestOwnSuites: data and the share that a stage holds out by picture are asked with the stage's prompt, in parts and blank, and shown.
func TestOwnSuites(t *testing.T) {
	dir := t.TempDir()
	path := ownData(t, dir, 10)
	run := filepath.Join(dir, "run")
	stages := fmt.Sprintf(`stages:
  - kind: align
    data: {path: %q, prompt: "see: {question}"}
    validation: 0.2
    validation_by: picture
    group_by: length
    batch: 4
    steps: 1
  - kind: evaluate
    suites:
      - {held_out: align}
      - {held_out: align, blank: true, protocol: f1}
      - {data: %q, name: mine, limit: 5, protocol: number, tolerance: 0.1}
      - {data: %q, name: one, shard: 1/2}
      - {data: %q, name: two, shard: 2/2}
      - {data: %q, name: all}
`, path, path, path, path, path)
	r := recipetest.Parse(t, run, recipetest.Towers+stages)
	mustRun(t, r)
	at := func(name string) string { return filepath.Join(run, "01-evaluate", name) }
	held, err := suitedir.Read(at("align-held-out"))
	if err != nil {
		t.Fatal(err)
	}
	if n := held.Overall.N; n < 6 || n > 8 || n%3 != 0 || held.Protocol != "casefold" || len(held.Overall.Category) != 2 || held.Data.HeldOut.Stage != "align" {
		b, _ := json.Marshal(held)
		t.Errorf("held out: %s", b)
	}
	for _, v := range held.Verdicts {
		if !strings.HasPrefix(v.Prompt, "see: q ") || v.Want != "a" {
			t.Errorf("asked %q, expected the prompt of training", v.Prompt)
		}
	}
	blank, err := suitedir.Read(at("align-held-out-blank"))
	if err != nil {
		t.Fatal(err)
	}
	if !blank.Blank || blank.Version != held.Version || blank.Sheet == nil || blank.Sheet.Metric != "f1" {
		t.Errorf("blank: %+v", blank)
	}
	mine, err := suitedir.Read(at("mine"))
	if err != nil {
		t.Fatal(err)
	}
	if mine.Overall.N != 5 || mine.Protocol != "number-0.1" || mine.Verdicts[0].Prompt != "q 0" || len(mine.Confused) == 0 || !strings.Contains(mine.Text(), `"a" -> `) {
		t.Errorf("mine: %+v", mine)
	}
	joined := filepath.Join(dir, "joined")
	if _, err := suitedir.Join(t.Context(), path, []string{at("one"), at("two")}, joined, false); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"predictions.tsv", "acc.csv"} {
		a, errA := os.ReadFile(filepath.Join(joined, name))
		b, errB := os.ReadFile(filepath.Join(at("all"), name))
		if errA != nil || errB != nil || string(a) != string(b) {
			t.Errorf("%s of joined parts is another: %v, %v", name, errA, errB)
		}
	}
	s, err := suitedir.OpenTable(t.Context(), held)
	if err != nil || s.Version != held.Version || !suites.SameVersion(s.Version, held.Version) {
		t.Fatalf("found again: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	page := filepath.Join(dir, "page.html")
	if _, err := runreport.Write(run, runreport.Options{Out: page, Cards: 3}); err != nil {
		t.Fatal(err)
	}
	html, err := os.ReadFile(page)
	if err != nil || !strings.Contains(string(html), "data:image/png;base64") || !strings.Contains(string(html), "Most confused answers") {
		t.Errorf("the report has no pictures or no confused answers, %v", err)
	}
}
