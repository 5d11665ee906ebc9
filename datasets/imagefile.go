package datasets

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

// readImage reads the picture a row names: by a path, by a file:// URL of one, or in a data: URL itself.
//
// A relative path is looked for under each of roots in turn. Whatever the path, the file it leads to, all symbolic links followed, has to
// lie under one of roots, which may be links themselves: rows cannot read files that nobody meant for them.
func readImage(roots []string, name string) ([]byte, error) {
	scheme, _, isURL := strings.Cut(name, "://")
	switch {
	case name == "":
		return nil, errors.New("the picture's name is empty")
	case hasPrefixFold(name, "data:"):
		return dataURL(name)
	case isURL && strings.EqualFold(scheme, "file"):
		path, err := fileURL(name)
		if err != nil {
			return nil, err
		}
		name = path
	case isURL:
		return nil, fmt.Errorf("image %.200q is on the network, and pictures are not fetched: download it, put its file's name in the row, "+
			"and its folder in images", name)
	}
	path, err := findImage(roots, filepath.FromSlash(name))
	if err != nil {
		return nil, err
	}
	b, err := infile.Read(path, infile.MaxPicture)
	if err == nil && len(b) == 0 {
		err = fmt.Errorf("image %s is empty", path)
	}
	return b, err
}

// imagePath is what is kept as the path of a picture with that name: nothing of one that the name itself holds.
func imagePath(name string) string {
	if hasPrefixFold(name, "data:") {
		return ""
	}
	return name
}

// findImage is the file that name stands for.
func findImage(roots []string, name string) (string, error) {
	var real []string // the folders that roots are
	for _, root := range roots {
		if r, err := realPath(root); err == nil {
			real = append(real, r)
		}
	}
	inside := func(path string) bool {
		return slices.ContainsFunc(real, func(root string) bool { return below(root, path) })
	}
	candidates := []string{name}
	if !filepath.IsAbs(name) {
		candidates = nil
		for _, root := range roots {
			candidates = append(candidates, filepath.Join(root, name))
		}
	}
	var outside error
	for _, c := range candidates {
		path, err := realPath(c)
		switch {
		case err == nil && inside(path):
			return path, nil
		case err == nil:
			leads := ""
			if path != name {
				leads = " is " + path + ", which"
			}
			outside = fmt.Errorf("image %q%s lies outside %s: name its folder in images (--images) to allow it", name, leads, strings.Join(roots, " and "))
		case !errors.Is(err, fs.ErrNotExist):
			return "", fmt.Errorf("image %q: %w", name, err)
		}
	}
	if outside != nil {
		return "", outside
	}
	if abs := slices.ContainsFunc(roots, func(root string) bool { return below(root, name) }); filepath.IsAbs(name) && !abs && !inside(name) {
		return "", fmt.Errorf("image %q lies outside %s, and is not there: write it relative to one of these folders, or name its folder in "+
			"images (--images): %w", name, strings.Join(roots, " and "), fs.ErrNotExist)
	}
	return "", fmt.Errorf("image %q is not there; looked for under %s: images (--images) names other folders: %w",
		name, strings.Join(roots, " and "), fs.ErrNotExist)
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

// checkImages makes sure that folders for pictures are there.
func checkImages(dirs []string) error {
	for _, dir := range dirs {
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
