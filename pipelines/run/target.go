package run

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"moslava/internal/atomicfile"
	"moslava/internal/filehash"
	"moslava/internal/infile"
	"moslava/internal/sealed"
)

// TargetFile says, in the directory of an export stage, which directory outside it writes to.
const TargetFile = "target.json"

type target struct {
	Path string `json:"path"`                    // absolute, with variables as in the recipe
	Sum  string `json:"record_sha256,omitempty"` // of the record without it; those of earlier versions have none
}

func (t *target) seal(sum string) { t.Sum = sum }

// readTarget reads what Claim wrote. The error wraps fs.ErrNotExist if there is none.
func readTarget(stage string) (t target, err error) {
	path := filepath.Join(stage, TargetFile)
	text, err := infile.Read(path, 1<<20)
	if err != nil {
		return t, err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&t); err != nil {
		return t, fmt.Errorf("%s: %w", path, err)
	}
	if err := sealed.Check(text, &t, indent, t.Sum, t.seal); err != nil && !errors.Is(err, sealed.ErrNone) {
		return t, fmt.Errorf("%s %w. Remove it and the export that it names, and the stage writes both again", path, err)
	}
	return t, nil
}

// Claim records in the directory of an export stage that it writes to path, which is absolute, with variables as in the
// recipe.
func Claim(stage, path string) error {
	t := target{Path: path}
	b, err := sealed.Encode(&t, indent, t.seal)
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(filepath.Join(stage, TargetFile), b)
}

// Claimed says whether the export stage with that directory has begun to write to path.
func Claimed(stage, path string) (bool, error) {
	t, err := readTarget(stage)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	abs, absErr := filepath.Abs(path)
	return filepath.Clean(Expanded(t.Path)) == abs, errors.Join(err, absErr)
}

// ChangedOutside names an output of stage i outside the run directory that somebody has put another file in the place of;
// empty if there is none, the stage is not finished, or all outputs are there with their sizes.
func (d *Dir) ChangedOutside(i int) (string, error) {
	m, err := d.Manifest(i)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	} else if err != nil {
		return "", err
	}
	missing, other := false, ""
	for _, o := range m.Outputs {
		file := filepath.FromSlash(Expanded(o.Path))
		if !filepath.IsAbs(file) {
			continue
		}
		info, err := os.Stat(file)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			missing = true
		case err != nil:
			return "", err
		case info.Size() != o.Bytes:
			other = filepath.Base(file)
		}
	}
	if !missing || other != "" {
		return other, nil
	}
	for _, o := range m.Outputs {
		file := filepath.FromSlash(Expanded(o.Path))
		if !filepath.IsAbs(file) {
			continue
		}
		got, err := filehash.File(context.Background(), file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return "", err
		}
		if got.SHA256 != o.SHA256 {
			return filepath.Base(file), nil
		}
	}
	return "", nil
}
