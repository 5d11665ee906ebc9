package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"moslava/pipelines/answering"
	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/eval/score"
	"moslava/pipelines/suitedir"
)

// evaluateCommand is `moslava evaluate MODEL SUITE`.
func evaluateCommand() *cobra.Command {
	var opt answering.EvaluateOptions
	var own ownFlags
	c := &cobra.Command{
		Use:   "evaluate MODEL SUITE.tsv|DATA",
		Short: "Ask a model the questions of a table, or of your own data; interrupted, it goes on where it was",
		Long: `Asks a model the questions of a table, or of stored samples: your own questions with their answers, in any form that a training stage reads.
Those are asked as they stand, or with --prompt, and nothing is added; --protocol says when an answer is right. A table with the
columns index and question is a suite unless --data is given. Interrupted and called again, it goes on where it was. ` + modelArgument,
		Args: exactly(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if opt.Dir == "" {
				var err error
				if opt.Dir, err = answering.EvaluateDir(args[0], args[1]); err != nil {
					return err
				}
			}
			if err := checkMaxPixels(opt.MaxPixels); err != nil {
				return err
			}
			if err := own.apply(cmd, args[1], &opt); err != nil {
				return err
			}
			opt.Out = cmd.ErrOrStderr()
			res, err := answering.Evaluate(cmd.Context(), args[0], args[1], opt)
			if err != nil {
				return err
			}
			return tell(cmd, res, opt.Dir)
		},
	}
	f := c.Flags()
	f.StringVar(&opt.Dir, "out", "", "directory for verdicts, predictions and scores (default runs/MODEL-SUITE, of a run runs/RUN-STAGE-SUITE)")
	f.StringVar(&opt.Protocol, "protocol", "", "rules for asking and for reading answers: "+strings.Join(protocols.Names(), ", ")+" (default: the suite's, for most the first; of your own data casefold)")
	f.IntVar(&opt.Limit, "limit", 0, "ask only the first so many questions; 0: all")
	f.StringVar(&opt.Shard, "shard", "", "ask only part i of n, written i/n and counted from 1; moslava join puts the parts together")
	f.BoolVar(&opt.StopEarly, "stop-early", false, "skip passes of circular questions that are lost already; circular scores stay the same")
	f.BoolVar(&opt.Blank, "blank", false, "replace every picture by a grey one: what text alone can answer")
	own.flags(c)
	forceFlag(c, &opt.Force)
	judgeFlags(c, &opt.Judge)
	tilesFlags(c, &opt.Tiles)
	maxPixelsFlag(c, &opt.MaxPixels)
	f.StringVar(&opt.Adapters, "adapters", "", "attach the adapters in this directory (PEFT, MoSLoRA)")
	f.StringVar(&opt.Weights, "weights", "f32", "how to store weights: f32 keeps them as they are; bf16, q8 (8-bit blocks) and nf4 round them")
	f.IntVar(&opt.Threads, "threads", 0, "number of threads; 0: one a processor; results do not depend on it")
	completeValues(c, "weights", weightNames)
	completeValues(c, "protocol", protocols.Names())
	return c
}

// joinCommand is `moslava join SUITE DIR...`.
func joinCommand() *cobra.Command {
	var out string
	var images []string
	var force bool
	c := &cobra.Command{
		Use:   "join SUITE.tsv|DATA DIR...",
		Short: "Put the shards of an evaluation together and score them as the whole",
		Args:  atLeast(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return errors.New("found no --out, expected the directory to write to")
			}
			res, err := suitedir.Join(cmd.Context(), args[0], args[1:], out, force, images...)
			if err != nil {
				return err
			}
			return tell(cmd, res, out)
		},
	}
	forceFlag(c, &force)
	c.Flags().StringVar(&out, "out", "", "directory of the joined verdicts, predictions and scores")
	imagesFlag(c, &images)
	return c
}

// tell prints a result and where it is.
func tell(cmd *cobra.Command, res *score.Result, dir string) error {
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s\n%s\n", res.Text(), dir)
	return err
}
