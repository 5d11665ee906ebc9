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

	"moslava/pipelines/metrics"
)

// asProgram, in the environment, makes the test binary the program.
const asProgram = "MOSLAVA_TEST_PROGRAM"

// signalsOf, in the environment, is how many signals each command gets; a few by default.
const signalsOf = "MOSLAVA_TEST_SIGNALS"

// obeyed is how long the program may take to end after a signal.
const obeyed = 1500 * time.Millisecond

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(execute())
	}
	os.Exit(m.Run())
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
	towers, err := filepath.Abs("../../pipelines/testdata/tiny")
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

// left is what a run or an evaluation leaves that does not say when it was made, and the names of temporary files.
func left(t *testing.T, dir string) (files map[string]string, temporary []string) {
	t.Helper()
	files = map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := e.Name()
		if strings.HasPrefix(name, ".tmp") || name == ".saving" {
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

// interruptAt starts the program, sends it a signal after a while and checks that it is obeyed. It says whether the program was faster.
func interruptAt(t *testing.T, after time.Duration, s syscall.Signal, args ...string) (finished bool) {
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
	sent := time.Now()
	if err := c.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	err = c.Wait()
	took := time.Since(sent)
	if err == nil {
		return true
	}
	// A signal in the first milliseconds, before it is handled, ends the program as any other.
	early := c.ProcessState.Sys().(syscall.WaitStatus).Signaled() && after < 200*time.Millisecond
	if code := c.ProcessState.ExitCode(); code != 128+int(s) && !early {
		t.Errorf("%v after %v: %v\n%s", s, after, err, &out)
	}
	if !early && !strings.Contains(out.String(), "again to stop at once") {
		t.Errorf("%v after %v: it says\n%s", s, after, &out)
	}
	if took > obeyed {
		t.Errorf("%v after %v: it took %v\n%s", s, after, took, &out)
	}
	return false
}

// TestSignals: every command obeys SIGINT and SIGTERM within a second wherever it is, and what runs afterwards ends with the same bytes.
func TestSignals(t *testing.T) {
	n := 4
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
	rows := filepath.Join(t.TempDir(), "rows.json")
	if err := os.WriteFile(rows, []byte("["+strings.Repeat(`{"conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "ho"}]},`+"\n", 99999)+
		`{"conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "ho"}]}]`), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		args func(dir string) []string
		most time.Duration // how late signals come
	}{
		{"run", func(dir string) []string { return []string{"run", file, "--set", "run_dir=" + dir} }, length},
		{"evaluate", func(dir string) []string {
			return []string{"evaluate", model, filepath.Join(base, "02-evaluate", "test", "questions.tsv"), "--out", dir}
		}, length / 2},
		{"convert", func(dir string) []string { return []string{"convert", rows, filepath.Join(dir, "data")} }, time.Second},
		{"plan", func(string) []string { return []string{"plan", file} }, time.Second},
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
				if interruptAt(t, time.Duration(r.Int64N(int64(c.most))), s, c.args(dir)...) {
					os.RemoveAll(dir)
				}
				if _, temporary := left(t, filepath.Dir(dir)); len(temporary) > 0 {
					t.Errorf("signal %d leaves %q", k, temporary)
				}
			}
			if c.name == "tokenize" || c.name == "plan" {
				return
			}
			os.RemoveAll(filepath.Join(dir, "data")) // a conversion is not gone on with
			whole(t, c.args(dir)...)
			got, _ := left(t, dir)
			right, _ := left(t, want)
			for name, text := range right {
				if got[name] != text {
					t.Errorf("%s has other bytes: %d and %d", name, len(got[name]), len(text))
				}
			}
			if len(got) != len(right) || len(right) == 0 && c.name != "convert" {
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

// TestLittleMemory: under ulimit -v the program ends well or with one line, however little there is.
func TestLittleMemory(t *testing.T) {
	if _, err := os.Stat("/proc/self/statm"); err != nil {
		t.Skip("needs a system on which limits of the address space are looked at: Linux")
	}
	file := stopRecipe(t, 2, 6)
	said := false
	for _, mib := range []int{1400, 1600, 1700, 1800, 2200} {
		c := program()
		c.Path, c.Args = "/bin/sh", []string{"sh", "-c", fmt.Sprintf(`ulimit -v %d; exec "$0" "$@"`, mib<<10), os.Args[0], "run", "--over-memory", file,
			"--set", "run_dir=" + filepath.Join(t.TempDir(), "run")}
		out, err := c.CombinedOutput()
		if strings.Contains(string(out), "goroutine ") {
			t.Errorf("%d MiB: %v\n%.600s", mib, err, out)
		}
		said = said || err != nil && strings.Contains(string(out), "moslava: ") && strings.Contains(string(out), "memory")
		t.Logf("%d MiB: %v", mib, err)
	}
	if !said {
		t.Error("memory was enough every time")
	}
}
