package infile

import (
	"errors"
	"io/fs"
	"os"
)

// Exists reports whether there is anything at a path. The error is any other than that there is not.
func Exists(path string) (bool, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
