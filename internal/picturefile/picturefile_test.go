package picturefile

import (
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRead: one rule for paths, URLs and symbolic links.
func TestRead(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	for name, text := range map[string]string{"data/a b.png": "A", "more/b.png": "B", "disk/c.png": "C", "disk/d#1.png": "D", "secret.png": "S"} {
		if err := os.MkdirAll(filepath.Dir(at(name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{
		"linked": "disk", "data/on-disk": "../disk", "data/inner.png": "a b.png", "data/secret.png": "../secret.png", "data/zero": "/dev/zero",
	} {
		if err := os.Symlink(filepath.FromSlash(to), at(link)); err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
	}
	pixels := base64.StdEncoding.EncodeToString([]byte("PNG!"))
	both := []string{at("data"), at("more")}
	for _, c := range []struct {
		about, name string
		folders     []string
		want        string // the picture, or of an error what is in it
	}{
		{"in the first folder", "a b.png", both, "A"},
		{"in the second folder", "b.png", both, "B"},
		{"absolute, in a folder", at("more/b.png"), both, "B"},
		{"up and into another folder", "../more/b.png", both, "B"},
		{"a file URL", "file://" + filepath.ToSlash(at("data")) + "/a%20b.png", both, "A"},
		{"a file URL of localhost", "file://localhost" + filepath.ToSlash(at("more/b.png")), both, "B"},
		{"a file URL with #", "file://" + filepath.ToSlash(at("disk/d#1.png")), []string{at("disk")}, "D"},
		{"a data URL", "data:image/png;base64," + pixels, nil, "PNG!"},
		{"a data URL without padding", "DATA:;base64," + strings.TrimRight(pixels, "="), nil, "PNG!"},
		{"a link within", "inner.png", both, "A"},
		{"a folder that is a link", "c.png", []string{at("linked")}, "C"},
		{"absolute, through a folder that is a link", at("linked/c.png"), []string{at("linked")}, "C"},
		{"absolute, where the link leads", at("disk/c.png"), []string{at("linked")}, "C"},
		{"a link out of the folders", "on-disk/c.png", both, "lies outside"},
		{"a link to a folder that is allowed", "on-disk/c.png", append([]string{at("disk")}, both...), "C"},
		{"a link to a file outside", "secret.png", both, "(--images)"},
		{"absolute, outside", at("secret.png"), both, "name its folder in images"},
		{"absolute, of another machine", "/nowhere/ann/a.png", both, "write it relative"},
		{"up and out", "../secret.png", both, "lies outside"},
		{"not there", "x.png", both, "looked for under " + both[0] + " and " + both[1] + ": images"},
		{"a link to a device", "zero", both, "lies outside"},
		{"a folder", ".", both, "is a directory"},
		{"no name", "", both, "empty"},
		{"on the network", "https://example.org/a.png", both, "not fetched"},
		{"another scheme", "s3://bucket/a.png", both, "not fetched"},
		{"a file URL of another machine", "file://host/a.png", both, "file:///"},
		{"a data URL in percent", "data:image/svg+xml,%3Csvg%3E", both, "in base64"},
		{"a data URL that is cut off", "data:image/png;base64,A", both, "illegal base64"},
		{"an empty data URL", "data:image/png;base64,", both, "no bytes"},
	} {
		b, err := Read(c.folders, c.name)
		switch {
		case err != nil && !strings.Contains(err.Error(), c.want):
			t.Errorf("%s: error %v, want %q", c.about, err, c.want)
		case err == nil && string(b) != c.want:
			t.Errorf("%s: read %q, want %q", c.about, b, c.want)
		}
	}
	if _, err := Read(both, "x.png"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want fs.ErrNotExist", err)
	}
}
