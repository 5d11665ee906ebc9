package atomicfile

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestRemoveTemporary: a process that ends early leaves nothing half written behind, and what was there before stays.
func TestRemoveTemporary(t *testing.T) {
	const variable = "MOSLAVA_TEST_TEMPORARY"
	if dir := os.Getenv(variable); dir != "" { // RemoveTemporary is for good, so another process does it
		other := filepath.Join(dir, ".tmp-folder")
		defer Temporary(other)()
		if err := os.Mkdir(other, 0o777); err != nil {
			t.Fatal(err)
		}
		err := WriteFile(filepath.Join(dir, "a"), func(w io.Writer) error {
			io.WriteString(w, "half")
			RemoveTemporary()
			os.Exit(7)
			return nil
		})
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := WriteBytes(filepath.Join(dir, "a"), []byte("whole")); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(os.Args[0], "-test.run=^TestRemoveTemporary$")
	c.Env = append(os.Environ(), variable+"="+dir)
	if out, err := c.CombinedOutput(); err == nil || c.ProcessState.ExitCode() != 7 {
		t.Fatalf("%v\n%s", err, out)
	}
	wantContent(t, filepath.Join(dir, "a"), "whole")
	if got := entries(t, dir); len(got) != 1 {
		t.Errorf("directory holds %q, want the file alone", got)
	}
}
