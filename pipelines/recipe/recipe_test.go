package recipe

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func load(t *testing.T, overrides ...string) *Recipe {
	t.Helper()
	t.Setenv("MOSLAVA_TEST_RUNS", "/runs")
	r, err := words.Load("testdata/full.yaml", overrides...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestFull(t *testing.T) {
	r := load(t)
	if r.Name != "full-1.0" || r.Seed != 1024 || r.Threads != 2 || r.RunDir != "/runs/full" {
		t.Errorf("top: %+v", r)
	}
	wantModel := Model{
		Vision: Path(filepath.Join("testdata", "towers", "dinov2-small")), Language: "/models/smollm2-135m", Init: "load",
		Projector: Projector{Type: "linear"}, ImageSize: 112, FeatureLayer: []int{-2, -1}, SelectStrategy: "full",
		ChatTemplate: filepath.Join("testdata", "templates", "chat.jinja"),
	}
	if !reflect.DeepEqual(r.Model, wantModel) {
		t.Errorf("model %+v, want %+v", r.Model, wantModel)
	}
	var names, froms []string
	for _, s := range r.Stages {
		names, froms = append(names, s.Name), append(froms, s.From)
	}
	if got, want := strings.Join(names, " "), "warm align tune-llama3 evaluate control adapter merge export"; got != want {
		t.Errorf("names %s, want %s", got, want)
	}
	if got, want := strings.Join(froms, " "), " warm align tune-llama3 align tune-llama3 tune-llama3 merge"; got != want {
		t.Errorf("froms %q, want %q", got, want)
	}
}

func TestFullStages(t *testing.T) {
	r := load(t)
	policy := Data{Workers: 3, MaxLength: 1472, OnLong: "error", OnBad: "skip", OnNoTargets: "error", Validation: 0.01}
	strict := policy
	strict.OnBad = "error"
	usual := TrainConfig{Accum: 1, Schedule: "cosine", Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, Clip: 1, OnDivergence: "error", SaveEvery: 100, Keep: 2}

	warm := usual
	warm.Sources, warm.Data, warm.Train = []Source{{Path: "scenes:pretrain", Weight: 1}}, policy, []string{"vision", "projector", "language"}
	warm.LR, warm.LRProjector, warm.LRVision, warm.LRLanguage = 1e-3, 1e-3, 1e-3, 1e-3
	warm.Batch, warm.Steps, warm.WarmupRatio = 8, 10, 0.03

	align := usual
	align.Sources = []Source{{Path: Path(filepath.Join("testdata", "captions")), Weight: 1}, {Path: "more.json", Weight: 0.5}}
	align.Limit, align.Data, align.Train = 2000, strict, []string{"projector"}
	align.LR, align.LRProjector, align.LRVision, align.LRLanguage = 1e-3, 1e-3, 1e-3, 1e-3
	align.Batch, align.Epochs, align.WarmupSteps = 8, 1, 3

	tune := usual
	tune.Sources, tune.Limit, tune.Data = []Source{{Path: Path(filepath.Join("testdata", "instruct")), Weight: 1}}, 2000, strict
	tune.Train = []string{"projector", "adapters"}
	tune.Adapters = &AdaptersConfig{
		Vision:   &Adapter{R: 64, Alpha: 16, Mixer: "orthogonal", Targets: []string{"query", "value"}},
		Language: &Adapter{R: 64, Alpha: 128, Dropout: 0.05, Mixer: "kaiming", Targets: []string{"all-linear"}, RSLoRA: true},
	}
	tune.LR, tune.LRProjector, tune.LRVision, tune.LRLanguage = 2e-5, 1e-5, 3e-5, 2e-5
	tune.Tokens, tune.Accum, tune.Epochs, tune.WarmupSteps = 8192, 2, 3, 3
	tune.Schedule, tune.WeightDecay, tune.Clip, tune.SaveEvery, tune.ValidateEvery, tune.Checkpointing = "cosine-xtuner", 0.01, 0, 1000, 50, true

	dev := Path(filepath.Join("testdata", "dev_en.tsv"))
	paper := "vlmevalkit-2024.06"
	want := []Stage{
		{Kind: Pretrain, Train: &warm}, {Kind: Align, Train: &align}, {Kind: Tune, Train: &tune},
		{Kind: Evaluate, Evaluate: &EvaluateConfig{Suites: []Suite{
			{TSV: dev, Name: "dev_en", Protocol: paper}, {TSV: dev, Name: "dev_en-blank", Protocol: paper, Limit: 100, Blank: true},
			{TSV: Path(filepath.Join("testdata", "dev_cn.tsv")), Name: "cn", Protocol: "letter-logit"}}}},
		{Kind: Evaluate, Evaluate: &EvaluateConfig{Suites: []Suite{{TSV: "scenes:test", Name: "scenes-test", Protocol: paper}}}},
		{Kind: Export, Export: &ExportConfig{Format: "peft", DType: "bfloat16", Path: Path(filepath.Join("testdata", "out", "adapter"))}},
		{Kind: Merge},
		{Kind: Export, Export: &ExportConfig{Format: "hf", DType: "float32"}},
	}
	for i := range want {
		want[i].Name, want[i].From = r.Stages[i].Name, r.Stages[i].From
		if !reflect.DeepEqual(r.Stages[i], want[i]) {
			t.Errorf("stage %d:\n got %+v %+v\nwant %+v %+v", i, r.Stages[i], r.Stages[i].Train, want[i], want[i].Train)
		}
	}
}

// small is a recipe with one stage, to which the tests add lines.
const small = "name: s\nmodel: {from: m}\nstages:\n- kind: align\n  data: d\n"

func TestDefaults(t *testing.T) {
	r, err := words.Parse("some/where.yaml", []byte(small))
	if err != nil {
		t.Fatal(err)
	}
	if r.RunDir != Path(filepath.Join("runs", "s")) || r.Seed != 0 || r.Dir() != "some" {
		t.Errorf("%+v", r)
	}
	if m := r.Model; m.From != Path(filepath.Join("some", "m")) || m.FeatureLayer != nil || m.SelectStrategy != "" || m.Projector.Type != "mlp2x_gelu" {
		t.Errorf("model %+v", m)
	}
	r, err = words.Parse("x.yaml", []byte("name: s\nmodel: {vision: v, language: l}\nstages: {kind: tune, data: d, adapters: {language: {r: 5}}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if m := r.Model; len(m.FeatureLayer) != 1 || m.FeatureLayer[0] != -2 || m.SelectStrategy != "default" {
		t.Errorf("model %+v", m)
	}
	if tr := r.Stages[0].Train; tr.Adapters.Vision != nil || tr.Adapters.Language.Alpha != 10 || tr.LR != 2e-4 {
		t.Errorf("tune %+v", tr)
	}
}

// TestDefaultTagsParse: a default that does not fit its field would panic here.
func TestDefaultTagsParse(t *testing.T) {
	for _, v := range []any{new(Recipe), new(Stage), new(TrainConfig), new(EvaluateConfig), new(ExportConfig), new(Adapter), new(Suite), new(Source)} {
		setDefaults(reflect.ValueOf(v).Elem())
		for _, f := range fields(reflect.ValueOf(v).Elem()) {
			if f.tag.Get("default") != "" && f.value.Kind() != reflect.Slice {
				if err := newDecoder(words, "r.yaml", nil).inRange(f); err != nil {
					t.Errorf("default of %s %v", f.name, err)
				}
			}
		}
	}
}

func TestVariables(t *testing.T) {
	t.Setenv("MOSLAVA_TEST_N", "12")
	r, err := words.Parse("r.yaml", []byte(strings.Replace(small, "data: d", "data: 'a$${x}b'\n  batch: ${MOSLAVA_TEST_N}", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if tr := r.Stages[0].Train; tr.Batch != 12 || tr.Sources[0].Path != "a${x}b" {
		t.Errorf("%+v", tr)
	}
}

func TestLoadMissing(t *testing.T) {
	if _, err := words.Load("testdata/none.yaml"); !os.IsNotExist(err) && (err == nil || !strings.Contains(err.Error(), "none.yaml")) {
		t.Errorf("error %v", err)
	}
}

// TestOneStage: a stage that stands for a list keeps what it says.
func TestOneStage(t *testing.T) {
	stage := "{kind: align, data: d, lr: 1e-4, batch: 2, steps: 5, warmup_ratio: 0, validation: 0.5}\n"
	one, err := words.Parse("r.yaml", []byte("name: s\nmodel: {from: m}\nstages: "+stage))
	if err != nil {
		t.Fatal(err)
	}
	list, err := words.Parse("r.yaml", []byte("name: s\nmodel: {from: m}\nstages:\n- "+stage))
	if err != nil {
		t.Fatal(err)
	}
	if c := one.Stages[0].Train; c.LR != 1e-4 || c.Batch != 2 || c.Epochs != 0 || c.WarmupRatio != 0 || c.Validation != 0.5 {
		t.Errorf("read as %+v", c)
	}
	if a, b := stageJSON(t, one, 0), stageJSON(t, list, 0); a != b {
		t.Errorf("one stage is\n%s\nin a list\n%s", a, b)
	}
}

func TestProjectorFromAPath(t *testing.T) {
	const head, tail = "name: s\nmodel: {vision: v, language: l, projector: ", "}\nstages: {kind: align, data: d}\n"
	for _, text := range []string{"p/mm_projector.bin", "{from: p/mm_projector.bin, type: mlp2x_gelu}"} {
		r, err := words.Parse("some/r.yaml", []byte(head+text+tail))
		if err != nil || r.Model.Projector != (Projector{From: Path(filepath.Join("some", "p", "mm_projector.bin")), Type: "mlp2x_gelu"}) {
			t.Errorf("%s: %+v, %v", text, r, err)
		}
	}
}
