package stages

import (
	"math"
	"slices"
	"testing"

	"moslava/datasets"
	"moslava/language"
	"moslava/pipelines/engine"
	"moslava/pipelines/engine/answers"
	"moslava/pipelines/eval"
	"moslava/pipelines/inputs"
	"moslava/pipelines/recipes/recipetest"
	"moslava/pipelines/vlm"
)

// TestNeighboursChangeNoAnswer asks about one picture, another, both and none, all together, a few at a time and one by one: ids are
// the same, and log-probabilities of the first one to the bit.
func TestNeighboursChangeNoAnswer(t *testing.T) {
	r := recipetest.Parse(t, t.TempDir(), recipetest.Towers+`stages:
  - {kind: align, data: "scenes:align?n=16&seed=1", steps: 12, lr: 1e-2}
  - {kind: tune, data: "scenes:tune?n=16&seed=2", steps: 4, lr: 1e-2, adapters: {vision: {r: 4}, language: {r: 4, mixer: orthogonal}}}
`)
	mustRun(t, r)
	m, p := after(t, r, "tune")
	m.Params.Freeze()
	m.Adapters.Train(false)
	src, err := inputs.Open("scenes:tune?n=2&seed=9", datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	prompts := []string{"what is it", "what is it", "what is in the picture on the left side of the middle?\nA. circle\nB. square",
		"what is in the picture on the left side of the middle?\nA. square\nB. circle", "what is in the picture"}
	const most = 7
	var requests []engine.Request
	var pictures [][]byte
	for i := range 2 {
		s, err := src.At(i)
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range prompts {
			requests = append(requests, question(most, q, s.Pictures[0].Bytes), question(most, q))
		}
		pictures = append(pictures, s.Pictures[0].Bytes)
	}
	for _, q := range prompts { // both, in either order, one of them twice, and in the middle of the text
		for _, view := range [][][]byte{pictures, {pictures[1], pictures[0]}, {pictures[0], pictures[0]}} {
			requests = append(requests, question(most, q, view...), question(most, "in <image> and <image>: "+q, view...))
		}
	}
	all := continued(t, m, p, requests)
	few := engine.New(m, p, engine.Limits{CacheBytes: 1 << 20, PictureBytes: 1})
	heard := make([][]int32, len(requests))
	told := slices.Clone(requests)
	for i := range told {
		told[i].Token = func(id int32) { heard[i] = append(heard[i], id) }
	}
	replies, err := few.Do(t.Context(), told)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range requests {
		if !slices.Equal(replies[i].IDs, all[i]) || !slices.Equal(heard[i], all[i]) {
			t.Errorf("request %d: a smaller cache gives other ids, or tells them of other requests", i)
		}
		if alone := continued(t, m, p, []engine.Request{r})[0]; !slices.Equal(alone, all[i]) {
			t.Errorf("request %d: ids %v alone and %v among others", i, alone, all[i])
		}
	}
	letters := []string{"A", "B", "circle"}
	for _, view := range [][][]byte{pictures[:1], pictures} {
		var questions []eval.Question
		for _, q := range prompts {
			questions = append(questions, eval.Question{Pictures: view, Prompt: q})
		}
		together, err := answers.Model{Engine: few}.Letters(t.Context(), questions, letters)
		if err != nil {
			t.Fatal(err)
		}
		for i := range questions {
			alone, err := answers.New(m, p).Letters(t.Context(), questions[i:i+1], letters)
			if err != nil {
				t.Fatal(err)
			}
			for k := range letters {
				if math.Float64bits(alone[0][k]) != math.Float64bits(together[i][k]) {
					t.Errorf("prompt %d: log-probability of %s is %v alone and %v among others", i, letters[k], alone[0][k], together[i][k])
				}
			}
		}
	}
}

// question is a request of at most most new ids that no id ends.
func question(most int, prompt string, pictures ...[]byte) engine.Request {
	return engine.Request{Messages: vlm.Turn(prompt, len(pictures)), Pictures: pictures, Generation: language.Generation{MaxNew: most}}
}

// continued are the ids that a new engine replies with.
func continued(t *testing.T, m *vlm.Model, p *vlm.Processor, requests []engine.Request) [][]int32 {
	t.Helper()
	replies, err := engine.New(m, p, engine.Limits{}).Do(t.Context(), requests)
	if err != nil {
		t.Fatal(err)
	}
	out := make([][]int32, len(replies))
	for i, r := range replies {
		out[i] = r.IDs
	}
	return out
}
