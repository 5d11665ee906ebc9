package main

import (
	"encoding/json"
	"fmt"
	"runtime"

	"moslava/internal/kernels"
	"moslava/pipelines/run"

	"github.com/spf13/cobra"
)

// build says which program this is, on this machine.
type build struct {
	Program  string `json:"moslava"` // version and commit
	Go       string `json:"go"`
	Platform string `json:"platform"`
	Kernels  string `json:"kernels"` // instruction set that products are computed with
	Threads  int    `json:"threads"`
}

func thisBuild() build {
	v := run.Versions()
	return build{Program: v["moslava"], Go: v["go"], Platform: v["platform"], Kernels: kernels.ISA(), Threads: runtime.GOMAXPROCS(0)}
}

// versionCommand is `moslava version`.
func versionCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "version",
		Short: "Print which program this is: version, commit, compiler, platform and kernels",
		Args:  exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			b := thisBuild()
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
