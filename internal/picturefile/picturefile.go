// Package picturefile finds and reads the pictures that rows of data and of suites name: by a path, by a file:// URL of one, or in a data: URL itself.
//
// A relative path is looked for under each of several folders in turn. Whatever the path, the file it leads to, all symbolic links followed, has to lie under
// one of the folders, which may be links themselves: rows cannot read files that nobody meant for them.
package picturefile

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"moslava/internal/infile"
)

// Folders are those in which the pictures of a file are looked for, in order: the ones that are named, the one that the file is in, and images/ in it.
func Folders(named []string, file string) []string {
	own := filepath.Dir(file)
	return append(slices.Clip(named), own, filepath.Join(own, "images"))
}

// Check makes sure that the folders that somebody has named are there.
func Check(named []string) error {
	for _, dir := range named {
		info, err := os.Stat(dir)
		if errors.Is(err, fs.ErrNotExist) { // not wrapped: the data may well be there
			return fmt.Errorf("images: there is no folder %s", dir)
		}
		if err != nil {
			return fmt.Errorf("images: %w", err)
		}
		if !info.IsDir() {
			return fmt.Errorf("images: %s is a file, expected a folder of pictures", dir)
		}
	}
	return nil
}

// Read reads the picture that a row names.
func Read(folders []string, name string) ([]byte, error) {
	if Holds(name) {
		return dataURL(name)
	}
	f, err := find(folders, name)
	if err != nil {
		return nil, err
	}
	return f.read()
}

// Find is the path, without symbolic links, of the file that a row names.
func Find(folders []string, name string) (string, error) {
	f, err := find(folders, name)
	return f.path, err
}

// Holds says whether a name holds the picture itself: a data: URL.
func Holds(name string) bool { return hasPrefixFold(name, "data:") }

// found is a file and the folder that it lies in, both without symbolic links.
type found struct{ root, path string }

// read reads the file. Whoever puts a link in its place meanwhile does not lead out of the folder.
func (f found) read() ([]byte, error) {
	inside, err := filepath.Rel(f.root, f.path)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(f.root)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	info, err := root.Stat(inside)
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", f.path, err)
	}
	if err := infile.Regular("image "+f.path, info); err != nil { // before it is opened: a pipe would wait
		return nil, err
	}
	switch {
	case info.Size() == 0:
		return nil, fmt.Errorf("image %s is empty", f.path)
	case info.Size() > infile.MaxPicture:
		return nil, fmt.Errorf("image %s has %d bytes, want at most %d", f.path, info.Size(), infile.MaxPicture)
	}
	file, err := root.Open(inside)
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", f.path, err)
	}
	defer file.Close()
	return infile.ReadAll(file, "image "+f.path, infile.MaxPicture)
}

func find(folders []string, name string) (found, error) {
	scheme, _, isURL := strings.Cut(name, "://")
	switch {
	case name == "":
		return found{}, errors.New("the picture's name is empty")
	case isURL && strings.EqualFold(scheme, "file"):
		path, err := fileURL(name)
		if err != nil {
			return found{}, err
		}
		name = path
	case isURL:
		return found{}, fmt.Errorf("image %.200q is on the network, and pictures are not fetched: download it, put its file's name in the row, "+
			"and its folder in images", name)
	}
	return findPath(folders, filepath.FromSlash(name))
}

// findPath is the file that a path stands for.
func findPath(folders []string, name string) (found, error) {
	var real []string // the folders without links
	for _, folder := range folders {
		if r, err := realPath(folder); err == nil {
			real = append(real, r)
		}
	}
	inside := func(path string) string {
		if i := slices.IndexFunc(real, func(root string) bool { return below(root, path) }); i >= 0 {
			return real[i]
		}
		return ""
	}
	candidates := []string{name}
	if !filepath.IsAbs(name) {
		candidates = nil
		for _, folder := range folders {
			candidates = append(candidates, filepath.Join(folder, name))
		}
	}
	var outside error
	for _, c := range candidates {
		path, err := realPath(c)
		switch {
		case err == nil && inside(path) != "":
			return found{inside(path), path}, nil
		case err == nil:
			leads := ""
			if path != name {
				leads = " is " + path + ", which"
			}
			outside = fmt.Errorf("image %.300q%s lies outside %s: name its folder in images (--images) to allow it", name, leads, strings.Join(folders, " and "))
		case !errors.Is(err, fs.ErrNotExist):
			return found{}, fmt.Errorf("image %.300q: %w", name, err)
		}
	}
	if outside != nil {
		return found{}, outside
	}
	abs := slices.ContainsFunc(folders, func(folder string) bool { return below(folder, name) })
	if filepath.IsAbs(name) && !abs && inside(name) == "" {
		return found{}, fmt.Errorf("image %.300q lies outside %s, and is not there: write it relative to one of these folders, or name its folder in "+
			"images (--images): %w", name, strings.Join(folders, " and "), fs.ErrNotExist)
	}
	return found{}, fmt.Errorf("image %.300q is not there; looked for under %s: images (--images) names other folders: %w",
		name, strings.Join(folders, " and "), fs.ErrNotExist)
}

// realPath is absolute and has no symbolic links.
func realPath(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(abs)
}

// below says whether path is the folder root or something in it, by their names.
func below(root, path string) bool {
	abs, err := filepath.Abs(root)
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(abs, path)
	return err == nil && filepath.IsLocal(rel)
}

// dataURL decodes the base64 of a data: URL (RFC 2397). What kind of picture it is, the bytes say.
func dataURL(name string) ([]byte, error) {
	head, text, ok := strings.Cut(name, ",")
	if !ok || !strings.HasSuffix(strings.ToLower(head), ";base64") {
		return nil, fmt.Errorf("image %.60q, expected data:image/...;base64,... with the picture in base64", name)
	}
	if n := base64.RawStdEncoding.DecodedLen(len(text)); n > infile.MaxPicture {
		return nil, fmt.Errorf("image %.60q has about %d bytes, the limit is %d", name, n, infile.MaxPicture)
	}
	b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.TrimSpace(text), "="))
	if err != nil {
		return nil, fmt.Errorf("image %.60q: %w", name, err)
	}
	if len(b) == 0 {
		return nil, fmt.Errorf("image %.60q holds no bytes", name)
	}
	return b, nil
}

// fileURL is the path of a file:// URL of this machine.
func fileURL(name string) (string, error) {
	u, err := url.Parse(name)
	if err != nil {
		return "", fmt.Errorf("image %.200q: %w", name, err)
	}
	if u.Host != "" && u.Host != "localhost" || u.Path == "" {
		return "", fmt.Errorf("image %.200q, expected file:/// and an absolute path", name)
	}
	if u.RawQuery != "" || u.Fragment != "" { // a file's name may hold ? and #, which the URL does not escape
		return strings.TrimPrefix(name[len("file://"):], "localhost"), nil
	}
	return u.Path, nil
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
