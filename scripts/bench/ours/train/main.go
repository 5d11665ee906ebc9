// Command train times training steps: on the batch that the peer wrote, on one of the same shape, or on the first rows
// of a data set with the lengths they have.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"moslava/datasets"
	"moslava/internal/checkpoint"
	"moslava/internal/optim"
	"moslava/moslora"
	"moslava/pipelines/train"
	"moslava/pipelines/vlm"
	"moslava/scripts/bench/ours/real"
)

type options struct {
	real.Options
	adapter                               string
	rank, batch, text, targets            int
	threads, warmup, steps, rows          int
	checkpoint                            bool
	batchFile, data, dump                 string
	languageAlpha, visionAlpha, lr, since float64
}

func main() {
	var o options
	flag.StringVar(&o.Dir, "real", "", "what scripts/weights/real_weights.py wrote")
	flag.StringVar(&o.Projector, "projector", "", "safetensors `file` of the projector; none: a random one")
	flag.IntVar(&o.Side, "image-side", 224, "pixels")
	flag.StringVar(&o.Template, "template", "", "built-in chat template, with -data; none: the decoder's own")
	flag.StringVar(&o.adapter, "adapter", "lora", "lora, moslora or frozen")
	flag.IntVar(&o.rank, "rank", 64, "of the adapters")
	flag.Float64Var(&o.languageAlpha, "language-alpha", 128, "alpha of the language model's adapters")
	flag.Float64Var(&o.visionAlpha, "vision-alpha", 16, "alpha of the vision tower's adapters")
	flag.IntVar(&o.batch, "batch", 4, "sequences")
	flag.IntVar(&o.text, "text", 96, "text tokens of a sequence")
	flag.IntVar(&o.targets, "targets", 32, "of which the last so many are learnt")
	flag.IntVar(&o.threads, "threads", 2, "")
	flag.BoolVar(&o.checkpoint, "checkpoint", false, "compute blocks again in the backward pass")
	flag.IntVar(&o.warmup, "warmup", 2, "steps that are not timed")
	flag.IntVar(&o.steps, "steps", 6, "timed steps")
	flag.Float64Var(&o.lr, "lr", 1e-4, "learning rate")
	flag.StringVar(&o.batchFile, "batch-file", "", "safetensors `file` with the peer's input_ids, labels and pixel_values, as float32")
	flag.StringVar(&o.data, "data", "", "`directory` or file of samples; batches are its rows in their order")
	flag.IntVar(&o.rows, "rows", 0, "with -data: begin again after so many rows; 0: use all")
	flag.StringVar(&o.dump, "dump", "", "with -data: write ids and labels of the rows used to this `file` and do nothing else")
	flag.Float64Var(&o.since, "since", 0, "Unix `time` at which the process was started, for the seconds until the first step")
	flag.Parse()
	if err := run(&o); err != nil {
		fmt.Fprintln(os.Stderr, "train:", err)
		os.Exit(1)
	}
}

func run(o *options) error {
	real.Threads(o.threads)
	m, p, err := real.Model(o.Options)
	if err != nil {
		return err
	}
	var src datasets.Source
	if o.data != "" {
		if src, err = datasets.Open(o.data); err != nil {
			return err
		}
		defer src.Close()
	}
	if o.dump != "" {
		return dump(o, src, p)
	}
	params, err := attach(o, m)
	if err != nil {
		return err
	}
	adam, err := optim.NewAdamW(optim.Config{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.01})
	if err != nil {
		return err
	}
	next, err := batches(o, src, m, p)
	if err != nil {
		return err
	}
	return timed(o, m, params, adam, next)
}

// attach makes adapters of both towers and the projector trainable.
func attach(o *options, m *vlm.Model) (out []train.Param, err error) {
	if o.adapter != "frozen" {
		mixer := moslora.None
		if o.adapter == "moslora" {
			mixer = moslora.Orthogonal
		} else if o.adapter != "lora" {
			return nil, fmt.Errorf("-adapter is %q, want lora, moslora or frozen", o.adapter)
		}
		for part, alpha := range map[string]float64{"vision": o.visionAlpha, "language": o.languageAlpha} {
			if err := m.AttachAdapters(part, moslora.Config{R: o.rank, Alpha: alpha, Mixer: mixer}, 1); err != nil {
				return nil, err
			}
		}
	}
	m.Params.Train(func(name string) bool { return strings.HasPrefix(name, vlm.ProjectorPrefix) })
	m.Adapters.Train(true)
	m.Checkpointing(o.checkpoint)
	for q := range m.Params.All() {
		if q.Trainable() {
			out = append(out, train.Param{Param: q, LR: 1, Decay: true})
		}
	}
	for q := range m.Adapters.Params() {
		out = append(out, train.Param{Param: q, LR: 1, Decay: true})
	}
	return out, nil
}

// timed runs the trainer and reports.
func timed(o *options, m *vlm.Model, params []train.Param, adam *optim.AdamW, next iter.Seq2[*datasets.Batch, error]) error {
	var seconds, others, losses []float64
	var tokens []int
	ready, trainable := 0.0, 0
	for _, q := range params {
		trainable += q.Size()
	}
	var clock real.Clock
	begin := func() { // when the step's batch is there: data is not part of the peers' times either
		if clock = real.Start(); ready == 0 {
			ready = float64(time.Now().UnixNano())/1e9 - o.since
		}
	}
	tr := train.Trainer{Model: m, Params: params, Optim: adam, LR: o.lr, Steps: o.warmup + o.steps,
		Schedule: func(int) float64 { return 1 },
		Batches: func(context.Context, datasets.Position) iter.Seq2[*datasets.Batch, error] {
			return func(yield func(*datasets.Batch, error) bool) {
				for b, err := range next {
					begin()
					if !yield(b, err) {
						return
					}
				}
			}
		},
		Save: func(train.State) error { return nil },
		Log: func(r train.Report) error {
			s, busy := clock.Stop()
			seconds, others = append(seconds, s), append(others, busy)
			losses, tokens = append(losses, r.Loss), append(tokens, r.Tokens)
			fmt.Fprintf(os.Stderr, "step %d: %.2f s, other processes %.2f cores, loss %.4f\n", r.Step, s, busy, r.Loss)
			return nil
		},
	}
	if _, err := tr.Run(context.Background(), train.State{}); err != nil {
		return err
	}
	sum, all := 0, 0.0
	for i := o.warmup; i < len(seconds); i++ {
		sum, all = sum+tokens[i], all+seconds[i]
	}
	out := map[string]any{"what": "train_step", "adapter": o.adapter, "rank": o.rank, "checkpoint": o.checkpoint, "threads": o.threads,
		"adapted_linears": m.Adapters.Len(), "trainable": trainable, "step_seconds": real.Median(seconds[o.warmup:]),
		"step_each_s": seconds[o.warmup:], "other_cores_each": others[o.warmup:], "tokens_each": tokens[o.warmup:],
		"tokens_per_second": float64(sum) / all, "first_step_s": seconds[0], "losses": losses, "loss": losses[len(losses)-1]}
	if o.since > 0 {
		out["start_to_first_step_s"] = ready
	}
	return real.Report(out)
}

// batches yields batches without end.
func batches(o *options, src datasets.Source, m *vlm.Model, p *vlm.Processor) (iter.Seq2[*datasets.Batch, error], error) {
	if src != nil {
		return func(yield func(*datasets.Batch, error) bool) {
			n := rowCount(o, src)
			for i := 0; ; i = (i + o.batch) % (n - n%o.batch) {
				b := new(datasets.Batch)
				var err error
				for j := i; j < i+o.batch && err == nil; j++ {
					var e datasets.Example
					if e, err = example(src, p, j); err == nil {
						b.Append(e)
					}
				}
				if !yield(b, err) || err != nil {
					return
				}
			}
		}, nil
	}
	var b *datasets.Batch
	var err error
	if o.batchFile != "" {
		b, err = readBatch(o.batchFile, m.Config.ImageToken)
	} else {
		b = drawBatch(o, m.Config)
	}
	return func(yield func(*datasets.Batch, error) bool) {
		for yield(b, nil) {
		}
	}, err
}

func rowCount(o *options, src datasets.Source) int {
	if o.rows > 0 {
		return min(o.rows, src.Len())
	}
	return src.Len()
}

func example(src datasets.Source, p *vlm.Processor, row int) (datasets.Example, error) {
	s, err := src.At(row)
	if err != nil {
		return datasets.Example{}, err
	}
	e, err := p.Encode(s)
	if err != nil {
		err = fmt.Errorf("row %d: %w", row, err)
	}
	return e, err
}

// dump writes what the peer checks its own tokenisation against and trains on.
func dump(o *options, src datasets.Source, p *vlm.Processor) error {
	type row struct {
		IDs    []int32 `json:"ids"`
		Labels []int32 `json:"labels"`
	}
	var rows []row
	for i := range rowCount(o, src) {
		e, err := example(src, p, i)
		if err != nil {
			return err
		}
		rows = append(rows, row{e.IDs, e.Labels})
	}
	raw, err := json.Marshal(rows)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Clean(o.dump), raw, 0o644)
}

// readBatch reads the batch that a peer trains on.
func readBatch(path string, imageToken int32) (*datasets.Batch, error) {
	f, err := checkpoint.OpenFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	shape, ok := f.Shape("input_ids")
	pixels, ok2 := f.Shape("pixel_values")
	if !ok || !ok2 || len(shape) != 2 || len(pixels) != 4 || pixels[0] != shape[0] {
		return nil, fmt.Errorf("%s: want input_ids [B, T] and pixel_values [B, 3, H, W]", path)
	}
	ids, err := f.Float32("input_ids", shape)
	labels, err2 := f.Float32("labels", shape)
	px, err3 := f.Float32("pixel_values", pixels)
	if err := errors.Join(err, err2, err3); err != nil {
		return nil, err
	}
	b := new(datasets.Batch)
	each := len(px) / pixels[0]
	for s := range shape[0] {
		var e datasets.Example
		at, n := 0, 0 // image tokens
		for i := s * shape[1]; i < (s+1)*shape[1]; i++ {
			if int32(ids[i]) == imageToken {
				if n == 0 {
					at = len(e.IDs)
				}
				n++
			}
			e.IDs, e.Labels = append(e.IDs, int32(ids[i])), append(e.Labels, int32(labels[i]))
		}
		e.Images = []datasets.Image{datasets.OneTile(datasets.Tile{Pixels: px[s*each:][:each], H: pixels[2], W: pixels[3]}, at, n)}
		b.Append(e)
	}
	return b, nil
}

// drawBatch makes a batch of the shape the flags give: 16 text tokens, the picture, the rest.
func drawBatch(o *options, cfg *vlm.Config) *datasets.Batch {
	r := rand.New(rand.NewPCG(1, 1))
	b := new(datasets.Batch)
	for range o.batch {
		tile := datasets.Tile{Pixels: make([]float32, 3*o.Side*o.Side), H: o.Side, W: o.Side}
		for i := range tile.Pixels {
			tile.Pixels[i] = float32(r.NormFloat64())
		}
		at, n := min(16, o.text), cfg.ImageTokens(o.Side, o.Side)
		var e datasets.Example
		for i := range o.text + n {
			id := cfg.ImageToken
			if i < at || i >= at+n {
				id = int32(r.IntN(int(cfg.ImageToken)))
			}
			label := int32(datasets.IgnoreIndex)
			if i >= o.text+n-o.targets {
				label = id
			}
			e.IDs, e.Labels = append(e.IDs, id), append(e.Labels, label)
		}
		e.Images = []datasets.Image{datasets.OneTile(tile, at, n)}
		b.Append(e)
	}
	return b
}
