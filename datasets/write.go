package datasets

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"iter"
	"os"
	"path/filepath"

	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	alloc "github.com/apache/arrow/go/v15/arrow/memory"

	"moslava/internal/atomicfile"
)

// Features are the columns a data set is written with.
type Features int

const (
	// Conversations is LLaVA's: id, image, conversations [{from, value}].
	Conversations Features = iota
	// Messages is id, images (a list), messages [{role, content}] with the roles
	// user, assistant and system: for samples of several pictures.
	Messages
)

// WriteOptions say how a data set is laid out. The zero value is good.
type WriteOptions struct {
	Features     Features
	RowsPerShard int    // 0: as many as make up 500 MiB
	Split        string // "" is train
	// Weights adds a column with the weight of each turn: 0 for one that is context, else null. Convert sets it where it is needed.
	Weights bool
	// Picture, if not nil, looks at every picture before Convert writes anything; its error ends the conversion.
	Picture func(encoded []byte) error
}

func (o *WriteOptions) layout() layout { return layout{o.Features, o.Weights} }

const (
	maxShardSize = 500 << 20 // bytes; what datasets.config.MAX_SHARD_SIZE is
	maxBatchRows = 1000      // of a record batch; datasets.config.DEFAULT_MAX_BATCH_SIZE
	maxBatchSize = 16 << 20  // bytes after which a record batch is written anyway
)

// WriteArrow stores rows as the folder dir in the layout of Hugging Face's
// datasets.Dataset.save_to_disk (datasets 5.2): Arrow shards, dataset_info.json
// and state.json, which datasets.load_from_disk and Open read. The rows are
// streamed: one record batch is held at a time.
//
// dir must not exist or be empty. Everything is written to a folder beside it
// which takes its name at the end, so dir is there whole or not at all. An error
// of rows ends the writing and is returned.
func WriteArrow(dir string, rows iter.Seq2[Sample, error], opt WriteOptions) (err error) {
	if opt.RowsPerShard < 0 {
		return fmt.Errorf("write %s: %d rows per shard", dir, opt.RowsPerShard)
	}
	if opt.Features != Conversations && opt.Features != Messages {
		return fmt.Errorf("write %s: unknown features %d", dir, opt.Features)
	}
	if opt.Split == "" {
		opt.Split = "train"
	}
	dir = filepath.Clean(dir)
	if list, err := os.ReadDir(dir); err == nil && len(list) > 0 {
		return fmt.Errorf("write %s: the folder exists and is not empty", dir)
	} else if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("write: %w", err)
	}
	err = atomicfile.WriteDir(dir, func(tmp string) error {
		w := &writer{dir: tmp, opt: opt, sum: sha256.New()}
		if err := errors.Join(w.rows(rows), w.close()); err != nil {
			return err
		}
		return w.finish()
	})
	if err != nil {
		return fmt.Errorf("write %s: %w", dir, err)
	}
	return nil
}

// Convert stores all samples of src with WriteArrow, pictures included. Every one is read and looked at before the first is
// written. A source without rows is an error.
func Convert(src Source, dir string, opt WriteOptions) error {
	if err := opt.survey(src); err != nil {
		return fmt.Errorf("write %s: %w; nothing was written", dir, err)
	}
	return WriteArrow(dir, func(yield func(Sample, error) bool) {
		for i := range src.Len() {
			if s, err := src.At(i); !yield(s, err) || err != nil {
				return
			}
		}
	}, opt)
}

// survey reads all samples and finds out what cannot be stored, and whether turns have weights.
func (o *WriteOptions) survey(src Source) error {
	if src.Len() == 0 {
		return errors.New("there are no rows")
	}
	for i := range src.Len() {
		s, err := src.At(i)
		if err != nil {
			return err
		}
		if s.Rejected != nil {
			return fmt.Errorf("%s: a pair of answers cannot be stored", s.Origin)
		}
		for _, t := range s.Turns {
			o.Weights = o.Weights || t.Context
		}
		if _, err := checkRow(o.layout(), &s); err != nil {
			return fmt.Errorf("%s: %w", s.Origin, err)
		}
		for k, p := range s.Pictures {
			if o.Picture == nil {
				break
			}
			if err := o.Picture(p.Bytes); err != nil {
				return fmt.Errorf("%s: picture %d (%.100q): %w", s.Origin, k+1, p.Path, err)
			}
		}
	}
	return nil
}

// A writer writes shards into dir. Their names need their number, which is only
// known at the end, so they are renamed then.
type writer struct {
	dir string
	opt WriteOptions
	sum hash.Hash

	shards, total int
	bytes         int64 // of all shards
	file          *os.File
	buf           *bufio.Writer
	ipc           *ipc.Writer
	columns       *array.RecordBuilder
	shardRows     int
	shardBytes    int64
	batchRows     int // of the record batch at hand
	batchBytes    int
}

func (w *writer) rows(rows iter.Seq2[Sample, error]) error {
	for s, err := range rows {
		if err == nil {
			err = w.row(&s)
		}
		if err != nil {
			return fmt.Errorf("row %d: %w", w.total, err)
		}
		w.total++
	}
	return nil
}

func (w *writer) row(s *Sample) error {
	size, err := checkRow(w.opt.layout(), s)
	if err != nil {
		return err
	}
	if w.ipc == nil {
		if err := w.newShard(); err != nil {
			return err
		}
	}
	appendRow(w.opt.layout(), w.columns.Fields(), s)
	w.shardRows++
	w.batchRows++
	w.batchBytes += size
	full := w.opt.RowsPerShard > 0 && w.shardRows >= w.opt.RowsPerShard
	if full || w.batchRows >= maxBatchRows || w.batchBytes >= maxBatchSize {
		if err := w.flush(); err != nil {
			return err
		}
	}
	if full || w.opt.RowsPerShard == 0 && w.shardBytes >= maxShardSize {
		return w.endShard()
	}
	return nil
}

func (w *writer) shard(i int) string { return filepath.Join(w.dir, fmt.Sprintf("shard-%d", i)) }

// Write counts and hashes what goes into the shard at hand.
func (w *writer) Write(b []byte) (int, error) {
	n, err := w.buf.Write(b)
	w.shardBytes += int64(n)
	w.bytes += int64(n)
	w.sum.Write(b[:n])
	return n, err
}

func (w *writer) newShard() error {
	schema, err := newSchema(w.opt.layout())
	if err != nil {
		return err
	}
	f, err := os.OpenFile(w.shard(w.shards), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	w.file, w.buf = f, bufio.NewWriterSize(atomicfile.Steady(f), 256<<10)
	w.shards++
	w.columns = array.NewRecordBuilder(alloc.DefaultAllocator, schema)
	w.ipc = ipc.NewWriter(w, ipc.WithSchema(schema))
	return nil
}

// flush writes the rows collected so far as one record batch.
func (w *writer) flush() error {
	if w.batchRows == 0 {
		return nil
	}
	w.batchRows, w.batchBytes = 0, 0
	batch := w.columns.NewRecord()
	defer batch.Release()
	return w.ipc.Write(batch)
}

func (w *writer) endShard() error {
	err := errors.Join(w.flush(), w.ipc.Close(), w.buf.Flush(), w.file.Sync(), w.file.Close())
	w.columns.Release()
	w.ipc, w.columns, w.file, w.shardRows, w.shardBytes = nil, nil, nil, 0, 0
	return err
}

// close ends the last shard; a data set of no rows has an empty one.
func (w *writer) close() error {
	if w.shards == 0 {
		if err := w.newShard(); err != nil {
			return err
		}
	}
	if w.ipc == nil {
		return nil
	}
	return w.endShard()
}

// finish names the shards and writes the metadata, state.json last.
func (w *writer) finish() error {
	type file struct {
		Filename string `json:"filename"`
	}
	var files []file
	for i := range w.shards {
		name := fmt.Sprintf("data-%05d-of-%05d.arrow", i, w.shards)
		if err := os.Rename(w.shard(i), filepath.Join(w.dir, name)); err != nil {
			return err
		}
		files = append(files, file{name})
	}
	info := map[string]any{
		"citation": "", "description": "", "homepage": "", "license": "",
		"features": features(w.opt.layout()),
		"splits": map[string]any{w.opt.Split: map[string]any{
			"name": w.opt.Split, "num_bytes": w.bytes, "num_examples": w.total, "dataset_name": nil,
		}},
	}
	state := map[string]any{
		"_data_files": files, "_fingerprint": hex.EncodeToString(w.sum.Sum(nil)[:8]),
		"_format_columns": nil, "_format_kwargs": map[string]any{}, "_format_type": nil,
		"_output_all_columns": false, "_split": w.opt.Split,
	}
	if err := writeJSON(filepath.Join(w.dir, infoName), info); err != nil {
		return err
	}
	return writeJSON(filepath.Join(w.dir, stateName), state)
}

func writeJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(path, b)
}
