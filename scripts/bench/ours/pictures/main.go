// Command pictures times the way of pictures from stored rows to the pixels of a tower, as peers/pictures.py does: shuffled batches of
// 8 of an Arrow data set, 336 pixels as CLIP has them. With -decode pictures are decoded and nothing else.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime/pprof"

	"moslava/datasets"
	"moslava/scripts/bench/ours/real"
	"moslava/vision/preprocess"
)

func main() {
	data := flag.String("data", "", "Arrow data set that peers/pictures.py made")
	workers := flag.Int("workers", 1, "workers of Load, and threads")
	repeats := flag.Int("repeats", 5, "epochs after the first")
	decode := flag.Bool("decode", false, "decode alone")
	profile := flag.String("profile", "", "write a CPU profile to this `file`")
	flag.Parse()
	if err := run(*data, *workers, *repeats, *decode, *profile); err != nil {
		fmt.Fprintln(os.Stderr, "pictures:", err)
		os.Exit(1)
	}
}

const side = 336

// clip is CLIP's image processor at 336 pixels.
func clip() (*preprocess.Config, error) {
	b, err := json.Marshal(map[string]any{"image_processor_type": "CLIPImageProcessor", "do_resize": true, "size": map[string]int{"shortest_edge": side},
		"resample": 3, "do_center_crop": true, "crop_size": map[string]int{"height": side, "width": side}, "do_rescale": true, "rescale_factor": 1. / 255,
		"do_normalize": true, "image_mean": []float64{0.48145466, 0.4578275, 0.40821073}, "image_std": []float64{0.26862954, 0.26130258, 0.27577711}, "do_convert_rgb": true})
	if err != nil {
		return nil, err
	}
	return preprocess.Parse(b)
}

// pixels is an Encoder of the picture alone.
type pixels struct {
	*preprocess.Config
	decode bool
}

func (p pixels) Encode(s datasets.Sample) (datasets.Example, error) {
	e := datasets.Example{IDs: []int32{1, 2}, Labels: []int32{1, 2}}
	img, err := p.Decoder.Decode(s.Pictures[0].Bytes)
	if err != nil || p.decode {
		return e, err
	}
	px, h, w, err := p.Apply(img)
	e.Images = []datasets.Image{datasets.OneTile(datasets.Tile{Pixels: px, H: h, W: w}, 0, 1)}
	return e, err
}

func run(data string, workers, repeats int, decode bool, profile string) (err error) {
	real.Threads(workers)
	px, err := clip()
	if err != nil {
		return err
	}
	src, err := datasets.OpenWith(data, datasets.Options{ImageFirst: true})
	if err != nil {
		return err
	}
	defer src.Close()
	if profile != "" {
		f, err := os.Create(profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	var seconds, others []float64
	for epoch := range repeats + 1 {
		clock, rows := real.Start(), 0
		opt := datasets.LoadOptions{BatchSize: 8, Workers: workers, Epochs: epoch + 1}
		for b, err := range datasets.Load(context.Background(), src, pixels{px, decode}, opt, datasets.Position{Epoch: epoch}) {
			if err != nil {
				return err
			}
			rows += b.Len()
		}
		if rows != src.Len() {
			return fmt.Errorf("%d rows in an epoch, want %d", rows, src.Len())
		}
		s, busy := clock.Stop()
		seconds, others = append(seconds, s), append(others, busy)
	}
	return real.Report(map[string]any{"what": "pictures", "decode": decode, "workers": workers, "rows": src.Len(), "each_s": seconds[1:], "other_cores_each": others[1:],
		"images_per_s": float64(src.Len()) / real.Median(seconds[1:])})
}
