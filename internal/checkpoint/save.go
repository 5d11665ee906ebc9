package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"

	"moslava/internal/atomicfile"
	"moslava/internal/safetensors"
)

// Save writes tensors to dir, which it makes if need be, as model.safetensors,
// or as shards with an index when they take more than maxShardBytes. Shards
// are filled in the order of tensors; one larger than the limit gets a shard
// of its own, and 0 means no limit. Names and index are those of
// huggingface_hub 2.4 (serialization/_base.py). Metadata goes into every file;
// "format" defaults to "pt", which transformers asks for.
//
// Weights that were in dir are replaced once the new ones are complete. When
// Save returns an error before that, because a tensor is wrong or the disk is
// full, they are as they were. Shards are then moved into place with the old
// index gone and the new one written last, so that a crash never leaves
// shards of two models under one index. Only one Save at a time may work on a
// directory; what one that was killed left there, the next removes.
func Save(dir string, tensors []safetensors.Tensor, maxShardBytes int64, metadata map[string]string) error {
	if len(tensors) == 0 {
		return fmt.Errorf("save %s: no tensors", dir)
	}
	meta := map[string]string{"format": "pt"}
	maps.Copy(meta, metadata)
	if err := safetensors.Check(tensors, meta); err != nil {
		return fmt.Errorf("save %s: %w", dir, err)
	}
	shards, total, err := split(tensors, maxShardBytes)
	if err != nil {
		return fmt.Errorf("save %s: %w", dir, err)
	}
	if err := atomicfile.Sweep(dir); err != nil {
		return fmt.Errorf("save %s: %w", dir, err)
	}
	if err := atomicfile.MkdirAll(dir); err != nil {
		return err
	}
	if len(shards) == 1 {
		// From here on Open takes the new file, whatever else is there.
		if err := safetensors.Write(filepath.Join(dir, WeightsFile), tensors, meta); err != nil {
			return err
		}
		return errors.Join(remove(dir, IndexFile), removeShards(dir, nil))
	}
	return saveShards(dir, shards, total, meta)
}

// split distributes tensors over shards and returns their total size in bytes.
func split(tensors []safetensors.Tensor, limit int64) (shards [][]safetensors.Tensor, total int64, err error) {
	if limit <= 0 {
		limit = math.MaxInt64
	}
	var current []safetensors.Tensor
	var size int64 // of current
	for _, t := range tensors {
		n, err := t.Bytes()
		if err != nil {
			return nil, 0, err
		}
		if int64(n) > math.MaxInt64-total {
			return nil, 0, fmt.Errorf("tensor %q: the total size overflows", t.Name)
		}
		total += int64(n)
		if int64(n) > limit {
			shards = append(shards, []safetensors.Tensor{t})
			continue
		}
		if int64(n) > limit-size {
			shards = append(shards, current)
			current, size = nil, 0
		}
		current = append(current, t)
		size += int64(n)
	}
	if len(current) > 0 {
		shards = append(shards, current)
	}
	return shards, total, nil
}

// saveShards writes several shards and their index.
func saveShards(dir string, shards [][]safetensors.Tensor, total int64, meta map[string]string) (err error) {
	stage, release, err := atomicfile.TempDir(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()

	idx := index{WeightMap: weightMap{}}
	idx.Metadata.TotalSize = total
	names := make([]string, len(shards))
	for i, shard := range shards {
		names[i] = fmt.Sprintf("model-%05d-of-%05d.safetensors", i+1, len(shards))
		for _, t := range shard {
			idx.WeightMap[t.Name] = names[i]
			idx.Metadata.TotalParameters += int64(safetensors.Info{Shape: t.Shape}.Len())
		}
		if err := safetensors.Write(filepath.Join(stage, names[i]), shard, meta); err != nil {
			return err
		}
	}

	if err := remove(dir, IndexFile); err != nil {
		return err
	}
	keep := map[string]bool{}
	for _, name := range names {
		if err := atomicfile.Rename(filepath.Join(stage, name), filepath.Join(dir, name)); err != nil {
			return err
		}
		keep[name] = true
	}
	if err := WriteJSON(dir, IndexFile, idx); err != nil {
		return err
	}
	// Open prefers a single file, so an old one must go for the new index to
	// count.
	return errors.Join(remove(dir, WeightsFile), removeShards(dir, keep))
}

// remove deletes the named file of dir if it is there.
func remove(dir, name string) error {
	err := os.Remove(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// removeShards deletes the shards of an earlier Save except those to keep.
func removeShards(dir string, keep map[string]bool) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if shardName.MatchString(e.Name()) && !keep[e.Name()] {
			errs = append(errs, remove(dir, e.Name()))
		}
	}
	return errors.Join(errs...)
}
