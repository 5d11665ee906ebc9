package language

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"moslava/internal/autograd"
	"moslava/internal/checkpoint"
	"moslava/internal/golden"
	"moslava/internal/nn"
)

// Tolerances of the goldens, relative to the largest element; mistral-tiny's gradient has its own.
const forwardTol, lossTol = 1e-5, 2e-6

var gradTol = map[string]float64{"llama-tiny": 2e-5, "llama-tied": 1e-5, "llama3-rope": 2e-5, "mistral-tiny": 5e-5, "qwen2-tiny": 2e-5}

func load(t *testing.T, name, config string) (*Decoder, *nn.Params) {
	t.Helper()
	dir := filepath.Join("testdata", name)
	raw, err := os.ReadFile(filepath.Join(dir, config))
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := ParseConfig(raw)
	if err != nil {
		t.Fatal(err)
	}
	ckpt, err := checkpoint.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer ckpt.Close()
	d, ps, err := nn.Build(nn.From(ckpt), func(s *nn.Scope) *Decoder { return New(s, cfg) })
	if err != nil {
		t.Fatal(err)
	}
	if left := ckpt.Unused(checkpoint.IsBuffer); len(left) > 0 {
		t.Errorf("%s: tensors nobody asked for: %v", name, left)
	}
	return d, ps
}

// rows are the golden's padded sequences laid end to end.
type rows struct {
	ids, labels []int32
	offsets     []int32
	at          []int // place of each row in the padded [B, T]
	b, t        int
}

func unpad(t *testing.T, g *golden.Golden) rows {
	shape := g.Shape(t, "input.input_ids")
	ids, labels, mask := g.Ints(t, "input.input_ids"), g.Ints(t, "input.labels"), g.Ints(t, "input.attention_mask")
	r := rows{offsets: []int32{0}, b: shape[0], t: shape[1]}
	for b := range r.b {
		for i := range r.t {
			if k := b*r.t + i; mask[k] == 1 {
				r.ids, r.labels, r.at = append(r.ids, int32(ids[k])), append(r.labels, int32(labels[k])), append(r.at, k)
			}
		}
		r.offsets = append(r.offsets, int32(len(r.ids)))
	}
	return r
}

// pad spreads x [N, d] over [B, T, d], taking the golden's own values where it pads.
func (r rows) pad(x, want []float32) []float32 {
	d := len(x) / len(r.at)
	out := slices.Clone(want)
	for i, k := range r.at {
		copy(out[k*d:][:d], x[i*d:][:d])
	}
	return out
}

// targets are the rows that predict a label and those labels.
func (r rows) targets() (at, ids []int32) {
	for b := range r.b {
		for i := r.offsets[b]; i+1 < r.offsets[b+1]; i++ {
			if r.labels[i+1] >= 0 {
				at, ids = append(at, i), append(ids, r.labels[i+1])
			}
		}
	}
	return at, ids
}

func TestDecodersAgreeWithTransformers(t *testing.T) {
	for name := range gradTol {
		for _, config := range []string{"config.json", "config.hub.json"} {
			t.Run(name+"/"+config, func(t *testing.T) { compareDecoder(t, name, config) })
		}
	}
}

func compareDecoder(t *testing.T, name, config string) {
	d, ps := load(t, name, config)
	g := golden.Open(t, filepath.Join("testdata", name, "golden.safetensors"))
	g.Check(t, "rope.inv_freq", d.Config.invFreq(), []int{d.Config.HeadDim / 2}, 1e-6)
	in := unpad(t, g)
	check := func(name string, x []float32, tol float64) {
		g.Check(t, name, in.pad(x, g.Float32(t, name)), g.Shape(t, name), tol)
	}

	x := d.Embed.Forward(nil, in.ids)
	check("hidden.0", x.Floats(), forwardTol)
	last := d.Config.NumHiddenLayers - 1
	h := d.Forward(nil, x, in.offsets, func(l int, x *autograd.Var) {
		if l == last {
			check("hidden.last_before_norm", x.Floats(), forwardTol)
			return
		}
		check(fmt.Sprintf("hidden.%d", l+1), x.Floats(), forwardTol)
	})
	check(fmt.Sprintf("hidden.%d", last+1), h.Floats(), forwardTol)
	check("output.logits", d.Logits(h).Floats(), forwardTol)

	ps.Train(func(string) bool { return true })
	tape := new(autograd.Tape)
	at, targets := in.targets()
	h = d.Forward(tape, d.Embed.Forward(tape, in.ids), in.offsets, nil)
	loss, sum := d.Head.Loss(tape, tape.SelectRows(h, at), targets)
	g.CheckInts(t, "loss.count", []int{len(targets)})
	g.CheckScalar(t, "loss64.sum", sum, lossTol)
	if err := tape.Backward(loss, 1/float32(len(targets))); err != nil {
		t.Fatal(err)
	}
	for p := range ps.All() {
		g.Check(t, "grad."+p.Name, p.Var().GradFloats(), p.Shape, gradTol[name])
	}
}

func TestGenerationAgreesWithTransformers(t *testing.T) {
	for name := range gradTol {
		d, ps := load(t, name, "config.json")
		ps.Freeze()
		g := golden.Open(t, filepath.Join("testdata", name, "golden.safetensors"))
		var prompts, want [][]int32
		for i := 0; g.Has(fmt.Sprintf("generate.%d.ids", i)); i++ {
			prompts = append(prompts, to32(g.Ints(t, fmt.Sprintf("generate.%d.input_ids", i))))
			want = append(want, to32(g.Ints(t, fmt.Sprintf("generate.%d.ids", i))))
		}
		got := generate(t, d, prompts, 24)
		for i := range want {
			if !slices.Equal(got[i], want[i]) {
				t.Errorf("%s: prompt %d: cached, together: ids %v, want %v", name, i, got[i], want[i])
			}
			if alone := generate(t, d, prompts[i:i+1], 24); !slices.Equal(alone[0], want[i]) {
				t.Errorf("%s: prompt %d: cached, alone: ids %v, want %v", name, i, alone[0], want[i])
			}
			if slow := generateUncached(d, prompts[i], 24); !slices.Equal(slow, want[i]) {
				t.Errorf("%s: prompt %d: uncached: ids %v, want %v", name, i, slow, want[i])
			}
		}
	}
}

func to32(x []int) []int32 {
	out := make([]int32, len(x))
	for i, v := range x {
		out[i] = int32(v)
	}
	return out
}

func generate(t *testing.T, d *Decoder, prompts [][]int32, n int) [][]int32 {
	t.Helper()
	c := d.NewCache(len(prompts), 64)
	var slots []int
	var chunks []Chunk
	for i, p := range prompts {
		slots = append(slots, i)
		chunks = append(chunks, Chunk{Slot: i, X: d.Embed.Forward(nil, p)})
	}
	h, err := d.Extend(c, chunks)
	if err != nil {
		t.Fatal(err)
	}
	out, err := d.Generate(context.Background(), c, slots, h, Generation{MaxNew: n})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func generateUncached(d *Decoder, ids []int32, n int) (out []int32) {
	for range n {
		h := d.Forward(nil, d.Embed.Forward(nil, ids), []int32{0, int32(len(ids))}, nil)
		l := d.Logits(h)
		id := int32(argmax(l.Floats()[(len(ids)-1)*l.Cols():]))
		ids, out = append(slices.Clone(ids), id), append(out, id)
	}
	return out
}

func TestStopIDsEndASequence(t *testing.T) {
	d, ps := load(t, "llama-tiny", "config.json")
	ps.Freeze()
	all := generate(t, d, [][]int32{{1, 5, 9}}, 8)[0]
	c := d.NewCache(1, 16)
	h, err := d.Extend(c, []Chunk{{X: d.Embed.Forward(nil, []int32{1, 5, 9})}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.Generate(context.Background(), c, []int{0}, h, Generation{MaxNew: 8, Stop: []int32{all[3]}})
	if err != nil || !slices.Equal(got[0], all[:slices.Index(all, all[3])+1]) {
		t.Errorf("%v, error %v; without a stop id %v", got, err, all)
	}
}

func TestForkSharesAPrefix(t *testing.T) {
	d, ps := load(t, "llama-tiny", "config.json")
	ps.Freeze()
	whole := generate(t, d, [][]int32{{1, 5, 9, 30}, {1, 5, 9, 40, 41}}, 6)
	c := d.NewCache(2, 32)
	if _, err := d.Extend(c, []Chunk{{X: d.Embed.Forward(nil, []int32{1, 5, 9})}}); err != nil {
		t.Fatal(err)
	}
	c.Fork(0, 1)
	h, err := d.Extend(c, []Chunk{{0, d.Embed.Forward(nil, []int32{30})}, {1, d.Embed.Forward(nil, []int32{40, 41})}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.Generate(context.Background(), c, []int{0, 1}, h, Generation{MaxNew: 6})
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		if !slices.Equal(got[i], whole[i]) {
			t.Errorf("sequence %d: %v with a shared prefix, %v without", i, got[i], whole[i])
		}
	}
}

func TestConfigErrors(t *testing.T) {
	for raw, want := range map[string]string{
		`{"model_type":"gpt2"}`:                             "model_type",
		`{"hidden_act":"relu"}`:                             "hidden_act",
		`{"rope_scaling":{"rope_type":"yarn"}}`:             "rope_type",
		`{"num_attention_heads":6,"num_key_value_heads":4}`: "num_key_value_heads",
		`{"attention_dropout":0.1}`:                         "attention_dropout",
		`{"vocab_size":-1}`:                                 "vocab_size",
		`[`:                                                 "text config",
	} {
		if _, err := ParseConfig([]byte(raw)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one that names %q", raw, err, want)
		}
	}
}

func TestCacheOverflowIsAnError(t *testing.T) {
	d, _ := load(t, "llama-tiny", "config.json")
	c := d.NewCache(1, 2)
	if _, err := d.Extend(c, []Chunk{{X: d.Embed.Forward(nil, []int32{1, 2, 3})}}); err == nil {
		t.Error("three positions went into a cache of two")
	}
}

func TestTopPIsReproducibleAndKeepsToTheNucleus(t *testing.T) {
	logits := []float32{0, 5, 4, -3}
	count := map[int32]int{}
	for seed := range uint64(300) {
		s := Sampling{Temperature: 1, TopP: 0.9, Seed: seed}
		count[s.pick(slices.Clone(logits), nn.Random(seed).Rand(""))]++
	}
	if count[0] > 0 || count[3] > 0 || count[1] < count[2] {
		t.Errorf("picks %v: only ids 1 and 2 are in the nucleus, 1 the likelier", count)
	}
}
