package datasets

import "slices"

// Options say how rows are read. The zero value is what most data wants.
type Options struct {
	// Images are folders in which pictures that rows name are looked for, in order, before the data's own: its folder and, for JSON, images/ in it.
	Images []string
}

func (o *Options) check() error { return checkImages(o.Images) }

// roots are all folders in which pictures are looked for, of data whose own folders are given.
func (o *Options) roots(own ...string) []string { return append(slices.Clip(o.Images), own...) }
