package datasets

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// metadataNames are those of the files that say what is known of the pictures in a folder (datasets, folder_based_builder.py).
var metadataNames = []string{"metadata.csv", "metadata.jsonl", "metadata.parquet"}

// metadata is such a file of a folder, "" if there is none.
func (f *folder) metadata() (string, error) {
	var is []string
	for _, names := range f.files {
		for _, name := range names {
			if slices.Contains(metadataNames, name) {
				is = append(is, name)
			}
		}
	}
	slices.Sort(is)
	if len(is) > 1 {
		return "", fmt.Errorf("%s: both %s and %s, expected one file of metadata", f.dir, is[0], is[1])
	}
	return strings.Join(is, ""), nil
}

// openMetadata opens a file of metadata: file_name is the picture of a row, in the file's folder or below, and X_file_name is that of X.
func (opt Options) openMetadata(path string) (Source, error) {
	if opt.columns == nil {
		opt.columns = &columns{level: opt.base(), met: map[string]bool{}}
	}
	opt.columns.files = true
	return opt.openFile(path)
}

// fileColumn is the column that one of names of files stands for.
func fileColumn(name string) string {
	for _, ending := range []string{"file_name", "file_names"} {
		if name == ending {
			return map[string]string{"file_name": "image", "file_names": "images"}[name]
		}
		if of, ok := strings.CutSuffix(name, "_"+ending); ok && of != "" {
			return of
		}
	}
	return name
}

// A pictureSource is pictures in a folder and below, each with a text in a file beside it, or with its folder's name. It keeps their names.
type pictureSource struct {
	dir     string
	names   []string // slash-separated, below dir
	texts   []bool   // whether there is one beside it
	alone   []string // texts without a picture beside them
	text    string   // the key of a text
	label   string   // the key of a folder's name, "" of none
	opt     Options
	picture func(name string) ([]byte, error)
}

// textEnding is that of the file with a picture's text.
const textEnding = ".txt"

// IsText says whether a file that EachPicture tells of is the text beside a picture.
func IsText(file string) bool { return strings.HasSuffix(file, textEnding) }

// openPictures opens a folder of pictures. There has to be one.
func (opt Options) openPictures(dir string) (Source, error) {
	s := &pictureSource{dir: dir, text: "caption", opt: opt, picture: opt.reader(join(dir, "any"))}
	if err := s.list("", 0); err != nil {
		return nil, err
	}
	if len(s.names) == 0 {
		return nil, ErrNoPictures
	}
	if opt.meets("txt") {
		s.text = ""
	} else if key, err := opt.found("txt"); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	} else if key != "txt" {
		s.text = key
	}
	if key, err := opt.found("label"); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	} else if key != "label" || opt.prompts(key) {
		s.label = key
	}
	if err := s.leftOver(); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	for i := range s.names {
		if err := s.says(i); err != nil && opt.Values {
			return nil, fmt.Errorf("%s:%d: %w", dir, i, err)
		}
	}
	return s, nil
}

// ErrNoPictures is of a folder in which there is nothing that can be read as samples.
var ErrNoPictures = errors.New("no pictures")

// maxNested bounds how deep folders of pictures are looked into.
const maxNested = 32

// list finds the pictures of a folder and those below, sorted by their names.
func (s *pictureSource) list(below string, depth int) error {
	if depth > maxNested {
		return fmt.Errorf("%s: more than %d folders in one another", s.dir, maxNested)
	}
	list, err := s.opt.readDir(join(s.dir, filepath.FromSlash(below)))
	if err != nil {
		return err
	}
	there, pictured := map[string]bool{}, map[string]bool{}
	for _, e := range list {
		if there[e.name] = true; isPicture(e.name) {
			pictured[strings.TrimSuffix(e.name, filepath.Ext(e.name))] = true
		}
	}
	for _, e := range list {
		name := e.name
		switch {
		case strings.HasPrefix(name, "."), strings.HasPrefix(name, "__"):
		case e.dir:
			if err := s.list(path.Join(below, name), depth+1); err != nil {
				return err
			}
		case isPicture(name):
			if len(s.names) == maxLen {
				return fmt.Errorf("%s: more than %d pictures", s.dir, maxLen)
			}
			s.names = append(s.names, path.Join(below, name))
			s.texts = append(s.texts, there[strings.TrimSuffix(name, filepath.Ext(name))+textEnding])
		case IsText(name) && !pictured[strings.TrimSuffix(name, textEnding)]:
			s.alone = append(s.alone, path.Join(below, name))
		}
	}
	return nil
}

// leftOver is an error of a text whose picture is not there, where texts are what is said of pictures.
func (s *pictureSource) leftOver() error {
	if s.text == "" || !slices.Contains(s.texts, true) {
		return nil
	}
	for _, name := range s.alone {
		if !s.opt.meets(name) {
			return fmt.Errorf("there is no picture beside %s: put it there, or remove the text (ignore: [%s] leaves it out)", name, name)
		}
	}
	return nil
}

// isPicture says whether a name is that of a picture's file.
func isPicture(name string) bool {
	ext := strings.ToLower(filepath.Ext(name))
	return ext != "" && pictureField.MatchString(ext[1:])
}

// says is an error of a picture that nothing is said about.
func (s *pictureSource) says(i int) error {
	if s.texts[i] && s.opt.shapes(s.text) || s.label != "" && s.opt.shapes(s.label) {
		return nil
	}
	name := s.names[i]
	if s.texts[i] {
		return fmt.Errorf("%s: %w", name, s.opt.shapeless())
	}
	return fmt.Errorf("there is no %s.txt beside %s, nor a file of metadata (%s); columns: {answer: label} and a prompt take the folder's name",
		strings.TrimSuffix(path.Base(name), path.Ext(name)), name, strings.Join(metadataNames, ", "))
}

func (s *pictureSource) Len() int     { return len(s.names) }
func (s *pictureSource) Close() error { return nil }

func (s *pictureSource) At(i int) (Sample, error) {
	if i < 0 || i >= len(s.names) {
		return Sample{}, fmt.Errorf("%s: row %d of %d", s.dir, i, len(s.names))
	}
	origin := fmt.Sprintf("%s:%d", s.dir, i)
	x, err := s.read(i)
	x.Origin = origin
	if err != nil {
		return x, fmt.Errorf("%s: %w", origin, err)
	}
	return x, nil
}

func (s *pictureSource) read(i int) (Sample, error) {
	if err := s.says(i); err != nil {
		return Sample{}, err
	}
	name := s.names[i]
	if s.opt.listed != nil {
		s.opt.listed(name)
	}
	o := &object{[]field{{"id", name}, {"image", name}}}
	if s.texts[i] && s.text != "" {
		b, err := s.picture(strings.TrimSuffix(name, path.Ext(name)) + textEnding) // found and hashed as pictures are
		if err != nil {
			return Sample{}, fmt.Errorf("the text beside %s: %w", name, err)
		}
		o.fields = append(o.fields, field{s.text, string(b)})
	}
	if s.label != "" {
		folder := path.Base(path.Dir(name))
		if folder == "." {
			folder = filepath.Base(s.dir)
		}
		o.fields = append(o.fields, field{s.label, folder})
	}
	return s.opt.sample(o, s.picture)
}
