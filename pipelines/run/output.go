package run

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"moslava/internal/filehash"
	"moslava/pipelines/recipe"
)

// An Output is a file a stage left behind.
type Output struct {
	Path   string `json:"path"` // with slashes; relative to the stage's directory, or absolute
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// in is where the file is.
func (o *Output) in(dir string) string {
	p := filepath.FromSlash(Expanded(o.Path))
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(dir, p)
}

// Expanded is a recorded path with what the environment has in the place of ${NAME}; as it is recorded, if that is not set.
func Expanded(path string) string {
	if text, err := recipe.Expand(path); err == nil {
		return text
	}
	return path
}

// stat says what is wrong with the file at first sight; empty if nothing is.
func (o *Output) stat(dir string) string {
	info, err := os.Stat(o.in(dir))
	switch {
	case err != nil:
		return fmt.Sprintf("output %s: %v", o.Path, err)
	case !info.Mode().IsRegular():
		return fmt.Sprintf("output %s is not a file", o.Path)
	case info.Size() != o.Bytes:
		return fmt.Sprintf("output %s has %d bytes, the manifest says %d", o.Path, info.Size(), o.Bytes)
	}
	return ""
}

// hidden names are temporary files of writers that were interrupted.
func hidden(name string) bool { return strings.HasPrefix(name, ".") }

// hashOutputs lists the files that paths name, in a stage's directory or absolute, sorted, each once.
func hashOutputs(dir string, paths []string) ([]Output, error) {
	files := map[string]string{} // path in the manifest to where the file is
	for _, p := range paths {
		local := filepath.FromSlash(p)
		root := local
		if !filepath.IsAbs(local) {
			if !filepath.IsLocal(local) {
				return nil, fmt.Errorf("run: output %q is outside %s; give an absolute path", p, dir)
			}
			root = filepath.Join(dir, local)
		}
		err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			inside := path != root
			rel, _ := filepath.Rel(dir, path) // an absolute path outside stays absolute
			switch {
			case inside && hidden(e.Name()):
				if e.IsDir() {
					return fs.SkipDir
				}
				return nil
			case e.IsDir(), rel == manifestFile, rel == begunFile:
				return nil
			case !e.Type().IsRegular():
				return fmt.Errorf("%s is %v, expected a regular file", path, e.Type())
			}
			name := path
			if filepath.IsLocal(rel) {
				name = rel
			}
			files[filepath.ToSlash(name)] = path
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("run: output %s: %w", p, err)
		}
	}
	out := make([]Output, 0, len(files))
	for name, path := range files {
		o, err := hashFile(path)
		if err != nil {
			return nil, err
		}
		o.Path = name
		out = append(out, o)
	}
	slices.SortFunc(out, func(a, b Output) int { return strings.Compare(a.Path, b.Path) })
	return out, nil
}

// hashFile reads a file for its size and SHA-256.
func hashFile(path string) (Output, error) {
	s, err := filehash.File(context.Background(), path)
	if err != nil {
		return Output{}, fmt.Errorf("run: %w", err)
	}
	return Output{Path: path, Bytes: s.Bytes, SHA256: s.SHA256}, nil
}

// digest is one hash of all outputs: over path, size and hash of each, in order.
func digest(files []Output) string {
	h := sha256.New()
	for _, o := range files {
		io.WriteString(h, o.Path+"\x00"+strconv.FormatInt(o.Bytes, 10)+"\x00"+o.SHA256+"\n")
	}
	return hex.EncodeToString(h.Sum(nil))
}

func sha256Hex(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
