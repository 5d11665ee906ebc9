package datasets

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"moslava/internal/infile"
)

// Open opens what is at path:
//
//   - a folder written by Hugging Face's save_to_disk or by WriteArrow: the
//     shards its state.json names
//   - a folder of Arrow files without state.json, such as a data set's cache
//   - a folder of Parquet files, or with such a folder called data in it, as the Hub has them
//   - a folder with one .json or .jsonl file, pictures beside it or in images/
//   - a .arrow, .parquet, .json or .jsonl file
//   - a pattern (with *, ? or [) of Arrow files or of Parquet files, opened in the order of their names
//
// A folder of several splits is refused with their names.
func Open(path string) (Source, error) { return OpenWith(path, Options{}) }

// OpenWith is Open with options.
func OpenWith(path string, opt Options) (Source, error) {
	if err := errors.Join(opt.check(), opt.prepare()); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	met := map[string]bool{}
	all := opt.Met
	opt.Met = met
	src, err := opt.open(path)
	if err != nil {
		return nil, err
	}
	if err := cmp.Or(opt.unmet(path), opt.missing(path)); err != nil {
		return nil, errors.Join(err, src.Close())
	}
	if all != nil {
		maps.Copy(all, met)
	}
	return src, nil
}

func (opt Options) open(path string) (Source, error) {
	st, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) && strings.ContainsAny(path, "*?[") {
		return opt.openPattern(path)
	}
	if err != nil {
		return nil, err
	}
	if st.IsDir() {
		return opt.openDir(path)
	}
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".arrow":
		return opt.openShards(filepath.Dir(path), []string{filepath.Base(path)}, false)
	case ".json", ".jsonl":
		return openJSON(path, opt)
	case ".parquet":
		return openParquet(path, opt)
	default:
		return nil, fmt.Errorf("%s: extension %q, expected .arrow, .parquet, .json, .jsonl or a folder", path, ext)
	}
}

func (opt Options) openPattern(pattern string) (Source, error) {
	paths, err := filepath.Glob(pattern)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", pattern, err)
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("%s: no file matches", pattern)
	}
	dir := filepath.Dir(paths[0])
	names := make([]string, len(paths))
	for i, p := range paths {
		if filepath.Ext(p) != filepath.Ext(paths[0]) || filepath.Ext(p) != ".arrow" && filepath.Ext(p) != ".parquet" {
			return nil, fmt.Errorf("%s matches %s, expected .arrow files only, or .parquet files only", pattern, p)
		}
		if filepath.Dir(p) != dir && filepath.Ext(p) == ".arrow" {
			return openArrow(paths, nil, opt)
		}
		names[i] = filepath.Base(p)
	}
	if filepath.Ext(paths[0]) == ".parquet" {
		return opt.openTables(dir, names)
	}
	return opt.openShards(dir, names, false)
}

func (opt Options) openDir(dir string) (Source, error) {
	if exists(filepath.Join(dir, stateName)) {
		return opt.openSaved(dir)
	}
	if b, err := infile.Read(filepath.Join(dir, "dataset_dict.json"), maxInfo); err == nil {
		var d struct{ Splits []string }
		_ = json.Unmarshal(b, &d) // only for the message
		return nil, fmt.Errorf("%s: holds the splits %s; open one of its folders", dir, strings.Join(d.Splits, ", "))
	}
	list, err := os.ReadDir(dir) // sorted by name
	if err != nil {
		return nil, err
	}
	var shards, tables, texts []string
	for _, e := range list {
		name := e.Name()
		switch ext := filepath.Ext(name); {
		case e.IsDir(), strings.HasPrefix(name, "cache-"), strings.HasPrefix(name, "."), name == infoName:
		case ext == ".arrow":
			shards = append(shards, name)
		case ext == ".parquet":
			tables = append(tables, name)
		case ext == ".json", ext == ".jsonl":
			texts = append(texts, name)
		}
	}
	switch {
	case len(shards) > 0:
		return opt.openShards(dir, shards, true)
	case len(tables) > 0:
		return opt.openTables(dir, tables)
	case len(texts) == 1:
		return opt.open(filepath.Join(dir, texts[0]))
	case len(texts) > 1:
		return nil, fmt.Errorf("%s: several data files (%s); open one of them", dir, strings.Join(texts, ", "))
	}
	if data := filepath.Join(dir, "data"); exists(data) {
		return opt.openDir(data)
	}
	return nil, fmt.Errorf("%s: no state.json, .arrow, .parquet, .json or .jsonl file", dir)
}

// tableName is split-NNNNN-of-NNNNN.parquet, as the Hub names files; it may have a hash behind the numbers.
var tableName = regexp.MustCompile(`^(.+?)(?:-\d{5}-of-(\d{5})(?:-[0-9a-f]+)?)?\.parquet$`)

// openTables opens the Parquet files of one split, one after the other.
func (opt Options) openTables(dir string, names []string) (Source, error) {
	first := tableName.FindStringSubmatch(names[0])
	var parts []Source
	for _, n := range names {
		m := tableName.FindStringSubmatch(n)
		if m[1] != first[1] && first[2] != "" || m[2] != first[2] {
			return nil, closeAll(parts, fmt.Errorf("%s: holds files of several sets, %s and %s among them; open one of them", dir, names[0], n))
		}
		s, err := openParquet(filepath.Join(dir, n), opt)
		if err != nil {
			return nil, closeAll(parts, err)
		}
		parts = append(parts, s)
	}
	if n, err := strconv.Atoi(first[2]); err == nil && n != len(names) {
		return nil, closeAll(parts, fmt.Errorf("%s: %d of the %d files of %s are there: some are missing", dir, len(names), n, first[1]))
	}
	if len(parts) == 1 {
		return parts[0], nil
	}
	return Concat(parts...)
}

func closeAll(parts []Source, err error) error {
	for _, p := range parts {
		err = errors.Join(err, p.Close())
	}
	return err
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// The metadata files of a saved data set.
const (
	infoName  = "dataset_info.json"
	stateName = "state.json"
)

// maxInfo bounds a metadata file.
const maxInfo = 64 << 20

// decodeFile decodes a JSON metadata file; fields v does not have are left alone.
func decodeFile(path string, v any) error {
	b, err := infile.Read(path, maxInfo)
	if err != nil {
		return err
	}
	if err := json.NewDecoder(bytes.NewReader(b)).Decode(v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// A savedState is state.json as datasets.Dataset.save_to_disk writes it.
type savedState struct {
	Files []struct {
		Filename string `json:"filename"`
	} `json:"_data_files"`
	Indices []json.RawMessage `json:"_indices_data_files"`
	Split   *string           `json:"_split"`
}

// A savedInfo is the part of dataset_info.json (datasets.DatasetInfo) read here.
type savedInfo struct {
	Splits map[string]struct {
		Examples *int `json:"num_examples"`
	} `json:"splits"`
}

// A rowCount is how many rows another file says there are. Unless exact, it may
// be out of date: select and filter leave num_examples as it was.
type rowCount struct {
	rows  int
	exact bool
	from  string
}

func (opt Options) openSaved(dir string) (Source, error) {
	file := filepath.Join(dir, stateName)
	var st savedState
	if err := decodeFile(file, &st); err != nil {
		return nil, err
	}
	if len(st.Files) == 0 {
		return nil, fmt.Errorf("%s: _data_files names no file", file)
	}
	if len(st.Indices) > 0 {
		return nil, fmt.Errorf("%s: rows are selected by an index file; save the data set again with datasets 2 or later", file)
	}
	paths := make([]string, len(st.Files))
	for i, f := range st.Files {
		if !filepath.IsLocal(f.Filename) {
			return nil, fmt.Errorf("%s: file name %q lies outside the folder", file, f.Filename)
		}
		paths[i] = filepath.Join(dir, filepath.FromSlash(f.Filename))
	}
	split := ""
	if st.Split != nil {
		split = *st.Split
	}
	want, err := declared(dir, split)
	if err != nil {
		return nil, err
	}
	return openArrow(paths, want, opt)
}

// declared is num_examples of the split in dir's dataset_info.json, nil if it is
// not given. Without a name the only split counts.
func declared(dir, split string) (*rowCount, error) {
	path := filepath.Join(dir, infoName)
	var info savedInfo
	if err := decodeFile(path, &info); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	x, ok := info.Splits[split]
	if split == "" && len(info.Splits) == 1 {
		for split, x = range info.Splits {
			ok = true
		}
	}
	if !ok || x.Examples == nil {
		return nil, nil
	}
	if *x.Examples < 0 || *x.Examples > maxLen {
		return nil, fmt.Errorf("%s: num_examples %d of split %q", path, *x.Examples, split)
	}
	return &rowCount{rows: *x.Examples, from: path}, nil
}

// shardName is name-split[-NNNNN-of-NNNNN].arrow, as caches name their files, and
// data-NNNNN-of-NNNNN.arrow, as saved data sets do.
var shardName = regexp.MustCompile(`^(.+?)(?:-\d{5}-of-(\d{5}))?\.arrow$`)

// openShards opens files of one folder that no state.json lists. Where the files
// are all there are (all), names that say how many they should be have to be
// complete. The rows of a complete set have to be as many as the folder's
// dataset_info.json says of their split.
func (opt Options) openShards(dir string, names []string, all bool) (Source, error) {
	paths := make([]string, len(names))
	stem, of := "", ""
	for i, n := range names {
		paths[i] = filepath.Join(dir, n)
		m := shardName.FindStringSubmatch(n)
		if m == nil {
			return nil, fmt.Errorf("%s: expected a name ending in .arrow", paths[i])
		}
		if i > 0 && (m[1] != stem || m[2] != of) {
			if all {
				return nil, fmt.Errorf("%s: holds files of several sets, %s and %s among them; open one by a pattern", dir, names[0], n)
			}
			return openArrow(paths, nil, opt)
		}
		stem, of = m[1], m[2]
	}
	whole := of == "" && len(names) == 1
	if n, err := strconv.Atoi(of); err == nil {
		whole = n == len(names)
		if all && !whole {
			return nil, fmt.Errorf("%s: %d of the %d files of %s are there: writing was interrupted or files are missing", dir, len(names), n, stem)
		}
	}
	if !whole {
		return openArrow(paths, nil, opt)
	}
	want, err := declared(dir, stem[strings.LastIndexByte(stem, '-')+1:])
	if err != nil {
		return nil, err
	}
	if want != nil {
		want.exact = true
	}
	return openArrow(paths, want, opt)
}
