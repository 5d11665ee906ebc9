package main

import (
	"github.com/spf13/cobra"

	"moslava/pipelines/study"
)

// studyCommand is `moslava study STUDY`.
func studyCommand() *cobra.Command {
	var opt study.Options
	var verbose bool
	c := &cobra.Command{
		Use:   "study STUDY.yaml",
		Short: "Compare methods over seeds, learning rates and shares of the data; interrupted, it goes on where it was",
		Args:  exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := study.Load(args[0])
			if err != nil {
				return err
			}
			opt.Out = cmd.OutOrStdout()
			if verbose {
				opt.Detail = cmd.ErrOrStderr()
			}
			return study.Run(cmd.Context(), s, opt)
		},
	}
	f := c.Flags()
	f.IntVar(&opt.Threads, "threads", 0, "number of threads; 0: as the base recipe says; results do not depend on it")
	f.DurationVar(&opt.Limit, "limit-time", 0, "stop after so long, as in 90m, with the running cell's state saved; 0: no limit")
	f.StringVar(&opt.Report, "report", "", "directory of the report (default: report in the run directory)")
	forceFlag(c, &opt.Force)
	f.BoolVar(&opt.Only, "report-only", false, "write the report of the cells that are finished, and run nothing")
	f.BoolVarP(&verbose, "verbose", "v", false, "show what the cells say while they run")
	return c
}
