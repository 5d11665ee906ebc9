// Command llm times the decoder alone: a prompt, then tokens one by one, as peers/decode_llama_cpp.py does.
package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"

	"moslava/internal/autograd"
	"moslava/internal/kernels"
	"moslava/language"
	"moslava/pipelines/vlm"
	"moslava/scripts/bench/ours/real"
)

func main() {
	var o real.Options
	flag.StringVar(&o.Dir, "real", "", "what scripts/weights/real_weights.py wrote")
	storage := flag.String("storage", "f32", "of the weights: f32, bf16 or nf4")
	prompt := flag.Int("prompt", 300, "tokens of the prompt")
	count := flag.Int("new", 64, "tokens to decode")
	repeats := flag.Int("repeats", 7, "after one that does not count")
	threads := flag.Int("threads", 2, "")
	flag.Parse()
	if err := run(o, *storage, *prompt, *count, *repeats, *threads); err != nil {
		fmt.Fprintln(os.Stderr, "llm:", err)
		os.Exit(1)
	}
}

func run(o real.Options, storage string, prompt, count, repeats, threads int) error {
	real.Threads(threads)
	m, _, err := real.Model(o)
	if err != nil {
		return err
	}
	if err := freeze(m, storage); err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(1, 1))
	ids := make([]int32, prompt)
	for i := range ids {
		ids[i] = int32(20 + r.IntN(int(m.Config.ImageToken)-20))
	}
	var prefill, decode, others []float64
	var last []int32
	for i := range repeats + 1 {
		p, d, busy, out, err := once(m.Language, ids, count)
		if err != nil {
			return err
		}
		if i > 0 {
			prefill, decode, others = append(prefill, p), append(decode, d), append(others, busy)
		}
		last = out
	}
	return real.Report(map[string]any{"what": "llm", "storage": storage, "threads": threads, "prompt_tokens": prompt, "new_tokens": count,
		"prompt_tok_per_s": float64(prompt) / real.Median(prefill), "decode_tok_per_s": float64(count) / real.Median(decode),
		"prompt_each_s": prefill, "decode_each_s": decode, "other_cores_each": others, "ids": last})
}

// kinds are the ways in which weights may be kept.
var kinds = map[string]kernels.Kind{"f32": kernels.F32, "bf16": kernels.BF16, "q8": kernels.Q8, "nf4": kernels.NF4}

// freeze packs the weights.
func freeze(m *vlm.Model, storage string) error {
	kind, ok := kinds[storage]
	if !ok {
		return fmt.Errorf("storage %q, expected f32, bf16, q8 or nf4", storage)
	}
	m.Params.FreezeAs(kind)
	return nil
}

// once runs the prompt up to its first new token, and then that token and those after it: count in all.
func once(d *language.Decoder, ids []int32, count int) (prefill, decode, others float64, out []int32, err error) {
	defer autograd.Catch(&err)
	cache := d.NewCache(1, len(ids)+count)
	whole := real.Start()
	clock := real.Start()
	next, err := extend(d, cache, ids)
	prefill, _ = clock.Stop()
	clock = real.Start()
	for range count {
		if err != nil {
			return 0, 0, 0, nil, err
		}
		out = append(out, next)
		next, err = extend(d, cache, []int32{next})
	}
	decode, _ = clock.Stop()
	_, others = whole.Stop()
	return prefill, decode, others, out, err
}

// extend appends ids and returns the most probable next one.
func extend(d *language.Decoder, cache *language.Cache, ids []int32) (int32, error) {
	h, err := d.Extend(cache, []language.Chunk{{X: d.Embed.Forward(nil, ids)}})
	if err != nil {
		return 0, err
	}
	row, best := d.Logits(h).Floats(), 0
	for i, v := range row {
		if v > row[best] {
			best = i
		}
	}
	return int32(best), nil
}
