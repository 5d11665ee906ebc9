package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"moslava/internal/output"
	"moslava/pipelines/adapters"
	"moslava/pipelines/analysis"
	"moslava/pipelines/run"
)

// analyzeCommand is `moslava analyze ADAPTER`.
func analyzeCommand() *cobra.Command {
	var opt adapters.AnalyzeOptions
	var seed uint64
	var dir string
	var force bool
	c := &cobra.Command{
		Use:   "analyze ADAPTER",
		Short: "Look inside a MoSLoRA or LoRA adapter directory: spectrum, mixer, directions, size beside the weights",
		Args:  exactly(1),
		RunE: func(cmd *cobra.Command, args []string) (failed error) {
			if cmd.Flags().Changed("seed") {
				opt.Seed = &seed
			}
			if dir != "" { // before anything is computed
				release, err := output.Dir(dir, output.Options{Reads: []string{args[0], opt.Base, opt.Start, opt.Against}, Force: force})
				if err != nil {
					return err
				}
				defer func() { failed = errors.Join(failed, release()) }()
			}
			if err := run.Intact(cmd.Context(), args[0], opt.Base, opt.Start, opt.Against); err != nil {
				return err
			}
			layers, err := adapters.Analyze(args[0], opt)
			if err != nil {
				return err
			}
			if err := analysis.WriteTable(cmd.OutOrStdout(), layers); err != nil || dir == "" {
				return err
			}
			if err := analysis.WriteFiles(dir, layers); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "tables and plots: %s\n", dir)
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&opt.Base, "base", "", "model directory or recipe that the adapter belongs to: for norms of weights, and starts of mixers")
	f.Uint64Var(&seed, "seed", 0, "seed of the run, from which mixers were drawn (default: the recipe's, if --base is one)")
	f.StringVar(&opt.Start, "start", "", "adapter directory whose mixers are the start, instead of a seed")
	f.StringVar(&opt.Against, "against", "", "adapter directory to compare directions with, such as a LoRA run's")
	forceFlag(c, &force)
	f.StringVar(&dir, "out", "", "directory that gets CSV files and plots")
	return c
}
