package datasets

import (
	"context"
	"errors"

	"moslava/internal/picturefile"
)

// EachPicture tells of the files that rows of what is at path name as their pictures, in the order of rows: the row, how many rows there are, and the
// path of the file, empty where it is not found. It reads no picture. Rows that cannot be read are passed over: whoever uses them says so.
func EachPicture(ctx context.Context, path string, opt Options, tell func(row, rows int, file string)) (err error) {
	row, rows := 0, 0
	opt.read = func(folders []string, name string) ([]byte, error) {
		if !picturefile.Holds(name) {
			file, _ := picturefile.Find(folders, name)
			tell(row, rows, file)
		}
		return []byte{0}, nil
	}
	src, err := OpenWith(path, opt)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	rows = src.Len()
	for row = range rows {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		_, _ = src.At(row)
	}
	return nil
}
