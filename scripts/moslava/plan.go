package main

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"moslava/pipelines/preflight"
	"moslava/pipelines/recipes"
)

// What a plan assumes and reads unless flags say otherwise.
const (
	assumedText    = 96
	assumedTargets = 32
	readBatches    = 12
)

// planCommand is `moslava plan RECIPE`.
func planCommand() *cobra.Command {
	var opt preflight.PlanOptions
	var set []string
	var asJSON bool
	c := &cobra.Command{
		Use:               "plan RECIPE.yaml",
		Short:             "Say what the training stages of a recipe would take: parameters, memory, operations and time; and what would stop the run",
		Args:              recipeArgument,
		ValidArgsFunction: completeFiles("yaml", "yml"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := recipes.Load(args[0], set...)
			if err != nil {
				return err
			}
			p, err := preflight.MakePlan(cmd.Context(), r, opt)
			if err != nil {
				return err
			}
			if asJSON {
				e := json.NewEncoder(cmd.OutOrStdout())
				e.SetIndent("", "  ")
				err = e.Encode(p)
			} else {
				err = p.Write(cmd.OutOrStdout())
			}
			if err != nil {
				return err
			}
			return p.Err()
		},
	}
	c.Flags().StringArrayVar(&set, "set", nil, "override a key of the recipe, as in --set stages.tune.batch=4")
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON: bytes, operations and seconds")
	c.Flags().IntVar(&opt.Text, "text", assumedText, "assume so many text tokens in a sample, if the data is not there")
	c.Flags().IntVar(&opt.Targets, "targets", assumedTargets, "assume that so many of them are learnt")
	c.Flags().IntVar(&opt.Batches, "batches", readBatches, "read so many batches to learn lengths")
	return c
}
