// Command dump prints what a LLaVA directory makes of one picture and a question, for comparison with other
// programs: ids, pixels and logits, as one JSON object.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"

	"moslava/datasets"
	"moslava/pipelines/vlm"
)

type dumped struct {
	Prompt string    `json:"prompt"` // of the chat template, one marker for each picture
	IDs    []int32   `json:"ids"`    // [N] prompt and the dummy answer, image tokens repeated
	Size   [2]int    `json:"size"`   // height and width of Pixels
	Pixels []float32 `json:"pixels"` // [3, H, W]
	Logits []float32 `json:"logits"` // [N, V]
}

func main() {
	adapters := flag.String("adapters", "", "adapter directory to attach")
	merge := flag.Bool("merge", false, "merge the adapters")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: dump [-adapters DIR [-merge]] MODEL IMAGE QUESTION")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 3 {
		flag.Usage()
		os.Exit(2)
	}
	if err := dump(os.Stdout, flag.Arg(0), flag.Arg(1), flag.Arg(2), *adapters, *merge); err != nil {
		fmt.Fprintln(os.Stderr, "dump:", err)
		os.Exit(1)
	}
}

func dump(out io.Writer, dir, picture, question, adapters string, merge bool) error {
	m, err := vlm.Load(dir)
	if err != nil {
		return err
	}
	p, err := vlm.LoadProcessor(dir, m.Config)
	if err != nil {
		return err
	}
	if adapters != "" {
		if err := m.LoadAdapters(adapters); err != nil {
			return err
		}
		if merge {
			m.Adapters.Merge(m.Params)
		}
	}
	image, err := os.ReadFile(picture)
	if err != nil {
		return err
	}
	text := vlm.ImageTokenText + "\n" + question
	enc, err := p.Encode(datasets.Sample{Image: image,
		Turns: []datasets.Turn{{From: datasets.Human, Value: text}, {From: datasets.GPT, Value: "A"}}})
	if err != nil {
		return err
	}
	x, err := m.Embed(nil, enc.IDs, enc.Images)
	if err != nil {
		return err
	}
	h := m.Language.Forward(nil, x, []int32{0, int32(len(enc.IDs))}, nil)
	im := enc.Images[0]
	d := dumped{IDs: enc.IDs, Size: [2]int{im.H, im.W}, Pixels: im.Pixels, Logits: m.Language.Logits(h).Floats()}
	d.Prompt = rendered(p, enc)
	return json.NewEncoder(out).Encode(d)
}

// rendered is the text that the ids before the answer stand for, image tokens as one marker.
func rendered(p *vlm.Processor, enc datasets.Example) string {
	n := slices.IndexFunc(enc.Labels, func(l int32) bool { return l != datasets.IgnoreIndex })
	im := enc.Images[0]
	ids := slices.Concat(enc.IDs[:im.At+1], enc.IDs[im.At+im.Count:n])
	return p.Tokenizer.Decode(ids, false)
}
