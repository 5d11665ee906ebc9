package main

import (
	"fmt"

	"moslava/pipelines/runreport"

	"github.com/spf13/cobra"
)

// reportCommand is `moslava report RUN`.
func reportCommand() *cobra.Command {
	var opt runreport.Options
	c := &cobra.Command{
		Use:               "report RUN_DIR",
		Short:             "Make one HTML page of a run: accuracies with intervals, what was missed, a comparison with another run; or its curves",
		Args:              exactly(1),
		ValidArgsFunction: completeDirectories,
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := runreport.Write(args[0], opt)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), path)
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&opt.Against, "against", "", "another run's directory: compare the suites that both have by McNemar's test, and show the questions on which they differ")
	f.StringVar(&opt.Out, "out", "", "file to write (default report.html or report.md in RUN_DIR)")
	forceFlag(c, &opt.Force)
	f.BoolVar(&opt.Markdown, "markdown", false, "write Markdown, for a paper")
	f.IntVar(&opt.Cards, "cards", 24, "show at most so many questions of a suite")
	return c
}
