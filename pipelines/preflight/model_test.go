package preflight

import (
	"maps"
	"testing"

	"moslava/internal/checkpoint"
	"moslava/internal/kernels"
	"moslava/internal/safetensors"
	"moslava/pipelines/recipe"
)

// TestFileKinds: parts whose files have half precision, until a stage changes them.
func TestFileKinds(t *testing.T) {
	write := func(types ...safetensors.DType) recipe.Path {
		dir := t.TempDir()
		var tensors []safetensors.Tensor
		for i, d := range types {
			tensors = append(tensors, safetensors.Tensor{Name: string(rune('a' + i)), DType: d, Shape: []int{2}, Data: []float32{1, 2}})
		}
		if err := checkpoint.Save(dir, tensors, 1<<20, nil); err != nil {
			t.Fatal(err)
		}
		return recipe.Path(dir)
	}
	half, brain, mixed := write(safetensors.F16, safetensors.F16), write(safetensors.BF16), write(safetensors.F16, safetensors.F32)
	stages := []recipe.Stage{
		{Kind: recipe.Align, Name: "a", Train: &recipe.TrainConfig{Train: []string{recipe.PartProjector}}},
		{Kind: recipe.Pretrain, Name: "b", From: "a", Train: &recipe.TrainConfig{Train: []string{recipe.PartVision}}},
		{Kind: recipe.Tune, Name: "c", From: "b", Train: &recipe.TrainConfig{Train: []string{recipe.PartAdapters}}},
		{Kind: recipe.Merge, Name: "d", From: "c"},
		{Kind: recipe.Tune, Name: "e", From: "d", Train: &recipe.TrainConfig{}},
	}
	type kinds = map[string]kernels.Kind
	for _, c := range []struct {
		model recipe.Model
		stage int
		want  kinds
	}{
		{recipe.Model{Vision: half, Language: brain}, 0, kinds{recipe.PartVision: kernels.F16, recipe.PartLanguage: kernels.BF16}},
		{recipe.Model{Vision: half, Language: brain}, 1, kinds{recipe.PartVision: kernels.F16, recipe.PartLanguage: kernels.BF16}},
		{recipe.Model{Vision: half, Language: brain}, 2, kinds{recipe.PartLanguage: kernels.BF16}},
		{recipe.Model{Vision: half, Language: brain}, 4, kinds{}},
		{recipe.Model{Vision: mixed, Language: half}, 0, kinds{recipe.PartLanguage: kernels.F16}},
		{recipe.Model{From: half}, 0, kinds{recipe.PartVision: kernels.F16, recipe.PartProjector: kernels.F16, recipe.PartLanguage: kernels.F16}},
		{recipe.Model{From: half}, 1, kinds{recipe.PartVision: kernels.F16, recipe.PartLanguage: kernels.F16}},
		{recipe.Model{From: half, Init: "random"}, 0, kinds{}},
		{recipe.Model{From: "nowhere"}, 0, kinds{}},
	} {
		r := &recipe.Recipe{Model: c.model, Stages: stages}
		if got := fileKinds(r, &r.Stages[c.stage]); !maps.Equal(got, c.want) {
			t.Errorf("%+v, stage %d: %v, want %v", c.model, c.stage, got, c.want)
		}
	}
}
