package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"moslava/internal/infile"
	"moslava/vision/preprocess"
)

// maxPixelsFlag is --max-pixels.
func maxPixelsFlag(c *cobra.Command, to *int) {
	c.Flags().IntVar(to, "max-pixels", preprocess.DefaultMaxPixels,
		fmt.Sprintf("largest width x height of a picture that is read, up to %d; each pixel takes up to %d bytes meanwhile", preprocess.LargestMaxPixels, preprocess.DecodeBytes))
}

// checkMaxPixels refuses values that are out of range.
func checkMaxPixels(n int) error {
	if n == 0 {
		return fmt.Errorf("--max-pixels is 0, want 1 to %d", preprocess.LargestMaxPixels)
	}
	if err := preprocess.CheckMaxPixels(n); err != nil {
		return fmt.Errorf("--max-pixels is %w", err)
	}
	return nil
}

// readPicture reads the file of a picture, or standard input for "-".
func readPicture(in io.Reader, path string) (b []byte, err error) {
	name := path
	if path == infile.Stdin {
		name = "standard input"
		b, err = infile.ReadAll(in, name, infile.MaxPicture)
	} else {
		b, err = infile.Read(path, infile.MaxPicture)
	}
	if err == nil && len(b) == 0 {
		err = fmt.Errorf("%s is empty, want a picture", name)
	}
	return b, err
}
