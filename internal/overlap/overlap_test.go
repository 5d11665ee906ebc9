package overlap

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestOf(t *testing.T) {
	root := t.TempDir()
	t.Chdir(root)
	err := errors.Join(os.MkdirAll("models/base/sub", 0o777), os.Mkdir("models2", 0o777), os.WriteFile("data.json", nil, 0o666))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Symlink("models", "link"), os.Symlink("../new/out", "models/dangling"), os.Symlink(filepath.Join(root, "models", "base"), "direct")); err != nil {
		t.Skipf("needs symbolic links: %v", err)
	}
	other := Apart // of another case, on the file systems that tell cases apart
	if folds(filepath.Join(root, "models")) {
		other = Same
	}
	for _, c := range []struct {
		a, b string
		want Relation
	}{
		{"models/base", "models/base", Same},
		{"models/base", root + "/models/../models/base/", Same},
		{"link/base", "models/base", Same},
		{"direct", "models/base", Same},
		{"direct/hf", "models/base", Inside},
		{"models/base/sub/x/y", "direct", Inside},
		{"models", "direct", Contains},
		{".", "data.json", Contains},
		{"data.json", "data.json", Same},
		{"models2", "models", Apart},
		{"models/bas", "models/base", Apart},
		{"models/base2", "models/base", Apart},
		{"new/out", "models/dangling", Same},
		{"models/dangling/x", "new", Inside},
		{"new", "new/out", Contains},
		{"new/out", "new/outer", Apart},
		{"MODELS/Base", "models/base", other},
		{"New/x", "new/x", other},
	} {
		got, err := Of(c.a, c.b)
		if err != nil || got != c.want {
			t.Errorf("%s %q %s, %v; want %q", c.a, got, c.b, err, c.want)
		}
		back, err := Of(c.b, c.a)
		if want := map[Relation]Relation{Inside: Contains, Contains: Inside}[c.want]; err != nil || want != "" && back != want {
			t.Errorf("%s %q %s, %v; want %q", c.b, back, c.a, err, want)
		}
	}
	if err := os.Symlink("loop", "loop"); err != nil {
		t.Fatal(err)
	}
	if _, err := Of("loop/x", "models"); err == nil {
		t.Error("a link to itself leads somewhere")
	}
}
