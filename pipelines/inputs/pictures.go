package inputs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"moslava/datasets"
	"moslava/internal/filehash"
	"moslava/internal/infile"
	"moslava/internal/remote"
	"moslava/pipelines/recipe"
	"moslava/pipelines/run"
)

// CheckPictures looks whether the pictures that rows of a stage's data name as files are there. The error names the
// first that is not, with its row.
func CheckPictures(ctx context.Context, c *recipe.TrainConfig) error {
	for _, s := range c.Sources {
		if strings.HasPrefix(string(s.Path), sceneScheme) || remote.Is(string(s.Path)) { // of the network they would all be fetched
			continue
		}
		if err := datasets.CheckPictures(ctx, string(s.Path), rowOptions(c, &s)); err != nil {
			return err
		}
	}
	return nil
}

// wholePictures is of how many rows, spread evenly, the pictures are read for their hash. Of the others the size
// counts: folders hold millions of files.
const wholePictures = 256

// hashPictures hashes the pictures that rows of stored samples name as files, in the order of the rows: the sizes of
// all of them, the content of those of wholePictures rows, and the texts beside them. Names are in the rows, which are hashed themselves, so
// that a folder may move. n is how many pictures are named.
func hashPictures(ctx context.Context, path string, opt datasets.Options) (sum filehash.Sum, n int, err error) {
	h := sha256.New()
	var failed error
	err = datasets.EachPicture(ctx, path, opt, func(row, rows int, file, name string) {
		if name != "" { // of no file that is hashed, and its folder may be its label
			_, _ = fmt.Fprintf(h, "%q\n", name) // a hash takes anything
		}
		text := datasets.IsText(file)
		if !text {
			n++
		}
		size, err := hashPicture(h, file, text || row*wholePictures/rows != (row-1)*wholePictures/rows || row == 0)
		if err != nil && failed == nil {
			failed = err
		}
		sum.Bytes += size
	})
	if err == nil {
		err = failed
	}
	sum.SHA256 = hex.EncodeToString(h.Sum(nil))
	return sum, n, err
}

// hashPicture adds one picture. One that is not there counts as such: on_bad: skip passes over it.
func hashPicture(h io.Writer, file string, whole bool) (size int64, err error) {
	info, err := os.Stat(file)
	if file == "" || err != nil {
		_, err = fmt.Fprint(h, "none\n")
		return 0, err
	}
	if _, err := fmt.Fprintf(h, "%d\n", info.Size()); err != nil || !whole {
		return info.Size(), err
	}
	f, err := infile.Open(file)
	if err != nil {
		return info.Size(), err
	}
	defer f.Close()
	_, err = io.Copy(h, f)
	return info.Size(), err
}

// pictures lists what a training stage takes in pictures that lie beside its data, a hash for each source.
func (t *Taker) pictures(i int) (out []run.Taken, err error) {
	c := t.recipe.Stages[i].Train
	if c == nil {
		return nil, nil
	}
	for k, s := range c.Sources {
		path := string(s.Path)
		if strings.HasPrefix(path, sceneScheme) || remote.Is(path) {
			continue
		}
		sum, n, err := hashPictures(t.ctx, path, rowOptions(c, &s))
		switch {
		case t.ctx.Err() != nil:
			return nil, context.Cause(t.ctx)
		case err != nil || n == 0: // what cannot be read is left to those who open it
			continue
		}
		abs, err := filepath.Abs(path)
		if err != nil {
			return nil, err
		}
		out = append(out, run.Taken{Key: fmt.Sprintf("data.%d.path", k), Path: t.recipe.WrittenPath(abs), Sum: sum,
			Pictures: n})
	}
	return out, nil
}

// RecordedPictures hashes again the pictures of a source that a stage took, as the recipe says that they are found.
func RecordedPictures(ctx context.Context, r *recipe.Recipe, stage string, taken run.Taken) (filehash.Sum, error) {
	s, _ := r.Stage(run.Expanded(stage)) // records have names as the recipe spells them
	if s == nil || s.Train == nil {
		return filehash.Sum{}, fmt.Errorf("the recipe has no stage %s that trains", stage)
	}
	at := slices.IndexFunc(s.Train.Sources, func(s recipe.Source) bool {
		abs, err := filepath.Abs(string(s.Path))
		return err == nil && abs == run.Expanded(taken.Path)
	})
	if at < 0 {
		return filehash.Sum{}, fmt.Errorf("stage %s of the recipe does not read %s", stage, taken.Path)
	}
	sum, _, err := hashPictures(ctx, string(s.Train.Sources[at].Path), rowOptions(s.Train, &s.Train.Sources[at]))
	return sum, err
}
