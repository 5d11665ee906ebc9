package stages

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"moslava/pipelines/preflight"
	"moslava/pipelines/recipe"
	"moslava/pipelines/recipes/recipetest"
)

// begun lists the stages that have a directory.
func begun(t *testing.T, dir string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "[0-9]*"))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestLateFaults: what a later stage would fail at ends the run before the first one begins, and Check says the same.
func TestLateFaults(t *testing.T) {
	at := t.TempDir()
	file := filepath.Join(at, "file")
	yesNo, torn, noPicture := filepath.Join(at, "yn.tsv"), filepath.Join(at, "torn.tsv"), filepath.Join(at, "nopic.tsv")
	closed := filepath.Join(at, "closed")
	for path, text := range map[string]string{file: "", yesNo: "index\tquestion\tanswer\n1\tis it?\tYes\n", torn: "index\tquestion\n1",
		noPicture: "index\tquestion\tA\tB\tanswer\timage\n1\twhat?\tx\ty\tA\t" + strings.Repeat("bm90", 30) + "\n",
		filepath.Join(at, "rows.json"): `[{"id": "a", "conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "ho"}]},
			{"id": "b", "image": "none.png", "conversations": [{"from": "human", "value": "<image>\nhi"}, {"from": "gpt", "value": "ho"}]}]`} {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	row := `{"conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "ho"}]}`
	late := strings.Repeat(row+"\n", 39) + strings.NewReplacer(`{"conv`, `{"image": "none.png", "conv`, "hi", "<image>hi").Replace(row)
	if err := os.WriteFile(filepath.Join(at, "late.json"), []byte(late), 0o666); err != nil {
		t.Fatal(err)
	}
	picture, err := os.ReadFile("../vlm/testdata/pictures/cats.png")
	if err != nil {
		t.Fatal(err)
	}
	lateNone := filepath.Join(at, "latenone.tsv")
	two := fmt.Sprintf("index\tquestion\tA\tB\tanswer\timage\n1\twhat?\tx\ty\tA\t%s\n2\twhat?\tx\ty\tA\t%s\n",
		base64.StdEncoding.EncodeToString(picture), strings.Repeat("bm90", 30))
	if err := os.WriteFile(lateNone, []byte(two), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(closed, 0o555); err != nil {
		t.Fatal(err)
	}
	tune := `{kind: tune, data: "scenes:tune?n=8", batch: 2, steps: 2, adapters: {language: {r: 2}}}`
	for name, c := range map[string]struct {
		stages string // after align
		wants  []string
	}{
		"data that is not there":                  {`{kind: tune, data: nowhere, adapters: {language: {r: 2}}}`, []string{"stage tune: data:", "nowhere"}},
		"a picture that is not there":             {fmt.Sprintf(`{kind: tune, data: %q, adapters: {language: {r: 2}}}`, filepath.Join(at, "rows.json")), []string{"stage tune: data:", "none.png"}},
		"nothing left to train on":                {`{kind: tune, data: "scenes:tune?n=2", validation: 0.9, adapters: {language: {r: 2}}}`, []string{"stage tune: data:"}},
		"targets that match nothing":              {`{kind: tune, data: "scenes:tune?n=8", adapters: {language: {r: 2, targets: [wq]}}}`, []string{"stage tune: adapters:", "wq"}},
		"a pattern that fits nothing":             {`{kind: tune, data: "scenes:tune?n=8", adapters: {language: {r: 2, rank_pattern: {wq: 4}}}}`, []string{"stage tune: adapters:", "wq"}},
		"adapters to compose":                     {`{kind: tune, data: "scenes:tune?n=8", adapters: {compose: [nowhere]}}`, []string{"stage tune: adapters:", "nowhere"}},
		"longer than the decoder":                 {`{kind: tune, data: "scenes:tune?n=8", max_length: 100000, adapters: {language: {r: 2}}}`, []string{"stage tune: max_length: is 100000, and the decoder has"}},
		"too long":                                {`{kind: tune, data: "scenes:tune?n=8", max_length: 20, adapters: {language: {r: 2}}}`, []string{"stage tune: data:", "on_long"}},
		"a suite that is not there":               {`{kind: evaluate, suites: nowhere.tsv}`, []string{"stage evaluate: suites.0:", "nowhere.tsv"}},
		"a torn suite":                            {fmt.Sprintf(`{kind: evaluate, suites: %q}`, torn), []string{"stage evaluate: suites.0:", "torn.tsv"}},
		"a late picture that is not there":        {fmt.Sprintf(`{kind: tune, data: %q, batch: 1, steps: 1, adapters: {language: {r: 2}}}`, filepath.Join(at, "late.json")), []string{"stage tune: data:", "late.json:39", "none.png", "on_bad skip"}},
		"a late picture that is none":             {fmt.Sprintf(`{kind: evaluate, suites: %q}`, lateNone), []string{"stage evaluate: suites.0:", "latenone", "item 2", "unknown picture format"}},
		"a picture that is none":                  {fmt.Sprintf(`{kind: evaluate, suites: %q}`, noPicture), []string{"stage evaluate: suites.0:", "nopic", "item 1"}},
		"stop early where no row decides another": {fmt.Sprintf(`{kind: evaluate, suites: {tsv: %q, stop_early: true}}`, yesNo), []string{"stage evaluate: suites.0:", "stop early"}},
		"another benchmark's protocol":            {fmt.Sprintf(`{kind: evaluate, suites: {tsv: %q, protocol: mmmu-official}}`, yesNo), []string{"stage evaluate: suites.0:", "mmmu-official"}},
		"a judge without its key": {fmt.Sprintf(`{kind: evaluate, suites: {tsv: %q, judge_url: "http://localhost:1/v1", judge_model: m, judge_key_env: MOSLAVA_TEST_NONE}}`, yesNo),
			[]string{"stage evaluate: suites.0:", "MOSLAVA_TEST_NONE"}},
		"a judge that has nothing to read": {`{kind: evaluate, suites: {tsv: "scenes:test?n=6", name: x, protocol: letter-logit, judge_url: "http://localhost:1/v1", judge_model: m}}`,
			[]string{"stage evaluate: suites.0:", "judge"}},
		"an export over a file":          {fmt.Sprintf(`{kind: export, path: %q}`, file), []string{"stage export: path: " + file + " is a file"}},
		"an export below a file":         {fmt.Sprintf(`{kind: export, path: %q}`, filepath.Join(file, "x")), []string{"stage export: path:"}},
		"questions that cannot be drawn": {`{kind: evaluate, suites: {tsv: "scenes:test?n=x", name: x}}`, []string{`stage evaluate: suites.0: scenes: "test?n=x": n is "x", expected a number`}},
		"a folder that is not there": {`{kind: evaluate, suites: {tsv: "scenes:test?n=6", name: x, images: nowhere}}`,
			[]string{"stage evaluate: suites.0: scenes:test?n=6: images: there is no folder"}},
		"two at once": {`{kind: evaluate, suites: nowhere.tsv}` + "\n  - " + fmt.Sprintf(`{kind: export, path: %q}`, file),
			[]string{"2 problems, found before any stage was begun\n", "nowhere.tsv", "is a file"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			r := recipetest.Parse(t, dir, recipetest.Towers+"stages:\n  - {kind: align, data: \"scenes:align?n=8\", batch: 2, steps: 2}\n  - "+c.stages+"\n")
			fails(t, r, c.wants...)
			if list := begun(t, dir); len(list) > 0 {
				t.Errorf("stages were begun: %q", list)
			}
			recipetest.Names(t, preflight.Check(t.Context(), r), c.wants...)
		})
	}
	t.Run("a linear projector", func(t *testing.T) {
		dir := t.TempDir()
		r := recipetest.Parse(t, dir, strings.Replace(recipetest.Towers, "init:", "projector: {type: linear}, init:", 1)+"stages:\n  - "+tune+"\n  - {kind: export}\n")
		fails(t, r, "stage export: format: export: transformers' LLaVA has no linear projector")
		if list := begun(t, dir); len(list) > 0 {
			t.Errorf("stages were begun: %q", list)
		}
	})
	t.Run("a decoder alone", func(t *testing.T) {
		dir := t.TempDir()
		r := recipetest.Parse(t, dir, "model: {language: tiny/language, init: random, chat_template: plain}\nstages:\n  - {kind: evaluate, suites: {name: x, tsv: \"scenes:test?n=6\"}}\n")
		fails(t, r, "stage evaluate: suites.0:", "picture")
	})
	if os.Getuid() != 0 {
		r := recipetest.Parse(t, t.TempDir(), recipetest.Towers+fmt.Sprintf("stages: [{kind: export, path: %q}]\n", filepath.Join(closed, "x")))
		fails(t, r, "stage export: path:", "cannot be written to")
	}
}

// TestSuitesOfPicturesElsewhere: the pictures of a suite are looked for below its images, beforehand as when it is asked.
func TestSuitesOfPicturesElsewhere(t *testing.T) {
	at := t.TempDir()
	photo, err := os.ReadFile("../../vision/preprocess/testdata/photo.png")
	if err != nil {
		t.Fatal(err)
	}
	for path, b := range map[string][]byte{"tables/s.tsv": []byte("index\tquestion\tA\tB\tanswer\timage_path\n1\twhat?\tx\ty\tA\tp.png\n"),
		"pictures/p.png": photo, "more/q.png": photo} {
		path = filepath.Join(at, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, b, 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	text := recipetest.Towers + fmt.Sprintf("stages: [{kind: evaluate, suites: {tsv: %q, images: [%q, %q]}}]\n", filepath.Join(at, "tables", "s.tsv"),
		filepath.Join(at, "more"), filepath.Join(at, "pictures"))
	var out bytes.Buffer
	if err := Run(t.Context(), recipetest.Parse(t, t.TempDir(), text), Options{Out: &out}); err != nil {
		t.Errorf("%v\n%s", err, &out)
	}
}

// TestPlanOfOccupiedPlace: a plan says that others' files lie where an export is to be, and not what the run itself has written there.
func TestPlanOfOccupiedPlace(t *testing.T) {
	dir, out := t.TempDir(), filepath.Join(t.TempDir(), "out")
	text := recipetest.Towers + fmt.Sprintf("stages:\n  - {kind: align, data: \"scenes:align?n=8\", batch: 2, steps: 1}\n  - {kind: export, path: %q}\n", out)
	problems := func() string {
		p, err := preflight.MakePlan(t.Context(), recipetest.Parse(t, dir, text), preflight.PlanOptions{Batches: 1, Targets: 2})
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(p.Err())
	}
	if err := os.Mkdir(out, 0o777); err != nil {
		t.Fatal(err)
	}
	if got := problems(); got != "<nil>" {
		t.Error(got)
	}
	if err := os.WriteFile(filepath.Join(out, "notes.txt"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if got := problems(); !strings.Contains(got, "stage export: path: "+out+" holds notes.txt") {
		t.Error(got)
	}
	if err := os.Remove(filepath.Join(out, "notes.txt")); err != nil {
		t.Fatal(err)
	}
	mustRun(t, recipetest.Parse(t, dir, text))
	if got := problems(); got != "<nil>" {
		t.Error(got)
	}
}

// TestFinishedIsNotLookedAt: what is finished needs its data no more.
func TestFinishedIsNotLookedAt(t *testing.T) {
	dir := t.TempDir()
	text := recipetest.Towers + "stages:\n  - {kind: align, data: \"scenes:align?n=8\", batch: 2, steps: 2}\n  - {kind: export, format: towers}\n"
	r := recipetest.Parse(t, dir, text)
	var out bytes.Buffer
	if err := Run(t.Context(), r, Options{Out: &out, Only: []string{"align"}}); err != nil {
		t.Fatal(err)
	}
	r = recipetest.Parse(t, dir, text)
	r.Stages[0].Train.Sources[0].Path = recipe.Path("nowhere")
	if err := Run(t.Context(), r, Options{Out: &out, Only: []string{"export"}}); err == nil || !strings.Contains(err.Error(), "has changed since") {
		t.Errorf("error %v", err) // and not that there is no such data
	}
}

// TestMemoryIsEnough: a run that is planned to take more memory than there is does not begin unless told, and a plan says so.
func TestMemoryIsEnough(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(20 << 20)) // what GOMEMLIMIT does
	dir := t.TempDir()
	r := recipetest.Parse(t, dir, recipetest.Towers+"stages:\n  - {kind: align, data: \"scenes:align?n=8\", batch: 2, steps: 2}\n")
	wants := []string{"stage align: it needs about ", "of memory at its peak, and there are 20 MiB (GOMEMLIMIT)", "a smaller batch"}
	fails(t, r, append(wants, "--over-memory")...)
	if list := begun(t, dir); len(list) > 0 {
		t.Errorf("stages were begun: %q", list)
	}
	p, err := preflight.MakePlan(t.Context(), r, preflight.PlanOptions{Text: 20, Targets: 5, Batches: 2})
	if err != nil {
		t.Fatal(err)
	}
	recipetest.Names(t, p.Err(), wants...)
	var out bytes.Buffer
	if err := errors.Join(p.Write(&out), Run(t.Context(), r, Options{Out: &out, OverMemory: true})); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "memory: needs about "); n != 2 {
		t.Errorf("plan and run say %d times what is needed:\n%s", n, &out)
	}
	debug.SetMemoryLimit(math.MaxInt64)
	mustRun(t, recipetest.Parse(t, t.TempDir(), recipetest.Towers+"stages:\n  - {kind: align, data: \"scenes:align?n=8\", batch: 2, steps: 2}\n"))
}
