// Command dump prints what a model's directory makes of one picture, or none, and a question, for comparison with other
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
	"moslava/language"
	"moslava/language/chat"
	"moslava/pipelines/vlm"
)

type dumped struct {
	Prompt string    `json:"prompt"` // of the chat template, one marker for each picture
	IDs    []int32   `json:"ids"`    // [N] prompt and the dummy answer, image tokens repeated
	Size   [2]int    `json:"size"`   // height and width of Pixels
	Pixels []float32 `json:"pixels"` // [3, H, W], null without a picture
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
	m, p, err := load(dir, adapters)
	if err != nil {
		return err
	}
	if merge {
		if err := m.MergeAdapters(); err != nil {
			return err
		}
	}
	text := question
	var pictures []datasets.Picture
	if picture != "none" {
		image, err := os.ReadFile(picture)
		if err != nil {
			return err
		}
		text, pictures = chat.ImageMarker+"\n"+question, []datasets.Picture{{Bytes: image}}
	}
	enc, err := p.Encode(datasets.Sample{Pictures: pictures,
		Turns: []datasets.Turn{{From: datasets.Human, Value: text}, {From: datasets.GPT, Value: "A"}}})
	if err != nil {
		return err
	}
	x, err := m.Embed(nil, enc.IDs, enc.Images)
	if err != nil {
		return err
	}
	h := m.Language.Forward(nil, x, language.Rows{Offsets: []int32{0, int32(len(enc.IDs))}}, nil)
	d := dumped{IDs: enc.IDs, Logits: m.Language.Logits(h).Floats(), Prompt: rendered(p, enc)}
	for _, tile := range datasets.Tiles(enc.Images) {
		d.Size, d.Pixels = [2]int{tile.H, tile.W}, tile.Pixels
	}
	return json.NewEncoder(out).Encode(d)
}

// load opens a model, with adapters unless they are empty.
func load(dir, adapters string) (*vlm.Model, *vlm.Processor, error) {
	if adapters != "" {
		return vlm.LoadAdapted(dir, adapters)
	}
	m, err := vlm.Load(dir)
	if err != nil {
		return nil, nil, err
	}
	p, err := vlm.LoadProcessor(dir, m.Config)
	return m, p, err
}

// rendered is the text that the ids before the answer stand for, each picture as its first id alone.
func rendered(p *vlm.Processor, enc datasets.Example) string {
	ids := enc.IDs[:slices.IndexFunc(enc.Labels, func(l int32) bool { return l != datasets.IgnoreIndex })]
	for _, im := range enc.Images {
		ids = slices.Concat(ids[:im.At+1], ids[im.At+im.Layout.Len():])
	}
	return p.Tokenizer.Decode(ids, false)
}
