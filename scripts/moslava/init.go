package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"moslava/internal/atomicfile"
	"moslava/internal/output"
	"moslava/pipelines/draft"
)

// initCommand is `moslava init DATA`.
func initCommand() *cobra.Command {
	opt := draft.Options{}
	var force bool
	c := &cobra.Command{
		Use:   "init DATA",
		Short: "Look at data, a model and this machine, and write a commented recipe that runs; then say what it takes",
		Args:  exactly(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			opt.Data = args[0]
			release, err := output.File(opt.Out, output.Options{Force: force, Reads: args})
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, release()) }()
			d, err := draft.Make(cmd.Context(), opt)
			if err != nil {
				return err
			}
			if err := atomicfile.WriteBytes(opt.Out, d.Text); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "wrote %s\n\n", opt.Out)
			if err := d.Plan.Write(cmd.OutOrStdout()); err != nil {
				return err
			}
			return d.Plan.Err()
		},
	}
	c.Flags().StringVar(&opt.Model, "model", "", "the model's directory (default: models/real, as scripts/weights makes it)")
	c.Flags().StringVar(&opt.Vision, "vision", "", "a vision tower's directory, to be joined to a decoder in --model")
	c.Flags().StringVar(&opt.Out, "out", "recipe.yaml", "the recipe's file")
	forceFlag(c, &force)
	return c
}
