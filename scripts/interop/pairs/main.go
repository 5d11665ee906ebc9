// Command pairs prints what a loss of preferences makes of all rows of a data set, as one batch: the sequences, the loss and the rewards as means over
// pairs, and the gradients of the adapters' parameters.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"moslava/datasets"
	"moslava/internal/autograd"
	"moslava/pipelines/preference"
	"moslava/pipelines/vlm"
)

func main() {
	kind := flag.String("loss", preference.DPO, "")
	beta := flag.Float64("beta", preference.DefaultBeta, "")
	flag.Parse()
	if flag.NArg() != 3 {
		fmt.Fprintln(os.Stderr, "usage: pairs [-loss KIND] [-beta BETA] MODEL ADAPTERS DATA")
		os.Exit(2)
	}
	if err := print(os.Stdout, flag.Arg(0), flag.Arg(1), flag.Arg(2), *kind, *beta); err != nil {
		fmt.Fprintln(os.Stderr, "pairs:", err)
		os.Exit(1)
	}
}

func print(out io.Writer, dir, adapters, data, kind string, beta float64) (err error) {
	base, p, err := vlm.Open(vlm.Spec{Dir: dir}, vlm.Options{Adapters: adapters})
	if err != nil {
		return err
	}
	src, err := datasets.OpenWith(data, datasets.Options{Pairs: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	base.Params.Train(func(string) bool { return false })
	base.Adapters.Train(true)
	for a := range base.Adapters.All() {
		a.Config.Dropout = 0 // two programs drop different numbers
	}
	m := &preference.Model{Model: base, Kind: kind, Beta: beta}
	for b, err := range datasets.Load(context.Background(), src, p, datasets.LoadOptions{BatchSize: src.Len(), InOrder: true, Epochs: 1}, datasets.Position{}) {
		if err != nil {
			return err
		}
		return json.NewEncoder(out).Encode(result(m, b))
	}
	return errors.New("no batch")
}

func result(m *preference.Model, b *datasets.Batch) map[string]any {
	n := float64(m.Over(b))
	tape := new(autograd.Tape)
	v, sum, err := m.Loss(tape, b)
	if err == nil {
		err = tape.Backward(v, 1/float32(n))
	}
	if err != nil {
		return map[string]any{"error": err.Error()}
	}
	r := m.Take()
	grads := map[string][]float32{}
	for q := range m.Adapters.Params() {
		grads[q.Name] = q.Var().GradFloats()
	}
	return map[string]any{"ids": b.IDs, "labels": b.Labels, "offsets": b.Offsets, "loss": sum / n, "chosen": r.Chosen / n, "rejected": r.Rejected / n,
		"accuracy": float64(r.Preferred) / n, "gradients": grads}
}
