package vlm

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"moslava/datasets"
	"moslava/internal/checkpoint"
	"moslava/internal/nn"
	"moslava/internal/safetensors"
	"moslava/language"
	"moslava/moslora"
)

// parsed is the model of a configuration, drawn.
func parsed(t *testing.T, raw string) *Model {
	t.Helper()
	cfg, err := ParseConfig([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(cfg, nn.Random(3), Storage{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

const internlm2 = `{"model_type":"llava","image_token_index":60,"vision_feature_select_strategy":"full","vision_feature_layer":-1,
	"vision_config":{"model_type":"siglip_vision_model","hidden_size":16,"intermediate_size":24,"num_hidden_layers":1,"num_attention_heads":2,
		"image_size":16,"patch_size":8},
	"text_config":{"model_type":"internlm2","vocab_size":64,"hidden_size":24,"intermediate_size":40,"num_hidden_layers":2,
		"num_attention_heads":6,"num_key_value_heads":2}}`

func logits(t *testing.T, m *Model) []float32 {
	t.Helper()
	ids := []int32{1, 60, 60, 60, 60, 7, 9}
	side := m.Config.Vision.ImageSize
	px := make([]float32, 3*side*side)
	for i := range px {
		px[i] = float32(i%7) / 7
	}
	x, err := m.Embed(nil, ids, []datasets.Image{datasets.OneTile(datasets.Tile{Pixels: px, H: side, W: side}, 1, 4)})
	if err != nil {
		t.Fatal(err)
	}
	return m.Language.Logits(m.Language.Forward(nil, x, language.Rows{Offsets: []int32{0, int32(len(ids))}}, nil)).Floats()
}

// TestOneAdapterOnTheFusedMatrix attaches adapters to wqkv, writes them under the names of the file, reads them back and merges them.
func TestOneAdapterOnTheFusedMatrix(t *testing.T) {
	m := parsed(t, internlm2)
	plain := logits(t, m)
	cfg := moslora.Config{R: 4, Alpha: 8, Mixer: moslora.Kaiming, Targets: []string{"wqkv"}}
	if err := m.AttachAdapters("language", cfg, 1); err != nil {
		t.Fatal(err)
	}
	if n := m.Adapters.Len(); n != 2 {
		t.Fatalf("%d adapters, want one a layer", n)
	}
	for a := range m.Adapters.All() {
		r := nn.Random(5).Rand(a.Module)
		for i := range a.B.Floats() {
			a.B.Floats()[i] = float32(r.NormFloat64() * 0.1)
		}
	}
	want := logits(t, m)
	if slices.Equal(want, plain) {
		t.Fatal("adapters change nothing")
	}
	dir := t.TempDir()
	if err := m.SaveAdapters(dir, "base", false); err != nil {
		t.Fatal(err)
	}
	ckpt, err := checkpoint.OpenFile(filepath.Join(dir, moslora.WeightsFile))
	if err != nil {
		t.Fatal(err)
	}
	defer ckpt.Close()
	for _, suffix := range []string{"A", "AB", "B"} {
		if name := "base_model.model.model.language_model.layers.1.attention.wqkv.lora_" + suffix + ".weight"; !slices.Contains(ckpt.Names(), name) {
			t.Errorf("there is no %s in %v", name, ckpt.Names())
		}
	}
	back := parsed(t, internlm2)
	if err := back.LoadAdapters(dir); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(logits(t, back), want) {
		t.Error("logits differ after saving and loading")
	}
	m.Adapters.Merge(m.Params)
	for i, v := range logits(t, m) {
		if math.Abs(float64(v-want[i])) > 1e-5 {
			t.Fatalf("merged: logit %d is %g, want %g", i, v, want[i])
		}
	}
}

// TestThePoolingHeadIsReadPast loads a SigLIP tower that has one: nothing but the head may be left over, and what is written says that there
// is none.
func TestThePoolingHeadIsReadPast(t *testing.T) {
	m := parsed(t, internlm2)
	if !m.Config.Vision.UseHead {
		t.Fatal("the tower has no head")
	}
	save := func(extra ...string) string {
		dir := t.TempDir()
		list := tensors(m.Params, "", safetensors.F32)
		for _, name := range extra {
			list = append(list, safetensors.Tensor{Name: name, DType: safetensors.F32, Shape: []int{1},
				Load: func() ([]float32, error) { return []float32{1}, nil }})
		}
		if err := checkpoint.Save(dir, list, maxShard, nil); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, ConfigFile), []byte(internlm2), 0o644); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	back, err := OpenModel(save("vision_tower.vision_model.head.probe"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(logits(t, back), logits(t, m)) {
		t.Error("logits differ")
	}
	raw, err := back.Config.JSON(nil)
	if err != nil {
		t.Fatal(err)
	}
	var written struct {
		Vision struct {
			Head *bool `json:"vision_use_head"`
		} `json:"vision_config"`
	}
	if err := json.Unmarshal(raw, &written); err != nil || written.Vision.Head == nil || *written.Vision.Head {
		t.Errorf("%s, error %v", raw, err)
	}
	if _, err := OpenModel(save("vision_tower.vision_model.neck.probe"), Options{}); err == nil || !strings.Contains(err.Error(), "neck.probe") {
		t.Errorf("an unknown tensor: error %v", err)
	}
}

func TestSelectFeatures(t *testing.T) {
	m := parsed(t, internlm2)
	if err := m.SelectFeatures([]int{0}, "default"); err != nil || m.Config.ImageTokens(16, 16) != 3 || m.Config.Strategy() != "default" {
		t.Errorf("%d tokens, %s, error %v", m.Config.ImageTokens(16, 16), m.Config.Strategy(), err)
	}
	raw, err := m.Config.JSON(nil)
	if err != nil || !strings.Contains(string(raw), `"vision_feature_layer": 0`) || !strings.Contains(string(raw), `"vision_feature_select_strategy": "default"`) {
		t.Errorf("%s, error %v", raw, err)
	}
	for want, layers := range map[string][]int{"takes 1 layers joined": {0, 1}, "hidden states -2 to 1": {2}} {
		if err := m.SelectFeatures(layers, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, want %q", layers, err, want)
		}
	}
}

// TestExportedPositionsAreThoseThatWereUsed makes a tower of another size for programs that do not interpolate.
func TestExportedPositionsAreThoseThatWereUsed(t *testing.T) {
	m := parsed(t, internlm2)
	c := m.Config.Vision
	positionTable := VisionPrefix + c.PositionName()
	table := m.Params.Get(positionTable)
	big := c
	big.ImageSize = 40
	other := *m.Config
	other.Vision = big
	n, err := New(&other, nn.Random(3), Storage{})
	if err != nil {
		t.Fatal(err)
	}
	for p := range n.Params.All() {
		data := m.Params.Get(p.Name).Floats()
		if p.Name == positionTable {
			data = c.Resampled(table.Floats(), 40, 40)
		}
		if err := p.Set(slices.Clone(data), p.Shape); err != nil {
			t.Fatal(err)
		}
	}
	px := make([]float32, 3*40*40)
	for i := range px {
		px[i] = float32(i%11) / 11
	}
	tile := []datasets.Tile{{Pixels: px, H: 40, W: 40}}
	a, err := m.Features(nil, tile)
	if err != nil {
		t.Fatal(err)
	}
	b, err := n.Features(nil, tile)
	if err != nil || !slices.Equal(a[0].Floats(), b[0].Floats()) {
		t.Errorf("features differ, error %v", err)
	}
}

// TestExpandedDecodersComputeTheSame: whatever the linears are called, inserted blocks change nothing.
func TestExpandedDecodersComputeTheSame(t *testing.T) {
	m := parsed(t, internlm2)
	dir := t.TempDir()
	if err := checkpoint.Save(dir, tensors(m.Params, "", safetensors.F32), maxShard, nil); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, ConfigFile), []byte(internlm2), 0o644); err != nil {
		t.Fatal(err)
	}
	cfg, err := readConfig(configOf(dir), 1)
	if err != nil {
		t.Fatal(err)
	}
	longer, err := load(dir, cfg, Storage{})
	if err != nil {
		t.Fatal(err)
	}
	if n := longer.Language.Config.NumHiddenLayers; n != 3 || !slices.Equal(logits(t, longer), logits(t, m)) {
		t.Errorf("with %d blocks logits differ", n)
	}
}
