package main

import (
	"github.com/spf13/cobra"

	"moslava/pipelines/demo"
)

// demoCommand is `moslava demo`.
func demoCommand() *cobra.Command {
	var opt demo.Options
	c := &cobra.Command{
		Use:   "demo",
		Short: "Make a data set, align, tune, evaluate, export and ask, from towers that are part of the program",
		Args:  exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			opt.Out = cmd.OutOrStdout()
			return demo.Run(cmd.Context(), opt)
		},
	}
	c.Flags().StringVar(&opt.Dir, "dir", "runs/demo", "directory that takes all that is written")
	c.Flags().BoolVar(&opt.Short, "short", false, "a minute in place of five: less data, fewer steps, no promise of accuracy")
	forceFlag(c, &opt.Force)
	return c
}
