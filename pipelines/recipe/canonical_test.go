package recipe

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func stageJSON(t *testing.T, r *Recipe, i int) string {
	t.Helper()
	b, err := r.StageJSON(i)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestStageJSON(t *testing.T) {
	r := load(t)
	want := `{"model":{"chat_template":"templates/chat.jinja","feature_layer":[-2,-1],"image_size":112,"init":"load",` +
		`"language":"/models/smollm2-135m","projector":{"type":"linear"},"select_strategy":"full","vision":"towers/dinov2-small"},"seed":1024,` +
		`"stage":{"accum":1,"batch":8,"beta1":0.9,"beta2":0.999,"clip":1,"data":[{"path":"captions","weight":1},{"path":"MORE","weight":0.5}],` +
		`"epochs":1,"eps":1e-8,"kind":"align","limit":2000,"lr":0.001,"lr_language":0.001,"lr_projector":0.001,"lr_vision":0.001,"max_length":1472,` +
		`"on_bad":"error","on_long":"error","on_no_targets":"error","schedule":"cosine","train":["projector"],"validation":0.01,"warmup_steps":3}}`
	more, err := filepath.Abs("more.json") // beside, not below, the recipe's directory
	if err != nil {
		t.Fatal(err)
	}
	want = strings.Replace(want, "MORE", filepath.ToSlash(more), 1)
	if got := stageJSON(t, r, 1); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if _, err := r.StageJSON(99); err == nil {
		t.Error("stage 99 was taken")
	}
}

// TestWhatCounts: keys that change no result leave the canonical form alone, others do not.
func TestWhatCounts(t *testing.T) {
	base := stageJSON(t, load(t), 2)
	for set, counts := range map[string]bool{
		"threads=1": false, "run_dir=x": false, "stages.tune-llama3.save_every=7": false, "stages.tune-llama3.workers=1": false,
		"stages.tune-llama3.keep=7": false, "stages.tune-llama3.checkpointing=false": false, "stages.tune-llama3.name=t": false,
		"data.workers=9": false, "stages.align.limit=7": false, "data.on_bad=error": false,
		"seed=1": true, "data.max_length=7": true, "stages.tune-llama3.adapters.vision.r=2": true, "model.image_size=0": true,
		"model.quantize.language=float32": false,
	} {
		if got := stageJSON(t, load(t, set), 2) != base; got != counts {
			t.Errorf("%s changes the stage: %v, want %v", set, got, counts)
		}
	}
}

// TestQuantizeCounts: weights in fewer bits are another model.
func TestQuantizeCounts(t *testing.T) {
	canonical := func(quantize string) string {
		r, err := words.Parse("r.yaml", []byte("name: s\nmodel: {from: m"+quantize+"}\nstages: {kind: align, data: d}\n"))
		if err != nil {
			t.Fatal(err)
		}
		return stageJSON(t, r, 0)
	}
	plain, nf4 := canonical(""), canonical(", quantize: {language: nf4}")
	if plain == nf4 || canonical(", quantize: {vision: float32}") != plain || !strings.Contains(nf4, `"quantize":{"language":"nf4"}`) {
		t.Errorf("plain %s, nf4 %s", plain, nf4)
	}
}

// TestMoved: recipe and data moved together are the same configuration.
func TestMoved(t *testing.T) {
	b, err := os.ReadFile("testdata/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("MOSLAVA_TEST_RUNS", "/runs")
	there := filepath.Join(t.TempDir(), "there.yaml")
	if err := os.WriteFile(there, b, 0o666); err != nil {
		t.Fatal(err)
	}
	r, err := words.Load(there)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := stageJSON(t, r, 2), stageJSON(t, load(t), 2); got != want {
		t.Errorf("moved\n%s\nnot\n%s", got, want)
	}
}

func TestJSON(t *testing.T) {
	b, err := load(t).JSON()
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		Threads int
		Stages  []struct {
			Name      string
			SaveEvery int `json:"save_every"`
		}
	}
	if err := json.Unmarshal(b, &m); err != nil || m.Threads != 2 || len(m.Stages) != 8 || m.Stages[2].SaveEvery != 1000 {
		t.Errorf("%v, %+v of\n%s", err, m, b)
	}
}

// TestWeights: stored as they are is the default and counts as leaving the key out; anything else counts.
func TestWeights(t *testing.T) {
	plain := stageJSON(t, load(t), 3)
	if got := stageJSON(t, load(t, "stages.3.weights=f32"), 3); got != plain {
		t.Errorf("f32 makes %s of %s", got, plain)
	}
	r := load(t, "stages.3.weights=q8")
	if r.Stages[3].Evaluate.Weights != "q8" || stageJSON(t, r, 3) == plain {
		t.Errorf("q8 counts for nothing: %+v", r.Stages[3].Evaluate)
	}
}

// TestAdapterKeysCount: what changes adapters makes another stage, and what spells a default out does not.
func TestAdapterKeysCount(t *testing.T) {
	canonical := func(keys string) string {
		r, err := words.Parse("r.yaml", []byte("name: s\nmodel: {from: m}\nstages: {kind: tune, data: d, "+keys+"}\n"))
		if err != nil {
			t.Fatal(err)
		}
		return stageJSON(t, r, 0)
	}
	base := canonical("adapters: {language: {}}")
	for keys, counts := range map[string]bool{
		"adapters: {language: {start: lora}}": false, "lora_plus: 1, adapters: {language: {}}": false,
		"adapters: {language: {freeze_a: false}}": false, "adapters: {language: {start: moslora_init}}": true,
		"lora_plus: 16, adapters: {language: {}}": true, "adapters: {language: {freeze_a: true}}": true,
		"adapters: {language: {rank_pattern: {q: 2}}}": true,
	} {
		if got := canonical(keys) != base; got != counts {
			t.Errorf("%s changes the stage: %v, want %v", keys, got, counts)
		}
	}
	a, b := canonical("adapters: {language: {rank_pattern: {q: 2, k: 3}}}"), canonical("adapters: {language: {rank_pattern: {k: 3, q: 2}}}")
	if a == b || !strings.Contains(a, `"rank_pattern":[{"layers":"q","value":2},{"layers":"k","value":3}]`) {
		t.Errorf("the order of patterns, of which the first counts, is lost:\n%s", a)
	}
}
