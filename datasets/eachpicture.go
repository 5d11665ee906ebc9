package datasets

import (
	"context"
	"errors"

	"moslava/internal/picturefile"
)

// EachPicture tells of the files that rows of what is at path name as their pictures, and of those with the texts of a folder of pictures, in the order of rows: the row, how many rows there are, and the
// path of the file, empty where it is not found. name is that of a picture which is there because it lies in the folder of the data, and which no
// row of a file names: it is part of the data. It reads no picture. Rows that cannot be read are passed over: whoever uses them says so.
func EachPicture(ctx context.Context, path string, opt Options, tell func(row, rows int, file, name string)) (err error) {
	row, rows, listed := 0, 0, ""
	opt.listed = func(name string) { listed = name }
	opt.fetch = func(folders []string, name string) ([]byte, error) {
		if !picturefile.Holds(name) {
			file, _ := picturefile.Find(folders, name)
			tell(row, rows, file, listed)
			listed = ""
		}
		return []byte{0}, nil
	}
	return eachRow(ctx, path, opt, func(src Source, i int) error {
		row, rows = i, src.Len()
		_, _ = src.At(i)
		return nil
	})
}

// CheckPictures makes sure that the files which rows of what is at path name as their pictures are there. The error is that of the first row whose are
// not, or that cannot be read for another reason, as whoever reads the row would get it. It reads no picture.
func CheckPictures(ctx context.Context, path string, opt Options) error {
	opt.fetch = func(folders []string, name string) ([]byte, error) {
		if !picturefile.Holds(name) {
			if _, err := picturefile.Find(folders, name); err != nil {
				return nil, err
			}
		}
		return []byte{0}, nil
	}
	return eachRow(ctx, path, opt, func(src Source, i int) error {
		_, err := src.At(i)
		return err
	})
}

// eachRow opens what is at path and calls do with each row's number, until it fails.
func eachRow(ctx context.Context, path string, opt Options, do func(src Source, i int) error) (err error) {
	src, err := OpenWith(path, opt)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	for i := range src.Len() {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := do(src, i); err != nil {
			return err
		}
	}
	return nil
}
