package stages

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"moslava/pipelines/recipe"
	"moslava/pipelines/recipes/recipetest"
	"moslava/pipelines/run"
)

// short is the resume recipe of fewer steps.
var short = []string{"stages.align.steps=3", "stages.tune.steps=3", "stages.align.validate_every=0", "stages.tune.validate_every=0"}

func shortRecipe(t *testing.T, dir string, set ...string) *recipe.Recipe {
	t.Helper()
	return load(t, resumeRecipe, dir, append(short, set...)...)
}

// TestAgain: what is finished is skipped; what changed is an error that says so, or done again by force.
func TestAgain(t *testing.T) {
	dir := t.TempDir()
	first := mustRun(t, shortRecipe(t, dir))
	if strings.Contains(first, "skipped") {
		t.Errorf("the first run skips:\n%s", first)
	}
	want := results(t, dir)
	if out := mustRun(t, shortRecipe(t, dir)); out != "align: finished, skipped\ntune: finished, skipped\n" {
		t.Errorf("the second run says\n%s", out)
	}
	if out := mustRun(t, shortRecipe(t, dir, "threads=1", "data.workers=3", "stages.tune.save_every=1")); strings.Count(out, "skipped") != 2 {
		t.Errorf("what changes no result does a stage again:\n%s", out)
	}

	changed := func(force bool, set ...string) (string, error) {
		var out bytes.Buffer
		err := Run(context.Background(), shortRecipe(t, dir, set...), Options{Out: &out, Force: force})
		return out.String(), err
	}
	_, err := changed(false, "stages.tune.lr=2e-2")
	if c := new(run.ChangedError); !errors.As(err, &c) || c.Stage != "tune" || !c.Finished {
		t.Errorf("a new rate gives %#v", err)
	}
	recipetest.Names(t, err, "tune", "finished in", "lr was 0.01 and is 0.02", "Undo the change", "another run_dir", "force")
	equal(t, results(t, dir), want)

	out, err := changed(true, "stages.tune.lr=2e-2")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out, "align: finished, skipped\n") || !strings.Contains(out, "tune: done again by force") {
		t.Errorf("forced:\n%s", out)
	}
	if got := results(t, dir); got["/01-tune/trained.safetensors"] == want["/01-tune/trained.safetensors"] {
		t.Error("another rate gives the same parameters")
	} else if got["/01-tune~1/trained.safetensors"] != want["/01-tune/trained.safetensors"] {
		t.Error("what the earlier attempt left was not set aside")
	}

	// The stage that takes the model of one done again is done again, too.
	if out, err = changed(true, "stages.align.lr=3e-3", "stages.tune.lr=2e-2"); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out, "skipped") {
		t.Errorf("forced from the first stage on:\n%s", out)
	}
}

// TestChangedHalfway: a stage that was only begun is not resumed with another configuration. It starts anew if nothing was computed yet.
func TestChangedHalfway(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	if err := Run(ctx, shortRecipe(t, dir), Options{Out: &cancelAt{text: "align: not begun", cancel: cancel}}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	var out bytes.Buffer
	r := shortRecipe(t, dir, "stages.align.batch=3", "stages.align.validate_every=1")
	if err := Run(ctx, r, Options{Out: io.MultiWriter(&out, &cancelAt{text: "step 1: validation", cancel: cancel})}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "align: begun, but nothing was computed yet; it starts anew, as stage.batch was 2 and is 3") {
		t.Errorf("a recipe that was corrected before the first step:\n%s", &out)
	}
	fails(t, shortRecipe(t, dir), "align", "was begun in", "batch was 3 and is 2", "--force", "00-align~1", "nothing is deleted")
	fails(t, shortRecipe(t, dir, "seed=6"), "align", "seed was 5 and is 6")
	if out := mustRun(t, r); !strings.Contains(out, "align: begun, not finished\n") {
		t.Errorf("resumed:\n%s", out)
	}
}

// TestOnly runs one stage at a time.
func TestOnly(t *testing.T) {
	dir := t.TempDir()
	only := func(names ...string) error {
		return Run(context.Background(), shortRecipe(t, dir), Options{Out: new(bytes.Buffer), Only: names})
	}
	recipetest.Names(t, only("tune"), "stage tune", "takes the model of stage align, which is not finished")
	recipetest.Names(t, only("tun"), `no stage "tun"`)
	for _, s := range []string{"align", "tune"} {
		if err := only(s); err != nil {
			t.Fatal(err)
		}
	}
	all := t.TempDir()
	mustRun(t, shortRecipe(t, all))
	equal(t, results(t, dir), results(t, all))
}

// TestLocked: two runs cannot work in one directory.
func TestLocked(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	r := shortRecipe(t, dir)
	d, err := run.Open(dir, r, run.Options{})
	if err != nil {
		t.Fatal(err)
	}
	fails(t, r, "held by", "one process at a time")
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}
