// Command big measures one tuning step of a model that is larger than the memory: a decoder of LLaMA-3-8B's shape and a tower of
// CLIP ViT-L/14-336's with random weights in NF4, a trained projector and MoSLoRA adapters on every linear of both.
//
//	go run ./scripts/bench/big                   # the whole shape: minutes, and 12 GiB
//	go run ./scripts/bench/big -layers 2 -vision-layers 3
//
// Weights are drawn, rounded and dropped one tensor at a time; the model never exists in float32. It prints one line of JSON:
// seconds, parameters and the peak of resident memory (VmHWM).
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"moslava/datasets"
	"moslava/internal/device"
	"moslava/internal/nn"
	"moslava/internal/optim"
	"moslava/moslora"
	"moslava/pipelines/train"
	"moslava/pipelines/vlm"
)

type options struct {
	layers, visionLayers, rank, text, targets, threads, steps, gc int
	vocab                                                         int
	checkpoint                                                    bool
	towers, vocabulary                                            string
}

// result is the line that is printed.
type result struct {
	What       string    `json:"what"`
	Layers     [2]int    `json:"layers"` // of the decoder and of the tower
	Towers     string    `json:"towers"`
	Vocabulary string    `json:"vocabulary"`
	Threads    int       `json:"threads"`
	Rank       int       `json:"rank"`
	Tokens     int       `json:"tokens_per_step"`
	Params     int       `json:"params"`
	Trainable  int       `json:"trainable"`
	WeightsMiB float64   `json:"weights_mib"` // of the base model, as stored
	BuildS     float64   `json:"build_s"`
	BuildMiB   float64   `json:"build_peak_rss_mib"`
	StepS      []float64 `json:"step_s"`
	PeakMiB    float64   `json:"peak_rss_mib"`
	Losses     []float64 `json:"losses"`
}

func main() {
	var o options
	flag.IntVar(&o.layers, "layers", 32, "blocks of the decoder")
	flag.IntVar(&o.visionLayers, "vision-layers", 24, "blocks of the vision tower")
	flag.IntVar(&o.vocab, "vocab", 128256, "size of the vocabulary")
	flag.IntVar(&o.rank, "rank", 64, "rank of the adapters")
	flag.IntVar(&o.text, "text", 124, "text tokens beside the picture's 576")
	flag.IntVar(&o.targets, "targets", 32, "how many of the last text tokens are learnt")
	flag.IntVar(&o.threads, "threads", runtime.NumCPU(), "workers")
	flag.IntVar(&o.steps, "steps", 1, "steps")
	flag.IntVar(&o.gc, "gogc", 5, "per cent that the heap may grow before it is collected; GOGC overrides it")
	flag.BoolVar(&o.checkpoint, "checkpoint", true, "compute blocks again in the backward pass in place of keeping them")
	flag.StringVar(&o.towers, "towers", "nf4", "storage of the towers' linears: nf4, bfloat16 or float32")
	flag.StringVar(&o.vocabulary, "vocabulary", "bfloat16", "storage of embeddings and output layer: bfloat16 or float32")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "big:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(o.gc)
	}
	device.Host.SetThreads(o.threads)
	r := result{What: "big", Layers: [2]int{o.layers, o.visionLayers}, Towers: o.towers, Vocabulary: o.vocabulary, Threads: o.threads, Rank: o.rank}
	start := time.Now()
	m, params, err := build(o)
	if err != nil {
		return err
	}
	r.BuildS, r.BuildMiB = time.Since(start).Seconds(), peakMiB()
	bytes := 0
	for p := range m.Params.All() {
		r.Params += p.Size()
		bytes += p.Bytes()
	}
	r.WeightsMiB = float64(bytes) / (1 << 20)
	for _, p := range params {
		r.Trainable += p.Size()
	}
	fmt.Fprintf(os.Stderr, "built in %.0f s: %d parameters in %.0f MiB, %d trained; peak %.0f MiB\n", r.BuildS, r.Params, r.WeightsMiB, r.Trainable, r.BuildMiB)
	if err := step(o, m, params, &r); err != nil {
		return err
	}
	r.PeakMiB = peakMiB()
	return json.NewEncoder(os.Stdout).Encode(r)
}

// build makes the model and its adapters, at the rates of the published recipe: alpha 128 on the decoder and 16 on the tower.
func build(o options) (*vlm.Model, []train.Param, error) {
	cfg, err := vlm.ParseConfig(fmt.Appendf(nil, `{"model_type":"llava","image_token_index":%d,"vision_feature_layer":-2,
		"vision_config":{"model_type":"clip_vision_model","hidden_size":1024,"intermediate_size":4096,"num_hidden_layers":%d,
		"num_attention_heads":16,"image_size":336,"patch_size":14},
		"text_config":{"model_type":"llama","vocab_size":%d,"hidden_size":4096,"intermediate_size":14336,"num_hidden_layers":%d,
		"num_attention_heads":32,"num_key_value_heads":8,"rope_theta":500000,"rms_norm_eps":1e-5}}`, o.vocab-1, o.visionLayers, o.vocab, o.layers))
	if err != nil {
		return nil, nil, err
	}
	storage, err := vlm.ParseStorage(o.towers, o.towers, o.vocabulary)
	if err != nil {
		return nil, nil, err
	}
	m, err := vlm.New(cfg, drawn(1), storage)
	if err != nil {
		return nil, nil, err
	}
	for part, alpha := range map[string]float64{"vision": 16, "language": 128} {
		if err := m.AttachAdapters(part, moslora.Config{R: o.rank, Alpha: alpha, Mixer: moslora.Kaiming}, 1); err != nil {
			return nil, nil, err
		}
	}
	m.Checkpointing(o.checkpoint)
	m.Params.Train(func(name string) bool { return vlm.TowerOf(name) == "projector" })
	m.Adapters.Train(true)
	var params []train.Param
	for p := range m.Params.All() {
		if p.Trainable() {
			params = append(params, train.Param{Param: p, LR: 1, Decay: len(p.Shape) > 1})
		}
	}
	for p := range m.Adapters.Params() {
		params = append(params, train.Param{Param: p, LR: 1, Decay: true})
	}
	return m, params, nil
}

// drawn is a source of random parameters that draws large ones on all workers.
type drawn nn.Random

// Tensor draws runs of rows, each with a generator of its own.
func (d drawn) Tensor(name string, shape []int, init nn.Init) ([]float32, error) {
	rows, width := shape[0], 1
	for _, n := range shape[1:] {
		width *= n
	}
	data := make([]float32, rows*width)
	device.Host.Workers().Rows(rows, max(1, 1<<18/width), func(lo, hi int) {
		init(nn.Random(d).Rand(fmt.Sprint(name, " ", lo)), append([]int{hi - lo}, shape[1:]...), data[lo*width:hi*width])
	})
	return data, nil
}

// batch is 16 text tokens, a picture of noise, and the rest of the text, whose end is learnt.
func batch(o options, cfg *vlm.Config) (*datasets.Batch, error) {
	const head = 16
	if o.text < head || o.targets < 1 || o.targets > o.text-head {
		return nil, fmt.Errorf("%d text tokens and %d targets; want at least %d, and 1 to %d", o.text, o.targets, head, o.text-head)
	}
	side := cfg.Vision.ImageSize
	g := rand.New(rand.NewPCG(1, 1))
	px := make([]float32, 3*side*side)
	for i := range px {
		px[i] = float32(g.NormFloat64())
	}
	count := cfg.ImageTokens(side, side)
	b := &datasets.Batch{Images: []datasets.Image{datasets.OneTile(datasets.Tile{Pixels: px, H: side, W: side}, head, count)}}
	n := o.text + count
	for i := range n {
		id, label := int32(g.IntN(int(cfg.ImageToken))), int32(datasets.IgnoreIndex)
		if i >= head && i < head+count {
			id = cfg.ImageToken
		}
		if i >= n-o.targets {
			label = int32(g.IntN(int(cfg.ImageToken)))
		}
		b.IDs, b.Labels = append(b.IDs, id), append(b.Labels, label)
	}
	b.Offsets = []int32{0, int32(n)}
	return b, nil
}

// step runs the trainer that recipes use.
func step(o options, m *vlm.Model, params []train.Param, r *result) error {
	b, err := batch(o, m.Config)
	if err != nil {
		return err
	}
	r.Tokens = len(b.IDs)
	opt, err := optim.NewAdamW(optim.Default())
	if err != nil {
		return err
	}
	last := time.Now()
	t := &train.Trainer{Model: m, Params: params, Optim: opt, LR: 1e-4, Schedule: func(int) float64 { return 1 }, Steps: o.steps, Seed: 1, Clip: 1,
		Batches: func(context.Context, datasets.Position) iter.Seq2[*datasets.Batch, error] {
			return func(yield func(*datasets.Batch, error) bool) {
				for yield(b, nil) {
				}
			}
		},
		Log: func(p train.Report) error {
			r.StepS, r.Losses = append(r.StepS, time.Since(last).Seconds()), append(r.Losses, p.Loss)
			fmt.Fprintf(os.Stderr, "step %d: %.1f s, loss %.4f, peak %.0f MiB\n", p.Step, time.Since(last).Seconds(), p.Loss, peakMiB())
			last = time.Now()
			return nil
		},
		Save: func(train.State) error { return nil },
	}
	_, err = t.Run(context.Background(), train.State{})
	return err
}

// peakMiB is the largest resident memory so far, VmHWM of Linux; 0 where there is no such count.
func peakMiB() float64 {
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(raw), "VmHWM:")
	var kib float64
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		return 0
	}
	return kib / 1024
}
