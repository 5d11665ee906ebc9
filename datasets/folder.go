package datasets

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// splitWords are the words that tell splits in names of files and folders, as datasets has them (data_files.py, SPLIT_KEYWORDS).
var splitWords = [][]string{
	{"train", "training"},
	{"validation", "valid", "dev", "val"},
	{"test", "testing", "eval", "evaluation"},
}

// setName is NAME-NNNNN-of-NNNNN, as the Hub names the files of a set; it may have a hash behind the numbers. Without them it is the name.
var setName = regexp.MustCompile(`^(.+?)(?:-\d{5}-of-(\d{5})(?:-[0-9a-f]+)?)?$`)

// numbered is a name that ends in the number of a file.
var numbered = regexp.MustCompile(`[-_. ]?\d+$`)

// parts are those of a name in which datasets looks for splits.
func parts(name string) []string {
	return strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return strings.ContainsRune("-._ 0123456789", r) })
}

// splitOf is the split that a name tells, by its usual word; "" for none.
func splitOf(name string) string {
	for _, w := range splitWords {
		if slices.ContainsFunc(parts(name), func(part string) bool { return slices.Contains(w, part) }) {
			return w[0]
		}
	}
	return ""
}

// inSplit are the files of a split: those of a set with its name, else those in whose name it is a word.
func inSplit(paths []string, split string) []string {
	stem := func(p string) string {
		_, s := formOf(filepath.Base(p))
		return s
	}
	exact := slices.DeleteFunc(slices.Clone(paths), func(p string) bool { return set(stem(p)) != split })
	if len(exact) > 0 {
		return exact
	}
	return slices.DeleteFunc(slices.Clone(paths), func(p string) bool { return !tells(stem(p), split) })
}

// set is the name of the set that a file belongs to by its own.
func set(stem string) string {
	if m := setName.FindStringSubmatch(stem); m != nil {
		return m[1]
	}
	return stem
}

// tells says whether a name is one of a split's.
func tells(name, split string) bool {
	if name == split || slices.Contains(parts(name), strings.ToLower(split)) {
		return true
	}
	same := splitOf(split)
	return same != "" && slices.Contains(splitWordsOf(same), strings.ToLower(split)) && splitOf(name) == same
}

func splitWordsOf(usual string) []string {
	for _, w := range splitWords {
		if w[0] == usual {
			return w
		}
	}
	return nil
}

// A folder is what lies in a directory, sorted by name.
type folder struct {
	dir     string
	files   map[*form][]string
	folders []string
}

func (opt *Options) readFolder(dir string) (*folder, error) {
	list, err := opt.readDir(dir)
	if err != nil {
		return nil, err
	}
	f := &folder{dir: dir, files: map[*form][]string{}}
	for _, e := range list {
		name := e.name
		if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "cache-") || name == infoName || name == "dataset_infos.json" {
			continue
		}
		if e.dir {
			if !strings.HasPrefix(name, "__") {
				f.folders = append(f.folders, name)
			}
			continue
		}
		if of, _ := formOf(name); of != nil {
			f.files[of] = append(f.files[of], name)
		}
	}
	return f, nil
}

// openDir opens a folder.
func (opt Options) openDir(dir string) (Source, error) {
	if opt.exists(join(dir, stateName)) {
		opt.is("save_to_disk")
		return opt.openSaved(dir)
	}
	if b, err := opt.readFile(join(dir, "dataset_dict.json"), maxInfo); err == nil {
		var d struct{ Splits []string }
		if err := json.Unmarshal(b, &d); err != nil {
			return nil, fmt.Errorf("%s: %w", join(dir, "dataset_dict.json"), err)
		}
		if !slices.Contains(d.Splits, opt.Split) {
			return nil, opt.unsplit(dir, d.Splits)
		}
		sub := join(dir, opt.Split)
		opt.Split = ""
		return opt.openDir(sub)
	}
	f, err := opt.readFolder(dir)
	if err != nil {
		return nil, err
	}
	if sub := f.splitFolder(opt.Split); sub != "" {
		opt.Split = ""
		return opt.openDir(join(dir, sub))
	}
	if name, err := f.metadata(); err != nil {
		return nil, err
	} else if name != "" && opt.Split == "" {
		opt.is("folder of pictures")
		return opt.openMetadata(join(dir, name))
	}
	for i := range forms {
		if names := f.files[&forms[i]]; len(names) > 0 {
			return opt.openNames(&forms[i], dir, names)
		}
	}
	if data := join(dir, "data"); opt.exists(data) {
		return opt.openDir(data)
	}
	var splits []string
	for _, name := range f.folders {
		if splitOf(name) != "" {
			splits = append(splits, name)
		}
	}
	if opt.Split != "" || len(splits) > 1 {
		return nil, opt.unsplit(dir, splits)
	}
	if len(splits) == 1 {
		return opt.openDir(join(dir, splits[0]))
	}
	if s, err := opt.openPictures(dir); err != ErrNoPictures {
		opt.is("folder of pictures")
		return s, err
	}
	return nil, fmt.Errorf("%s: no state.json, %s file, and %w", dir, alternatives(), ErrNoPictures)
}

// alternatives are the endings as people name them.
func alternatives() string {
	names := slices.DeleteFunc(Endings(), func(e string) bool { return strings.Count(e, ".") > 1 })
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}

// splitFolder is the folder of a split, "" if there is none.
func (f *folder) splitFolder(split string) string {
	if split == "" {
		return ""
	}
	if slices.Contains(f.folders, split) {
		return split
	}
	for _, name := range f.folders {
		if tells(name, split) {
			return name
		}
	}
	return ""
}

// A SplitError is of a folder of several splits of which none is named.
type SplitError struct {
	Dir    string
	Splits []string
}

func (e *SplitError) Error() string {
	return fmt.Sprintf("%s: holds the splits %s; name one with split, or open its folder or file", e.Dir, strings.Join(e.Splits, ", "))
}

// unsplit is the error of a folder of several splits of which none is named, or one that is not there.
func (opt Options) unsplit(dir string, splits []string) error {
	switch {
	case len(splits) == 0:
		return fmt.Errorf("%s: there is no split %s, nor any other: leave split out, or name the folder or file", dir, opt.Split)
	case opt.Split == "":
		return &SplitError{dir, splits}
	}
	return fmt.Errorf("%s: there is no split %s; there are the splits %s", dir, opt.Split, strings.Join(splits, ", "))
}

// openNames opens the files of a form in a folder.
func (opt Options) openNames(f *form, dir string, names []string) (Source, error) {
	var splits []string
	for _, name := range names {
		_, stem := formOf(name)
		if s := splitOf(set(stem)); s != "" && !slices.Contains(splits, set(stem)) {
			splits = append(splits, set(stem))
		}
	}
	distinct := map[string]bool{}
	for _, s := range splits {
		distinct[splitOf(s)] = true
	}
	switch all := names; {
	case opt.Split != "":
		if names = inSplit(all, opt.Split); len(names) == 0 {
			if len(splits) == 0 && f.together != nil { // the names of the sets, whatever they are
				for _, name := range all {
					_, stem := formOf(name)
					if !slices.Contains(splits, set(stem)) {
						splits = append(splits, set(stem))
					}
				}
			}
			return nil, opt.unsplit(dir, splits)
		}
	case len(distinct) > 1:
		return nil, opt.unsplit(dir, splits)
	}
	opt.is(f.name)
	if f.together != nil {
		return f.together(opt, dir, names, true)
	}
	return opt.openSet(f, dir, names)
}

// openSet opens the files of one set, one after the other.
func (opt Options) openSet(f *form, dir string, names []string) (Source, error) {
	paths := make([]string, len(names))
	first, of := "", ""
	for i, n := range names {
		_, stem := formOf(n)
		m := setName.FindStringSubmatch(stem)
		if i == 0 {
			first, of = m[1], m[2]
		}
		if f.single && of == "" && numbered.ReplaceAllString(m[1], "") != numbered.ReplaceAllString(first, "") {
			return nil, fmt.Errorf("%s: several data files (%s); open one of them, or several by a pattern", dir, strings.Join(names, ", "))
		}
		if m[1] != first && of != "" || m[2] != of {
			return nil, fmt.Errorf("%s: holds files of several sets, %s and %s among them; open one of them", dir, names[0], n)
		}
		paths[i] = join(dir, n)
	}
	if n, err := strconv.Atoi(of); err == nil && n != len(names) {
		return nil, fmt.Errorf("%s: %d of the %d files of %s are there: some are missing", dir, len(names), n, first)
	}
	return opt.openEach(f, paths)
}
