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
}

// roots are all folders in which pictures are looked for, of data whose own folders are given.
func (o *Options) roots(own ...string) []string { return append(slices.Clip(o.Images), own...) }

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
	if o.Format != "" && o.Format != FormatLLMAdapters {
		return fmt.Errorf("format %q, expected %s or none", o.Format, FormatLLMAdapters)
	}
	return checkImages(o.Images)
}
