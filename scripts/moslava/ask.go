package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"moslava/internal/infile"
	"moslava/internal/terminal"
	"moslava/language"
	"moslava/pipelines/answering"
	"moslava/pipelines/engine"
	"moslava/pipelines/vlm"
)

// askOptions are the flags of `moslava ask`.
type askOptions struct {
	adapters string
	weights  string
	json     bool
	tiles    vlm.Tiles
	pixels   int       // the largest picture that is read
	notes    io.Writer // takes what is said beside the answer
	gen      language.Generation
}

// askAnswer is what `moslava ask --json` prints.
type askAnswer struct {
	PromptIDs []int32 `json:"prompt_ids"` // image tokens repeated
	NewIDs    []int32 `json:"new_ids"`    // with the id that ends the turn, if it came
	Text      string  `json:"text"`       // of the new ids, special tokens left out
}

// modelArgument says what MODEL is.
const modelArgument = "MODEL is a model's directory, such as an export.\n" +
	"The directory of a run stands for its model as the last finished stage that changes it left it, with its adapters; that of a stage in\n" +
	"a run, such as runs/mine/00-align, for the model as that stage left it. A run is only read, and it may be going on."

// askCommand is `moslava ask MODEL [IMAGE...] QUESTION`.
func askCommand() *cobra.Command {
	var opt askOptions
	c := &cobra.Command{
		Use:   "ask MODEL [IMAGE...] QUESTION",
		Short: "Ask a model about a picture or several, or without one about text alone",
		Long: "Asks a LLaVA model about a picture or several, or this or a decoder about text alone. " + modelArgument + "\n\n" +
			"Several pictures come before the question, in the order given, or where it says <image> for each of them. - in place of a picture\n" +
			"reads it from standard input; for a question without a picture leave the picture out, or write none.",
		Args: atLeast(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opt.check(); err != nil {
				return err
			}
			last := len(args) - 1
			if last == 1 && isPicture(args[last]) {
				return fmt.Errorf("%q stands for a picture, and there is no question: want MODEL IMAGE QUESTION, or MODEL QUESTION", args[last])
			}
			opt.notes = cmd.ErrOrStderr()
			return ask(cmd.Context(), cmd.InOrStdin(), terminal.Data(cmd.OutOrStdout()), args[0], args[1:last], args[last], opt)
		},
	}
	f, s := c.Flags(), &opt.gen.Sampling
	f.StringVar(&opt.adapters, "adapters", "", "attach the adapters in this directory (PEFT, MoSLoRA)")
	f.StringVar(&opt.weights, "weights", "f32", "how to store weights: f32 keeps them as they are; bf16, q8 (8-bit blocks) and nf4 round them, which is faster")
	f.BoolVar(&opt.json, "json", false, "print the ids of prompt and answer and the text, as one JSON object")
	tilesFlags(c, &opt.tiles)
	maxPixelsFlag(c, &opt.pixels)
	f.IntVar(&opt.gen.MaxNew, "max-new", 256, "stop after so many new tokens")
	f.Float64Var(&s.Temperature, "temperature", 0, "temperature of sampling; 0 takes the most probable token every time")
	f.Float64Var(&s.TopP, "top-p", 1, "sample among the most probable tokens whose probabilities add up to this")
	f.Uint64Var(&s.Seed, "seed", 0, "seed of sampling")
	completeValues(c, "weights", weightNames)
	return c
}

// check refuses flags out of range.
func (o *askOptions) check() error {
	s := o.gen.Sampling
	switch {
	case o.gen.MaxNew < 1:
		return fmt.Errorf("--max-new is %d, want 1 or more", o.gen.MaxNew)
	case !(s.Temperature >= 0 && s.Temperature <= 100):
		return fmt.Errorf("--temperature is %g, want 0 to 100", s.Temperature)
	case !(s.TopP > 0 && s.TopP <= 1):
		return fmt.Errorf("--top-p is %g, want more than 0 and at most 1", s.TopP)
	}
	return checkMaxPixels(o.pixels)
}

// ask answers one question and writes the answer to out as it comes.
func ask(ctx context.Context, in io.Reader, out io.Writer, dir string, pictures []string, question string, opt askOptions) error {
	encoded, err := readPictures(in, pictures)
	if err != nil {
		return err
	}
	which := answering.Options{Adapters: opt.adapters, Weights: opt.weights, Tiles: opt.tiles, MaxPixels: opt.pixels, Out: opt.notes}
	a, err := answering.Open(ctx, dir, which)
	if err != nil {
		return err
	}
	q := engine.Request{Messages: vlm.Turn(question, len(encoded)), Pictures: encoded, Generation: opt.gen}
	ids, _, err := a.Processor.Prompt(q.Messages, q.Pictures)
	if err != nil {
		if len(pictures) == 0 {
			return err
		}
		return fmt.Errorf("%s: %w", strings.Join(pictures, ", "), err)
	}
	if room := a.Model.Config.Text.MaxPositionEmbeddings - len(ids); opt.gen.MaxNew > room {
		return fmt.Errorf("the prompt has %d tokens and the model %d positions: --max-new is %d, want at most %d",
			len(ids), a.Model.Config.Text.MaxPositionEmbeddings, opt.gen.MaxNew, room)
	}
	q.Stop = a.Processor.StopIDs()
	text := a.Processor.Tokenizer.Stream()
	var writing error
	if !opt.json {
		q.Token = func(id int32) {
			if writing == nil {
				_, writing = io.WriteString(out, text.Next(id))
			}
		}
	}
	replies, err := a.Do(ctx, []engine.Request{q})
	if err = errors.Join(err, writing); err != nil {
		return err
	}
	if opt.json {
		return json.NewEncoder(out).Encode(askAnswer{PromptIDs: ids, NewIDs: replies[0].IDs, Text: a.Processor.Tokenizer.Decode(replies[0].IDs, true)})
	}
	_, err = fmt.Fprintln(out, text.Flush())
	return err
}

const noPicture = "none"

// isPicture says whether an argument is one that readPictures takes.
func isPicture(arg string) bool {
	_, err := os.Stat(arg)
	return err == nil || arg == infile.Stdin || arg == noPicture
}

// readPictures reads the files of pictures, one of them perhaps from in; "none" in their place stands for no picture.
func readPictures(in io.Reader, paths []string) (pictures [][]byte, err error) {
	if len(paths) == 1 && paths[0] == noPicture {
		return nil, nil
	}
	stdin := 0
	for _, path := range paths {
		if path == infile.Stdin {
			stdin++
		}
		if stdin > 1 {
			return nil, errors.New("- stands for two pictures, and standard input holds one")
		}
		b, err := readPicture(in, path)
		if err != nil {
			return nil, err
		}
		pictures = append(pictures, b)
	}
	return pictures, nil
}
