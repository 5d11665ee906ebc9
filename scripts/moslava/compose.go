package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"moslava/pipelines"
)

// composeCommand is `moslava compose`.
func composeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "compose DIR ADAPTER=WEIGHT...",
		Short: "Write the weighted sum of adapter directories as one plain LoRA directory",
		Args:  cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := pipelines.Compose(args[0], args[1:]); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "wrote %s\n", args[0])
			return nil
		},
	}
}
