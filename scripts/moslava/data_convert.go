package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"moslava/datasets"
	"moslava/internal/output"
	"moslava/pipelines/dataconvert"
	"moslava/pipelines/inputs"
	"moslava/vision/preprocess"
)

// dataConversion is what `moslava data convert`, and `moslava convert` of data, are asked for.
type dataConversion struct {
	rows   datasets.Options
	opt    dataconvert.Options
	pixels int
	force  bool
}

// dataConvertCommand is `moslava data convert SRC DST`.
func dataConvertCommand() *cobra.Command {
	var d dataConversion
	var mebibytes int
	var quiet bool
	c := &cobra.Command{
		Use:   "convert SRC DST",
		Short: "Write stored samples in another form: Arrow, Parquet, JSON lines, LLaVA's JSON, CSV or WebDataset",
		Long: `Reads all rows and the headers of their pictures, and then writes them to the directory DST in shards:

  arrow       datasets.load_from_disk reads it, and moslava fastest
  parquet     data/train-00000-of-00003.parquet, as on the Hub; datasets.load_dataset shows pictures
  jsonl       train.jsonl and the pictures in images/
  llava-json  train.json and the pictures in images/, for LLaVA's --data_path and --image_folder
  webdataset  train-000000.tar and so on
  csv         train.csv and the pictures in images/, for rows of one question

With --split the rows of that split are read, and files have its name in place of train.

DST is there whole or not at all. Interrupted or killed, the same command goes on with the shards that are finished, which wait in .DST.converting
beside DST.`,
		Example: `  moslava data convert rows.json rows-arrow
  moslava data convert rows-arrow hub --to parquet --shard-size 300`,
		Args: exactly(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if d.opt.Out = cmd.ErrOrStderr(); quiet {
				d.opt.Out = io.Discard
			}
			if mebibytes < 1 || mebibytes > 1<<20 {
				return fmt.Errorf("--shard-size is %d, want 1 to %d MiB", mebibytes, 1<<20)
			}
			d.opt.ShardBytes = mebibytes << 20
			return d.run(cmd, args[0], args[1])
		},
	}
	f := c.Flags()
	f.StringVar(&d.opt.To, "to", dataconvert.Arrow, "form to write: "+strings.Join(dataconvert.Forms(), ", "))
	completeValues(c, "to", dataconvert.Forms())
	f.IntVar(&d.opt.RowsPerShard, "rows-per-shard", 0, "rows of a shard; 0: as many as --shard-size says")
	f.IntVar(&mebibytes, "shard-size", datasets.MaxShardSize>>20, "MiB of a shard, before compression")
	f.BoolVarP(&quiet, "quiet", "q", false, "show no progress")
	d.flags(c)
	return c
}

// flags are those that both commands have.
func (d *dataConversion) flags(c *cobra.Command) {
	forceFlag(c, &d.force)
	c.Flags().BoolVar(&d.opt.Messages, "messages", false, "write the columns images and messages, as is done in any case where a sample has several pictures")
	rowFlags(c, &d.rows)
	maxPixelsFlag(c, &d.pixels)
}

// run converts what is at src.
func (d *dataConversion) run(cmd *cobra.Command, src, dst string) (err error) {
	if err := checkMaxPixels(d.pixels); err != nil {
		return err
	}
	release, err := output.Dir(dst, output.Options{Reads: append(slices.Clone(d.rows.Images), inputs.SuitePath(src)), Force: d.force})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	d.opt.Picture = func(encoded []byte) error {
		_, _, err := preprocess.Decoder{MaxPixels: d.pixels}.Size(encoded)
		return err
	}
	d.rows.Values, d.rows.Context = true, cmd.Context()
	d.opt.Split = d.rows.Split
	rows, err := inputs.Open(src, d.rows)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	res, err := dataconvert.Convert(cmd.Context(), rows, dst, d.opt)
	if err != nil {
		return err
	}
	kept := ""
	if res.Kept > 0 {
		kept = fmt.Sprintf("; %d of %d shards were there already", res.Kept, res.Shards)
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "wrote %d rows to %s%s\n", res.Rows, dst, kept)
	return err
}
