package main

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"moslava/pipelines/inspect"
	"moslava/pipelines/run"
)

// inspectCommand is `moslava inspect PATH`.
func inspectCommand() *cobra.Command {
	var opt inspect.Options
	var asJSON bool
	c := &cobra.Command{
		Use:   "inspect PATH",
		Short: "Describe a model, a file of tensors, adapters, stored samples or a recipe, and warn of what is odd",
		Args:  exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opt.Rows.Context = cmd.Context()
			r, err := inspect.Inspect(args[0], opt)
			if err != nil {
				return err
			}
			if opt.Check {
				if err := run.Intact(cmd.Context(), args[0]); err != nil {
					r.Warnings = append(r.Warnings, err.Error())
				}
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(r)
			}
			return r.Write(cmd.OutOrStdout())
		},
	}
	c.Flags().BoolVar(&opt.Check, "check", false, "read all numbers, and warn of NaN, infinities and tensors that are zero throughout; of stored samples every row and picture")
	rowFlags(c, &opt.Rows)
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return c
}
