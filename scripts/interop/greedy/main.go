// Command greedy continues lines of ids with the most probable ones, for comparison with other programs: it reads JSON
// arrays of ids, one a line, and writes the new ids the same way.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"moslava/internal/autograd"
	"moslava/internal/checkpoint"
	"moslava/internal/nn"
	"moslava/language"
)

func main() {
	count := flag.Int("new", 24, "ids to add to each line")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: greedy [-new N] DECODER < LINES")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(flag.Arg(0), *count); err != nil {
		fmt.Fprintln(os.Stderr, "greedy:", err)
		os.Exit(1)
	}
}

func run(dir string, count int) error {
	d, err := load(dir)
	if err != nil {
		return err
	}
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var ids []int32
		if err := in.Decode(&ids); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		next, err := greedy(d, ids, count)
		if err != nil {
			return err
		}
		if err := out.Encode(next); err != nil {
			return err
		}
	}
}

func load(dir string) (*language.Decoder, error) {
	raw, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if err != nil {
		return nil, err
	}
	cfg, err := language.ParseConfig(raw)
	if err != nil {
		return nil, err
	}
	weights, err := checkpoint.Open(dir)
	if err != nil {
		return nil, err
	}
	defer weights.Close()
	d, _, err := nn.Build(nn.From(weights), func(s *nn.Scope) *language.Decoder { return language.New(s, cfg) })
	return d, err
}

func greedy(d *language.Decoder, ids []int32, count int) (next []int32, err error) {
	defer autograd.Catch(&err)
	cache := d.NewCache(1, len(ids)+count)
	hidden, err := d.Extend(cache, []language.Chunk{{X: d.Embed.Forward(nil, ids)}})
	if err != nil {
		return nil, err
	}
	out, err := d.Generate(context.Background(), cache, []int{0}, hidden, language.Generation{MaxNew: count})
	if err != nil {
		return nil, err
	}
	return out[0], nil
}
