package datasets

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxImageFile bounds what is read for one picture named by path.
const maxImageFile = 256 << 20

// readImage reads the picture a row names. Relative names are looked up in each
// of roots in turn and may not leave them; an absolute name has to lie in one.
func readImage(roots []string, name string) ([]byte, error) {
	if strings.Contains(name, "://") {
		return nil, fmt.Errorf("image %q is remote, expected a file under %s", name, strings.Join(roots, " or "))
	}
	local := filepath.FromSlash(name)
	var missing error
	for _, root := range roots {
		rel := local
		if filepath.IsAbs(local) {
			abs, err := filepath.Abs(root)
			if err != nil {
				return nil, err
			}
			if rel, err = filepath.Rel(abs, local); err != nil {
				continue
			}
		}
		if !filepath.IsLocal(rel) {
			continue
		}
		b, err := readRegular(filepath.Join(root, rel))
		if !errors.Is(err, fs.ErrNotExist) {
			return b, err
		}
		missing = errors.Join(missing, err)
	}
	if missing == nil {
		return nil, fmt.Errorf("image %q lies outside %s", name, strings.Join(roots, " and "))
	}
	return nil, missing
}

// readRegular reads a file whose size is known and bounded: a row could name a
// device or a pipe that never ends.
func readRegular(path string) ([]byte, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("image %s is not a regular file", path)
	}
	if st.Size() > maxImageFile {
		return nil, fmt.Errorf("image %s has %d bytes, the limit is %d", path, st.Size(), maxImageFile)
	}
	if st.Size() == 0 {
		return nil, fmt.Errorf("image %s is empty", path)
	}
	return os.ReadFile(path)
}
