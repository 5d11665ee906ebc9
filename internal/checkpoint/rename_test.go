package checkpoint

import (
	"errors"
	"strings"
	"testing"
)

// decoders are names of a decoder's parameters in the files of a whole model.
func decoders(wanted string) []string {
	rest := strings.TrimPrefix(wanted, "model.")
	return []string{"language_model." + wanted, "model.language_model." + rest, rest}
}

func TestRenamedErrors(t *testing.T) {
	view := open(t, sharded).Rename(decoders)
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
	view := open(t, sharded).Rename(decoders).Rename(func(wanted string) []string {
		return []string{strings.TrimPrefix(wanted, "decoder.")}
	})
	for _, name := range []string{"decoder.model.norm.weight", "model.norm.weight", "language_model.model.norm.weight"} {
		if _, err := view.Float32(name, []int{48}); err != nil {
			t.Error(err)
		}
	}
}
