package main

import (
	"encoding/json"
	"errors"

	"github.com/spf13/cobra"

	"moslava/internal/output"
	"moslava/pipelines/eval/judge"
	"moslava/pipelines/eval/predictions"
	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/run"
	"moslava/pipelines/suitedir"
)

// judgeFlags are those of the commands that may ask a judge.
func judgeFlags(command *cobra.Command, c *judge.Config) {
	f := command.Flags()
	f.StringVar(&c.URL, "judge-url", "", "base URL of an OpenAI-compatible service that reads answers which no rule reads, under protocols that have a judge")
	f.StringVar(&c.Model, "judge-model", "", "model that the judge's service is asked for")
	f.StringVar(&c.KeyEnv, "judge-key-env", "", "environment variable that holds the key of the judge's service")
}

// scoreCommand is `moslava score`.
func scoreCommand() *cobra.Command {
	var opt predictions.Options
	var ask judge.Config
	var verdicts string
	var asJSON, force bool
	c := &cobra.Command{
		Use:   "score --suite NAME_OR_FILE --predictions FILE",
		Short: "Score answers that are there already, of this program or another, without a model",
		Args:  exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) (failed error) {
			if verdicts != "" { // before anybody is asked
				release, err := output.File(verdicts, output.Options{Reads: []string{opt.Predictions}, Force: force})
				if err != nil {
					return err
				}
				defer func() { failed = errors.Join(failed, release()) }()
			}
			var err error
			if opt.Judge, err = suitedir.OpenJudge(ask); err != nil {
				return err
			}
			if err := run.Intact(cmd.Context(), opt.Predictions, opt.Suite); err != nil {
				return err
			}
			s, err := predictions.Score(cmd.Context(), opt)
			if err != nil {
				return err
			}
			if verdicts != "" {
				if err := s.WriteLines(verdicts); err != nil {
					return err
				}
			}
			if !asJSON {
				return s.Write(cmd.OutOrStdout())
			}
			e := json.NewEncoder(cmd.OutOrStdout())
			e.SetIndent("", "  ")
			return e.Encode(s.Result)
		},
	}
	f := c.Flags()
	f.StringVar(&opt.Suite, "suite", "", "a table, a definition (.yaml), a .json suite, or a suite's name if the predictions carry questions and answers")
	f.StringVar(&opt.Predictions, "predictions", "", "VLMEvalKit's .xlsx, .tsv or .json, verdicts or LLaVA's answers (.jsonl), MMMU's output.json")
	f.StringVar(&opt.Protocol, "protocol", "", "rules for reading answers (default: the suite's, vlmevalkit-2024.06 for most)")
	f.StringVar(&verdicts, "verdicts", "", "write a verdict on each answer to this file, as JSONL")
	f.BoolVar(&asJSON, "json", false, "write the result as JSON")
	forceFlag(c, &force)
	judgeFlags(c, &ask)
	completeValues(c, "protocol", protocols.Names())
	for _, required := range []string{"suite", "predictions"} {
		if err := c.MarkFlagRequired(required); err != nil {
			panic(err) // the flag is defined above
		}
	}
	return c
}
