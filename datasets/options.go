package datasets

import (
	"fmt"
	"slices"
)

// Options say how rows are read. The zero value is what most data wants.
type Options struct {
	// Images are folders in which pictures that rows name are looked for, in order, before the data's own: its folder
	// and, for JSON, images/ in it.
	Images []string
	// Ignore names keys of rows, turns and content parts that are left out, whatever they hold; "<video>" takes that
	// marker as text.
	Ignore []string
	// Format is FormatLLMAdapters, or "" to go by each row's keys.
	Format string
	// ImageFirst puts pictures without any marker in front of the first question.
	ImageFirst bool
}

// roots are all folders in which pictures are looked for, of data whose own folders are given.
func (o *Options) roots(own ...string) []string { return append(slices.Clip(o.Images), own...) }

func (o *Options) ignores(key string) bool { return slices.Contains(o.Ignore, key) }

func (o *Options) check() error {
	if o.Format != "" && o.Format != FormatLLMAdapters {
		return fmt.Errorf("format %q, expected %s or none", o.Format, FormatLLMAdapters)
	}
	return checkImages(o.Images)
}
