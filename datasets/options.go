package datasets

import (
	"fmt"
	"slices"

	"moslava/internal/picturefile"
)

// Options say how rows are read. The zero value is what most data wants.
type Options struct {
	// Images are folders in which pictures that rows name are looked for, in order, before the data's own: its folder
	// and images/ in it.
	Images []string
	// Ignore names keys of rows, turns and content parts that are left out, whatever they hold; "<video>" takes that
	// marker as text.
	Ignore []string
	// Format is FormatLLMAdapters, or "" to go by each row's keys.
	Format string
	// ImageFirst puts pictures without any marker in front of the first question.
	ImageFirst bool

	read func(folders []string, name string) ([]byte, error) // a picture that a row names; nil: picturefile.Read
}

// reader reads pictures that rows of a file name.
func (o *Options) reader(file string) func(name string) ([]byte, error) {
	read := o.read
	if read == nil {
		read = picturefile.Read
	}
	folders := picturefile.Folders(o.Images, file)
	return func(name string) ([]byte, error) { return read(folders, name) }
}

func (o *Options) ignores(key string) bool { return slices.Contains(o.Ignore, key) }

func (o *Options) check() error {
	if o.Format != "" && o.Format != FormatLLMAdapters {
		return fmt.Errorf("format %q, expected %s or none", o.Format, FormatLLMAdapters)
	}
	return picturefile.Check(o.Images)
}
