package datasets

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// The metadata files of a saved data set.
const (
	infoName  = "dataset_info.json"
	stateName = "state.json"
)

// maxInfo bounds a metadata file.
const maxInfo = 64 << 20

// decodeFile decodes a JSON metadata file; fields v does not have are left alone.
func (o *Options) decodeFile(path string, v any) error {
	b, err := o.readFile(path, maxInfo)
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
	file := join(dir, stateName)
	var st savedState
	if err := opt.decodeFile(file, &st); err != nil {
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
		paths[i] = join(dir, filepath.FromSlash(f.Filename))
	}
	split := ""
	if st.Split != nil {
		split = *st.Split
	}
	if opt.Split != "" && opt.Split != split {
		return nil, fmt.Errorf("%s: holds the split %q alone, and split is %q", file, split, opt.Split)
	}
	want, err := opt.declared(dir, split)
	if err != nil {
		return nil, err
	}
	return openArrow(paths, want, opt)
}

// declared is num_examples of the split in dir's dataset_info.json, nil if it is
// not given. Without a name the only split counts.
func (o *Options) declared(dir, split string) (*rowCount, error) {
	path := join(dir, infoName)
	var info savedInfo
	if err := o.decodeFile(path, &info); errors.Is(err, fs.ErrNotExist) {
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
		paths[i] = join(dir, n)
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
	want, err := opt.declared(dir, stem[strings.LastIndexByte(stem, '-')+1:])
	if err != nil {
		return nil, err
	}
	if want != nil {
		want.exact = true
	}
	return openArrow(paths, want, opt)
}
