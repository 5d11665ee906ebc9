package stages

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"moslava/pipelines/recipes/recipetest"

	"golang.org/x/sys/unix"
)

// TestFileTooLarge: a save that fails names the file and leaves nothing half done; what was saved before stays good.
func TestFileTooLarge(t *testing.T) {
	want := uninterrupted(t)
	dir := t.TempDir()
	out, err := start(t, dir, childLimit+"=40000") // enough for all of align, not for a state of tune
	if err == nil {
		t.Fatalf("no error with files of 40 kB\n%s", out)
	}
	state := filepath.Join(dir, "01-tune", statePrefix+"00000003")
	for _, w := range []string{"stage tune: save at step 3: write " + state, ".safetensors: " + syscall.EFBIG.Error()} {
		if !strings.Contains(out, w) {
			t.Errorf("the message has no %q:\n%s", w, out)
		}
	}
	if saving(dir) {
		t.Error("half a state is there still")
	}
	out = mustRun(t, load(t, resumeRecipe, dir))
	if !strings.Contains(out, "align: finished, skipped") {
		t.Errorf("the run afterwards:\n%s", out)
	}
	equal(t, results(t, dir), want)
}

// TestFullDisk is the same on a file system without room, where this process may mount one.
func TestFullDisk(t *testing.T) {
	want := uninterrupted(t)
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=300k"); err != nil {
		t.Skipf("needs a small file system to fill: run as root, which may mount a tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	})
	dir := filepath.Join(disk, "run")
	fails(t, load(t, resumeRecipe, dir), "stage tune: the file system of "+dir+" has ", "free, and about ", "are written to it")
	if err := unix.Mount("tmpfs", disk, "tmpfs", unix.MS_REMOUNT, "size=2m"); err != nil {
		t.Fatal(err)
	}
	// Somebody else fills it meanwhile.
	filler := filepath.Join(disk, "filler")
	fill := &cancelAt{text: "tune: not begun", cancel: func() { _ = os.WriteFile(filler, make([]byte, 1800<<10), 0o666) }}
	err := Run(context.Background(), load(t, resumeRecipe, dir), Options{Out: fill})
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("error %v\n%s", err, &fill.out)
	}
	recipetest.Names(t, err, "stage tune", "write "+filepath.Join(dir, "01-tune"), "no space left on device")
	if saving(dir) {
		t.Error("half a state is there still")
	}
	if err := unix.Mount("tmpfs", disk, "tmpfs", unix.MS_REMOUNT, "size=8m"); err != nil {
		t.Fatal(err)
	}
	again := mustRun(t, load(t, resumeRecipe, dir))
	if !strings.Contains(again, "align: finished, skipped") {
		t.Errorf("the run afterwards:\n%s", again)
	}
	equal(t, results(t, dir), want)
}

// TestNoPermission: a directory that cannot be written to is named.
func TestNoPermission(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	fails(t, load(t, resumeRecipe, filepath.Join(file, "run")), file, "not a directory")
}
