package dataconvert

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"

	"moslava/datasets"
	"moslava/internal/atomicfile"
	"moslava/internal/infile"
	"moslava/internal/interrupt"
	"moslava/pipelines/progress"
)

// Options say what is written.
type Options struct {
	To           string // one of Forms; empty: Arrow
	Split        string // what the rows are called; empty: train
	RowsPerShard int    // 0: as many as make up ShardBytes
	ShardBytes   int    // 0: datasets.MaxShardSize
	// Messages writes the columns images and messages. They are written in any case where a sample has several pictures.
	Messages bool
	// Picture, if not nil, looks at every picture before anything is written; its error ends the conversion.
	Picture func(encoded []byte) error
	Out     io.Writer // progress; nil: nobody
}

func (o *Options) complete() error {
	if o.To == "" {
		o.To = Arrow
	}
	if o.Split == "" {
		o.Split = "train"
	}
	if o.Out == nil {
		o.Out = io.Discard
	}
	if o.RowsPerShard < 0 || o.ShardBytes < 0 {
		return fmt.Errorf("%d rows and %d bytes a shard, expected no negative number", o.RowsPerShard, o.ShardBytes)
	}
	if o.ShardBytes == 0 {
		o.ShardBytes = datasets.MaxShardSize
	}
	return checkSplit(o.Split)
}

// Result is what was written.
type Result struct {
	Rows, Shards int
	Kept         int // shards of an earlier conversion that was interrupted
}

// maxPlan bounds the file of a plan.
const maxPlan = 64 << 20

// Convert writes all rows of src to dir, which must not be there or be empty, and has to be the caller's alone meanwhile. All rows are read and looked at before
// the first is written; then one shard after the other is written to a directory beside dir, which takes its name at the end.
// Memory is that of a few rows. What a conversion has written that did not come to its end is kept if this one has the same rows and options, and
// removed otherwise.
func Convert(ctx context.Context, src datasets.Source, dir string, opt Options) (_ Result, err error) {
	if err := opt.complete(); err != nil {
		return Result{}, err
	}
	f, err := formOf(opt.To)
	if err != nil {
		return Result{}, err
	}
	dir = filepath.Clean(dir)
	if list, err := os.ReadDir(dir); err == nil && len(list) > 0 {
		return Result{}, fmt.Errorf("write %s: the folder exists and is not empty", dir)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Result{}, fmt.Errorf("write: %w", err)
	}
	p, err := survey(ctx, src, f, opt)
	if err != nil {
		return Result{}, fmt.Errorf("write %s: %w; nothing was written", dir, err)
	}
	w := &conversion{form: f, plan: p, dir: workDir(dir), file: workDir(dir) + ".json", dst: dir, out: opt.Out}
	if err := w.begin(); err != nil {
		return Result{}, err
	}
	defer interrupt.Begin(ctx, interrupt.Work{Answer: func() string { return "stopping" }, Kept: "finished shards are kept, and the same command goes on with them"})()
	res := Result{Rows: p.Rows, Shards: len(p.Shards)}
	if res.Kept, err = w.shards(ctx, src); err == nil {
		err = w.end()
	}
	if err != nil {
		return res, errors.Join(fmt.Errorf("write %s: %w", dir, err), w.leave())
	}
	return res, nil
}

// workDir is where the directory is written until it is whole.
func workDir(dir string) string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		abs = dir
	}
	return filepath.Join(filepath.Dir(abs), "."+filepath.Base(abs)+".converting")
}

// conversion is one being done.
type conversion struct {
	form *form
	plan *plan
	dir  string // where shards are written
	file string // with the plan, as long as the directory is not whole
	dst  string
	out  io.Writer
}

// begin takes over what an earlier conversion with the same plan has left, or makes the directory anew.
func (w *conversion) begin() error {
	there, err := infile.Exists(w.dir)
	if err != nil {
		return err
	}
	b, err := infile.Read(w.file, maxPlan)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if there && err != nil {
		return fmt.Errorf("%s is there, and no conversion has left it: move it away", w.dir)
	}
	var left plan
	same := err == nil && json.Unmarshal(b, &left) == nil && reflect.DeepEqual(&left, w.plan)
	if there && !same {
		fmt.Fprintf(w.out, "removed: what a conversion of other rows, or with other options, had begun for %s\n", w.dst)
		if err := os.RemoveAll(w.dir); err != nil {
			return err
		}
	}
	if err := atomicfile.MkdirAll(filepath.Dir(w.dir)); err != nil {
		return err
	}
	if !same {
		text, err := json.Marshal(w.plan)
		if err != nil {
			return err
		}
		if err := atomicfile.WriteBytes(w.file, text); err != nil {
			return err
		}
	}
	return errors.Join(atomicfile.MkdirAll(w.dir), atomicfile.SweepTree(w.dir))
}

// shards writes those that are not there. kept is how many were.
func (w *conversion) shards(ctx context.Context, src datasets.Source) (kept int, err error) {
	bar := progress.New(w.out, "writing rows", w.plan.Rows)
	defer bar.Done()
	for i, s := range w.plan.Shards {
		path := filepath.Join(w.dir, filepath.FromSlash(w.form.shard(w.plan, i)))
		there, err := infile.Exists(path)
		if err != nil {
			return kept, err
		}
		if there {
			kept++
			bar.Skip(s.Rows)
			continue
		}
		if err := atomicfile.MkdirAll(filepath.Dir(path)); err != nil {
			return kept, err
		}
		write := func(out io.Writer) error { return w.rows(ctx, src, s, out, bar) }
		if err := atomicfile.WriteFile(path, write); err != nil {
			return kept, err
		}
	}
	return kept, nil
}

// rows writes those of one shard.
func (w *conversion) rows(ctx context.Context, src datasets.Source, part shard, out io.Writer, bar *progress.Bar) error {
	rows, err := w.form.begin(place{w.plan, w.dir, part.First, out})
	if err != nil {
		return err
	}
	err = copyRows(ctx, src, part, rows, bar)
	// Closed in any case: pictures may be on their way to the disk, of bytes that the source lends.
	if closing := rows.Close(); err == nil {
		err = closing
	}
	return err
}

// copyRows writes rows and makes sure that they are those of the plan.
func copyRows(ctx context.Context, src datasets.Source, part shard, rows rowWriter, bar *progress.Bar) error {
	sum := sha256.New()
	for i := part.First; i < part.First+part.Rows; i++ {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		s, err := src.At(i)
		if err != nil {
			return err
		}
		addRow(sum, &s)
		if err := rows.Write(&s); err != nil {
			return fmt.Errorf("%s: %w", s.Origin, err)
		}
		bar.Step(1, "")
	}
	if hex.EncodeToString(sum.Sum(nil)) != part.SHA256 {
		return fmt.Errorf("rows %d to %d are not what they were when all were read: the data changes while it is converted", part.First, part.First+part.Rows-1)
	}
	return nil
}

// end writes the metadata and gives the directory its name.
func (w *conversion) end() error {
	if w.form.finish != nil {
		if err := w.form.finish(w.plan, w.dir); err != nil {
			return err
		}
	}
	if err := os.Remove(w.dst); err != nil && !errors.Is(err, fs.ErrNotExist) { // empty, or this fails
		return err
	}
	if err := atomicfile.Rename(w.dir, w.dst); err != nil {
		return err
	}
	return os.Remove(w.file)
}

// leave removes what was begun, unless a shard is finished, and says what is kept.
func (w *conversion) leave() error {
	n := 0
	for i := range w.plan.Shards {
		if there, err := infile.Exists(filepath.Join(w.dir, filepath.FromSlash(w.form.shard(w.plan, i)))); err == nil && there {
			n++
		}
	}
	pictures, err := infile.Exists(filepath.Join(w.dir, imagesDir))
	if err != nil || n > 0 || pictures {
		return fmt.Errorf("%d of %d shards are finished, in %s; the same command goes on with what is there", n, len(w.plan.Shards), w.dir)
	}
	return errors.Join(os.RemoveAll(w.dir), os.RemoveAll(w.file))
}

// arrowInfo writes what load_from_disk reads beside the shards.
func arrowInfo(p *plan, dir string) error {
	info := datasets.ArrowInfo{Shards: len(p.Shards), Rows: p.Rows}
	sum := sha256.New()
	for i, s := range p.Shards {
		st, err := os.Stat(filepath.Join(dir, datasets.ArrowName(i, len(p.Shards))))
		if err != nil {
			return err
		}
		info.Bytes += st.Size()
		_, _ = io.WriteString(sum, s.SHA256)
	}
	info.Fingerprint = hex.EncodeToString(sum.Sum(nil)[:8])
	return datasets.WriteArrowInfo(dir, info, p.columns())
}
