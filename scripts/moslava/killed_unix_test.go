//go:build unix

package main

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"moslava/internal/atomicfile"
)

// killsItself, in the environment of the program, says when it kills itself: see killItself.
const killsItself = "MOSLAVA_TEST_KILL"

// killWhen is after so many temporary files have been seen below a directory, and then a while.
func killWhen(dir string, seen int, delay time.Duration) string {
	return fmt.Sprintf("%s=%d %d %s", killsItself, seen, delay, dir)
}

func killItself(when string) {
	parts := strings.SplitN(when, " ", 3)
	var n int
	var delay time.Duration
	if _, err := fmt.Sscan(parts[0]+" "+parts[1], &n, &delay); err != nil {
		panic(err)
	}
	for seen := map[string]bool{}; len(seen) < n; {
		for _, path := range temporary(parts[2]) {
			seen[path] = true
		}
		time.Sleep(20 * time.Microsecond)
	}
	time.Sleep(delay)
	if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
		panic(err)
	}
}

// temporary are the temporary files and directories in dir and below.
func temporary(dir string) (out []string) {
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !atomicfile.IsTemp(e.Name()) {
			return nil // what has gone by now, too
		}
		out = append(out, path)
		if e.IsDir() {
			return fs.SkipDir
		}
		return nil
	})
	return out
}

// TestKilledEverywhere: what a command that was killed in the midst of writing leaves behind, the next call sweeps, and what that leaves is what an uninterrupted
// one does, bit for bit. Of what becomes a directory nothing half written lies in its place.
func TestKilledEverywhere(t *testing.T) {
	in := theStopInputs(t)
	run := stopRecipe(t, 4, 6)
	export := in.write(t, "exported.yaml", fmt.Appendf(nil, "name: exported\nmodel: {from: %s}\nstages:\n- {kind: export, path: out}\n", in.model))
	for _, c := range []struct {
		name  string
		args  func(out string) []string
		in    []string                  // directories below that of out in which temporary files are waited for
		long  time.Duration             // how long a temporary file is there at most
		whole bool                      // out is there whole or not at all
		files func(out string) []string // that are compared; nil: all that left finds
	}{
		{name: "convert bytes", whole: true, long: 200 * time.Millisecond, args: func(out string) []string { return []string{"convert", in.gguf, out} }},
		{name: "convert samples", whole: true, in: []string{".out.converting"}, long: 200 * time.Millisecond, args: func(out string) []string { return []string{"convert", in.rows, out} }},
		{name: "convert pictures", whole: true, in: []string{".out.converting"}, long: 200 * time.Millisecond, args: func(out string) []string { return []string{"convert", "--messages", "--rows", "50", in.pictures, out} }},
		{name: "data convert to parquet", whole: true, in: []string{".out.converting/data"}, long: 20 * time.Millisecond, args: func(out string) []string {
			return []string{"data", "convert", in.pictures, out, "--to", "parquet", "--rows-per-shard", "50"}
		}},
		{name: "data convert to lines", whole: true, in: []string{".out.converting"}, long: 20 * time.Millisecond, args: func(out string) []string {
			return []string{"data", "convert", in.pictures, out, "--to", "jsonl", "--rows-per-shard", "50"}
		}},
		{name: "data convert to webdataset", whole: true, in: []string{".out.converting"}, long: 20 * time.Millisecond, args: func(out string) []string {
			return []string{"data", "convert", in.pictures, out, "--to", "webdataset", "--rows-per-shard", "50"}
		}},
		{name: "compose", whole: true, long: 20 * time.Millisecond, args: func(out string) []string {
			return []string{"compose", out, in.adapters + "=0.5", in.adapters + "=0.5"}
		}},
		{name: "export", whole: true, long: 200 * time.Millisecond, args: func(out string) []string {
			return []string{"run", export, "--set", "run_dir=" + filepath.Dir(out) + "-run", "--set", "stages.export.path=" + out}
		}},
		{name: "analyze", long: time.Millisecond, args: func(out string) []string { return []string{"analyze", in.adapters, "--out", out, "--force"} }},
		{name: "preprocess", whole: true, long: time.Millisecond, args: func(out string) []string {
			return []string{"preprocess", "--force", "--config", in.model, in.path("noise.png"), "--out", out}
		}},
		{name: "score", whole: true, long: time.Millisecond, args: func(out string) []string {
			return []string{"score", "--force", "--suite", in.suite, "--predictions", in.answers, "--verdicts", out}
		}},
		{name: "report", whole: true, long: time.Millisecond, args: func(out string) []string { return []string{"report", "--force", in.evaluated, "--out", out} }},
		{name: "join", long: time.Millisecond, args: func(out string) []string {
			return []string{"join", in.suite, in.half[0], in.half[1], "--out", out, "--force"}
		}},
		{name: "evaluate", in: []string{"out"}, long: time.Millisecond, args: func(out string) []string { return []string{"evaluate", in.model, in.few, "--out", out} }},
		{name: "study", in: []string{"out/shared", "out/cells", "out/report"}, long: time.Millisecond, args: func(out string) []string { return []string{"study", in.study(t, out)} },
			files: func(out string) []string { return []string{out + "/report/summary.csv", out + "/report/rates.csv"} }},
		{name: "run", in: []string{"out/00-align", "out/01-tune", "out/02-evaluate/test", "out/03-export"}, long: time.Millisecond,
			args: func(out string) []string { return []string{"run", run, "--set", "run_dir=" + out} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // nothing is timed
			root, scratch := t.TempDir(), t.TempDir()
			program := func(args ...string) *exec.Cmd {
				p := program(args...)
				p.Env = append(p.Env, "TMPDIR="+scratch)
				return p
			}
			whole := func(args ...string) {
				if out, err := program(args...).CombinedOutput(); err != nil {
					t.Fatalf("%q: %v\n%s", args, err, out)
				}
			}
			want, out := filepath.Join(root, "want", "out"), filepath.Join(root, "got", "out")
			must(t, os.Mkdir(filepath.Dir(want), 0o777), os.Mkdir(filepath.Dir(out), 0o777))
			whole(c.args(want)...)
			if c.in == nil {
				c.in = []string{"."}
			}
			r := rand.New(rand.NewPCG(3, 4))
			killed, behind := 0, 0
			// A kill that comes too early or too late for a temporary file hits nothing: more follow until one does.
			for k := 0; k < max(4, 2*len(c.in)) || behind == 0 && k < 60; k++ {
				dir := filepath.Join(filepath.Dir(out), c.in[k%len(c.in)])
				p := program(c.args(out)...)
				p.Env = append(p.Env, killWhen(dir, 1+k/len(c.in)%2*r.IntN(4), time.Duration(r.Int64N(int64(c.long)))))
				text, err := p.CombinedOutput()
				if p.ProcessState.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
					killed++
				} else if err != nil {
					t.Fatalf("%v\n%s", err, text)
				}
				behind += len(temporary(filepath.Dir(out)))
				if _, err := os.Stat(out); c.whole && err == nil {
					same(t, out, want)
					must(t, os.RemoveAll(out))
				}
			}
			if behind == 0 {
				t.Errorf("no temporary file was left behind by %d kills: the test does not hit what it is about", killed)
			}
			whole(c.args(out)...)
			if left := append(temporary(root), temporary(scratch)...); len(left) > 0 {
				t.Errorf("left are %q", left)
			}
			if entries, err := os.ReadDir(scratch); err != nil || len(entries) > 0 {
				t.Errorf("left where temporary files are: %v, %v", entries, err)
			}
			switch {
			case c.whole:
				same(t, out, want)
			case c.files != nil:
				for i, got := range c.files(out) {
					same(t, got, c.files(want)[i])
				}
			default:
				got, locks := left(t, out)
				right, _ := left(t, want)
				for name, text := range right {
					if got[name] != text {
						t.Errorf("%s has other bytes: %d and %d", name, len(got[name]), len(text))
					}
				}
				if len(got) != len(right) || len(right) == 0 || len(locks) > 0 {
					t.Errorf("%d files, expected %d; %q", len(got), len(right), locks)
				}
			}
			t.Logf("%d kills left %d temporary files behind", killed, behind)
		})
	}
}
