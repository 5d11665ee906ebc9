package vlm

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"moslava/datasets"
	"moslava/internal/autograd"
	"moslava/internal/checkpoint"
	"moslava/internal/golden"
	"moslava/internal/nn"
	"moslava/internal/safetensors"
	"moslava/language"
	"moslava/moslora"
)

const decoderDirs = "../../language/testdata/"

// openTables gives the decoder that a directory of testdata/tables is for, with the adapters on it.
func openTables(t *testing.T, name string) *Model {
	t.Helper()
	m, err := OpenModel(decoderDirs+strings.Join(strings.Split(name, "-")[:2], "-"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.LoadAdapters(filepath.Join("testdata/tables", name)); err != nil {
		t.Fatal(err)
	}
	return m
}

// logitsOf are those of one sequence, as training computes them, and as answering does it for the last position.
func logitsOf(t *testing.T, m *Model, ids []int32) []float32 {
	t.Helper()
	x, err := m.Embed(nil, ids, nil)
	if err != nil {
		t.Fatal(err)
	}
	out := m.Language.Logits(m.Language.Forward(nil, x, language.Rows{Offsets: []int32{0, int32(len(ids))}}, nil)).Floats()
	c := m.Language.NewCache(1, len(ids))
	h, err := m.Language.Extend(c, []language.Chunk{{Slot: 0, X: x}})
	if err != nil {
		t.Fatal(err)
	}
	last := m.Language.Logits(h).Floats()
	if d := apart(last, out[len(out)-len(last):]); d > 2e-5 {
		t.Errorf("answering and training differ by %g", d)
	}
	return out
}

func apart(a, b []float32) (worst float64) {
	for i := range a {
		worst = max(worst, float64(max(a[i]-b[i], b[i]-a[i])))
	}
	return worst
}

// TestTablesOfPEFT compares adapters, saved copies and rows of the tables with PEFT: logits, loss, gradients; then merged, written and read again.
func TestTablesOfPEFT(t *testing.T) {
	entries, err := os.ReadDir("testdata/tables")
	if err != nil || len(entries) == 0 {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Run(e.Name(), func(t *testing.T) {
			g := golden.Open(t, filepath.Join("testdata/tables", e.Name(), "golden.safetensors"))
			m := openTables(t, e.Name())
			var ids []int32
			for _, id := range g.Ints(t, "ids") {
				ids = append(ids, int32(id))
			}
			logits := logitsOf(t, m, ids)
			g.Check(t, "logits", logits, g.Shape(t, "logits"), 1e-5)
			checkTableGradients(t, g, m, ids)
			m.Params.Freeze()
			m.Adapters.Train(false)
			for _, fold := range []bool{false, true} {
				dir := t.TempDir()
				if err := m.SaveAdapters(dir, "", fold); err != nil {
					t.Fatal(err)
				}
				again, err := OpenModel(decoderDirs+strings.Join(strings.Split(e.Name(), "-")[:2], "-"), Options{})
				if err == nil {
					err = again.LoadAdapters(dir)
				}
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(logitsOf(t, again, ids), logits) {
					t.Errorf("folded %v: written and read again, the adapters give other logits", fold)
				}
			}
			if err := m.MergeAdapters(); err != nil {
				t.Fatal(err)
			}
			if d := apart(logitsOf(t, m, ids), logits); d > 1e-4 {
				t.Errorf("merged, logits differ by %g", d)
			}
			tied := slices.Contains([]string{"save-tying", "lora-tying", "tokens", "lora-bias", "kept", "kept-tokens"}, strings.TrimPrefix(e.Name(), "llama-tied-"))
			if m.Config.Text.TieWordEmbeddings != tied {
				t.Errorf("the merged model is tied: %v", m.Config.Text.TieWordEmbeddings)
			}
		})
	}
}

// checkTableGradients compares the gradient of the mean loss of the last tokens in everything that PEFT trains.
func checkTableGradients(t *testing.T, g *golden.Golden, m *Model, ids []int32) {
	t.Helper()
	m.Params.Train(m.Adapters.Saves)
	m.Adapters.Train(true)
	b := &datasets.Batch{IDs: ids, Offsets: []int32{0, int32(len(ids))}}
	for i := range ids {
		label := int32(datasets.IgnoreIndex)
		if i+1 < len(ids) && i >= 3 {
			label = ids[i+1]
		}
		b.Labels = append(b.Labels, label)
	}
	tape := new(autograd.Tape)
	loss, sum, err := m.Loss(tape, b)
	if err != nil {
		t.Fatal(err)
	}
	n := float64(len(ids) - 4)
	g.CheckScalar(t, "loss", sum/n, 1e-5)
	if err := tape.Backward(loss, float32(1/n)); err != nil {
		t.Fatal(err)
	}
	seen := 0
	check := func(p *nn.Param, name string, more []float32) {
		grad := slices.Clone(p.Var().GradFloats())
		want := "grad." + strings.TrimPrefix(name, LanguagePrefix)
		for _, theirs := range []string{want + ".weight", strings.TrimSuffix(want, ".bias") + ".base_layer.bias"} { // a magnitude; below an adapter
			if g.Has(theirs) {
				want = theirs
			}
		}
		if !g.Has(want) {
			t.Errorf("PEFT does not train %s", want)
			return
		}
		seen++
		for i, v := range more { // what PEFT has apart
			grad[i] -= v
		}
		g.Check(t, want, grad, p.Shape, 5e-5)
	}
	for a := range m.Adapters.All() {
		for _, p := range a.Params() {
			name, more := p.Name, []float32(nil)
			if a.Lookup {
				name = strings.NewReplacer(".lora_A.weight", ".lora_embedding_A", ".lora_B.weight", ".lora_embedding_B").Replace(name)
			}
			if turned := map[*nn.Param]string{a.A: "grad.lm_head.lora_B.weight", a.B: "grad.lm_head.lora_A.weight"}[p]; a.Lookup && m.Config.Text.TieWordEmbeddings {
				seen++
				more = transposed(g.Float32(t, turned), g.Shape(t, turned))
			}
			check(p, name, more)
		}
	}
	for _, r := range m.Adapters.Rows() {
		check(r.Weight, r.Weight.Name, nil)
	}
	for p := range m.Params.All() {
		if m.Adapters.Saves(p.Name) {
			check(p, p.Name, nil)
		}
	}
	if want := len(g.Names("grad.")); seen != want {
		t.Errorf("%d parameters have gradients, in PEFT %d", seen, want)
	}
}

func transposed(x []float32, shape []int) []float32 {
	out := make([]float32, len(x))
	for i := range shape[0] {
		for j := range shape[1] {
			out[j*shape[0]+i] = x[i*shape[1]+j]
		}
	}
	return out
}

// TestFreshTables: fresh adapters of the tables change nothing, to the bit, with and without a mixer, apart and tied; and a rank above both sides is refused.
func TestFreshTables(t *testing.T) {
	ids := []int32{1, 5, 3, 8, 5}
	for _, c := range []moslora.Config{
		{Targets: []string{"embed_tokens", "lm_head"}, Mixer: moslora.Orthogonal},
		{Targets: []string{"lm_head"}, Mixer: moslora.None, DoRA: true},
		{Targets: []string{"embed_tokens"}, Mixer: moslora.Kaiming, Beside: moslora.Beside{Tied: true}},
		{Targets: []string{"re:^(?!.*mlp).*(q_proj|lm_head)$"}, Beside: moslora.Beside{Tokens: nil, Save: []string{"norm"}}, Mixer: moslora.None},
		{Targets: []string{"q_proj"}, Beside: moslora.Beside{Tokens: []int32{5, 1}, Bias: "all"}, Mixer: moslora.None},
		{Exclude: []string{"mlp.up_proj"}, Beside: moslora.Beside{Save: []string{"lm_head"}}, Mixer: moslora.None},
	} {
		for _, base := range []string{"llama-tied", "llama-tiny"} {
			m, err := OpenModel(decoderDirs+base, Options{})
			if err != nil {
				t.Fatal(err)
			}
			plain := logitsOf(t, m, ids)
			c.R, c.Alpha = 4, 8
			if err := m.AttachAdapters("language", c, 3); err != nil {
				t.Fatal(err)
			}
			got := logitsOf(t, m, ids)
			if d := apart(got, plain); d > 0 && !(c.DoRA && d < 1e-6) {
				t.Errorf("%s, %v: fresh adapters change logits by %g", base, c.Targets, d)
			}
			m.DetachAdapters()
			c.R = 300
			if err := m.AttachAdapters("language", c, 3); err == nil || !strings.Contains(err.Error(), "a rank above both sides") {
				t.Errorf("r 300: %v", err)
			}
		}
	}
}

// TestTiedConfigWithAnotherHead: what a file holds decides, as in transformers.
func TestTiedConfigWithAnotherHead(t *testing.T) {
	m := openTables(t, "llama-tied-save-head")
	if err := m.MergeAdapters(); err != nil {
		t.Fatal(err)
	}
	ids := []int32{1, 5, 3, 8, 5}
	want := logitsOf(t, m, ids)
	dir := t.TempDir()
	if err := checkpoint.Save(dir, tensors(m.Params, LanguagePrefix, safetensors.F32), maxShard, nil); err != nil {
		t.Fatal(err)
	}
	if err := writeIndented(dir, ConfigFile, m.Config.raw["text_config"]); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, ConfigFile)
	raw, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(raw), `"tie_word_embeddings": false`) {
		t.Error("the export does not say that the model has two tables")
	}
	raw = []byte(strings.Replace(string(raw), `"tie_word_embeddings": false`, `"tie_word_embeddings": true`, 1))
	if err := os.WriteFile(config, raw, 0o666); err != nil {
		t.Fatal(err)
	}
	again, err := OpenModel(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if again.Config.Text.TieWordEmbeddings || !slices.Equal(logitsOf(t, again, ids), want) {
		t.Error("the head of the file is not the model's")
	}
	outline, err := OpenModel(dir, Options{Outline: true})
	if err != nil || outline.Params.Get("language_model.lm_head.weight") == nil {
		t.Errorf("the outline has no second table: %v", err)
	}
	if d, _, err := LoadDecoder(dir, config); err != nil || d.Head.Tied() != nil {
		t.Errorf("the decoder by itself is tied: %v", err)
	}
}
