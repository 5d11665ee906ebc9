package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"moslava/pipelines/vlm"
)

// tilesFlags are --split-pictures and --longest-edge.
func tilesFlags(c *cobra.Command, to *vlm.Tiles) {
	f := c.Flags()
	f.Var(optionalBool{&to.Split}, "split-pictures", "whether pictures are cut into tiles (SmolVLM, Idefics3); left out: as the model's files say")
	f.Lookup("split-pictures").NoOptDefVal = "true"
	f.IntVar(&to.Longest, "longest-edge", 0, "pixels that the longest edge of a picture is brought to before it is cut into tiles; 0: as the model's files say")
}

// optionalBool is a flag that may be left out.
type optionalBool struct{ to **bool }

func (b optionalBool) String() string {
	if b.to == nil || *b.to == nil {
		return ""
	}
	return strconv.FormatBool(**b.to)
}

func (b optionalBool) Set(s string) error {
	v, err := strconv.ParseBool(s)
	*b.to = &v
	return err
}

func (b optionalBool) Type() string { return "bool" }
