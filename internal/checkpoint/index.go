package checkpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"moslava/internal/safetensors"
)

// shardName matches the names transformers gives to shards.
var shardName = regexp.MustCompile(`^model-\d{5}-of-\d{5}\.safetensors$`)

// suffixOf is how the names of an index's shards end.
var suffixOf = map[string]string{IndexFile: ".safetensors", PickledIndexFile: ".bin"}

// index is the content of model.safetensors.index.json.
type index struct {
	Metadata  indexMetadata `json:"metadata"`
	WeightMap weightMap     `json:"weight_map"`
}

type indexMetadata struct {
	TotalParameters int64 `json:"total_parameters"` // elements
	TotalSize       int64 `json:"total_size"`       // bytes of tensor data
}

// weightMap tells for each tensor which shard it is in.
type weightMap map[string]string

// UnmarshalJSON refuses a tensor that is listed twice, of which encoding/json
// would keep the last.
func (m *weightMap) UnmarshalJSON(text []byte) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	tok, err := dec.Token()
	if err != nil {
		return err
	}
	if tok != json.Delim('{') {
		return fmt.Errorf("weight_map is %.40v, want an object", tok)
	}
	*m = weightMap{}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return err
		}
		value, err := dec.Token()
		if err != nil {
			return err
		}
		name := key.(string) // an object's keys are strings: text is valid JSON
		shard, ok := value.(string)
		if !ok {
			return fmt.Errorf("weight_map: %q is in %v, want the name of a file", name, value)
		}
		if _, ok := (*m)[name]; ok {
			return fmt.Errorf("weight_map: %q is listed twice", name)
		}
		(*m)[name] = shard
	}
	return nil
}

// shards returns the names of the shards, sorted, after checking that they are
// names of files in the directory itself.
func (m weightMap) shards(suffix string) ([]string, error) {
	names := slices.Compact(slices.Sorted(maps.Values(m)))
	var errs []error
	for _, name := range names {
		if !strings.HasSuffix(name, suffix) || strings.ContainsAny(name, `/\:`) || !filepath.IsLocal(name) {
			errs = append(errs, fmt.Errorf("weight_map: shard %q is not the plain name of a %s file", name, suffix))
		}
	}
	if len(names) == 0 {
		errs = append(errs, errors.New("weight_map is missing or empty"))
	}
	return names, errors.Join(errs...)
}

// openShards opens what the index of that name in dir lists.
func openShards(dir, file string) (*Dir, error) {
	var idx struct {
		WeightMap weightMap `json:"weight_map"`
	}
	if err := ReadJSON(dir, file, &idx); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, file)
	shards, err := idx.WeightMap.shards(suffixOf[file])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	files, err := openAll(dir, shards)
	if err != nil {
		return nil, err
	}
	s := newStore(dir, slices.Collect(maps.Values(files)))
	slices.SortFunc(s.files, func(a, b *safetensors.File) int { return strings.Compare(a.Path(), b.Path()) })
	if err := s.fill(idx.WeightMap, files); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), s.dir().Close())
	}
	return s.dir(), nil
}

// openAll opens the named files, all or none. Those that are not there are
// named in one line, other errors follow.
func openAll(dir string, names []string) (map[string]*safetensors.File, error) {
	files := make(map[string]*safetensors.File, len(names))
	var missing []string
	var errs []error
	for _, name := range names {
		path := filepath.Join(dir, name)
		if found, err := exists(path); err == nil && !found {
			missing = append(missing, name)
			continue
		}
		f, err := openFile(path)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		files[name] = f
	}
	if len(missing) > 0 {
		errs = append(errs, fmt.Errorf("%s: %d of %d shards are missing: %s", dir, len(missing), len(names), strings.Join(missing, ", ")))
	}
	if len(errs) == 0 {
		return files, nil
	}
	for _, f := range files {
		errs = append(errs, f.Close())
	}
	return nil, errors.Join(errs...)
}

// fill records which shard each tensor is in. Tensors the map does not list
// are taken too, as transformers does, if they are in one shard only.
func (s *store) fill(listed weightMap, files map[string]*safetensors.File) error {
	found := map[string][]string{} // shards that hold a tensor
	for _, shard := range slices.Sorted(maps.Keys(files)) {
		for _, name := range files[shard].Names() {
			found[name] = append(found[name], shard)
		}
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(listed)) {
		switch shard := listed[name]; {
		case slices.Contains(found[name], shard):
			s.add(name, files[shard])
		case len(found[name]) > 0:
			errs = append(errs, fmt.Errorf("weight_map: %q is not in %s, but in %s", name, shard, strings.Join(found[name], " and ")))
		default:
			errs = append(errs, fmt.Errorf("weight_map: %q is not in %s nor in any other shard", name, shard))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if _, ok := listed[name]; ok {
			continue
		}
		if len(found[name]) > 1 {
			errs = append(errs, fmt.Errorf("weight_map does not list %q, which is in %s", name, strings.Join(found[name], " and ")))
			continue
		}
		s.add(name, files[found[name][0]])
	}
	return errors.Join(errs...)
}
