package suites

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"moslava/internal/picturefile"
	"moslava/internal/pytext"
)

// pictureFile is a picture that lies in a file of its own.
type pictureFile struct {
	name string // as rows name it
	sum  [sha256.Size]byte
}

// pictureFiles are the pictures that rows name in image_path. They are read once when the suite is opened, so that a missing
// one is known then and the suite's version says which they are, and again whenever one is needed. Rows with the same
// pictures share a key.
type pictureFiles struct {
	folders []string                 // where they are looked for
	kept    map[string][]pictureFile // by the first row that has them
	same    map[string]string        // any row -> that row
	sums    map[[sha256.Size]byte]string
	read    map[string]pictureFile // by name
}

func newPictureFiles(folders []string) *pictureFiles {
	return &pictureFiles{folders: folders, kept: map[string][]pictureFile{}, same: map[string]string{},
		sums: map[[sha256.Size]byte]string{}, read: map[string]pictureFile{}}
}

// add takes the paths in a row's cell: one, or a Python list of several.
func (p *pictureFiles) add(row, cell string) error {
	names := []string{cell}
	if strings.HasPrefix(cell, "[") {
		list, ok := pytext.ParseList(cell)
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
			b, err := picturefile.Read(p.folders, name)
			if err != nil {
				return err
			}
			f = pictureFile{name, sha256.Sum256(b)}
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
	b, err := picturefile.Read(p.folders, f.name)
	if err == nil && sha256.Sum256(b) != f.sum {
		err = fmt.Errorf("%.300q has changed since the suite was opened", f.name)
	}
	return b, err
}

// Digest is the SHA-256 of the file.
func (p *pictureFiles) Digest(key string) (string, error) {
	f, err := p.file(key)
	return hex.EncodeToString(f.sum[:]), err
}
