package lock

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const childPath = "MOSLAVA_TEST_LOCK"

// child holds a lock in a process of its own until it is killed.
func child(t *testing.T, path string) *exec.Cmd {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^TestBeside$")
	c.Env = append(os.Environ(), childPath+"="+path)
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "locked\n" {
		t.Fatalf("the other process said %q, %v", line, err)
	}
	return c
}

func wantHeld(t *testing.T, l *Lock, err error) {
	t.Helper()
	var held *HeldError
	if !errors.As(err, &held) || !strings.HasPrefix(held.Holder, "process ") {
		t.Errorf("%v, %v; want the holder's process", l, err)
	}
}

func TestBeside(t *testing.T) {
	if path := os.Getenv(childPath); path != "" {
		lock := Beside
		if filepath.Base(path) == "run" {
			lock = Inside
		}
		if _, err := lock(path); err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString("locked\n")
		time.Sleep(time.Hour) // until it is killed; without a timer it would end as a deadlock
	}
	root := t.TempDir()
	dir, link, run := filepath.Join(root, "out"), filepath.Join(root, "link"), filepath.Join(root, "run")
	for _, d := range []string{dir, run} {
		if err := os.Mkdir(d, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("out", link); err != nil {
		t.Skipf("needs symbolic links: %v", err)
	}
	c := child(t, dir)
	for _, path := range []string{dir, link, dir + "/../out/."} {
		l, err := Beside(path)
		wantHeld(t, l, err)
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	c.Wait()
	l, err := Beside(dir) // what a process left that was killed holds nothing
	if err != nil {
		t.Fatal(err)
	}
	again, err := Beside(link)
	wantHeld(t, again, err)
	if err := errors.Join(l.Release(), l.Release()); err != nil {
		t.Error(err)
	}
	for _, d := range []string{root, dir} {
		entries, err := os.ReadDir(d)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), ".") {
				t.Errorf("%s is left in %s", e.Name(), d)
			}
		}
	}

	c = child(t, run)
	l, err = Beside(filepath.Join(run, "03-export", "hf"))
	if err == nil {
		t.Error("locked a directory in a run directory that another process works in")
	}
	c.Process.Kill()
	c.Wait()
	if err := os.Mkdir(filepath.Join(run, "report"), 0o777); err != nil {
		t.Fatal(err)
	}
	if l, err = Beside(filepath.Join(run, "report")); err != nil {
		t.Error(err)
	}
	l.Release()
}

// TestLeft: who comes after a process that was killed finds what it noted; who comes after one that gave the lock free finds nothing.
func TestLeft(t *testing.T) {
	const variable = "MOSLAVA_TEST_LEFT"
	ends := map[string]func(l *Lock) error{
		"exit":     func(*Lock) error { return nil },
		"release":  (*Lock).Release,
		"all free": func(*Lock) error { return ReleaseAll() },
	}
	if how, dir, ok := strings.Cut(os.Getenv(variable), " in "); ok {
		l, err := Inside(dir)
		if err == nil {
			err = errors.Join(l.Note("a long note, which is replaced"), l.Note("stage tune"))
		}
		if err == nil {
			_, err = Beside(filepath.Join(dir, "file"))
		}
		if err == nil {
			err = ends[how](l)
		}
		if err != nil {
			t.Fatal(err)
		}
		os.Exit(0)
	}
	for how := range ends {
		dir := t.TempDir()
		c := exec.Command(os.Args[0], "-test.run=^TestLeft$")
		c.Env = append(os.Environ(), variable+"="+how+" in "+dir)
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		_, err := os.Stat(filepath.Join(dir, ".file.lock"))
		if there := err == nil; there != (how != "all free") {
			t.Errorf("%s: the file of a lock beside is there: %t", how, there)
		}
		l, err := Inside(dir)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(l.Left(), "\n")
		switch {
		case how != "exit" && l.Left() != "":
			t.Errorf("%s: left is %q", how, l.Left())
		case how == "exit" && (len(lines) != 2 || !strings.HasPrefix(lines[0], "process ") || lines[1] != "stage tune"):
			t.Errorf("%s: left is %q", how, l.Left())
		}
		if err := l.Release(); err != nil {
			t.Error(err)
		}
	}
}

// TestRace: of many that want a lock, which is given free and removed all the time, one has it at a time.
func TestRace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	var in, all sync.Mutex
	var wg sync.WaitGroup
	got := 0
	for range 4 {
		wg.Go(func() {
			for range 200 {
				l, err := Beside(path)
				if held := new(HeldError); errors.As(err, &held) {
					continue
				} else if err != nil {
					t.Error(err)
					return
				}
				if !in.TryLock() {
					t.Error("two have the lock")
					return
				}
				all.Lock()
				got++
				all.Unlock()
				in.Unlock()
				if err := l.Release(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got == 0 {
		t.Error("nobody got it")
	}
}
