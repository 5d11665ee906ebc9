package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"moslava/datasets"
)

// convertCommand is `moslava convert`.
func convertCommand() *cobra.Command {
	var opt datasets.WriteOptions
	var images []string
	c := &cobra.Command{
		Use:   "convert SOURCE DIR",
		Short: "Store LLaVA or ShareGPT JSON and its pictures, or any source, as a Hugging Face Arrow data set",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			src, err := openStored(args[0], images)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, src.Close()) }()
			if err := datasets.Convert(src, args[1], opt); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "wrote %d rows to %s\n", src.Len(), args[1])
			return nil
		},
	}
	c.Flags().IntVar(&opt.RowsPerShard, "rows", 0, "rows of a shard; 0: as many as make up 500 MiB")
	c.Flags().StringSliceVar(&images, "images", nil, "folders in which pictures named by a JSON file are looked for")
	return c
}

func openStored(path string, images []string) (datasets.Source, error) {
	if len(images) > 0 {
		return datasets.OpenJSON(path, images...)
	}
	return datasets.Open(path)
}
