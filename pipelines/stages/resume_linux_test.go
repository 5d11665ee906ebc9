package stages

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"moslava/internal/infile"

	"golang.org/x/sys/unix"

	"moslava/datasets"
	"moslava/internal/autograd"
	"moslava/internal/interrupt"
	"moslava/internal/output"
	"moslava/pipelines/metrics"
	"moslava/pipelines/recipes"
	"moslava/pipelines/recipes/recipetest"
	"moslava/pipelines/train"
	"moslava/pipelines/vlm"
)

// Environment of a child: where it runs the recipe, and what happens to it.
const (
	childDir   = "MOSLAVA_TEST_RUN_DIR"
	childEnd   = "MOSLAVA_TEST_END"   // when it ends: see ending
	childLimit = "MOSLAVA_TEST_LIMIT" // bytes of a file at most
	childSets  = "MOSLAVA_TEST_SETS"  // overrides of the recipe, by blanks
	childStuck = "MOSLAVA_TEST_STUCK" // set: the loss that is asked for as the nth ends the process with SIGINT, and does not come
)

// An ending says when a child ends: once so many steps of all stages are in the metrics, then so much
// later, or in the midst of the next save; with SIGKILL, or with SIGINT as Ctrl-C sends it.
type ending struct {
	Steps  int
	Delay  time.Duration
	Saving bool
	Signal syscall.Signal
}

func (e ending) String() string {
	return fmt.Sprintf("%d %d %t %d", e.Steps, e.Delay, e.Saving, e.Signal)
}

func TestMain(m *testing.M) {
	if file := os.Getenv(childExports); file != "" {
		os.Exit(childThatExports(file))
	}
	if dir := os.Getenv(childDir); dir != "" {
		os.Exit(child(dir))
	}
	os.Exit(m.Run())
}

// child is what the test binary does when it is started again: it runs the recipe.
func child(dir string) int {
	ctx, stop := interrupt.Handle(context.Background(), &interrupt.Handler{Out: os.Stderr, Clean: output.Leave, Exit: os.Exit})
	defer stop()
	if s := os.Getenv(childLimit); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err == nil { // writing more is EFBIG then
			err = unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: n, Max: n})
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 3
		}
	}
	runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0))) // what ends the process must run beside what trains
	var e ending
	armed := os.Getenv(childEnd) != ""
	if armed {
		if _, err := fmt.Sscanf(os.Getenv(childEnd), "%d %d %t %d", &e.Steps, &e.Delay, &e.Saving, &e.Signal); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 3
		}
		go e.wait(dir)
	}
	opt := Options{Out: os.Stdout}
	if n, err := strconv.Atoi(os.Getenv(childStuck)); err == nil {
		opt.wrap = func(m train.Model) train.Model { return &stuck{m.(*vlm.Model), n} }
	}
	r, err := recipes.Load(resumeRecipe, append(strings.Fields(os.Getenv(childSets)), "run_dir="+dir)...)
	if err == nil {
		err = Run(ctx, r, opt)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		if s := new(interrupt.Signal); errors.As(context.Cause(ctx), s) {
			return s.Code()
		}
		return 1
	}
	if armed { // it was faster than its end
		e.send()
	}
	return 0
}

func (e ending) send() {
	if err := syscall.Kill(os.Getpid(), e.Signal); err != nil {
		panic(err)
	}
}

// wait ends the process when it is time.
func (e ending) wait(dir string) {
	for stepsDone(dir) < e.Steps || e.Saving && !saving(dir) {
		time.Sleep(50 * time.Microsecond)
	}
	time.Sleep(e.Delay)
	e.send()
}

// stepsDone counts the lines in the metrics of all stages.
func stepsDone(dir string) int {
	files, _ := filepath.Glob(filepath.Join(dir, "*", metrics.LinesFile))
	n := 0
	for _, f := range files {
		b, _ := os.ReadFile(f)
		n += bytes.Count(b, []byte("\n"))
	}
	return n
}

// saving says whether there is a state that is not whole.
func saving(dir string) bool {
	states, _ := filepath.Glob(filepath.Join(dir, "*", statePrefix+"*"))
	return slices.ContainsFunc(states, func(s string) bool {
		whole, err := infile.Exists(filepath.Join(s, stateFile))
		return err == nil && !whole
	})
}

// start runs a child to its end. The error is an *exec.ExitError; the text is all that it wrote.
func start(t *testing.T, dir string, env ...string) (string, error) {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^$")
	c.Env = append(os.Environ(), append(env, childDir+"="+dir)...)
	b, err := c.CombinedOutput()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(b), err
}

// TestKilled: a run that is killed again and again, in steps, in saves and between them, ends with the
// bytes of one that is not.
func TestKilled(t *testing.T) {
	want := uninterrupted(t)
	r := rand.New(rand.NewPCG(7, 7))
	dir := t.TempDir()
	const kills = 10
	torn, before, wordless := 0, 0, false // wordless: the last kill was in a stage
	line := regexp.MustCompile(`(?m)^the last run \(process \d+ on .+\) ended without a word in stage (align|tune)( after step \d+)?: killed, perhaps out of memory; planned peak \d.+, \d.+ available \(.+\)$`)
	for k := range kills {
		e := ending{Steps: 4*k + r.IntN(4), Delay: time.Duration(r.IntN(8000)) * time.Microsecond, Saving: k%3 == 1, Signal: syscall.SIGKILL}
		if e.Saving {
			e.Delay = 0
		}
		out, err := start(t, dir, childEnd+"="+e.String())
		exit := new(exec.ExitError)
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("kill %d: the child ended with %v\n%s", k, err, out)
		}
		if saving(dir) {
			torn++
		}
		// A process that is killed as soon as it begins says nothing yet, and notes nothing for the next one.
		now := stepsDone(dir)
		if began := now > before; began && wordless && !line.MatchString(out) || k == 0 && strings.Contains(out, "without a word") {
			t.Errorf("kill %d, after one in a stage: it says\n%s", k, out)
		} else {
			before, wordless = now, began
		}
		t.Logf("kill %d at %d steps, in a save %t", k, stepsDone(dir), saving(dir))
	}
	if torn == 0 {
		t.Errorf("no kill of %d hit a save", kills)
	}
	out, err := start(t, dir)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	equal(t, results(t, dir), want)
	if saving(dir) || len(temps(dir)) > 0 {
		t.Error("the remains of an interrupted save are there still")
	}
	if again := mustRun(t, load(t, resumeRecipe, dir)); strings.Contains(again, "without a word") {
		t.Errorf("a run that ended well is said to have been killed\n%s", again)
	}
	// As if it had been killed after its last save, while it tidied up.
	stage := filepath.Join(dir, "01-tune")
	err = errors.Join(os.Mkdir(filepath.Join(stage, statePrefix+"00000014"), 0o777), os.Remove(filepath.Join(stage, "manifest.json")))
	if err != nil {
		t.Fatal(err)
	}
	mustRun(t, load(t, resumeRecipe, dir))
	equal(t, results(t, dir), want)
	if saving(dir) {
		t.Error("what was to be tidied up is there still")
	}
}

// TestInterrupted: SIGINT saves at once, so that no finished step is lost.
func TestInterrupted(t *testing.T) {
	want := uninterrupted(t)
	dir := t.TempDir()
	for _, steps := range []int{0, 8, 25} {
		out, err := start(t, dir, childEnd+"="+ending{Steps: steps, Signal: syscall.SIGINT}.String())
		if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 130 || !strings.Contains(out, "interrupted") {
			t.Fatalf("at step %d the child ended with %v\n%s", steps, err, out)
		}
		if strings.Contains(out, "without a word") {
			t.Errorf("a run that said that it was interrupted is said to have been killed\n%s", out)
		}
		stages, _ := filepath.Glob(filepath.Join(dir, "0*"))
		if len(stages) == 0 {
			continue // before the first stage
		}
		last := stages[len(stages)-1]
		lines, err := metrics.Read(filepath.Join(last, metrics.LinesFile))
		if err != nil {
			t.Fatal(err)
		}
		saved := func(step int) bool {
			_, err := os.Stat(filepath.Join(last, fmt.Sprintf("%s%08d", statePrefix, step), stateFile))
			return err == nil
		}
		if n := len(lines); !saved(n) && !saved(n+1) { // the latter where a validation was interrupted
			t.Errorf("%d steps are logged, and no state of that step is there", n)
		}
	}
	mustRun(t, load(t, resumeRecipe, dir))
	equal(t, results(t, dir), want)
}

// stuck is a model that is in the midst of a very long computation, which looks at no context, when it is asked for a
// loss for the nth time.
type stuck struct {
	*vlm.Model
	left int
}

func (s *stuck) Loss(t *autograd.Tape, b *datasets.Batch) (*autograd.Var, float64, error) {
	if s.left--; s.left == 0 {
		ending{Signal: syscall.SIGINT}.send()
		time.Sleep(time.Minute)
	}
	return s.Model.Loss(t, b)
}

// TestStuck: SIGINT is obeyed in the midst of a computation that goes on for a minute, in a step and in a validation,
// and no finished step is lost.
func TestStuck(t *testing.T) {
	want := uninterrupted(t)
	validating := 0
	for _, losses := range []int{6, 13, 41} {
		dir := t.TempDir()
		out, err := start(t, dir, childStuck+"="+strconv.Itoa(losses))
		if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 130 {
			t.Fatalf("loss %d: the child ended with %v\n%s", losses, err, out)
		}
		// Whoever answers the signal says so, and not the run, which has no time to.
		done := regexp.MustCompile(`(?m)^moslava: finishing step \d+, saving; again to stop at once\nmoslava: interrupted: after step (\d+) of \d+, which is saved; the same run goes on there$`).FindStringSubmatch(out)
		if done == nil {
			t.Fatalf("loss %d: it says\n%s", losses, out)
		}
		stages, _ := filepath.Glob(filepath.Join(dir, "0*"))
		lines, err := metrics.Read(filepath.Join(stages[len(stages)-1], metrics.LinesFile))
		n, _ := strconv.Atoi(done[1])
		if n == len(lines)+1 {
			validating++
		} else if err != nil || n != len(lines) {
			t.Errorf("loss %d: %d steps are logged, and step %d is saved; %v", losses, len(lines), n, err)
		}
		mustRun(t, load(t, resumeRecipe, dir))
		equal(t, results(t, dir), want)
	}
	if validating == 0 || validating == 3 {
		t.Errorf("%d of 3 signals came in a validation: both are to be tested", validating)
	}
}

// TestCanceled: a context that ends between two saves loses nothing either, and the message says so.
func TestCanceled(t *testing.T) {
	want := maps.Clone(uninterrupted(t))
	maps.DeleteFunc(want, func(name, _ string) bool { return !strings.HasPrefix(name, "/00-align/") })
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	err := Run(ctx, load(t, resumeRecipe, dir), Options{Out: &cancelAt{text: "step 8: validation", cancel: cancel}})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	recipetest.Names(t, err, "stage align", "after step 8 of 20", "saved", "goes on")
	if again := Run(ctx, load(t, resumeRecipe, dir), Options{Out: io.Discard}); !errors.Is(again, context.Canceled) {
		t.Errorf("with a context that has ended: %v", again)
	}
	var out bytes.Buffer
	if err := Run(t.Context(), load(t, resumeRecipe, dir), Options{Out: &out, Only: []string{"align"}}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "align: goes on after step 8 of 20\n") {
		t.Errorf("the run does not say where it goes on:\n%s", &out)
	}
	equal(t, results(t, dir), want)
}
