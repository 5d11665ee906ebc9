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
	// Weights adds a column with the weight of each turn: 0 for one that is context, else null.
	Weights bool
}

// Check refuses a sample that the columns cannot hold, and tells its size in bytes, or a little more.
func (o *WriteOptions) Check(s *Sample) (size int, err error) { return checkRow(o.layout(), s) }

func (o *WriteOptions) layout() layout { return layout{o.Features, o.Weights} }

const (
	// MaxShardSize is how many bytes of rows make a shard, unless their number does; what datasets.config.MAX_SHARD_SIZE is.
	MaxShardSize = 500 << 20
	maxBatchRows = 1000     // of a record batch; datasets.config.DEFAULT_MAX_BATCH_SIZE
	maxBatchSize = 16 << 20 // bytes after which a record batch is written anyway
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
	shard         *ArrowShard
	shardRows     int
	shardBytes    int64
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
	if w.shard == nil {
		if err := w.newShard(); err != nil {
			return err
		}
	}
	if err := w.shard.Write(s); err != nil {
		return err
	}
	w.shardRows++
	if w.opt.RowsPerShard > 0 && w.shardRows >= w.opt.RowsPerShard || w.opt.RowsPerShard == 0 && w.shardBytes >= MaxShardSize {
		return w.endShard()
	}
	return nil
}

func (w *writer) path(i int) string { return filepath.Join(w.dir, fmt.Sprintf("shard-%d", i)) }

// Write counts and hashes what goes into the shard at hand.
func (w *writer) Write(b []byte) (int, error) {
	n, err := w.buf.Write(b)
	w.shardBytes += int64(n)
	w.bytes += int64(n)
	w.sum.Write(b[:n])
	return n, err
}

func (w *writer) newShard() error {
	f, err := os.OpenFile(w.path(w.shards), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	w.file, w.buf = f, bufio.NewWriterSize(atomicfile.Steady(f), 256<<10)
	w.shards++
	w.shard, err = NewArrowShard(w, w.opt)
	return err
}

func (w *writer) endShard() error {
	err := errors.Join(w.shard.Close(), w.buf.Flush(), w.file.Sync(), w.file.Close())
	w.shard, w.file, w.shardRows, w.shardBytes = nil, nil, 0, 0
	return err
}

// close ends the last shard; a data set of no rows has an empty one.
func (w *writer) close() error {
	if w.shards == 0 {
		if err := w.newShard(); err != nil {
			return err
		}
	}
	if w.shard == nil {
		return nil
	}
	return w.endShard()
}

// ArrowName is the name of shard i of n in a folder of save_to_disk.
func ArrowName(i, n int) string { return fmt.Sprintf("data-%05d-of-%05d.arrow", i, n) }

// finish names the shards and writes the metadata.
func (w *writer) finish() error {
	for i := range w.shards {
		if err := os.Rename(w.path(i), filepath.Join(w.dir, ArrowName(i, w.shards))); err != nil {
			return err
		}
	}
	return WriteArrowInfo(w.dir, ArrowInfo{w.shards, w.total, w.bytes, hex.EncodeToString(w.sum.Sum(nil)[:8])}, w.opt)
}

// ArrowInfo is what the metadata of a folder of shards say.
type ArrowInfo struct {
	Shards, Rows int
	Bytes        int64  // of all shards
	Fingerprint  string // changes with the rows
}

// WriteArrowInfo writes dataset_info.json, and state.json last: without it a folder is none of save_to_disk.
func WriteArrowInfo(dir string, i ArrowInfo, opt WriteOptions) error {
	type file struct {
		Filename string `json:"filename"`
	}
	var files []file
	for k := range i.Shards {
		files = append(files, file{ArrowName(k, i.Shards)})
	}
	info := map[string]any{
		"citation": "", "description": "", "homepage": "", "license": "",
		"features": features(opt.layout()),
		"splits": map[string]any{opt.Split: map[string]any{
			"name": opt.Split, "num_bytes": i.Bytes, "num_examples": i.Rows, "dataset_name": nil,
		}},
	}
	state := map[string]any{
		"_data_files": files, "_fingerprint": i.Fingerprint,
		"_format_columns": nil, "_format_kwargs": map[string]any{}, "_format_type": nil,
		"_output_all_columns": false, "_split": opt.Split,
	}
	if err := writeJSON(filepath.Join(dir, infoName), info); err != nil {
		return err
	}
	return writeJSON(filepath.Join(dir, stateName), state)
}

func writeJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(path, b)
}

// All yields the samples of a source in order, until one has an error.
func All(src Source) iter.Seq2[Sample, error] {
	return func(yield func(Sample, error) bool) {
		for i := range src.Len() {
			if s, err := src.At(i); !yield(s, err) || err != nil {
				return
			}
		}
	}
}
