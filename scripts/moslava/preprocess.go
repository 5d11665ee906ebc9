package main

import (
	"errors"
	"fmt"
	"image/png"
	"io"
	"os"

	"github.com/spf13/cobra"

	"moslava/internal/atomicfile"
	"moslava/internal/output"
	"moslava/vision/preprocess"
)

// preprocessOptions are the flags of `moslava preprocess`.
type preprocessOptions struct {
	config, out, png             string
	pixels                       int // the largest picture that is read
	pad, pillow13, white, orient bool
	force                        bool
}

// preprocessCommand is `moslava preprocess IMAGE`.
func preprocessCommand() *cobra.Command {
	var opt preprocessOptions
	c := &cobra.Command{
		Use:   "preprocess --config FILE IMAGE --out FILE.npy",
		Short: "Write the pixel values that a vision tower gets of a picture: [1, 3, H, W] float32 in .npy",
		Long:  "Writes the pixel values that a vision tower gets of a picture: [1, 3, H, W] float32 in .npy. - in place of the picture reads it from standard input.",
		Args:  exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkMaxPixels(opt.pixels); err != nil {
				return err
			}
			return preprocessPicture(cmd.InOrStdin(), cmd.OutOrStdout(), args[0], opt)
		},
	}
	f := c.Flags()
	f.StringVar(&opt.config, "config", "", "preprocessor_config.json or processor_config.json, or a model directory that has one")
	f.StringVar(&opt.out, "out", "", "file to write, .npy")
	f.StringVar(&opt.png, "png", "", "also write the picture before rescaling and normalising, as PNG")
	forceFlag(c, &opt.force)
	f.BoolVar(&opt.pad, "pad", false, "first pad to a square with the mean colour, as LLaVA does")
	f.BoolVar(&opt.pillow13, "pillow13", false, "resize tall pictures down first, as Pillow 13 does; without it across first, as Pillow up to 12")
	f.BoolVar(&opt.white, "white", false, "put transparent pictures on white, as transformers 5 does; without it alpha is dropped, as in convert(\"RGB\")")
	f.BoolVar(&opt.orient, "exif", false, "turn the picture by its EXIF orientation; without it the tag is ignored, as LLaVA and Pillow's Image.open do")
	maxPixelsFlag(c, &opt.pixels)
	for _, name := range []string{"config", "out"} {
		if err := c.MarkFlagRequired(name); err != nil {
			panic(err) // a flag that is not defined above
		}
	}
	return c
}

// preprocessPicture writes the files and tells out their size.
func preprocessPicture(in io.Reader, out io.Writer, picture string, opt preprocessOptions) (failed error) {
	reads := []string{opt.config}
	if picture != "-" { // standard input
		reads = append(reads, picture)
	}
	for _, path := range []string{opt.out, opt.png} {
		if path == "" {
			continue
		}
		release, err := output.File(path, output.Options{Reads: reads, Force: opt.force})
		if err != nil {
			return err
		}
		defer func() { failed = errors.Join(failed, release()) }()
	}
	c, err := loadPixels(opt)
	if err != nil {
		return err
	}
	b, err := readPicture(in, picture)
	if err != nil {
		return err
	}
	img, err := c.Decoder.Decode(b)
	if err != nil {
		return fmt.Errorf("%s: %w", picture, err)
	}
	pixels, h, w, err := c.Apply(img)
	if err != nil {
		return fmt.Errorf("%s: %w", picture, err)
	}
	if opt.png != "" {
		seen, err := c.U8(img)
		if err != nil {
			return fmt.Errorf("%s: %w", picture, err)
		}
		if err := atomicfile.WriteFile(opt.png, func(f io.Writer) error { return png.Encode(f, seen) }); err != nil {
			return err
		}
	}
	err = atomicfile.WriteFile(opt.out, func(f io.Writer) error { return preprocess.WriteNPY(f, pixels, h, w) })
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "wrote 1 x 3 x %d x %d to %s\n", h, w, opt.out)
	return err
}

// loadPixels reads the configuration and sets what the flags say.
func loadPixels(opt preprocessOptions) (*preprocess.Config, error) {
	load := preprocess.LoadFile
	if info, err := os.Stat(opt.config); err == nil && info.IsDir() {
		load = preprocess.Load
	}
	c, err := load(opt.config)
	if err != nil {
		return nil, err
	}
	if opt.pad {
		c = c.WithPadToSquare()
	}
	if opt.pillow13 {
		c.Order = preprocess.Pillow13
	}
	c.Decoder = preprocess.Decoder{MaxPixels: opt.pixels, OverWhite: opt.white, Orient: opt.orient}
	return c, nil
}
