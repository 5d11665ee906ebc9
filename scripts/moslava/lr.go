package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"moslava/internal/atomicfile"
	"moslava/internal/output"
	"moslava/pipelines/recipes"
	"moslava/pipelines/report"
	"moslava/pipelines/stages"
)

// lrCommand is `moslava lr RECIPE`.
func lrCommand() *cobra.Command {
	opt := stages.RatesOptions{}
	var set []string
	var out string
	var force bool
	c := &cobra.Command{
		Use:   "lr RECIPE.yaml",
		Short: "Try learning rates from low to high in one short training from a stage's start, and suggest one; the run directory stays as it is",
		Long: "The learning rate range test (Smith, arXiv 1506.01186): each step of a short training takes a higher rate. Suggested is the rate at which the\n" +
			"smoothed loss falls most steeply, and at most a tenth of that at which it explodes.",
		Args:              recipeArgument,
		ValidArgsFunction: completeFiles("yaml", "yml"),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			r, err := recipes.Load(args[0], set...)
			if err != nil {
				return err
			}
			if out != "" {
				release, err := output.Dir(out, output.Options{Force: force})
				if err != nil {
					return err
				}
				defer func() {
					if e := release(); err == nil {
						err = e
					}
				}()
			}
			opt.Out = cmd.ErrOrStderr()
			rates, err := stages.TryRates(cmd.Context(), r, opt)
			if err != nil {
				return err
			}
			if err := rates.Write(cmd.OutOrStdout()); err != nil || out == "" {
				return err
			}
			p := report.Plot{Title: "Learning rates of stage " + rates.Stage, X: "learning rate", Y: "loss", LogX: true, Series: []report.Series{
				{Name: "smoothed", X: rates.Rates, Y: rates.Smooth, Line: true}, {Name: "step", X: rates.Rates, Y: rates.Loss, Small: true}}}
			if err := atomicfile.MkdirAll(out); err != nil {
				return err
			}
			if err := p.Write(out, "lr"); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "wrote %s and lr.png\n", filepath.Join(out, "lr.svg"))
			return nil
		},
	}
	c.Flags().StringVar(&opt.Stage, "stage", "", "the training stage (default: the last one)")
	c.Flags().IntVar(&opt.Steps, "steps", 60, "so many steps, each at a higher rate")
	c.Flags().Float64Var(&opt.From, "from", 1e-6, "the first rate")
	c.Flags().Float64Var(&opt.To, "to", 0.1, "the last rate")
	c.Flags().StringVar(&out, "out", "", "draw a plot, lr.svg and lr.png, into this new directory")
	c.Flags().StringArrayVar(&set, "set", nil, "override a key of the recipe, as in --set stages.tune.batch=4")
	forceFlag(c, &force)
	return c
}
