package stages

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"moslava/pipelines/preflight"
	"moslava/pipelines/recipes/recipetest"
)

// TestIgnoreThatIgnoresNothing: a key to ignore that no row has is seen before anything is begun: of a source in that source, of a stage in one of its sources at least, of
// the recipe in one of its stages.
func TestIgnoreThatIgnoresNothing(t *testing.T) {
	dir := t.TempDir()
	put := func(name, key string) string {
		t.Helper()
		var rows []string
		for i := range 40 {
			rows = append(rows, fmt.Sprintf(`{"conversations": [{"from": "human", "value": "q%d"}, {"from": "gpt", "value": "red"}], %q: %d}`, i, key, i))
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(strings.Join(rows, "\n")), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	a, b := put("a.jsonl", "mood"), put("b.jsonl", "tone")
	const names = "and no row, turn or content part"
	for _, c := range []struct{ data, first, second, want string }{
		{"", "data: {path: A, ignore: mood}", "data: {path: B, ignore: tone}", ""},
		{"", "data: {path: A, ignore: [mood, tone]}", "data: {path: B, ignore: tone}", `stage align: data: A: ignore names "tone", ` + names},
		{"", "data: [A, B], ignore: [mood, tone]", "data: {path: B, ignore: tone}", ""},
		{"", "data: [A, B], ignore: [mood, tone, tune]", "data: {path: B, ignore: tone}", `stage align: data: ignore names "tune", ` + names},
		{"data: {ignore: [mood, tone, <video>]}", "data: A", "data: B", ""},
		{"data: {ignore: [mood, tone, tune]}", "data: A", "data: B", `stage align: data.ignore: names "tune", ` + names},
		{"data: {ignore: [mood, tone]}", "data: A", "data: B, ignore: tone", `stage align: data.ignore: names "tone", ` + names},
		{"data: {ignore: [mood, tone]}", "data: A", "data: nowhere.json", ""}, // who knows
	} {
		text := strings.NewReplacer("A", a, "B", b).Replace(recipetest.Towers + c.data + "\nstages:\n- {kind: align, " + c.first + ", steps: 1}\n- {kind: align, name: again, " + c.second + ", steps: 1}\n")
		p, err := preflight.MakePlan(context.Background(), recipetest.Parse(t, filepath.Join(dir, "run"), text), preflight.PlanOptions{Text: 8, Targets: 4, Batches: 1})
		if err != nil {
			t.Fatal(err)
		}
		var said []string
		for _, p := range p.Problems {
			said = append(said, p.String())
		}
		want := strings.NewReplacer("A", a, "B", b).Replace(c.want)
		if got := strings.Join(said, "\n"); c.want == "" && got != "" || c.want != "" && (len(said) != 1 || !strings.HasPrefix(got, want)) {
			t.Errorf("%s\n%s\n%s:\n got %s\nwant %s", c.data, c.first, c.second, got, want)
		}
	}
}

// TestValuesBeforehand: a value of a late row that cannot be read is seen before anything is begun, unless bad rows are left out or it is beyond a limit.
func TestValuesBeforehand(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "rows.jsonl")
	const row = `{"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "red"}]}` + "\n"
	if err := os.WriteFile(path, []byte(strings.Repeat(row, 60)+strings.Replace(row, `"red"`, "5", 1)), 0o666); err != nil {
		t.Fatal(err)
	}
	for keys, want := range map[string]string{"": path + ":60: conversations 1: value is the number 5, expected a text or a list", "on_bad: skip, ": "", "limit: 60, ": ""} {
		p, err := preflight.MakePlan(context.Background(), recipetest.Parse(t, filepath.Join(dir, "run"), recipetest.Towers+"stages: {kind: align, data: "+path+", "+keys+"batch: 2, steps: 1}\n"), preflight.PlanOptions{Batches: 1})
		if err != nil {
			t.Fatal(err)
		}
		if want == "" && len(p.Problems) > 0 || want != "" && (len(p.Problems) != 1 || !strings.HasSuffix(p.Problems[0].String(), want)) {
			t.Errorf("%s: %v, want %q", keys, p.Problems, want)
		}
	}
}
