package datasets

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"moslava/internal/remote"
)

// A form is one in which files hold samples.
type form struct {
	name    string
	endings []string // of the names of its files, in small letters
	open    func(opt Options, path string) (Source, error)
	// together opens files of one folder; all says that they are all of their set that the folder has. nil: each by itself.
	together func(opt Options, dir string, names []string, all bool) (Source, error)
	// single says that a folder has one file of the form, or several that are numbered: others may hold anything.
	single bool
}

// forms are those that are read. Of a folder with files of several, those of the first are the samples.
var forms = []form{
	{name: "Arrow", endings: []string{".arrow"}, open: openArrowFile, together: Options.openShards},
	{name: "Parquet", endings: []string{".parquet"}, open: swapped(openParquet)},
	{name: "WebDataset", endings: packed(".tar"), open: openTar},
	{name: "JSON", endings: packed(".json", ".jsonl", ".ndjson"), open: swapped(openJSON), single: true},
	{name: "CSV", endings: packed(".csv", ".tsv"), open: openCSV, single: true},
}

func swapped(open func(string, Options) (Source, error)) func(Options, string) (Source, error) {
	return func(opt Options, path string) (Source, error) { return open(path, opt) }
}

func openArrowFile(opt Options, path string) (Source, error) {
	return opt.openShards(dirOf(path), []string{filepath.Base(path)}, false)
}

// Endings are those of the files that Open reads, in small letters.
func Endings() (out []string) {
	for _, f := range forms {
		out = append(out, f.endings...)
	}
	return out
}

// FormOf is the name of the form of a file by its name, in small letters; "" for a file of no form.
func FormOf(name string) string {
	f, _ := formOf(name)
	if f == nil {
		return ""
	}
	return strings.ToLower(f.name)
}

// formOf is the form of a file by its name, and the name without its ending; nil for a file of no form.
func formOf(name string) (is *form, stem string) {
	lower := strings.ToLower(name)
	for i := range forms {
		for _, ending := range forms[i].endings {
			if rest, ok := strings.CutSuffix(lower, ending); ok && (is == nil || len(rest) < len(stem)) {
				is, stem = &forms[i], name[:len(rest)]
			}
		}
	}
	return is, stem
}

// Open opens what is at path:
//
//   - a folder written by Hugging Face's save_to_disk or by WriteArrow: the
//     shards its state.json names
//   - a folder of Arrow files without state.json, such as a data set's cache
//   - a folder of files of another form that belong together, or with such a folder called data in it, as the Hub has them
//   - a file of one of the forms
//   - a folder of pictures with a file of metadata, or with a text beside each
//   - a pattern (with *, ?, [ or braces as in {00..07}) of files of one form, opened in the order of their names
//
// Of several splits one has to be named (Options.Split). docs/formats.md lists the forms.
func Open(path string) (Source, error) { return OpenWith(path, Options{}) }

// OpenWith is Open with options.
func OpenWith(path string, opt Options) (Source, error) { return opt.opened(path) }

// opened is OpenWith, which leaves what it found of columns in the options.
func (opt *Options) opened(path string) (Source, error) {
	if err := errors.Join(opt.check(), opt.prepare()); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	met := map[string]bool{}
	all := opt.Met
	opt.Met = met
	defer func() { opt.Met = all }()
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
	dir, err := opt.isDir(path)
	if errors.Is(err, fs.ErrNotExist) && IsPattern(path) {
		return opt.openPattern(path)
	}
	if err != nil {
		return nil, err
	}
	if dir {
		return opt.openDir(path)
	}
	if opt.Split != "" {
		return nil, fmt.Errorf("%s: split is %q, and this is one file: leave split out, or name the folder", path, opt.Split)
	}
	return opt.openFile(path)
}

func (opt Options) openFile(path string) (Source, error) {
	f, _ := formOf(filepath.Base(path))
	if f == nil {
		return nil, fmt.Errorf("%s: extension %q, expected %s, or a folder", path, filepath.Ext(path), alternatives())
	}
	opt.is(f.name)
	return f.open(opt, path)
}

// openPattern opens the files of a pattern.
func (opt Options) openPattern(pattern string) (Source, error) {
	paths, err := opt.match(pattern)
	if err != nil {
		return nil, err
	}
	if opt.Split != "" {
		if paths = inSplit(paths, opt.Split); len(paths) == 0 {
			return nil, fmt.Errorf("%s: no file of the split %s matches", pattern, opt.Split)
		}
	}
	var of *form
	dir := dirOf(paths[0])
	names := make([]string, len(paths))
	for i, p := range paths {
		f, _ := formOf(filepath.Base(p))
		if i == 0 {
			of = f
		}
		if f == nil || f != of {
			return nil, fmt.Errorf("%s matches %s and %s, expected files of one form: .arrow files only, or .parquet files only", pattern, paths[0], p)
		}
		if dirOf(p) != dir {
			dir = ""
		}
		names[i] = filepath.Base(p)
	}
	opt.is(of.name)
	switch {
	case of.together == nil:
		return opt.openEach(of, paths)
	case dir == "":
		return openArrow(paths, nil, opt)
	}
	return of.together(opt, dir, names, false)
}

// openEach opens files of one form, one after the other.
func (opt Options) openEach(f *form, paths []string) (Source, error) {
	var parts []Source
	for _, path := range paths {
		s, err := f.open(opt, path)
		if err != nil {
			return nil, closeAll(parts, err)
		}
		parts = append(parts, s)
	}
	if len(parts) == 1 {
		return parts[0], nil
	}
	s, err := Concat(parts...)
	if err != nil {
		return nil, closeAll(parts, err)
	}
	return s, nil
}

func closeAll(parts []Source, err error) error {
	for _, p := range parts {
		err = errors.Join(err, p.Close())
	}
	return err
}

// IsAddress says whether a path is an address on the network.
func IsAddress(path string) bool { return remote.Is(path) }

// IsPattern says whether a path may stand for several files.
func IsPattern(path string) bool {
	return strings.ContainsAny(path, "*?[") || len(braced(path)) > 1
}

// Match lists the files that a pattern stands for: the range of numbers in braces first, then *, ? and [ as in filepath.Match. A file that braces name
// has to be there.
func Match(pattern string) ([]string, error) { return new(Options).match(pattern) }

func (o *Options) match(pattern string) ([]string, error) {
	var out []string
	for _, p := range braced(pattern) {
		paths := []string{p}
		if strings.ContainsAny(p, "*?[") {
			var err error
			if paths, err = o.glob(p); err != nil {
				return nil, fmt.Errorf("%s: %w", pattern, err)
			}
		} else if _, err := o.isDir(p); err != nil {
			return nil, fmt.Errorf("%s: %w", pattern, err)
		}
		out = append(out, paths...)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s: no file matches", pattern)
	}
	return slices.Compact(out), nil
}

// maxBraced bounds the files that braces stand for.
const maxBraced = 1 << 17

// braced writes out the first {A..B} or {a,b} of a path, and those behind it, as WebDataset's shards are named. A path without is itself.
func braced(path string) []string {
	from := strings.IndexByte(path, '{')
	if from < 0 {
		return []string{path}
	}
	length := strings.IndexByte(path[from:], '}')
	if length < 0 {
		return []string{path}
	}
	inside, behind := path[from+1:from+length], path[from+length+1:]
	var choices []string
	if a, b, ok := strings.Cut(inside, ".."); ok {
		first, errA := strconv.Atoi(a)
		last, errB := strconv.Atoi(b)
		if errA != nil || errB != nil || first < 0 || last < first || last-first >= maxBraced {
			return []string{path}
		}
		for n := first; n <= last; n++ {
			choices = append(choices, fmt.Sprintf("%0*d", len(a), n))
		}
	} else if choices = strings.Split(inside, ","); len(choices) < 2 {
		return []string{path}
	}
	var out []string
	rest := braced(behind)
	for _, c := range choices {
		for _, r := range rest {
			if len(out) == maxBraced {
				return []string{path}
			}
			out = append(out, path[:from]+c+r)
		}
	}
	return out
}
