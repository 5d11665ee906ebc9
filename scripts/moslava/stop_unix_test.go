//go:build unix

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"moslava/internal/atomicfile"
	"moslava/pipelines/metrics"
)

// asProgram, in the environment, makes the test binary the program.
const asProgram = "MOSLAVA_TEST_PROGRAM"

// signalsOf, in the environment, is how many signals each command gets; two by default.
const signalsOf = "MOSLAVA_TEST_SIGNALS"

// How long the program may take to end after a signal, and after a second one, beside what it waits for a processor.
const (
	obeyed = time.Second
	killed = 300 * time.Millisecond
)

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		if when := os.Getenv(killsItself); when != "" {
			go killItself(when)
		}
		os.Exit(execute())
	}
	code := m.Run()
	if madeOnce.all != nil {
		os.RemoveAll(madeOnce.all.root)
	}
	os.Exit(code)
}

// program is the program as a child of the test.
func program(args ...string) *exec.Cmd {
	c := exec.Command(os.Args[0], args...)
	c.Env = append(os.Environ(), asProgram+"=1")
	return c
}

// whole runs the program to its end, which must be a good one.
func whole(t *testing.T, args ...string) {
	t.Helper()
	if out, err := program(args...).CombinedOutput(); err != nil {
		t.Fatalf("%q: %v\n%s", args, err, out)
	}
}

// stopRecipe has a stage of each kind, of about a second each.
func stopRecipe(t *testing.T, steps, questions int) string {
	t.Helper()
	towers, err := filepath.Abs("../../pipelines/stages/testdata/tiny")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "stop.yaml")
	text := fmt.Sprintf(`name: stop
seed: 5
model: {vision: %s/vision, language: %s/language, init: random}
stages:
  - {kind: align, data: "scenes:align?n=24&seed=1", steps: %d, batch: 2, lr: 1e-2, validation: 0.15, validate_every: 4, save_every: 3}
  - {kind: tune, data: "scenes:tune?n=20&seed=2", steps: %d, batch: 2, lr: 1e-2, validation: 0.15, validate_every: 4, save_every: 3, adapters: {language: {r: 4}}}
  - {kind: evaluate, suites: {tsv: "scenes:test?n=%d", name: test}}
  - {kind: export}
`, towers, towers, steps, steps, questions)
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// left is what a run or an evaluation leaves that does not say when it was made, and the names of temporary files and of locks beside.
func left(t *testing.T, dir string) (files map[string]string, temporary []string) {
	t.Helper()
	files = map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := e.Name()
		if atomicfile.IsTemp(name) || strings.HasPrefix(name, ".") && strings.HasSuffix(name, ".lock") && name != ".lock" {
			temporary = append(temporary, path)
		}
		if strings.HasPrefix(name, "state-") || e.IsDir() && strings.HasPrefix(name, ".") {
			return fs.SkipDir
		}
		switch filepath.Ext(name) {
		case ".safetensors", ".jsonl", ".tsv", ".csv":
		default:
			return nil
		}
		b, err := os.ReadFile(path)
		if name == metrics.LinesFile {
			b, err = metrics.WithoutTime(path)
		}
		files[strings.TrimPrefix(path, dir)] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files, temporary
}

// interruptAt starts the program, sends it signals after a while, a moment apart, and checks that the last is obeyed. It says whether the program was faster.
func interruptAt(t *testing.T, after time.Duration, signals []syscall.Signal, args ...string) (finished bool) {
	t.Helper()
	c := program(args...)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	stdin, err := c.StdinPipe() // nothing comes
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	time.Sleep(after)
	watch := watchWaiting(c.Process.Pid)
	sent := time.Now()
	for i, s := range signals {
		if i > 0 {
			time.Sleep(5 * time.Millisecond)
		}
		if err := c.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Fatal(err)
		}
	}
	err = c.Wait()
	took, waited := time.Since(sent), watch()
	if err == nil { // who hears the signal and is done before its time is up need not stop
		return !strings.Contains(out.String(), "; again to stop at once\n")
	}
	s, allowed := signals[len(signals)-1], obeyed
	if len(signals) > 1 {
		allowed = killed
	}
	// A signal in the first milliseconds, before it is handled, ends the program as any other.
	early := c.ProcessState.Sys().(syscall.WaitStatus).Signaled() && after < 200*time.Millisecond
	// Nor need what ends by itself wait for the second.
	if code := c.ProcessState.ExitCode(); code != 128+int(s) && code != 128+int(signals[0]) && !early {
		t.Errorf("%v after %v: %v\n%s", signals, after, err, &out)
	}
	if n := strings.Count(out.String(), "; again to stop at once\n"); n != 1 && !early {
		t.Errorf("%v after %v: it says %d times what happens\n%s", signals, after, n, &out)
	}
	for _, words := range []string{"context canceled", "autograd"} { // whoever stops it knows neither
		if strings.Contains(out.String(), words) {
			t.Errorf("%v after %v: it says %s\n%s", signals, after, words, &out)
		}
	}
	if took-waited > allowed {
		t.Errorf("%v after %v: it took %v, of which it waited %v for the processor\n%s", signals, after, took, waited, &out)
	}
	return false
}

// watchWaiting notes how long the threads of a process wait for a processor, which others may have, until the function it returns is called. Where the system
// does not say, that is 0.
func watchWaiting(pid int) (total func() time.Duration) {
	first, last := map[string]int64{}, map[string]int64{}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
			for _, f := range files {
				var ran, waited int64
				if b, err := os.ReadFile(f); err != nil {
					continue
				} else if _, err := fmt.Sscan(string(b), &ran, &waited); err != nil {
					continue
				}
				if _, ok := first[f]; !ok {
					first[f] = waited
				}
				last[f] = waited
			}
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	return func() (sum time.Duration) {
		close(stop)
		<-done
		for f, waited := range last {
			sum += time.Duration(waited - first[f])
		}
		return sum
	}
}

// TestSignals: a run, and what goes on with what it left, obeys SIGINT and SIGTERM within a second wherever it is, and what runs afterwards ends with the same
// bytes. TestSignalsEverywhere has the other commands.
func TestSignals(t *testing.T) {
	n := 2
	if text := os.Getenv(signalsOf); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	} else if testing.Short() {
		n = 1
	}
	r := rand.New(rand.NewPCG(1, 2))
	file := stopRecipe(t, 12, 24)
	base := filepath.Join(t.TempDir(), "base")
	began := time.Now()
	whole(t, "run", file, "--set", "run_dir="+base)
	length := time.Since(began)
	model := filepath.Join(base, "03-export", "hf")
	for _, c := range []struct {
		name string
		args func(dir string) []string
		most time.Duration // how late signals come
	}{
		{"run", func(dir string) []string { return []string{"run", file, "--set", "run_dir=" + dir} }, length},
		{"evaluate", func(dir string) []string {
			return []string{"evaluate", model, filepath.Join(base, "02-evaluate", "test", "questions.tsv"), "--out", dir}
		}, length / 2},
		{"tokenize", func(string) []string { return []string{"tokenize", "--tokenizer", model} }, time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := filepath.Join(t.TempDir(), "want")
			if c.name != "tokenize" { // which waits for its input
				whole(t, c.args(want)...)
			}
			dir := filepath.Join(t.TempDir(), "dir")
			for k := range n {
				s := []syscall.Signal{syscall.SIGINT, syscall.SIGTERM}[k%2]
				if interruptAt(t, time.Duration(r.Int64N(int64(c.most))), []syscall.Signal{s}, c.args(dir)...) {
					os.RemoveAll(dir)
				}
				if _, temporary := left(t, filepath.Dir(dir)); len(temporary) > 0 {
					t.Errorf("signal %d leaves %q", k, temporary)
				}
			}
			if c.name == "tokenize" {
				return
			}
			whole(t, c.args(dir)...)
			got, _ := left(t, dir)
			right, _ := left(t, want)
			for name, text := range right {
				if got[name] != text {
					t.Errorf("%s has other bytes: %d and %d", name, len(got[name]), len(text))
				}
			}
			if len(got) != len(right) || len(right) == 0 {
				t.Errorf("%d files, expected %d", len(got), len(right))
			}
		})
	}
}

// TestSecondSignal: the second signal ends the program at once, whatever it is doing.
func TestSecondSignal(t *testing.T) {
	c := program("run", stopRecipe(t, 100000, 24), "--set", "run_dir="+filepath.Join(t.TempDir(), "run"))
	err := c.Start()
	for err == nil {
		time.Sleep(800 * time.Millisecond)
		err = c.Process.Signal(syscall.SIGTERM)
		if err == nil {
			time.Sleep(5 * time.Millisecond)
			err = c.Process.Signal(syscall.SIGTERM)
		}
		break
	}
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	sent := time.Now()
	c.Wait()
	if code := c.ProcessState.ExitCode(); code != 143 || time.Since(sent) > obeyed {
		t.Errorf("status %d after %v", code, time.Since(sent))
	}
}

// TestLittleMemory: under ulimit -v the program ends well or with one line, however little there is, once it has come to main.
func TestLittleMemory(t *testing.T) {
	if _, err := os.Stat("/proc/self/statm"); err != nil {
		t.Skip("needs a system on which limits of the address space are looked at: Linux")
	}
	file := stopRecipe(t, 2, 6)
	said := false
	for _, mib := range []int{1400, 1600, 1700, 1800, 2200} {
		for _, args := range [][]string{{"run", "--over-memory", file, "--set", "run_dir=" + filepath.Join(t.TempDir(), "run")}, {"plan", file}} {
			c := program()
			c.Path, c.Args = "/bin/sh", append([]string{"sh", "-c", fmt.Sprintf(`ulimit -v %d; exec "$0" "$@"`, mib<<10), os.Args[0]}, args...)
			out, err := c.CombinedOutput()
			if strings.Contains(string(out), "runtime.doInit") {
				continue // there was too little for Go to come as far as main, where nothing can be done about it
			}
			if strings.Contains(string(out), "goroutine ") {
				t.Errorf("%s, %d MiB: %v\n%.600s", args[0], mib, err, out)
			}
			said = said || args[0] == "run" && err != nil && strings.Contains(string(out), "moslava: ") && strings.Contains(string(out), "memory")
			t.Logf("%s, %d MiB: %v", args[0], mib, err)
		}
	}
	if !said {
		t.Error("memory was enough every time")
	}
}
