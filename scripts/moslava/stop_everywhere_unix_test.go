//go:build unix

package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"moslava/internal/atomicfile"
)

// A stopCase is a command that takes a while.
type stopCase struct {
	name  string
	args  func(out string) []string // out is where it writes
	takes time.Duration             // how late signals come at most; 0: as long as a whole call takes
	// What it writes: nothing that is looked at; out, whole or not at all; or files in out that a later call goes on with, of which those with these names
	// hold no times.
	whole bool
	goes  []string
}

// TestSignalsEverywhere: each command obeys SIGINT and SIGTERM within a second, on inputs that take longer, and the second signal at once. It says so in one line,
// leaves nothing that looks finished and is not, and no temporary file anywhere; what runs afterwards leaves what an uninterrupted one does.
func TestSignalsEverywhere(t *testing.T) {
	in := theStopInputs(t)
	deaf, err := net.Listen("tcp", "127.0.0.1:0") // nobody accepts, and the system connects all the same
	must(t, err)
	t.Cleanup(func() { deaf.Close() })
	judge := []string{"--judge-url", "http://" + deaf.Addr().String(), "--judge-model", "none"}
	recipe := func(name, stages string) func(string) []string {
		file := in.write(t, name+".yaml", fmt.Appendf(nil, "name: %s\nseed: 5\nmodel: {from: %s}\nstages:\n%s", name, in.model, stages))
		return func(out string) []string {
			return []string{"run", file, "--set", "run_dir=" + filepath.Join(out, "run")}
		}
	}
	export := recipe("export", "- {kind: export, path: out}\n")
	of := func(args ...string) func(string) []string { return func(string) []string { return args } }
	for _, c := range []stopCase{
		{name: "export", whole: true, args: func(out string) []string {
			return append(export(out+"-run"), "--set", "stages.export.path="+out)
		}},
		{name: "training on pictures that take long", args: recipe("huge", fmt.Sprintf("- {kind: align, data: %s, steps: 9, batch: 4}\n", in.hugeRows)), takes: 2 * time.Second},
		{name: "convert bytes", whole: true, args: func(out string) []string { return []string{"convert", in.gguf, out} }},
		{name: "convert samples", whole: true, args: func(out string) []string { return []string{"convert", in.rows, out} }},
		{name: "convert pictures", whole: true, args: func(out string) []string { return []string{"convert", in.pictures, out} }},
		{name: "data convert", whole: true, args: func(out string) []string { return []string{"data", "convert", in.pictures, out, "--to", "webdataset"} }},
		{name: "data check", args: of("data", "check", in.path("huge.yaml")), takes: time.Second},
		{name: "dry run", args: of("run", "--dry-run", in.path("huge.yaml")), takes: time.Second},
		{name: "compose", whole: true, args: func(out string) []string {
			return []string{"compose", out, in.adapters + "=0.5", in.adapters + "=0.25", in.adapters + "=0.25"}
		}},
		{name: "analyze", goes: []string{}, args: func(out string) []string {
			return []string{"analyze", in.adapters, "--base", in.model, "--out", out, "--force"}
		}},
		{name: "study", goes: []string{"report/summary.csv", "report/rates.csv"}, args: func(out string) []string { return []string{"study", in.study(t, out)} }},
		{name: "inspect", args: of("inspect", "--check", in.tensors), takes: time.Second},
		{name: "inspect a model", args: of("inspect", "--check", in.model), takes: 300 * time.Millisecond},
		{name: "inspect samples", args: of("inspect", "--check", in.rows), takes: time.Second},
		{name: "inspect pictures", args: of("inspect", "--check", in.hugeRows), takes: time.Second},
		{name: "verify", args: of("verify", in.text, in.golden), takes: time.Second},
		{name: "verify-run", args: of("verify-run", in.run), takes: 600 * time.Millisecond},
		{name: "score", whole: true, args: func(out string) []string {
			return []string{"score", "--suite", in.suite, "--predictions", in.answers, "--verdicts", out}
		}},
		{name: "report", whole: true, args: func(out string) []string { return []string{"report", in.evaluated, "--out", out} }},
		{name: "report of curves", whole: true, args: func(out string) []string { return []string{"report", in.curves, "--out", out} }},
		{name: "join", goes: []string{"verdicts.jsonl", "acc.csv"}, args: func(out string) []string {
			return []string{"join", in.suite, in.half[0], in.half[1], "--out", out, "--force"}
		}},
		{name: "plan", args: of("plan", in.path("huge.yaml")), takes: time.Second},
		{name: "ask", args: of("ask", in.model, "why?", "--max-new", "400"), takes: time.Second},
		{name: "ask a pipe", args: of("ask", in.model, "-", "why?"), takes: time.Second},
		{name: "preprocess", whole: true, args: func(out string) []string {
			return []string{"preprocess", "--config", in.model, in.huge, "--out", out}
		}},
		{name: "demo", args: func(out string) []string { return []string{"demo", "--short", "--dir", out} }, takes: 3 * time.Second},
		{name: "a judge that is deaf", args: of(append([]string{"score", "--suite", in.few, "--predictions", in.vague}, judge...)...), takes: time.Second},
	} {
		t.Run(c.name, func(t *testing.T) { c.stop(t) })
	}
	t.Run("inspect an empty pipe", func(t *testing.T) { // it does not wait, so that there is nothing to interrupt
		if out, err := program("inspect", in.fifo).CombinedOutput(); err == nil || !strings.Contains(string(out), "is a pipe") {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

// stop interrupts the command three times and then lets it finish.
func (c *stopCase) stop(t *testing.T) {
	began := time.Now()
	root, scratch := t.TempDir(), t.TempDir()
	t.Setenv("TMPDIR", scratch)
	want, out := filepath.Join(root, "want"), filepath.Join(root, "out")
	writes := c.whole || c.goes != nil
	if c.takes == 0 {
		whole(t, c.args(want)...)
		c.takes = time.Since(began)
	}
	hit := 0
	for k, signals := range [][]syscall.Signal{{syscall.SIGINT}, {syscall.SIGTERM}, {syscall.SIGINT, syscall.SIGTERM}} {
		after := []time.Duration{c.takes * 6 / 10, c.takes * 4 / 10, c.takes * 2 / 10}[k]
		for range 6 { // a call may be many times as fast as the one that was timed, where other programs compute
			if !interruptAt(t, after, signals, c.args(out)...) {
				hit++
				break
			}
			os.RemoveAll(out)
			after /= 2
		}
		if _, err := os.Stat(out); c.whole && err == nil {
			same(t, out, want)
			os.RemoveAll(out)
		}
		for _, dir := range []string{root, scratch} {
			if _, temporary := left(t, dir); len(temporary) > 0 {
				t.Errorf("%v leaves %q", signals, temporary)
			}
		}
	}
	if hit < 2 {
		t.Errorf("%d of 3 signals came before the end: the input is too short", hit)
	}
	if writes {
		whole(t, c.args(out)...)
		if c.whole {
			same(t, out, want)
		}
		for _, name := range c.goes {
			same(t, filepath.Join(out, name), filepath.Join(want, name))
		}
	}
	if entries, err := os.ReadDir(scratch); err != nil || len(entries) > 0 {
		t.Errorf("left where temporary files are: %v, %v", entries, err)
	}
	t.Logf("%v in all, a whole call %v", time.Since(began).Round(time.Millisecond), c.takes.Round(time.Millisecond))
}

// same compares two files, or all files of two directories.
func same(t *testing.T, got, want string) {
	t.Helper()
	err := filepath.WalkDir(want, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		at := got + strings.TrimPrefix(path, want)
		a, errA := os.ReadFile(at)
		b, errB := os.ReadFile(path)
		if errA != nil || errB != nil || string(a) != string(b) {
			t.Errorf("%s has %d bytes, %s %d; %v %v", at, len(a), path, len(b), errA, errB)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	_ = filepath.WalkDir(got, func(path string, e os.DirEntry, err error) error {
		if _, err := os.Lstat(want + strings.TrimPrefix(path, got)); err != nil || atomicfile.IsTemp(filepath.Base(path)) {
			t.Errorf("%s is there, too", path)
		}
		return nil
	})
}
