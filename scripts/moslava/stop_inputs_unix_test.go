//go:build unix

package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"moslava/internal/atomicfile"
	"moslava/internal/gguf/gguftest"
	"moslava/internal/safetensors"
	"moslava/pipelines/demo/scenes"
	"moslava/pipelines/eval"
	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/eval/score"
	"moslava/pipelines/eval/suites"
	"moslava/pipelines/metrics"
)

// stopInputs are inputs on which each command takes a second or more.
type stopInputs struct {
	root      string
	big       string // a decoder's directory without weights, of 19 million parameters
	run       string // a run that has trained one step of it, and exported
	model     string // its export
	adapters  string // its adapters, in PEFT's directory
	text      string // its decoder by itself
	tensors   string // a sparse file of zeros
	golden    string // results that the decoder is compared with
	rows      string // many samples of text
	pictures  string // samples with pictures of their own
	huge      string // a picture that takes long to decode
	hugeRows  string // samples that show it
	gguf      string
	suite     string // a table of many questions
	answers   string // to it
	few       string // a table of few questions
	vague     string // answers to it that no rule reads
	evaluated string // a directory with verdicts on them
	half      [2]string
	curves    string // a run that has trained for very many steps
	fifo      string // that nobody writes to
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func (in *stopInputs) path(name string) string { return filepath.Join(in.root, name) }

// write writes a file below the root and returns its path.
func (in *stopInputs) write(t *testing.T, name string, b []byte) string {
	t.Helper()
	path := in.path(name)
	must(t, os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, b, 0o666))
	return path
}

// madeOnce are the inputs, which are made once; TestMain removes them.
var madeOnce struct {
	once sync.Once
	all  *stopInputs
}

func theStopInputs(t *testing.T) *stopInputs {
	t.Helper()
	madeOnce.once.Do(func() {
		root, err := os.MkdirTemp("", "moslava-stop-")
		must(t, err)
		in := &stopInputs{root: root}
		in.makeModel(t)
		in.makeFiles(t)
		in.makeRows(t)
		in.makeAnswers(t)
		madeOnce.all = in
	})
	if madeOnce.all == nil {
		t.Fatal("the inputs could not be made")
	}
	return madeOnce.all
}

// makeModel runs a recipe with a decoder that is large enough to take a while.
func (in *stopInputs) makeModel(t *testing.T) {
	t.Helper()
	tiny, err := filepath.Abs("../../pipelines/stages/testdata/tiny")
	must(t, err)
	in.big = in.path("big")
	for _, name := range []string{"tokenizer.json", "tokenizer_config.json", "config.json"} {
		b, err := os.ReadFile(filepath.Join(tiny, "language", name))
		must(t, err)
		if name == "config.json" {
			var c map[string]any
			must(t, json.Unmarshal(b, &c))
			for key, v := range map[string]int{"hidden_size": 384, "intermediate_size": 1536, "num_hidden_layers": 8, "num_attention_heads": 6, "num_key_value_heads": 6, "head_dim": 64} {
				c[key] = v
			}
			b, err = json.Marshal(c)
			must(t, err)
		}
		in.write(t, "big/"+name, b)
	}
	must(t, os.Truncate(in.write(t, "big/unused.bin", nil), 1<<29)) // is taken and hashed, since nobody knows whether it decides anything
	in.run = in.path("run")
	recipe := in.write(t, "big.yaml", fmt.Appendf(nil, `name: big
run_dir: run
seed: 5
model: {vision: %s/vision, language: big, init: random}
stages:
  - {kind: tune, data: "scenes:tune?n=2&seed=2", steps: 1, batch: 1, lr: 1e-2, adapters: {language: {r: 96}}}
  - {kind: export, name: peft, from: tune, format: peft}
  - {kind: export, name: towers, from: tune, format: towers}
  - {kind: export, name: whole, from: tune}
`, tiny))
	whole(t, "run", recipe)
	in.adapters, in.text, in.model = filepath.Join(in.run, "01-peft", "peft"), filepath.Join(in.run, "02-towers", "towers", "language"), filepath.Join(in.run, "03-whole", "hf")
	study := `name: base
seed: 1
model: {vision: %[1]s/vision, language: %[1]s/language, init: random}
stages:
  - {kind: align, data: "scenes:align?n=8&seed=1", steps: 4, batch: 2}
  - {kind: tune, data: "scenes:tune?n=20&seed=2", limit: 20, batch: 2, epochs: 1, validation: 0.2, save_every: 2, adapters: {language: {r: 4, mixer: none}}}
  - {kind: evaluate, suites: {tsv: "scenes:test?n=6&seed=3", name: test}}
`
	in.write(t, "base.yaml", fmt.Appendf(nil, study, tiny))
}

// study writes a study of two cells that writes to out, and returns its path.
func (in *stopInputs) study(t *testing.T, out string) string {
	t.Helper()
	return in.write(t, "study-"+filepath.Base(out)+".yaml", fmt.Appendf(nil, `name: small
base: base.yaml
run_dir: %s
baseline: lora
methods:
  - {name: lora, adapters: mixer=none}
  - {name: mixed, adapters: mixer=orthogonal}
seeds: [1]
bootstrap: {draws: 200}
`, out))
}

// makeFiles makes tensors, a golden, a GGUF file and a pipe.
func (in *stopInputs) makeFiles(t *testing.T) {
	t.Helper()
	header := []byte(`{"zeros":{"dtype":"F32","shape":[536870912],"data_offsets":[0,2147483648]}}`)
	in.tensors = in.write(t, "zeros.safetensors", append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...))
	must(t, os.Truncate(in.tensors, int64(8+len(header))+2<<30))
	ids := make([]byte, 8*16*256)
	for i := range len(ids) / 8 {
		ids[8*i] = byte(32 + i%64)
	}
	in.golden = in.path("golden.safetensors")
	must(t, safetensors.Write(in.golden, []safetensors.Tensor{{Name: "input.input_ids", DType: safetensors.I64, Shape: []int{16, 256}, Raw: ids},
		{Name: "input.labels", DType: safetensors.I64, Shape: []int{16, 256}, Raw: ids}, {Name: "loss.sum", Shape: []int{1}, Data: []float32{1}}}, nil))
	in.fifo = in.path("fifo.json")
	must(t, syscall.Mkfifo(in.fifo, 0o600))

	f := &gguftest.File{KVs: []gguftest.KV{
		{Key: "general.architecture", Value: "llama"},
		{Key: "llama.block_count", Value: uint32(10)}, {Key: "llama.context_length", Value: uint32(64)}, {Key: "llama.embedding_length", Value: uint32(512)},
		{Key: "llama.feed_forward_length", Value: uint32(2048)}, {Key: "llama.attention.head_count", Value: uint32(8)}, {Key: "llama.attention.head_count_kv", Value: uint32(8)},
		{Key: "llama.attention.layer_norm_rms_epsilon", Value: float32(1e-5)}, {Key: "llama.rope.dimension_count", Value: uint32(64)},
		{Key: "tokenizer.ggml.model", Value: "gpt2"}, {Key: "tokenizer.ggml.pre", Value: "llama-bpe"},
		{Key: "tokenizer.ggml.tokens", Value: []string{"a", "b", "ab", "<|end|>"}}, {Key: "tokenizer.ggml.token_type", Value: []int32{1, 1, 1, 3}},
		{Key: "tokenizer.ggml.merges", Value: []string{"a b"}}, {Key: "tokenizer.ggml.bos_token_id", Value: uint32(3)}, {Key: "tokenizer.ggml.eos_token_id", Value: uint32(3)},
	}}
	add := func(name string, shape ...int) {
		n := 1
		for _, d := range shape {
			n *= d
		}
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(i%1000) / 1000
		}
		f.Tensors = append(f.Tensors, gguftest.Floats(name, x, shape...))
	}
	add("token_embd.weight", 4, 512)
	add("output_norm.weight", 512)
	for l := range 10 {
		for _, name := range []string{"attn_q", "attn_k", "attn_v", "attn_output"} {
			add(fmt.Sprintf("blk.%d.%s.weight", l, name), 512, 512)
		}
		add(fmt.Sprintf("blk.%d.attn_norm.weight", l), 512)
		add(fmt.Sprintf("blk.%d.ffn_norm.weight", l), 512)
		add(fmt.Sprintf("blk.%d.ffn_gate.weight", l), 2048, 512)
		add(fmt.Sprintf("blk.%d.ffn_up.weight", l), 2048, 512)
		add(fmt.Sprintf("blk.%d.ffn_down.weight", l), 512, 2048)
	}
	in.gguf = in.write(t, "model.gguf", f.Bytes())
}

// encoded is a picture of noise, or of one colour, as PNG.
func encoded(t *testing.T, side int, noise bool) []byte {
	t.Helper()
	var m image.Image = image.NewUniform(color.Gray{100})
	if noise {
		g, r := image.NewGray(image.Rect(0, 0, side, side)), rand.New(rand.NewPCG(1, 1))
		for i := range g.Pix {
			g.Pix[i] = byte(r.Uint32())
		}
		m = g
	} else {
		m = image.NewGray(image.Rect(0, 0, side, side))
	}
	var b bytes.Buffer
	must(t, (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, m))
	return b.Bytes()
}

// makeRows makes samples with and without pictures.
func (in *stopInputs) makeRows(t *testing.T) {
	t.Helper()
	rows := func(n int, more, first string) []byte {
		row := `{` + more + `"conversations": [{"from": "human", "value": "` + first + `hi"}, {"from": "gpt", "value": "ho"}]}`
		return []byte("[" + strings.Repeat(row+",\n", n-1) + row + "]")
	}
	in.rows = in.write(t, "rows.json", rows(30_000, "", ""))
	in.write(t, "noise.png", encoded(t, 320, true))
	in.pictures = in.write(t, "pictures.json", rows(300, `"image": "noise.png", `, "<image>"))
	in.huge = in.write(t, "huge.png", encoded(t, 6000, false))
	in.hugeRows = in.write(t, "huge.json", rows(40, `"image": "huge.png", `, "<image>"))
}

// makeAnswers makes a suite, answers to it and verdicts on them.
func (in *stopInputs) makeAnswers(t *testing.T) {
	t.Helper()
	in.suite = in.path("suite.tsv")
	must(t, atomicfile.WriteFile(in.suite, func(w io.Writer) error { return scenes.TestTSV(w, 1200, scenes.Test, 5) }))
	s, err := eval.OpenSuite(in.suite, suites.Options{})
	must(t, err)
	p, err := protocols.ForSuite(s, "")
	must(t, err)
	vs := make([]protocols.Verdict, len(s.Items))
	var answers strings.Builder
	answers.WriteString("index\tprediction\n")
	for i, it := range s.Items {
		vs[i] = protocols.Verdict{ID: it.ID, Group: it.Group, Pass: it.Pass, Split: it.Split, Category: it.Category, L2: it.L2, Comment: it.Comment, Raw: "A", Suite: s.Version, Prompt: p.Prompt(it)}
		fmt.Fprintf(&answers, "%d\tA\n", it.ID)
	}
	in.few = in.path("few.tsv")
	must(t, atomicfile.WriteFile(in.few, func(w io.Writer) error { return scenes.TestTSV(w, 6, scenes.Test, 5) }))
	in.vague = in.write(t, "vague.tsv", []byte("index\tprediction\n1\tI would rather not say\n"))
	in.answers = in.write(t, "answers.tsv", []byte(answers.String()))
	vs, err = protocols.Reread(p, s.Items, vs)
	must(t, err)
	save := func(name string, shard suites.Shard) string {
		items, err := s.Select(0, shard)
		must(t, err)
		in := in.path(name)
		mine := map[int64]bool{}
		for _, it := range items {
			mine[it.ID] = true
		}
		var some []protocols.Verdict
		for _, v := range vs {
			if mine[v.ID] {
				some = append(some, v)
			}
		}
		res, err := score.OfAnswers(s, p, some)
		must(t, err)
		res.Table, res.Shard = filepath.Join(filepath.Dir(in), "suite.tsv"), shard
		must(t, os.MkdirAll(in, 0o777), eval.WriteVerdicts(filepath.Join(in, "verdicts.jsonl"), some), res.WriteJSON(filepath.Join(in, "result.json")))
		return in
	}
	in.evaluated = save("evaluated", suites.Shard{})
	in.half = [2]string{save("first", suites.Shard{Index: 0, Count: 2}), save("second", suites.Shard{Index: 1, Count: 2})}

	in.curves = in.path("curves")
	stage := filepath.Join(in.curves, "00-tune")
	must(t, os.MkdirAll(stage, 0o777))
	log, err := metrics.Open(stage, 0)
	must(t, err)
	for k := range 60_000 {
		must(t, log.Write(metrics.Record{Step: k + 1, Loss: 1 + 1/float64(k+1), LR: 1e-3, Tokens: 10, Targets: 5}))
	}
	must(t, log.Close())
}
