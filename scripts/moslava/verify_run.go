package main

import (
	"fmt"

	"moslava/pipelines/integrity"

	"github.com/spf13/cobra"
)

// verifyRunCommand is `moslava verify-run DIR`.
func verifyRunCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "verify-run RUN_DIR",
		Short: "Read a run's files again, and those it was made from, and say which have changed since they were recorded",
		Args:  exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			checks, err := integrity.Verify(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			for _, c := range checks {
				text := "ok       " + c.Path
				if c.Wrong != "" {
					text = "differs  " + c.Path + ": " + c.Wrong
				}
				if _, err := fmt.Fprintln(cmd.OutOrStdout(), text); err != nil {
					return err
				}
			}
			return integrity.Damage(checks)
		},
	}
}
