package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"moslava/pipelines/datacheck"
	"moslava/pipelines/preflight"
	"moslava/pipelines/recipe"
	"moslava/pipelines/recipes"
	"moslava/pipelines/stages"
)

// runCommand is `moslava run RECIPE`.
func runCommand() *cobra.Command {
	var opt stages.Options
	var set []string
	var quiet, asJSON, dry bool
	c := &cobra.Command{
		Use:   "run RECIPE.yaml",
		Short: "Run the stages of a recipe that are not finished; interrupted, it goes on where it was",
		Long: `Runs the stages of a recipe in order. A stage that is finished is skipped, one that was interrupted goes on where it was.

Progress goes to standard error. With --json, standard output gets one JSON object a line: {"event": "begun"} and so on, with the
fields of stages.Event; a step has the record of metrics.jsonl, a result the accuracy of a suite.

With --dry-run nothing is run and nothing is written to the run directory: the recipe is planned as by moslava plan, and all data is read as by
moslava data check. --json then prints one object with both.`,
		Example: `  moslava run mine.yaml
  moslava run mine.yaml --set stages.tune.lr=2e-4 --set run_dir=runs/other
  moslava run mine.yaml --only evaluate --json --quiet`,
		Args:              recipeArgument,
		ValidArgsFunction: completeFiles("yaml", "yml"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := recipes.Load(args[0], set...)
			if err != nil {
				return err
			}
			if opt.Out = cmd.ErrOrStderr(); quiet {
				opt.Out = io.Discard
			}
			if dry {
				return dryRun(cmd, r, opt.Out, asJSON)
			}
			var writing error
			if asJSON {
				e := json.NewEncoder(cmd.OutOrStdout())
				opt.Events = func(event stages.Event) {
					if writing == nil { // nothing after a gap, and one error for a full disk
						writing = e.Encode(event)
					}
				}
			}
			return errors.Join(stages.Run(cmd.Context(), r, opt), writing)
		},
	}
	f := c.Flags()
	f.StringArrayVar(&set, "set", nil, "override a key of the recipe, as in --set stages.tune.lr=1e-4")
	f.StringSliceVar(&opt.Only, "only", nil, "run only the stages of these names")
	f.BoolVar(&opt.Force, "force", false, "set aside stages whose configuration, inputs or results have changed (NAME becomes NAME~1), and do them again")
	f.BoolVarP(&quiet, "quiet", "q", false, "show no progress; errors are still printed")
	f.BoolVar(&asJSON, "json", false, "write what is done to standard output, one JSON object a line")
	f.BoolVar(&opt.OverMemory, "over-memory", false, "run stages that are planned to take more memory than there is")
	f.BoolVar(&dry, "dry-run", false, "run nothing: plan the recipe, and check its data")
	for _, other := range []string{"only", "force", "over-memory"} {
		c.MarkFlagsMutuallyExclusive("dry-run", other)
	}
	return c
}

// dryRun plans a recipe and checks its data. The error is what would stop a run.
func dryRun(cmd *cobra.Command, r *recipe.Recipe, progress io.Writer, asJSON bool) error {
	made, err := preflight.MakePlan(cmd.Context(), r, preflight.PlanOptions{Text: assumedText, Targets: assumedTargets, Batches: readBatches})
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if !asJSON {
		if err := made.Write(out); err != nil {
			return err
		}
	}
	var report *datacheck.Report
	if slices.ContainsFunc(r.Stages, func(s recipe.Stage) bool { return s.Train != nil }) {
		if report, err = datacheck.Check(cmd.Context(), r, datacheck.Options{Out: progress}); err != nil {
			return errors.Join(made.Err(), err)
		}
	}
	if asJSON {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		err = e.Encode(map[string]any{"plan": made, "data": report})
	} else if report != nil {
		if _, err = fmt.Fprintln(out); err == nil {
			err = writeDataReport(out, report, false)
		}
	}
	if err != nil || report == nil {
		return errors.Join(err, made.Err())
	}
	return errors.Join(made.Err(), report.Err())
}

// recipeArgument wants one recipe. Without one, it lists those near by.
func recipeArgument(cmd *cobra.Command, args []string) error {
	if len(args) == 1 {
		return nil
	}
	if len(args) > 1 {
		return fmt.Errorf("found %d arguments, expected one recipe: moslava %s", len(args), cmd.Use)
	}
	found := nearbyRecipes()
	if len(found) == 0 {
		return fmt.Errorf("found no recipe, expected its file: moslava %s. There is none in this directory; "+
			"moslava demo writes one to runs/demo/demo.yaml, and README has an example", cmd.Use)
	}
	return fmt.Errorf("found no recipe, expected its file: moslava %s. Near by are\n  %s", cmd.Use, strings.Join(found, "\n  "))
}

// nearbyRecipes are the YAML files in this directory and in the places where recipes are usually kept that hold stages.
func nearbyRecipes() (found []string) {
	for _, pattern := range []string{"*.y*ml", "recipes/*.y*ml", "scripts/recipes/*.y*ml", "runs/*/*.y*ml"} {
		files, _ := filepath.Glob(pattern)
		for _, f := range files {
			if isRecipe(f) {
				found = append(found, f)
			}
		}
	}
	return found
}

// isRecipe reports whether a small file has the key stages at its beginning of a line.
func isRecipe(path string) bool {
	const most = 1 << 20
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > most {
		return false
	}
	b, err := os.ReadFile(path)
	return err == nil && strings.Contains("\n"+string(b), "\nstages:")
}
