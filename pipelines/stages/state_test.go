package stages

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"moslava/internal/atomicfile"
	"moslava/internal/infile"
)

// TestStatesReachTheDisk: of each state, the name of its directory is on the disk before its last file is there, and then the names of its files:
// a machine that goes down loses no state that a later step relies on.
func TestStatesReachTheDisk(t *testing.T) {
	dir := t.TempDir()
	named, whole := map[string]bool{}, map[string]bool{} // directories of states
	atomicfile.Synced = func(synced string) {
		entries, err := os.ReadDir(synced)
		if err != nil {
			t.Error(err)
		}
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), statePrefix) && !whole[filepath.Join(synced, e.Name())] {
				named[filepath.Join(synced, e.Name())] = true
			}
		}
		if !strings.HasPrefix(filepath.Base(synced), statePrefix) {
			return
		}
		if ok, err := infile.Exists(filepath.Join(synced, stateFile)); err != nil {
			t.Error(err)
		} else if whole[synced] = ok; ok && !named[synced] {
			t.Errorf("%s is whole, and its name is not on the disk", synced)
		}
	}
	t.Cleanup(func() { atomicfile.Synced = nil })
	mustRun(t, load(t, resumeRecipe, dir))
	left, err := filepath.Glob(filepath.Join(dir, "*", statePrefix+"*"))
	if err != nil || len(left) == 0 {
		t.Fatalf("left are %q, %v", left, err)
	}
	for _, state := range append(left, slices.Collect(maps.Keys(named))...) {
		if !whole[state] {
			t.Errorf("the files of %s are not on the disk", state)
		}
	}
	if len(named) <= len(left) {
		t.Errorf("%d states were seen, and %d are left: one at least was to be removed", len(named), len(left))
	}
}
