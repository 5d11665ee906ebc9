package eval

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxPictureFile bounds what is read for one picture, in bytes.
const maxPictureFile = 256 << 20

// pictureFile is a picture that lies in a file of its own.
type pictureFile struct {
	root, path string
	sum        [sha256.Size]byte
}

// pictureFiles are the pictures that rows name by path. They are read once when the suite is opened, so that a missing
// one is known then and the suite's version says which they are, and again whenever one is needed. Rows with the same
// pictures share a key.
type pictureFiles struct {
	roots []string
	kept  map[string][]pictureFile // by the first row that has them
	same  map[string]string        // any row -> that row
	sums  map[[sha256.Size]byte]string
	read  map[string]pictureFile // by name
}

func newPictureFiles(roots []string) *pictureFiles {
	return &pictureFiles{roots: roots, kept: map[string][]pictureFile{}, same: map[string]string{},
		sums: map[[sha256.Size]byte]string{}, read: map[string]pictureFile{}}
}

// add takes the paths in a row's cell: one, or a Python list of several.
func (p *pictureFiles) add(row, cell string) error {
	names := []string{cell}
	if strings.HasPrefix(cell, "[") {
		list, ok := pythonList(cell)
		if !ok || len(list) == 0 {
			return fmt.Errorf("found %.60q, expected a path or a list ['..', '..'] of paths", cell)
		}
		names = list
	}
	if len(names) > maxPictures {
		return fmt.Errorf("found %d pictures, expected at most %d", len(names), maxPictures)
	}
	files := make([]pictureFile, len(names))
	all := sha256.New()
	for i, name := range names {
		f, ok := p.read[name]
		if !ok {
			var err error
			if f, err = p.find(name); err != nil {
				return err
			}
			p.read[name] = f
		}
		files[i] = f
		all.Write(f.sum[:])
	}
	sum := [sha256.Size]byte(all.Sum(nil))
	if first, ok := p.sums[sum]; ok {
		p.same[row] = first
		return nil
	}
	p.sums[sum], p.same[row], p.kept[row] = row, row, files
	return nil
}

// find looks a path up in the roots.
func (p *pictureFiles) find(name string) (pictureFile, error) {
	if strings.Contains(name, "://") || strings.HasPrefix(name, "data:") {
		return pictureFile{}, fmt.Errorf("found %.60q, expected the path of a file below %s: nothing is fetched", name,
			p.where())
	}
	var wrong error
	for _, root := range p.roots {
		f := pictureFile{root: root, path: filepath.FromSlash(name)}
		if filepath.IsAbs(f.path) {
			abs, err := filepath.Abs(root)
			if err != nil {
				return f, err
			}
			if f.path, err = filepath.Rel(abs, f.path); err != nil {
				continue
			}
		}
		if !filepath.IsLocal(f.path) {
			continue
		}
		b, err := f.bytes()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			if to := f.leadsOut(); to != "" {
				return p.linked(name, to)
			}
		}
		if err == nil {
			f.sum = sha256.Sum256(b)
			return f, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
		wrong = err
	}
	if wrong != nil {
		return pictureFile{}, &gone{fmt.Sprintf("found %q, which is no file below %s: %s", name, p.where(), remedy), wrong}
	}
	return pictureFile{}, fmt.Errorf("found %q, which lies outside %s: %s", name, p.where(), remedy)
}

// leadsOut is where the path really leads if a symbolic link on it leads out of the root, otherwise empty.
func (f pictureFile) leadsOut() string {
	root, err := realPath(f.root)
	if err != nil {
		return ""
	}
	to, err := realPath(filepath.Join(root, f.path))
	if err != nil {
		return ""
	}
	if rel, err := filepath.Rel(root, to); err == nil && filepath.IsLocal(rel) {
		return ""
	}
	return to
}

// linked is the file that a row's symbolic link out of its root leads to: links obey the same rule as paths.
func (p *pictureFiles) linked(name, to string) (pictureFile, error) {
	for _, root := range p.roots {
		top, err := realPath(root)
		if err != nil {
			continue
		}
		rel, err := filepath.Rel(top, to)
		if err != nil || !filepath.IsLocal(rel) {
			continue
		}
		f := pictureFile{root: root, path: rel}
		b, err := f.bytes()
		f.sum = sha256.Sum256(b)
		return f, err
	}
	return pictureFile{}, fmt.Errorf("found %q, which is a symbolic link to %s and lies outside %s: %s", name, to,
		p.where(), remedy)
}

// realPath is absolute and has no symbolic links.
func realPath(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(abs)
}

const remedy = "name the directory of the pictures with images, or --images"

// gone says in its own words that there is no such file.
type gone struct {
	text  string
	cause error
}

func (g *gone) Error() string { return g.text }
func (g *gone) Unwrap() error { return g.cause }

// where names the roots.
func (p *pictureFiles) where() string {
	if len(p.roots) == 0 {
		return "a directory, and none is known"
	}
	return strings.Join(p.roots, " or ")
}

// bytes reads the file. Neither the path nor a symbolic link on it leads out of the root; what is no regular file is
// refused before it is opened.
func (f pictureFile) bytes() ([]byte, error) {
	root, err := os.OpenRoot(f.root)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	at := filepath.Join(f.root, f.path)
	st, err := root.Stat(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%s: %w", at, err)
	case !st.Mode().IsRegular():
		return nil, fmt.Errorf("%s: found %s, expected a regular file", at, st.Mode().Type())
	case st.Size() == 0 || st.Size() > maxPictureFile:
		return nil, fmt.Errorf("%s: found %d bytes, expected 1 to %d", at, st.Size(), maxPictureFile)
	}
	file, err := root.Open(f.path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", at, err)
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, maxPictureFile))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", at, err)
	}
	return b, nil
}

// rename gives every row's key another name.
func (p *pictureFiles) rename(to func(string) string) {
	same, kept := map[string]string{}, map[string][]pictureFile{}
	for k, first := range p.same {
		same[to(k)] = to(first)
	}
	for k, files := range p.kept {
		kept[to(k)] = files
	}
	p.same, p.kept, p.sums, p.read = same, kept, nil, nil
}

// first is the key of a row's first picture, empty if it has none, and more those of the others.
func (p *pictureFiles) first(key string) string { return p.same[key] }

func (p *pictureFiles) more(key string) []string {
	first := p.same[key]
	return several(first, len(p.kept[first]))
}

func (p *pictureFiles) file(key string) (pictureFile, error) {
	row, k := cutKey(key)
	files := p.kept[row]
	if k < 1 || k > len(files) {
		return pictureFile{}, fmt.Errorf("no row %s with a picture", key)
	}
	return files[k-1], nil
}

// Picture reads the file again.
func (p *pictureFiles) Picture(key string) ([]byte, error) {
	f, err := p.file(key)
	if err != nil {
		return nil, err
	}
	b, err := f.bytes()
	if err == nil && sha256.Sum256(b) != f.sum {
		err = fmt.Errorf("%s has changed since the suite was opened", filepath.Join(f.root, f.path))
	}
	return b, err
}

// Digest is the SHA-256 of the file.
func (p *pictureFiles) Digest(key string) (string, error) {
	f, err := p.file(key)
	return hex.EncodeToString(f.sum[:]), err
}
