package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"moslava/datasets"
	"moslava/pipelines/answering"
	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/eval/suites"
	"moslava/pipelines/inputs"
)

// ownFlags are those of evaluate that are about a person's own data.
type ownFlags struct {
	data      bool
	history   bool
	tolerance float64
	rows      datasets.Options
}

func (o *ownFlags) flags(c *cobra.Command) {
	rowFlags(c, &o.rows)
	f := c.Flags()
	f.BoolVar(&o.data, "data", false, "take the table for your own questions and answers, though it has a suite's columns")
	f.BoolVar(&o.history, "history", false, "of your own data: show what was said before a question in its row")
	f.Float64Var(&o.tolerance, "tolerance", protocols.DefaultTolerance, "how far a number may be from the right one, in relation to it, with --protocol number")
}

// apply makes of the flags what is asked.
func (o *ownFlags) apply(cmd *cobra.Command, path string, opt *answering.EvaluateOptions) error {
	opt.Images = o.rows.Images
	if cmd.Flags().Changed("tolerance") {
		if opt.Protocol != protocols.Number {
			return errors.New("--tolerance is for --protocol number")
		}
		var err error
		if opt.Protocol, err = protocols.WithTolerance(o.tolerance); err != nil {
			return fmt.Errorf("--tolerance: %w", err)
		}
	}
	given := o.data
	for _, name := range []string{"ignore", "format", "columns", "prompt", "split", "image-first", "history"} {
		given = given || cmd.Flags().Changed(name)
	}
	if !given && !inputs.IsData(path) {
		return nil
	}
	if o.rows.Format != "" {
		return errors.New("--format: rows of llm-adapters are texts, and questions are asked of rows with answers")
	}
	if opt.StopEarly {
		return errors.New("--stop-early is for circular suites: your own questions have one pass each")
	}
	opt.Data = &suites.Data{History: o.history, Sources: []suites.Samples{{Path: path, Images: o.rows.Images, Ignore: o.rows.Ignore,
		ImageFirst: o.rows.ImageFirst, Columns: o.rows.Columns, Prompt: o.rows.Prompt, Split: o.rows.Split}}}
	return nil
}
