package datasets

import (
	"context"
	"fmt"
	"slices"

	"moslava/internal/picturefile"
	"moslava/internal/remote"
)

// Options say how rows are read. The zero value is what most data wants.
type Options struct {
	// Images are folders in which pictures that rows name are looked for, in order, before the data's own: its folder
	// and images/ in it.
	Images []string
	// Ignore names keys of rows, turns and content parts that are left out, whatever they hold; "<video>" takes that
	// marker as text. One that no row has is an error when the data are opened.
	Ignore []string
	// MayIgnore are keys as in Ignore that rows need not have.
	MayIgnore []string
	// Met, if not nil, gets those keys of both that rows have.
	Met map[string]bool
	// Values has a value that no row can have for its key be an error when the data are opened. Without it that is one of At, for those who
	// leave bad rows out, or read the first ones alone.
	Values bool
	// Format is FormatLLMAdapters, or "" to go by each row's keys.
	Format string
	// ImageFirst puts pictures without any marker in front of the first question.
	ImageFirst bool
	// Columns are names of the data's columns, or keys of its rows, by the key of a row (RowKeys) that they are taken for. One that no row has is
	// an error when the data are opened; columns that are not named keep their own names.
	Columns map[string]string
	// Prompt is what is asked of rows that have a picture and a caption, or an answer and no question. With {question} in it, it is what the
	// question stands in; {NAME} is the text of any other column. A brace written twice is one. Rows of other shapes are errors with it.
	Prompt string
	// Pairs has every row hold two answers, of which one is chosen (Sample.Rejected).
	Pairs bool
	// Context ends reading over the network; nil: nothing does.
	Context context.Context
	// Split is the one of several splits that is opened, of a folder.
	Split string

	columns *columns // prepared of Columns and Prompt
	watch   bool     // what columns there are is asked for

	listed func(name string) // is told of a picture that lies in the folder of the data, before it is read; nil: nobody

	fetch func(folders []string, name string) ([]byte, error) // a picture that a row names; nil: picturefile.Read
}

// reader reads pictures that rows of a file name.
func (o *Options) reader(file string) func(name string) ([]byte, error) {
	read := o.fetch
	if read == nil {
		read = picturefile.Read
	}
	if remote.Is(file) && o.fetch == nil {
		return o.beside(file, read)
	}
	folders := picturefile.Folders(o.Images, file)
	return func(name string) ([]byte, error) { return read(folders, name) }
}

func (o *Options) ignores(key string) bool {
	return slices.Contains(o.Ignore, key) || slices.Contains(o.MayIgnore, key)
}

// meets is ignores of a key that rows have.
func (o *Options) meets(key string) bool {
	if !o.ignores(key) {
		return false
	}
	if o.Met != nil {
		o.Met[key] = true
	}
	return true
}

// unmet is an error that names a key to ignore that no row has.
func (o *Options) unmet(path string) error {
	for _, key := range o.Ignore {
		if key != VideoMarker && !o.Met[key] {
			return fmt.Errorf("%s: ignore names %q, and no row, turn or content part has such a key: correct it, or leave it out", path, key)
		}
	}
	return nil
}

func (o *Options) check() error {
	if o.Format == FormatLLMAdapters && o.Prompt != "" {
		return fmt.Errorf("prompt is given beside format %s, which has one", o.Format)
	}
	if o.Format != "" && o.Format != FormatLLMAdapters {
		return fmt.Errorf("format %q, expected %s or none", o.Format, FormatLLMAdapters)
	}
	if o.Format != "" && o.Pairs {
		return fmt.Errorf("rows of the format %s have no pairs of answers", o.Format)
	}
	return picturefile.Check(o.Images)
}
