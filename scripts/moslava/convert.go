package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"moslava/datasets"
	"moslava/internal/output"
	"moslava/pipelines/convert"
)

// convertCommand is `moslava convert`: models, and data as `moslava data convert` does by default.
func convertCommand() *cobra.Command {
	var d dataConversion
	var dtype string
	c := &cobra.Command{
		Use:   "convert SOURCE DIR",
		Short: "Store a GGUF model as a Hugging Face directory; or data as a Hugging Face Arrow data set, as moslava data convert does",
		Args:  exactly(2),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if !strings.EqualFold(filepath.Ext(args[0]), ".gguf") {
				if dtype != "" {
					return fmt.Errorf("--dtype is for models (.gguf), and %s is none", args[0])
				}
				d.opt.Out = cmd.ErrOrStderr()
				return d.run(cmd, args[0], args[1])
			}
			release, err := output.Dir(args[1], output.Options{Reads: append(slices.Clone(d.rows.Images), args[0]), Force: d.force})
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, release()) }()
			if err := convert.GGUF(args[0], args[1], dtype); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "wrote the model to %s\n", args[1])
			return err
		},
	}
	c.Flags().IntVar(&d.opt.RowsPerShard, "rows", 0, "rows of a shard; 0: as many as make up 500 MiB")
	d.flags(c)
	c.Flags().StringVar(&dtype, "dtype", "", "how to store the weights of a GGUF model: float32, float16 or bfloat16 (default: the file's own, float32 if it is quantised)")
	completeValues(c, "dtype", []string{"float32", "float16", "bfloat16"})
	return c
}

// imagesFlag is the flag of commands that read rows which name pictures.
func imagesFlag(c *cobra.Command, dirs *[]string) {
	c.Flags().StringArrayVar(dirs, "images", nil, "look in this folder for pictures that rows name, before the file's own folder and images/ in it; may be repeated")
}

// rowFlags are the flags of commands that read stored rows.
func rowFlags(c *cobra.Command, opt *datasets.Options) {
	imagesFlag(c, &opt.Images)
	c.Flags().StringSliceVar(&opt.Ignore, "ignore", nil, "leave out these keys of rows, turns and content parts, whatever they hold")
	c.Flags().StringVar(&opt.Format, "format", "", "llm-adapters: learn each row whole, as LLM-Adapters' prompt (default: the keys of each row say what it is)")
	completeValues(c, "format", []string{datasets.FormatLLMAdapters})
	c.Flags().StringToStringVar(&opt.Columns, "columns", nil, "read columns under other names, as in image=photo,question=q")
	c.Flags().StringVar(&opt.Prompt, "prompt", "", "ask this where rows have no question; {question} and other names in braces stand for columns")
	c.Flags().StringVar(&opt.Split, "split", "", "open this split of a directory of several")
	c.Flags().BoolVar(&opt.ImageFirst, "image-first", false, "put pictures without a marker in the text in front of the first question")
}
