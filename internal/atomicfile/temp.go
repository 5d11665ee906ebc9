package atomicfile

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"syscall"

	"moslava/internal/lock"
)

// tempPrefix begins the names of temporary files and directories, behind which rand.Text stands.
const tempPrefix = ".moslava-tmp-"

var tempName = regexp.MustCompile(`^\.moslava-tmp-[A-Z2-7]{26}$`)

// tries is how often a new name is drawn.
const tries = 100

// createTemp makes a new file in dir under a name that does not depend on the
// target's, which may already be as long as the file system allows. os.CreateTemp
// is no use here: its files are private to the user whatever the umask says. The file is
// locked until it is closed, which tells Sweep that it is in use; done says that it is no temporary file any more.
func createTemp(dir string) (f *os.File, done func(), err error) {
	for try := 0; ; try++ {
		path := filepath.Join(dir, tempPrefix+rand.Text())
		done := Temporary(path)
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		switch {
		case errors.Is(err, fs.ErrExist) && try < tries:
			done()
			continue
		case err != nil:
			done()
			return nil, nil, unnamed(err, path)
		case !lock.Own(f, path) && try < tries:
			f.Close()
			done()
			continue
		}
		return f, done, nil
	}
}

// TempDir makes a temporary directory in dir and returns its path. release must be called in the end: it removes what is
// left of the directory. Until then Sweep leaves it alone.
func TempDir(dir string) (path string, release func() error, err error) {
	for try := 0; ; try++ {
		path = filepath.Join(dir, tempPrefix+rand.Text())
		done := Temporary(path)
		if err = os.Mkdir(path, 0o777); errors.Is(err, fs.ErrExist) && try < tries {
			done()
			continue
		} else if err != nil {
			done()
			return "", nil, err
		}
		held, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) && try < tries {
			done()
			continue
		} else if err != nil {
			done()
			return "", nil, errors.Join(err, os.Remove(path))
		}
		if !lock.Own(held, path) && try < tries {
			held.Close()
			done()
			continue
		}
		if runtime.GOOS == "windows" {
			held.Close() // an open directory cannot be renamed there; Idle goes by its age
		}
		return path, func() error {
			defer done()
			held.Close()
			return os.RemoveAll(path)
		}, nil
	}
}

// ScratchDir is TempDir where the system keeps temporary files. Those that processes left there which were killed go first.
func ScratchDir() (path string, release func() error, err error) {
	if err := Sweep(os.TempDir()); err != nil {
		return "", nil, err
	}
	return TempDir(os.TempDir())
}

// IsTemp says whether a name is that of a temporary file or directory of this package.
func IsTemp(name string) bool { return tempName.MatchString(name) }

// Sweep removes the temporary files and directories in dir that no process works on any more: leftovers of processes that were
// killed. A directory that is not there has none. What this user may not see or remove is left to others.
func Sweep(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.ENOTDIR) {
		return nil
	} else if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if path := filepath.Join(dir, e.Name()); IsTemp(e.Name()) && lock.Idle(path) {
			if err := os.RemoveAll(path); !errors.Is(err, fs.ErrPermission) {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// SweepTree is Sweep for dir and all directories below it; symbolic links are not followed.
func SweepTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // another process tidies up, too, or there is no dir
		case err != nil:
			return err
		case !e.IsDir():
			return nil
		case path != dir && IsTemp(e.Name()):
			return fs.SkipDir
		}
		return Sweep(path)
	})
}
