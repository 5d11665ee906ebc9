package datasets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"moslava/datasets/arrowipc"
	"moslava/internal/infile"
	"moslava/internal/picturefile"
	"moslava/internal/remote"
)

// Paths of this package name files of this machine, or objects on the network by addresses that package remote reads. Everything else goes through the
// functions of this file.

// join is the path of something below a folder.
func join(dir string, names ...string) string {
	if remote.Is(dir) {
		return remote.Join(dir, names...)
	}
	return filepath.Join(append([]string{dir}, names...)...)
}

// dirOf is the folder of a path.
func dirOf(path string) string {
	if remote.Is(path) {
		return path[:max(strings.LastIndexByte(path, '/'), strings.Index(path, "://")+3)]
	}
	return filepath.Dir(path)
}

// context is that of reading over the network.
func (o *Options) context() context.Context {
	if o.Context != nil {
		return o.Context
	}
	return context.Background()
}

// isDir says what is at a path.
func (o *Options) isDir(path string) (bool, error) {
	if !remote.Is(path) {
		info, err := os.Stat(path)
		return err == nil && info.IsDir(), err
	}
	return remote.IsFolder(o.context(), path)
}

// exists reports whether there is a file, or a folder.
func (o *Options) exists(path string) bool {
	_, err := o.isDir(path)
	return err == nil
}

// An entry is what lies in a folder.
type entry struct {
	name string
	dir  bool
}

// readDir lists a folder, sorted by name.
func (o *Options) readDir(dir string) (out []entry, err error) {
	if remote.Is(dir) {
		list, err := remote.ReadDir(o.context(), dir)
		for _, e := range list {
			out = append(out, entry{e.Name, e.Folder})
		}
		return out, err
	}
	list, err := os.ReadDir(dir)
	for _, e := range list {
		is := e.IsDir()
		if e.Type()&os.ModeSymlink != 0 { // where a link leads
			info, err := os.Stat(filepath.Join(dir, e.Name()))
			is = err == nil && info.IsDir()
		}
		out = append(out, entry{e.Name(), is})
	}
	return out, err
}

// glob lists the files that a pattern matches, sorted.
func (o *Options) glob(pattern string) ([]string, error) {
	if !remote.Is(pattern) {
		return filepath.Glob(pattern)
	}
	out, err := remote.List(o.context(), pattern)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return out, err
}

// readFile reads a small file whole.
func (o *Options) readFile(path string, limit int64) ([]byte, error) {
	if !remote.Is(path) {
		return infile.Read(path, limit)
	}
	f, err := o.openBytes(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if f.Size() > limit {
		return nil, fmt.Errorf("%s has %d bytes, want at most %d", path, f.Size(), limit)
	}
	b := make([]byte, f.Size())
	_, err = io.ReadFull(f, b)
	return b, err
}

// A byteFile is a file in which any byte can be read at once.
type byteFile struct {
	*io.SectionReader
	close func() error
}

func (f *byteFile) Close() error { return f.close() }

// openBytes opens a file as it is stored.
func (o *Options) openBytes(path string) (*byteFile, error) {
	if remote.Is(path) {
		f, err := remote.Open(o.context(), path)
		if err != nil {
			return nil, err
		}
		return &byteFile{io.NewSectionReader(f, 0, f.Size()), f.Close}, nil
	}
	f, err := infile.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &byteFile{io.NewSectionReader(f, 0, info.Size()), f.Close}, nil
}

// openStream opens Arrow data, which are read through a memory map: those on the network are fetched whole, into a file that is gone with the process.
func (o *Options) openStream(path string) (*arrowipc.Stream, error) {
	if !remote.Is(path) {
		return arrowipc.Open(path)
	}
	f, err := o.openBytes(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	out, release, err := scratchFile()
	if err != nil {
		return nil, err
	}
	if _, err = fill(out, f); err == nil {
		var s *arrowipc.Stream
		if s, err = arrowipc.OpenFile(path, out); err == nil {
			return s, errors.Join(out.Close(), release()) // what is mapped stays
		}
	}
	return nil, errors.Join(err, out.Close(), release())
}

// beside reads pictures that rows of an object name: in the folders that somebody has named, on this machine, then in the object's folder and images/ in it.
func (o *Options) beside(file string, local func(folders []string, name string) ([]byte, error)) func(name string) ([]byte, error) {
	dir := dirOf(file)
	return func(name string) ([]byte, error) {
		if picturefile.Holds(name) {
			return local(nil, name)
		}
		if len(o.Images) > 0 {
			if b, err := local(o.Images, name); err == nil || !errors.Is(err, fs.ErrNotExist) {
				return b, err
			}
		}
		if !filepath.IsLocal(filepath.FromSlash(name)) || strings.Contains(name, "://") {
			return nil, fmt.Errorf("image %.200q, expected a path below %s: other addresses are not read for rows", name, dir)
		}
		b, err := o.readFile(join(dir, name), infile.MaxPicture)
		if errors.Is(err, fs.ErrNotExist) {
			if b, again := o.readFile(join(dir, "images", name), infile.MaxPicture); again == nil || !errors.Is(again, fs.ErrNotExist) {
				return b, again
			}
		}
		if err == nil && len(b) == 0 {
			err = fmt.Errorf("image %s is empty", join(dir, name))
		}
		return b, err
	}
}
