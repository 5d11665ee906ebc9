package checkpoint

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"moslava/internal/safetensors"
)

// replace returns list with the prefixes of names changed, first match wins.
func replace(list []safetensors.Tensor, pairs ...string) []safetensors.Tensor {
	out := slices.Clone(list)
	for i := range out {
		for p := 0; p < len(pairs); p += 2 {
			if rest, ok := strings.CutPrefix(out[i].Name, pairs[p]); ok {
				out[i].Name = pairs[p+1] + rest
				break
			}
		}
	}
	return out
}

// TestLLaVALayouts stores a model under the names of each layout and reads it
// under the published ones.
func TestLLaVALayouts(t *testing.T) {
	published := tensors(t, open(t, sharded))
	layouts := map[string][]safetensors.Tensor{
		"published": published,
		"in memory, 4.52": replace(published,
			"language_model.model.", "model.language_model.", "language_model.lm_head.", "lm_head.",
			"vision_tower.", "model.vision_tower.", "multi_modal_projector.", "model.multi_modal_projector."),
		"in memory, 5": replace(published,
			"language_model.model.", "model.language_model.", "language_model.lm_head.", "lm_head.",
			"vision_tower.vision_model.", "model.vision_tower.", "multi_modal_projector.", "model.multi_modal_projector."),
		"save_pretrained, 5": replace(published, "vision_tower.vision_model.", "vision_tower."),
	}
	for name, list := range layouts {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := Save(dir, list, 0, nil); err != nil {
				t.Fatal(err)
			}
			d := open(t, dir)
			view := d.Rename(Candidates(LLaVA))
			for i, want := range published {
				got, err := view.Float32(want.Name, want.Shape)
				if err != nil {
					t.Fatal(err)
				}
				info, ok := view.Info(want.Name)
				if !ok || info.Name != list[i].Name {
					t.Errorf("%q was found as %q, want %q", want.Name, info.Name, list[i].Name)
				}
				f, err := safetensors.New("mem", encodeOne(t, want))
				if err != nil {
					t.Fatal(err)
				}
				if data, err := f.Float32(want.Name); err != nil || !slices.Equal(got, data) {
					t.Errorf("%q differs, or %v", want.Name, err)
				}
			}
			if left := d.Unused(nil); len(left) > 0 {
				t.Errorf("%q were never read", left)
			}
		})
	}
}

func encodeOne(t *testing.T, tensor safetensors.Tensor) []byte {
	t.Helper()
	var b strings.Builder
	if err := safetensors.Encode(&b, []safetensors.Tensor{tensor}, nil); err != nil {
		t.Fatal(err)
	}
	return []byte(b.String())
}

// TestTowerLayouts reads single towers under their own published names, from a
// LLaVA model and from their own files.
func TestTowerLayouts(t *testing.T) {
	const (
		patch = "vision_model.embeddings.patch_embedding.weight"
		norm  = "model.norm.weight"
		head  = "lm_head.weight"
	)
	tests := []struct {
		table          []Prefix
		wanted, stored string
	}{
		{Vision, patch, patch},
		{Vision, patch, "embeddings.patch_embedding.weight"},
		{Vision, patch, "vision_tower." + patch},
		{Vision, patch, "vision_tower.embeddings.patch_embedding.weight"},
		{Vision, patch, "model.vision_tower.embeddings.patch_embedding.weight"},
		{Language, norm, norm},
		{Language, norm, "norm.weight"},
		{Language, norm, "language_model.model.norm.weight"},
		{Language, norm, "model.language_model.norm.weight"},
		{Language, head, head},
		{Language, head, "language_model.lm_head.weight"},
	}
	for _, tt := range tests {
		path := filepath.Join(t.TempDir(), "x.safetensors")
		if err := safetensors.Write(path, []safetensors.Tensor{{Name: tt.stored, Shape: []int{1}, Data: []float32{1}}}, nil); err != nil {
			t.Fatal(err)
		}
		d, err := OpenFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Rename(Candidates(tt.table)).Float32(tt.wanted, []int{1}); err != nil {
			t.Errorf("%q stored as %q: %v", tt.wanted, tt.stored, err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestRenamedErrors(t *testing.T) {
	view := open(t, sharded).Rename(Candidates(Language))
	_, err := view.Float32("model.norm.weight", []int{47})
	var shape *ShapeError
	if !errors.As(err, &shape) || shape.Name != "model.norm.weight" || shape.Stored != "language_model.model.norm.weight" {
		t.Errorf("error = %#v", err)
	}
	wantError(t, err, `stored as "language_model.model.norm.weight"`)

	_, err = view.Float32("model.layers.7.input_layernorm.weight", []int{48})
	var missing *MissingError
	if !errors.As(err, &missing) || len(missing.Tried) != 3 {
		t.Errorf("error = %#v", err)
	}
	wantError(t, err, "nor", "language_model.model.layers.7.input_layernorm.weight", "nearest")
}

// TestStackedRenames asks for the tower's names below another prefix.
func TestStackedRenames(t *testing.T) {
	view := open(t, sharded).Rename(Candidates(Language)).Rename(func(wanted string) []string {
		return []string{strings.TrimPrefix(wanted, "decoder.")}
	})
	for _, name := range []string{"decoder.model.norm.weight", "model.norm.weight", "language_model.model.norm.weight"} {
		if _, err := view.Float32(name, []int{48}); err != nil {
			t.Error(err)
		}
	}
}
