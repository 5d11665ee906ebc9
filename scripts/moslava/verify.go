package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"moslava/pipelines/run"
	"moslava/pipelines/verify"
)

// verifyCommand is `moslava verify MODEL GOLDEN`.
func verifyCommand() *cobra.Command {
	var opt verify.Options
	c := &cobra.Command{
		Use:   "verify MODEL GOLDEN.safetensors|processor.json",
		Short: "Compare what a model or its processor computes with reference results (scripts/goldens), number by number",
		Args:  exactly(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("tol") && !(opt.Tol > 0) {
				return fmt.Errorf("--tol is %g, want more than 0", opt.Tol)
			}
			if err := checkMaxPixels(opt.MaxPixels); err != nil {
				return err
			}
			if err := run.Intact(cmd.Context(), args[0]); err != nil {
				return err
			}
			report, err := verify.Run(args[0], args[1], opt)
			if err != nil {
				return err
			}
			if err := report.Write(cmd.OutOrStdout()); err != nil {
				return err
			}
			if n := report.Failed(); n > 0 {
				return fmt.Errorf("%d of %d results of %s fail", n, len(report.Rows), args[1])
			}
			return nil
		},
	}
	c.Flags().StringVar(&opt.Config, "config", "", "file of the configuration, in place of the model's config.json")
	c.Flags().Float64Var(&opt.Tol, "tol", 0, "allowed of max|got-want| / max|want|; left out: ten times what tolerance.json beside the golden measured, or 1e-4; bytes of pictures equal")
	maxPixelsFlag(c, &opt.MaxPixels)
	c.Flags().StringVar(&opt.Pictures, "pictures", "",
		"directory with pictures of a golden of processors that are not beside it")
	return c
}
