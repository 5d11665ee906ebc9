package main

import (
	"fmt"

	"moslava/pipelines/adapters"

	"github.com/spf13/cobra"
)

// composeCommand is `moslava compose`.
func composeCommand() *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use:   "compose DIR ADAPTER=WEIGHT...",
		Short: "Write the weighted sum of adapter directories as one plain LoRA directory",
		Args:  atLeast(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := adapters.Compose(cmd.Context(), args[0], args[1:], force); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "wrote %s\n", args[0])
			return nil
		},
	}
	forceFlag(c, &force)
	return c
}

// forceFlag is the flag of the commands that write to a place that may be taken.
func forceFlag(c *cobra.Command, force *bool) {
	c.Flags().BoolVar(force, "force", false, "set aside what is there already (NAME becomes NAME~1) and write anew; without it that is an error")
}
