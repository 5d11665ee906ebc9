package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"moslava/pipelines"
)

// versionCommand is `moslava version`.
func versionCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "version",
		Short: "Print which program this is: version, commit, compiler, platform and kernels",
		Args:  exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			b := pipelines.ThisBuild()
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(b)
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "moslava %s\n%s %s, kernels %s, %d threads\n", b.Program, b.Go, b.Platform, b.Kernels, b.Threads)
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return c
}
