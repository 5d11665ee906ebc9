// Command dump prints what a model's directory makes of a question about some pictures, or none, or of each row of a
// data set, for comparison with other programs: ids, labels, pixels and logits, as one JSON object each.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"

	"moslava/datasets"
	"moslava/language"
	"moslava/pipelines/vlm"
)

type dumped struct {
	Prompt string    `json:"prompt"` // of the chat template, one marker for each picture
	IDs    []int32   `json:"ids"`    // [N] prompt and the dummy answer, or a row; image tokens repeated
	Labels []int32   `json:"labels"` // [N], -100 where nothing is learnt
	Size   [2]int    `json:"size"`   // height and width of a tile
	Pixels []float32 `json:"pixels"` // [tiles, 3, H, W] of all pictures, null without any
	Logits []float32 `json:"logits"` // [N, V]
}

func main() {
	adapters := flag.String("adapters", "", "adapter directory to attach")
	merge := flag.Bool("merge", false, "merge the adapters")
	data := flag.String("data", "", "data set, in place of pictures and a question")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: dump [-adapters DIR [-merge]] MODEL IMAGE... QUESTION\n"+
			"       dump [-adapters DIR [-merge]] -data FILE MODEL\nIMAGE may be none.")
		flag.PrintDefaults()
	}
	flag.Parse()
	if n := flag.NArg(); *data == "" && n < 3 || *data != "" && n != 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := dump(os.Stdout, flag.Args(), *data, *adapters, *merge); err != nil {
		fmt.Fprintln(os.Stderr, "dump:", err)
		os.Exit(1)
	}
}

func dump(out io.Writer, args []string, data, adapters string, merge bool) error {
	m, p, err := load(args[0], adapters, merge)
	if err != nil {
		return err
	}
	w := json.NewEncoder(out)
	if data != "" {
		return eachRow(data, func(s datasets.Sample) error { return write(w, m, p, s) })
	}
	last := len(args) - 1
	s, err := asked(args[1:last], args[last])
	if err != nil {
		return err
	}
	return write(w, m, p, s)
}

// load opens a model, with adapters unless they are empty.
func load(dir, adapters string, merge bool) (*vlm.Model, *vlm.Processor, error) {
	m, p, err := vlm.Open(vlm.Spec{Dir: dir}, vlm.Options{Adapters: adapters})
	if err == nil && adapters != "" && merge {
		err = m.MergeAdapters()
	}
	return m, p, err
}

// eachRow calls f with each row of a data set, in order.
func eachRow(data string, f func(datasets.Sample) error) (err error) {
	src, err := datasets.OpenWith(data, datasets.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	for i := range src.Len() {
		s, err := src.At(i)
		if err != nil {
			return err
		}
		if err := f(s); err != nil {
			return fmt.Errorf("row %d: %w", i, err)
		}
	}
	return nil
}

// asked is a question about pictures with the answer A.
func asked(files []string, question string) (s datasets.Sample, err error) {
	text := question
	for _, file := range files {
		if file == "none" {
			continue
		}
		image, err := os.ReadFile(file)
		if err != nil {
			return s, err
		}
		s.Pictures = append(s.Pictures, datasets.Picture{Bytes: image})
	}
	if n := len(s.Pictures); n > 0 {
		text = vlm.Turn(question, n)[0].Content
	}
	s.Turns = []datasets.Turn{{From: datasets.Human, Value: text}, {From: datasets.GPT, Value: "A"}}
	return s, nil
}

func write(w *json.Encoder, m *vlm.Model, p *vlm.Processor, s datasets.Sample) error {
	enc, err := p.Encode(s)
	if err != nil {
		return err
	}
	x, err := m.Embed(nil, enc.IDs, enc.Images)
	if err != nil {
		return err
	}
	h := m.Language.Forward(nil, x, language.Rows{Offsets: []int32{0, int32(len(enc.IDs))}}, nil)
	d := dumped{IDs: enc.IDs, Labels: enc.Labels, Logits: m.Language.Logits(h).Floats(), Prompt: rendered(p, enc)}
	for _, tile := range datasets.Tiles(enc.Images) {
		d.Size, d.Pixels = [2]int{tile.H, tile.W}, append(d.Pixels, tile.Pixels...)
	}
	return w.Encode(d)
}

// rendered is the text that the ids before the answer stand for, each picture as its marker alone.
func rendered(p *vlm.Processor, enc datasets.Example) string {
	ids := enc.IDs[:slices.IndexFunc(enc.Labels, func(l int32) bool { return l != datasets.IgnoreIndex })]
	for _, im := range slices.Backward(enc.Images) {
		if im.At < len(ids) { // in a row, a picture may stand behind the first answer
			ids = slices.Concat(ids[:im.At], []int32{p.Config.ImageToken}, ids[im.At+im.Layout.Len():])
		}
	}
	return p.Tokenizer.Decode(ids, false)
}
