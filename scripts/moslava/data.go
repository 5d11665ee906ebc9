package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"moslava/internal/output"
	"moslava/internal/terminal"
	"moslava/pipelines/datacheck"
	"moslava/pipelines/recipes"
)

// dataCommand is `moslava data`.
func dataCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "data",
		Short: "Look at the data of a recipe, and convert stored data",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(dataCheckCommand(), dataConvertCommand())
	return c
}

// dataCheckCommand is `moslava data check RECIPE`.
func dataCheckCommand() *cobra.Command {
	var opt datacheck.Options
	var set []string
	var dir string
	var asJSON, quiet, force bool
	c := &cobra.Command{
		Use:   "check RECIPE.yaml",
		Short: "Go once over all that the training stages of a recipe would read, and say what is there and what a run would stop at",
		Long: `Reads, decodes and encodes every row of every training stage as a run would, with the same code, and says: rows; pictures that are missing or
broken; lengths in tokens, sizes of pictures, shares of what is supervised; what is too long and what the recipe makes of it; samples without
anything to learn; ids, pictures and samples that come twice; pictures that the held-out share or a suite of the recipe has as well; and three
samples with what is supervised in brackets. Nothing is written to the run directory. The exit status is 1 if a run would stop.`,
		Example: `  moslava data check mine.yaml
  moslava data check mine.yaml --stage tune --out checked`,
		Args:              recipeArgument,
		ValidArgsFunction: completeFiles("yaml", "yml"),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			r, err := recipes.Load(args[0], set...)
			if err != nil {
				return err
			}
			if dir != "" { // before anything is read
				reads := []string{r.File(), string(r.RunDir)}
				for _, p := range r.Reads() {
					reads = append(reads, p.Path)
				}
				release, err := output.Dir(dir, output.Options{Reads: reads, Force: force})
				if err != nil {
					return err
				}
				defer func() { err = errors.Join(err, release()) }()
			}
			if opt.Out = cmd.ErrOrStderr(); quiet {
				opt.Out = io.Discard
			}
			report, err := datacheck.Check(cmd.Context(), r, opt)
			if err != nil {
				return err
			}
			if err := writeDataReport(cmd.OutOrStdout(), report, asJSON); err != nil {
				return err
			}
			if dir != "" {
				if err := report.WriteFiles(dir); err != nil {
					return err
				}
				fmt.Fprintf(cmd.ErrOrStderr(), "page, JSON and plots: %s\n", filepath.Join(dir, datacheck.HTMLFile))
			}
			return report.Err()
		},
	}
	f := c.Flags()
	f.StringArrayVar(&set, "set", nil, "override a key of the recipe, as in --set stages.tune.max_length=512")
	f.StringArrayVar(&opt.Stages, "stage", nil, "look at this training stage alone; may be repeated")
	f.StringVar(&dir, "out", "", "directory that gets a page ("+datacheck.HTMLFile+"), JSON and the histograms as PNG and SVG")
	f.BoolVar(&asJSON, "json", false, "print one JSON object")
	f.BoolVarP(&quiet, "quiet", "q", false, "show no progress")
	forceFlag(c, &force)
	return c
}

// writeDataReport prints a report, in colour on a terminal that nobody has asked to have none.
func writeDataReport(out io.Writer, report *datacheck.Report, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(report)
	}
	if terminal.Is(terminal.Raw(out)) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" {
		return report.WriteText(terminal.Raw(out), true)
	}
	return report.WriteText(out, false)
}
