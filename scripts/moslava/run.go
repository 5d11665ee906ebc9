package main

import (
	"github.com/spf13/cobra"

	"moslava/pipelines"
	"moslava/pipelines/recipe"
)

// runCommand is `moslava run RECIPE`.
func runCommand() *cobra.Command {
	var opt pipelines.Options
	var set []string
	c := &cobra.Command{
		Use:   "run RECIPE.yaml",
		Short: "Run the stages of a recipe that are not finished; interrupted, it goes on where it was",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := recipe.Load(args[0], set...)
			if err != nil {
				return err
			}
			opt.Out = cmd.ErrOrStderr()
			return pipelines.Run(cmd.Context(), r, opt)
		},
	}
	c.Flags().StringArrayVar(&set, "set", nil, "override a key of the recipe, as in --set stages.tune.lr=1e-4")
	c.Flags().StringSliceVar(&opt.Only, "only", nil, "run only the stages of these names")
	c.Flags().BoolVar(&opt.Force, "force", false, "do stages again whose configuration has changed")
	return c
}
