package pipelines

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"moslava/internal/infile"
	"moslava/internal/kernels"
	"moslava/internal/output"
	"moslava/pipelines/eval"
	"moslava/pipelines/eval/judge"
	"moslava/pipelines/vlm"
)

// EvaluateOptions say what EvaluateModel asks and how.
type EvaluateOptions struct {
	Adapters  string       // a PEFT or MoSLoRA directory whose adapters are attached; empty: none
	Weights   string       // f32, bf16, q8 or nf4; empty: f32
	Protocol  string       // of pipelines/eval; empty: the default
	Limit     int          // the first so many questions; 0: all
	Shard     string       // "i/n", part i of n, from 1; empty: everything
	StopEarly bool         // ask no more passes of a circular question that is lost already
	Blank     bool         // every picture is replaced by a grey one
	MaxPixels int          // the largest picture that is read; 0: preprocess.DefaultMaxPixels
	Threads   int          // 0: as many as there are processors
	Judge     judge.Config // who reads what no rule reads; the zero value: nobody
	Images    []string     // directories that paths in the table's column image_path are below; none: the table's own
	Dir       string       // of verdicts, predictions and result
	Force     bool         // set aside what is in Dir and ask everything; without it what is not of an evaluation is an error
	Out       io.Writer
}

// EvaluateModel asks a model directory the questions of a table, without a recipe, and writes what an evaluate stage writes to
// opt.Dir. Run again after an interruption, it asks the rows that have no verdict there; verdicts by other weights, on
// another version of the suite or under another protocol are an error.
func EvaluateModel(ctx context.Context, model, suite string, opt EvaluateOptions) (_ *eval.Result, err error) {
	shard, err := eval.ParseShard(opt.Shard)
	if err != nil {
		return nil, err
	}
	j, err := OpenJudge(opt.Judge)
	if err != nil {
		return nil, err
	}
	if opt.Threads > 0 {
		kernels.SetThreads(opt.Threads)
	}
	release, err := output.Dir(opt.Dir, output.Options{Reads: []string{model, opt.Adapters, suitePath(suite)}, Mine: suiteFile, Force: opt.Force})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, release()) }()
	id, err := modelID(model, opt.Adapters, opt.Weights)
	if err != nil {
		return nil, err
	}
	a, err := OpenAnswerer(model, opt.Adapters, opt.Weights)
	if err != nil {
		return nil, err
	}
	a.Processor = a.Processor.WithMaxPixels(opt.MaxPixels)
	if opt.Out != nil {
		for _, w := range vlm.LeftoverQuantization(model) {
			fmt.Fprintf(opt.Out, "warning: %s\n", w)
		}
	}
	name := strings.TrimSuffix(filepath.Base(suite), filepath.Ext(suite))
	return askSuite(ctx, opt.Dir, suite, a, eval.Options{Model: id, Limit: opt.Limit, Shard: shard, StopEarly: opt.StopEarly, Blank: opt.Blank, Judge: j},
		suiteOptions{protocol: opt.Protocol, images: opt.Images, title: name, out: opt.Out})
}

// OpenJudge is the judge of a configuration, nil for the zero value.
func OpenJudge(c judge.Config) (eval.Judge, error) {
	if c == (judge.Config{}) {
		return nil, nil
	}
	j, err := judge.New(c)
	if err != nil {
		return nil, err // not j, which would be a Judge of no client
	}
	return j, nil
}

// OpenAnswerer loads the directory of a LLaVA model or of a decoder alone and, if there is a second, its adapters; weights is how the model's weights
// are stored: f32 (or empty) as they are, or rounded to bf16, q8 or nf4. Commands call it; its errors name their flags.
func OpenAnswerer(dir, adapters, weights string) (*vlm.Answerer, error) {
	if _, err := os.Stat(filepath.Join(dir, vlm.ConfigFile)); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is no model directory: it has no %s", dir, vlm.ConfigFile)
	}
	m, err := vlm.Load(dir)
	if err != nil {
		return nil, err
	}
	p, err := vlm.LoadProcessor(dir, m.Config)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	if adapters != "" {
		if err := m.LoadAdapters(adapters); err != nil {
			return nil, err
		}
	}
	if err := m.Freeze(weights); err != nil {
		return nil, fmt.Errorf("--weights: %w", err)
	}
	return &vlm.Answerer{Model: m, Processor: p}, nil
}

// modelFiles are the endings of the files that decide what a model answers.
var modelFiles = []string{".json", ".safetensors", ".jinja", ".model", ".txt"}

// modelID names who answers, by the bytes of all files that decide it: verdicts are resumed only when they are by the same.
func modelID(model, adapters, weights string) (string, error) {
	h := sha256.New()
	for _, dir := range []string{model, adapters} {
		if dir == "" {
			continue
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			return "", err
		}
		for _, e := range entries {
			if name := e.Name(); slices.Contains(modelFiles, filepath.Ext(name)) {
				if err := hashFile(h, dir, name); err != nil {
					return "", err
				}
			}
		}
	}
	id := hex.EncodeToString(h.Sum(nil)[:8])
	if weights != "" && weights != "f32" {
		id += "-" + weights
	}
	return id, nil
}

// hashFile adds a file's name, size and content, wherever a link leads.
func hashFile(h io.Writer, dir, name string) error {
	path := filepath.Join(dir, name)
	info, err := os.Stat(path)
	if err != nil || info.IsDir() {
		return err
	}
	f, err := infile.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	fmt.Fprintf(h, "%s\x00%d\x00", name, info.Size())
	_, err = io.Copy(h, f)
	return err
}
